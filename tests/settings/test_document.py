"""The file: text values, precise complaints."""

from pathlib import Path

import pytest

from exporter.core.errors import ConfigError
from exporter.settings import load
from tests.settings.conftest import Load, Refuse

OK = "providers: [cloudy]\n"

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "\n".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)
)
"""Nine lists of nine lists, and so on: 3.5 billion values in ten lines."""


def test_norway_is_a_zone_and_numbers_keep_their_zeros(load_text: Load) -> None:
    settings = load_text(
        "annual: {NO: 30}\nregions: {'gcp:europe-north1': {grid_zone: NO}}\n"
        "providers: [{kind: cloudy, accounts: [001122334455, 1_000, 12:30:45]}]"
    )
    assert settings.annual == {"NO": 30.0}
    assert settings.regions["gcp:europe-north1"].grid_zone == "NO"
    accounts = settings.providers[0].model_dump()["accounts"]
    assert accounts == ["001122334455", "1_000", "12:30:45"]


def test_a_key_without_a_value_has_its_default(load_text: Load) -> None:
    settings = load_text("tags:\ngrids: ~\nproviders:\n  - kind: cloudy\n    regions:\n")
    assert settings.tags == ()
    assert [grid.kind for grid in settings.grids] == ["neso"]


def test_no_live_grid_must_be_said(load_text: Load) -> None:
    assert load_text(OK + "grids: []").grids == ()


def test_anchors_and_merges_work(load_text: Load) -> None:
    text = "providers:\n  - &a {kind: cloudy, name: a, attempts: 5}\n  - {<<: *a, name: b}\n"
    assert [p.model_dump()["attempts"] for p in load_text(text).providers] == [5, 5]


def test_a_byte_order_mark_is_skipped(load_text: Load) -> None:
    assert load_text("\ufeff" + OK + "log_level: debug").log_level == "debug"


@pytest.mark.parametrize(
    ("text", "where", "cause"),
    [
        ("providers:\n  - kind: [", "line 2, column 12", "expected"),
        ("a: 1\n\tb: 2", "line 2, column 1", "cannot start any token"),
        ("listen: :1\nlisten: :2\n", "line 2, column 1", "'listen' stands here twice"),
        ("providers: [{kind: cloudy, kind: heavy}]", "line 1", "'kind' stands here twice"),
        ("- a\n- b\n", "config.yml", "not a mapping"),
        ("just text", "config.yml", "not a mapping"),
        (f"a: {'[' * 20_000}", "line 1", "nested more than 50 deep"),
        (f"a: {'{b: ' * 20_000}", "line 1", "nested more than 50 deep"),
        ("- " * 60 + "a", "line 1", "nested more than 50 deep"),
        (BOMB, "line 6", "aliases that repeat more"),
        ("a: &a [*a]", "line 1", "aliases that repeat more"),
        ("a: &a {<<: *a}", "line 1", "aliases that repeat more"),
        (f"a: {'x' * 1024 * 1024}", "config.yml", "larger than 1048576 bytes"),
        ("a: \x00", "config.yml", "not YAML"),
        ("a: !!python/object:os.system x", "line 1", "could not determine a constructor"),
    ],
)
def test_unusable_yaml_is_located(refused: Refuse, text: str, where: str, cause: str) -> None:
    [(key, problem)] = refused(text).items()
    assert where in key
    assert cause in problem.value


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.yml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"x\.yml: not text"):
        load(path, {})


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.yml: no such file"):
        load(tmp_path / "gone.yml", {})


def test_a_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a directory"):
        load(tmp_path, {})


def test_the_variable_names_the_file_and_the_argument_wins(tmp_path: Path) -> None:
    for name in ("info", "debug", "error"):
        (tmp_path / f"{name}.yml").write_text(OK + f"log_level: {name}")
    (tmp_path / "info.yml").rename(tmp_path / "carbon-exporter.yml")
    environ = {"CARBON_CONFIG": str(tmp_path / "debug.yml")}
    assert load(None, {}).log_level == "info"
    assert load(None, environ).log_level == "debug"
    assert load(tmp_path / "error.yml", environ).log_level == "error"
