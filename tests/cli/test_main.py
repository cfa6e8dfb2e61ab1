"""The help: enough to use each verb without any other page."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from exporter import __version__
from exporter.cli import main
from exporter.cli.main import cli, verbs

FIRST = ("serve", "demo", "check", "discover")
"""Those that a new user meets, in this order."""
SUBVERBS = ("state",)


def help_of(*arguments: str) -> str:
    result = CliRunner().invoke(cli, [*arguments, "--help"], prog_name="carbon-exporter")
    assert result.exit_code == 0
    return result.stdout


def test_the_verbs_are_the_files() -> None:
    files = {path.stem for path in Path(main.__file__).parent.glob("[a-z]*.py")}
    assert set(verbs()) == files - {"main"}


def test_the_overview_names_every_verb_and_the_exit_codes() -> None:
    told = help_of()
    lines = told.partition("Commands:\n")[2].split("\n\n")[0].splitlines()
    assert tuple(line.split()[0] for line in lines) == verbs()
    assert verbs()[: len(FIRST)] == FIRST
    assert "..." not in told.partition("Commands:")[2]
    assert "0 done, 1 ran and failed, 2 bad usage" in told


@pytest.mark.parametrize("verb", verbs())
def test_each_verb_has_examples_that_parse(verb: str) -> None:
    examples = help_of(verb).partition("Examples:\n")[2].strip().splitlines()
    assert examples
    for example in examples:
        words = example.partition(" | ")[0].partition("carbon-exporter ")[2].split()
        assert words[0] == verb
        known = help_of(*words[: 2 if verb in SUBVERBS else 1])
        assert all(word in known for word in words if word.startswith("-"))


@pytest.mark.parametrize(
    "verb", ["check", "discover", "estimate", "explain", "intensity", "regions"]
)
def test_whatever_prints_a_table_prints_json(verb: str) -> None:
    assert "--json" in help_of(verb)


@pytest.mark.parametrize("sub", ["check", "export", "prune"])
def test_a_verb_with_sub_verbs_tells_each_in_the_overview_and_in_full(sub: str) -> None:
    assert f"\n  {sub}  " in help_of("state")
    assert "--state FILE" in help_of("state", sub)


def test_the_version() -> None:
    result = CliRunner().invoke(cli, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"carbon-exporter {__version__}\n")


@pytest.mark.parametrize(
    "arguments", [["nope"], ["estimate"], ["check", "--jsn"], ["intensity"], ["regions", "FR"]]
)
def test_bad_usage_is_2(arguments: list[str]) -> None:
    assert CliRunner().invoke(cli, arguments).exit_code == 2


def test_a_verb_that_runs_imports_no_other() -> None:
    told = """if True:
        import sys
        from exporter.cli.main import cli
        cli(["estimate", "m5.large", "--region", "eu-west-3"], standalone_mode=False)
        print(*(name for name in sys.modules if name.startswith("exporter.cli.")))
    """
    done = subprocess.run(
        [sys.executable, "-c", told],
        env={"PYTHONPATH": str(Path(main.__file__).parents[2])},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {name.rpartition(".")[2] for name in done.stdout.splitlines()[-1].split()}
    assert loaded.intersection(verbs()) == {"estimate"}


def test_a_verb_alike_to_a_mistyped_one_is_offered() -> None:
    result = CliRunner().invoke(cli, ["sevre"], prog_name="carbon-exporter")
    assert "No such command 'sevre'. Did you mean 'serve'?" in result.stderr
