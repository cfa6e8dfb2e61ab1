"""The help: enough to use each verb without any other page."""

import pytest
from typer.testing import CliRunner

from exporter import __version__
from exporter.cli import cli

VERBS = (
    *("serve", "demo", "check", "discover"),
    *("estimate", "explain", "intensity", "regions", "backfill"),
)


def help_of(*arguments: str) -> str:
    result = CliRunner().invoke(cli, [*arguments, "--help"], prog_name="carbon-exporter")
    assert result.exit_code == 0
    return result.stdout


def test_the_overview_names_every_verb_and_the_exit_codes() -> None:
    told = help_of()
    assert all(f"  {verb} " in told for verb in VERBS)
    assert "..." not in told.partition("Commands:")[2]
    assert "0 done, 1 ran and failed, 2 bad usage" in told


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_has_examples_that_parse(verb: str) -> None:
    examples = help_of(verb).partition("Examples:\n")[2].strip().splitlines()
    assert examples
    for example in examples:
        words = example.partition(" | ")[0].partition("carbon-exporter ")[2].split()
        assert words[0] == verb
        known = help_of(verb)
        assert all(word in known for word in words if word.startswith("-"))


@pytest.mark.parametrize(
    "verb", ["check", "discover", "estimate", "explain", "intensity", "regions"]
)
def test_whatever_prints_a_table_prints_json(verb: str) -> None:
    assert "--json" in help_of(verb)


def test_the_version() -> None:
    result = CliRunner().invoke(cli, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"carbon-exporter {__version__}\n")


@pytest.mark.parametrize(
    "arguments", [["nope"], ["estimate"], ["check", "--jsn"], ["intensity"], ["regions", "FR"]]
)
def test_bad_usage_is_2(arguments: list[str]) -> None:
    assert CliRunner().invoke(cli, arguments).exit_code == 2
