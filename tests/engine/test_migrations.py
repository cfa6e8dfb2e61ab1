"""The state file of every schema there ever was: an update keeps each total to the bit."""

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

import exporter.engine.store as store_module
from exporter.core.errors import StoreError
from exporter.engine import migrations
from exporter.engine.migrations import STEPS, Step, climb
from exporter.engine.store import SCHEMA_VERSION, Store
from tests.fixtures.state import make
from tests.support.clock import ManualClock
from tests.support.rig import HOUR, T0, Rig, copy_database, counters, same
from tests.support.sim import SimGrid

WRITTEN = sorted(make.FOLDER.glob("schema*.db"))
"""What the code of each schema left, see make.py."""
OLDEST = make.FOLDER / "schema1.db"
_TOTALS = (
    "SELECT id, accounted, exposed FROM progress ORDER BY id",
    "SELECT provider, account, cloud_region, accounted, exposed FROM region ORDER BY 1, 2, 3",
    "SELECT id, start, seconds, energy, operational, embodied FROM bucket ORDER BY id, start",
    "SELECT collector, start, resolution FROM origin ORDER BY collector",
    "SELECT name, value FROM meta WHERE name = 'corrected'",
    "SELECT source, zone, start, forecast, end, gco2eq_per_kwh FROM intensity ORDER BY 1, 2, 3, 4",
)
"""Whatever the schema, these are the facts that no step may change."""


def totals(connection: sqlite3.Connection) -> list[list[tuple[object, ...]]]:
    return [connection.execute(query).fetchall() for query in _TOTALS]


def totals_in(path: Path) -> list[list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as connection:
        return totals(connection)


def schema_in(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return migrations.schema_of(connection)


@pytest.fixture
def old(state: Path) -> Path:
    """Return a state file of the oldest schema."""
    shutil.copyfile(OLDEST, state)
    return state


def extra(connection: sqlite3.Connection) -> None:
    """Write every table anew, as the hardest step would."""
    for table in ("progress", "bucket", "region"):
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        connection.execute(f"CREATE TABLE new_{table} ({', '.join(columns)}, added REAL)")
        connection.execute(f"INSERT INTO new_{table} SELECT *, 1.0 FROM {table}")  # noqa: S608 — constant names
        connection.execute(f"DROP TABLE {table}")
        connection.execute(f"ALTER TABLE new_{table} RENAME TO {table}")


@pytest.fixture
def next_schema(monkeypatch: pytest.MonkeyPatch) -> Callable[[Step], None]:
    """Let there be one more schema than there is, reached by a step of the test."""

    def add(step: Step) -> None:
        monkeypatch.setattr(store_module, "STEPS", (*STEPS, step))
        monkeypatch.setattr(store_module, "SCHEMA_VERSION", SCHEMA_VERSION + 1)

    return add


def refused(path: Path) -> str:
    with pytest.raises(StoreError) as told:
        Store.open(path)
    message = str(told.value)
    assert message.startswith(f"state file {path}: ")
    assert "\n" not in message
    assert " — " in message, "cause and fix"
    return message


# --- every total survives -------------------------------------------------------------------------


def test_every_schema_before_this_one_is_kept_here() -> None:
    assert [path.stem for path in WRITTEN[: SCHEMA_VERSION - 1]] == [
        f"schema{number}" for number in range(1, SCHEMA_VERSION)
    ]


@pytest.mark.parametrize("written", WRITTEN, ids=lambda path: path.stem)
def test_counters_after_an_update_are_those_before_it(
    state: Path, clock: ManualClock, written: Path
) -> None:
    shutil.copyfile(written, state)
    told = json.loads(written.with_suffix(".json").read_text())
    clock.advance(told["time"] - T0)
    rig = Rig(state, [make.cloud(clock)], [SimGrid(clock=clock, estimate_error=1.2)], clock)
    shown = rig.look()
    assert {v.machine.key.resource_id: list(counters(v)) for v in shown.resources} == (
        told["resources"]
    )
    assert {
        view.key.cloud_region: [
            *(view.energy, view.operational, view.embodied),
            *view.observed_seconds.values(),
        ]
        for view in shown.regions
    } == told["regions"]
    assert rig.ledger.corrected == told["corrected"]
    assert {name: list(sums) for name, sums in rig.accounted().items()} == told["accounted"]
    sums = {name: list(sums) for name, sums in rig.region_sums().items()}
    assert sums == told["accounted_of_regions"]
    assert any(
        shown > true
        for name, counted in told["resources"].items()
        for shown, true in zip(counted, told["accounted"][name], strict=True)
    ), "a debt is among what is kept"
    tags = next(v.machine.tags for v in shown.resources if v.machine.name == "steady")
    assert tags == {"team": make.AWKWARD, make.AWKWARD: ""}


@pytest.mark.parametrize("written", WRITTEN, ids=lambda path: path.stem)
def test_counting_goes_on_as_if_there_had_been_no_update(
    state: Path, tmp_path: Path, clock: ManualClock, written: Path
) -> None:
    """Open buckets are corrected after the update as one process without it corrects them."""
    shutil.copyfile(written, state)
    steady = ManualClock()
    grids = [SimGrid(clock=steady, estimate_error=1.2)]
    whole = Rig(tmp_path / "whole.db", [make.cloud(steady)], grids, steady)
    whole.every(300, make.UNTIL + HOUR)
    clock.advance(make.UNTIL - T0)
    grids = [SimGrid(clock=clock, estimate_error=1.2)]
    rig = Rig(state, [make.cloud(clock)], grids, clock)
    rig.every(300, make.UNTIL + HOUR)
    truth, said = whole.accounted(), rig.accounted()
    assert said.keys() == truth.keys()
    for name, sums in said.items():
        assert all(map(same, sums, truth[name])), (name, sums, truth[name])


@pytest.mark.parametrize("step", range(len(STEPS)))
def test_no_step_changes_a_total(old: Path, step: int) -> None:
    with closing(sqlite3.connect(old, isolation_level=None)) as connection:
        climb(connection, STEPS[:step], lambda _: None)
        before = totals(connection)
        climb(connection, STEPS[: step + 1], lambda _: None)
        assert totals(connection) == before
        assert migrations.schema_of(connection) == step + 2


def test_intensities_that_may_be_on_another_basis_are_dropped(old: Path) -> None:
    """Of sources whose way of pricing a mix changed; what others told stays, its bounds unknown."""
    with closing(sqlite3.connect(old, isolation_level=None)) as connection:
        told = connection.execute("SELECT count(*) FROM intensity").fetchone()
        for source in ("eia", "entsoe", "neso", "electricity_maps"):
            connection.execute(
                f"INSERT INTO intensity SELECT '{source}', zone, start, forecast, end, "  # noqa: S608 — constant names
                "gco2eq_per_kwh, estimated FROM intensity WHERE source = 'simgrid'"
            )
    kept = Store.open(old, update=False).load().intensity
    assert kept.keys() == {"simgrid", "electricity_maps"}
    assert [len(points) for points in kept.values()] == [*told] * 2
    assert {(p.low, p.high) for points in kept.values() for p in points} == {(None, None)}


def test_an_updated_file_has_the_tables_of_a_new_one(old: Path, tmp_path: Path) -> None:
    Store.open(old).close()
    Store.open(tmp_path / "new.db").close()

    def tables(path: Path) -> dict[str, list[tuple[object, ...]]]:
        with closing(sqlite3.connect(path)) as connection:
            names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            return {
                name: connection.execute(f"PRAGMA table_info({name})").fetchall()
                for (name,) in names.fetchall()
            }

    assert tables(old) == tables(tmp_path / "new.db")


# --- the copy before a step -----------------------------------------------------------------------


def test_a_copy_of_the_old_schema_is_kept(old: Path, next_schema: Callable[[Step], None]) -> None:
    before = totals_in(old)
    next_schema(extra)
    Store.open(old).close()
    for schema in range(1, SCHEMA_VERSION + 1):
        copy = Path(f"{old}.schema{schema}.bak")
        assert schema_in(copy) == schema
        assert totals_in(copy) == before
    beside = {path.name for path in old.parent.iterdir()} - {old.name}
    assert beside == {f"{old.name}.schema{n}.bak" for n in range(1, SCHEMA_VERSION + 1)}


def test_what_was_still_in_the_write_ahead_log_is_in_the_copy(
    old: Path, clock: ManualClock, next_schema: Callable[[Step], None]
) -> None:
    clock.advance(make.UNTIL - T0)
    rig = Rig(old, [make.cloud(clock)], [SimGrid(clock=clock)], clock)
    rig.every(300, make.UNTIL + 900)
    crashed = old.with_name("crashed.db")
    copy_database(old, crashed)
    rig.store.close()
    assert Path(f"{crashed}-wal").stat().st_size > 0
    next_schema(extra)
    Store.open(crashed).close()
    assert totals_in(Path(f"{crashed}.schema{SCHEMA_VERSION}.bak")) == totals_in(old)


def test_an_older_copy_is_never_written_over(
    old: Path, next_schema: Callable[[Step], None]
) -> None:
    Store.open(old).close()
    first = Path(f"{old}.schema{SCHEMA_VERSION}.bak")
    first.write_bytes(b"a copy that was made long ago")
    next_schema(extra)
    Store.open(old).close()
    assert first.read_bytes() == b"a copy that was made long ago"
    assert schema_in(Path(f"{first}.1")) == SCHEMA_VERSION


def test_a_step_that_fails_again_and_again_leaves_one_copy(
    old: Path, next_schema: Callable[[Step], None]
) -> None:
    Store.open(old).close()

    def failing(connection: sqlite3.Connection) -> None:
        extra(connection)
        connection.execute("SELECT * FROM nowhere")

    next_schema(failing)
    before = totals_in(old)
    for _ in range(3):
        assert "no such table: nowhere" in refused(old)
    assert (schema_in(old), totals_in(old)) == (SCHEMA_VERSION, before)
    assert len(list(old.parent.glob(f"*.schema{SCHEMA_VERSION}.bak*"))) == 1
    next_schema(extra)
    Store.open(old).close()
    assert schema_in(old) == SCHEMA_VERSION + 1
    assert totals_in(old) == before
    assert len(list(old.parent.glob(f"*.schema{SCHEMA_VERSION}.bak*"))) == 1


def test_a_row_that_a_step_does_not_understand_is_told_in_one_line(
    old: Path, next_schema: Callable[[Step], None]
) -> None:
    def puzzled(_: sqlite3.Connection) -> None:
        json.loads("no JSON")

    next_schema(puzzled)
    assert "content not understood" in refused(old)


def test_without_room_for_a_copy_no_step_is_taken(
    old: Path, monkeypatch: pytest.MonkeyPatch, next_schema: Callable[[Step], None]
) -> None:
    usage = shutil.disk_usage(old.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=100_000))
    next_schema(extra)
    before = totals_in(old)
    assert "1 MB, 0 MB are free" in refused(old)
    assert (schema_in(old), totals_in(old)) == (1, before)
    assert list(old.parent.iterdir()) == [old]


def test_a_copy_that_cannot_be_written_stops_the_update(
    old: Path, next_schema: Callable[[Step], None]
) -> None:
    next_schema(extra)
    Path(f"{old}.schema1.bak.part").mkdir()
    assert "no copy could be made" in refused(old)
    assert schema_in(old) == 1


def test_a_look_without_an_update_leaves_the_file_as_it_is(
    old: Path, next_schema: Callable[[Step], None]
) -> None:
    before = old.read_bytes()
    store = Store.open(old, update=False)
    assert store.load().origins["sim"].resolution == 300
    store.close()
    assert schema_in(old) == 1
    next_schema(extra)
    Store.open(old, update=False).close()
    assert old.read_bytes()[100:] == before[100:], "all but counters in the header"
    assert list(old.parent.iterdir()) == [old]


# --- interrupted ----------------------------------------------------------------------------------


def test_a_crash_at_any_statement_leaves_one_whole_schema(
    old: Path, next_schema: Callable[[Step], None]
) -> None:
    """The files are copied before every statement of the climb; each copy must be good."""
    before = totals_in(old)
    images: list[Path] = []
    current = SCHEMA_VERSION + 1

    def traced(connection: sqlite3.Connection) -> None:
        def look(statement: str) -> None:
            image = old.with_name(f"image{len(images)}.db")
            copy_database(old, image)
            images.append(image)
            assert statement

        connection.set_trace_callback(look)
        extra(connection)  # what comes after it, the commit, is traced too

    next_schema(traced)
    Store.open(old).close()
    next_schema(extra)
    assert len(images) > 12
    for image in images:
        shown = schema_in(image)
        assert shown in (SCHEMA_VERSION, current)
        assert totals_in(image) == before
        Store.open(image).close()
        assert (schema_in(image), totals_in(image)) == (current, before)


_DYING = """
import os, signal, sqlite3, sys
from pathlib import Path
import exporter.engine.store as store_module
from tests.engine.test_migrations import extra

def dying(connection):
    connection.execute("PRAGMA cache_size = 1")  # pages go to the log before the commit
    extra(connection)
    os.kill(os.getpid(), signal.SIGKILL)

store_module.STEPS = (*store_module.STEPS, dying)
store_module.SCHEMA_VERSION += 1
store_module.Store.open(Path(sys.argv[1]))
"""


def test_a_kill_in_the_middle_of_a_step_is_as_if_it_had_not_begun(
    old: Path, next_schema: Callable[[Step], None]
) -> None:
    before = totals_in(old)
    died = subprocess.run([sys.executable, "-c", _DYING, str(old)], check=False)
    assert died.returncode == -signal.SIGKILL
    assert schema_in(old) == SCHEMA_VERSION
    assert totals_in(old) == before
    next_schema(extra)
    Store.open(old).close()
    assert (schema_in(old), totals_in(old)) == (SCHEMA_VERSION + 1, before)
    assert totals_in(Path(f"{old}.schema1.bak")) == before


# --- newer than this version ----------------------------------------------------------------------


def test_a_file_of_a_newer_version_is_refused_and_left_alone(
    old: Path, monkeypatch: pytest.MonkeyPatch, next_schema: Callable[[Step], None]
) -> None:
    next_schema(extra)
    Store.open(old).close()
    monkeypatch.setattr(store_module, "STEPS", STEPS)
    monkeypatch.setattr(store_module, "SCHEMA_VERSION", SCHEMA_VERSION)
    before = old.read_bytes()
    message = refused(old)
    assert f"schema {SCHEMA_VERSION + 1}, this one reads up to {SCHEMA_VERSION}" in message
    assert f"put {old}.schema{SCHEMA_VERSION}.bak in its place" in message
    assert old.read_bytes() == before


def test_going_back_to_the_copy_is_going_back_to_its_totals(
    old: Path, next_schema: Callable[[Step], None]
) -> None:
    Store.open(old).close()
    before = totals_in(old)
    next_schema(extra)
    Store.open(old).close()
    shutil.move(f"{old}.schema{SCHEMA_VERSION}.bak", old)
    assert (schema_in(old), totals_in(old)) == (SCHEMA_VERSION, before)
