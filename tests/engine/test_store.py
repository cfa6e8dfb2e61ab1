"""The state file: refused with one line where it is not sound, and never half written."""

import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import exporter.engine.store as store_module
from exporter.core.errors import StoreError
from exporter.core.model import Machine, MeteredPower, RegionKey, RunState, Usage
from exporter.core.units import GCO2eqPerKwh, GramsCO2eq, Joules, Ratio, Watts
from exporter.engine.running_spans import Run, spec_of
from exporter.engine.store import (
    BucketRow,
    Changes,
    Origin,
    ProgressRow,
    ResourceRow,
    Store,
    TallyRow,
)
from tests.support.clock import ManualClock
from tests.support.rig import HOUR, T0, Rig, assert_true, copy_database
from tests.support.sim import Judge, SimCloud, SimGrid, SimMachine, Span, Weather

METERED = MeteredPower(gpu=Watts(1 / 7), node=Watts(0.0), whole=True, low=0.95, high=1.1)
LAST = Usage(None, Ratio(0.1), 1 / 3, METERED)
AWKWARD = 'say "hi"\n\\ \x00 🌍 \udc80 ' + "x" * 10_000


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "BUSY_SECONDS", 0.01)


def machine(**changes: object) -> Machine:
    made = Machine(
        key=SimMachine(name="m", spans=[]).key("sim"),
        name="m",
        instance_type="small",
        state=RunState.RUNNING,
    )
    return replace(made, **changes)  # type: ignore[arg-type] # fields by name


def some_changes() -> Changes:
    seen = machine(name=AWKWARD, tags={"team": AWKWARD})
    run = Run(start=T0 + 0.1, end=None, certain_end=None, spec=spec_of(seen))
    return Changes(
        resources={1: ResourceRow("sim", seen, [run])},
        progress={
            1: ProgressRow(T0, T0 + 0.3, LAST, TallyRow([0.1, 0.2, 1e-30], [1 / 3, 2.0, 3.0]))
        },
        buckets={
            (1, T0): BucketRow(
                *Usage(Ratio(0.1), Ratio(1 / 3), 2.5, METERED),
                GCO2eqPerKwh(3.3),
                300.0,
                Joules(1.1),
                GramsCO2eq(2.2),
                GramsCO2eq(0.3),
            )
        },
        regions={RegionKey("sim", "acct", "fr-one"): TallyRow([0.1] * 6, [0.7] * 6)},
        origins={"sim": Origin(T0, 300)},
        corrected=7,
    )


def opened(path: Path) -> str:
    """Open a file that must be refused; return the message."""
    with pytest.raises(StoreError) as refused:
        Store.open(path)
    message = str(refused.value)
    assert message.startswith(f"state file {path}: ")
    assert "\n" not in message
    assert " — " in message, "cause and fix"
    return message


# --- what is written is what is read -------------------------------------------------------------


def test_everything_comes_back_exactly_as_it_was(state: Path) -> None:
    store = Store.open(state)
    store.commit(some_changes())
    store.close()
    again = Store.open(state)
    loaded, changes = again.load(), some_changes()
    assert loaded.resources == changes.resources
    assert loaded.progress == changes.progress
    assert loaded.buckets == {1: {T0: changes.buckets[1, T0]}}
    assert loaded.regions == changes.regions
    assert loaded.origins == changes.origins
    assert loaded.corrected == 7
    again.close()


def test_closed_and_removed_rows_are_gone(state: Path) -> None:
    store = Store.open(state)
    store.commit(some_changes())
    store.commit(Changes(closed_before={1: T0 + 300}))
    assert store.load().buckets == {}
    store.commit(Changes(removed={1}))
    loaded = store.load()
    assert (loaded.resources, loaded.progress) == ({}, {})
    assert loaded.regions, "totals outlive machines"
    store.close()


def test_a_store_in_memory_serves_and_is_gone_with_the_process() -> None:
    store = Store.in_memory()
    store.commit(some_changes())
    assert store.load().corrected == 7
    store.close()


def test_a_store_of_a_file_that_is_not_open_refuses_each_commit(state: Path) -> None:
    store = Store.wanted(state)
    for _ in range(2):
        with pytest.raises(StoreError, match="not opened yet"):
            store.commit(some_changes())
    assert store.trouble
    store.take_up()
    store.commit(some_changes())
    assert not store.trouble
    store.close()


# --- files that are refused -----------------------------------------------------------------------


def test_a_text_file_is_refused_and_left_alone(state: Path) -> None:
    state.write_text("dear diary\n" * 100)
    assert "file is not a database" in opened(state)
    assert state.read_text().startswith("dear diary")


def test_a_database_of_another_program_is_refused_and_left_alone(state: Path) -> None:
    other = sqlite3.connect(state)
    other.execute("CREATE TABLE meta (name TEXT, value TEXT)")
    other.commit()
    other.close()
    before = state.read_bytes()
    assert "another program" in opened(state)
    assert state.read_bytes() == before


@pytest.mark.parametrize("where", [0.3, 0.5, 0.8])
def test_a_damaged_file_is_refused(state: Path, where: float) -> None:
    store = Store.open(state)
    changes = some_changes()
    row = changes.buckets[1, T0]
    changes.buckets.update({(1, T0 + i): row for i in range(2000)})
    store.commit(changes)
    store.close()
    content = bytearray(state.read_bytes())
    at = int(len(content) * where) // 4096 * 4096
    content[at : at + 4096] = random.Random(1).randbytes(4096)  # noqa: S311 — any garbage will do
    state.write_bytes(content)
    assert "restore it from a backup" in opened(state)


def test_a_truncated_file_is_refused(state: Path) -> None:
    store = Store.open(state)
    changes = some_changes()
    row = changes.buckets[1, T0]
    changes.buckets.update({(1, T0 + i): row for i in range(2000)})
    store.commit(changes)
    store.close()
    content = state.read_bytes()
    state.write_bytes(content[: len(content) // 2])
    assert "restore it from a backup" in opened(state)


def test_rows_that_do_not_hold_what_they_should_are_refused(state: Path) -> None:
    store = Store.open(state)
    store.commit(some_changes())
    store._connection.execute("UPDATE resource SET machine = '{\"name\": 1}'")
    with pytest.raises(StoreError, match="content not understood"):
        store.load()
    store.close()


def test_a_file_of_another_version_is_refused_and_left_alone(state: Path) -> None:
    store = Store.open(state)
    store._connection.execute("PRAGMA user_version = 99")
    store.close()
    before = state.read_bytes()
    assert "schema 99" in opened(state)
    assert state.read_bytes() == before


def test_a_file_in_use_is_refused(state: Path) -> None:
    store = Store.open(state)
    assert "another carbon-exporter uses it" in opened(state)
    store.close()
    Store.open(state).close()


def test_a_file_in_use_by_another_process_is_refused(state: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from exporter.engine.store import Store;"
        "Store.open(Path(sys.argv[1])); print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(state)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        assert "another carbon-exporter uses it" in opened(state)
        other.kill()
    Store.open(state).close()


def test_a_folder_in_the_files_place_is_refused(state: Path) -> None:
    state.mkdir()
    assert "readable and writable" in opened(state)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    assert "readable and writable" in opened(tmp_path / "nowhere" / "state.db")


@pytest.mark.parametrize("exists", [True, False])
def test_a_file_that_cannot_be_written_is_refused(
    state: Path, monkeypatch: pytest.MonkeyPatch, exists: bool
) -> None:
    """Opened read-only by SQLite itself: file modes do not bind root, who may run the tests."""
    Store.open(state).close()
    if not exists:
        sqlite3.connect(state).executescript("VACUUM").close()
        state.write_bytes(b"")
    connect = sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda path, **how: connect(f"file:{path}?mode=ro", uri=True, **how)
    )
    assert "readable and writable" in opened(state)


def test_a_commit_waits_for_the_disk(state: Path) -> None:
    store = Store.open(state)
    full = 2
    assert store._connection.execute("PRAGMA synchronous").fetchone() == (full,)
    store.close()


# --- writing that fails ---------------------------------------------------------------------------


def _fill(store: Store) -> Callable[[], None]:
    """Let the disk be full from now on; returns what frees it."""
    (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
    store._connection.execute(f"PRAGMA max_page_count = {pages}")
    return lambda: store._connection.execute("PRAGMA max_page_count = 1000000").close()


def test_a_full_disk_writes_all_or_nothing(state: Path) -> None:
    store = Store.open(state)
    store.commit(some_changes())
    free = _fill(store)
    changes = some_changes()
    row = changes.buckets[1, T0]
    changes.buckets.update({(1, T0 + i): row for i in range(5000)})
    changes.corrected = 99
    with pytest.raises(StoreError, match="full — free space on the disk"):
        store.commit(changes)
    assert store.load().corrected == 7
    assert len(store.load().buckets[1]) == 1
    free()
    store.commit(changes)
    assert len(store.load().buckets[1]) == 5000
    store.close()


def test_a_commit_that_breaks_off_leaves_nothing_behind_and_nothing_locked(state: Path) -> None:
    store = Store.open(state)
    broken = some_changes()
    broken.origins["other"] = Origin({}, 300)  # type: ignore[arg-type] # what SQLite cannot hold
    with pytest.raises(StoreError):
        store.commit(broken)
    assert store.load().resources == {}
    store.commit(some_changes())
    assert store.load().corrected == 7
    store.close()


def _fleet(count: int = 40) -> list[SimMachine]:
    return [
        SimMachine(name=f"m{i}", spans=[Span(T0 - 5000 + i, T0 + 4 * HOUR + 301 * i)])
        for i in range(count)
    ]


def test_the_ledger_counts_on_in_memory_while_the_disk_is_full_and_then_saves_everything(
    state: Path, clock: ManualClock
) -> None:
    machines = _fleet()
    weather = Weather(late=0.1, inflated=0.1, start=T0, end=T0 + 5 * HOUR)
    cloud = SimCloud(clock=clock, machines=machines, weather=weather)
    rig = Rig(state, [cloud], [SimGrid(clock=clock)], clock)
    rig.run()
    free = _fill(rig.store)
    snapshot = rig.every(300, T0 + 6 * HOUR)
    assert_true(rig, machines, Judge(origin=T0 - 300, until=rig.final, weather=weather))
    assert {view.energy for view in snapshot.resources} == {0.0}, "none that a crash takes back"
    assert any(view.now for view in snapshot.resources), "gauges go on"
    view = rig.store_status.view()
    assert view.success is False
    assert "free space on the disk" in view.last_error
    free()
    clock.advance(300)
    rig.run()
    assert rig.store_status.view().success is True
    assert rig.look().resources[0].energy > 0
    before = rig.accounted()
    rig.restart()
    assert rig.accounted() == before
    rig.every(300, T0 + 9 * HOUR)
    assert_true(rig, machines, Judge(origin=T0 - 300, until=rig.final, weather=weather))


def test_what_waits_to_be_written_stays_bounded(state: Path, clock: ManualClock) -> None:
    machines = [
        SimMachine(
            name=f"m{i}",
            spans=[Span(T0 + i * 600, T0 + i * 600 + 3000)],
            listed_until=T0 + i * 600 + 4000,
        )
        for i in range(300)
    ]
    rig = Rig(state, [SimCloud(clock=clock, machines=machines)], [SimGrid(clock=clock)], clock)
    rig.rules = replace(rig.rules, max_catch_up=2 * HOUR)
    rig.restart()
    rig.run()
    _fill(rig.store)
    rig.store.give_up("gone")
    sizes = []
    for hours in (10, 40):
        rig.every(600, T0 + hours * HOUR)
        pending = rig.ledger._changes
        kinds = (pending.resources, pending.progress, pending.buckets, pending.closed_before)
        sizes.append([len(kind) for kind in kinds])
    assert all(late <= 1.2 * early for early, late in zip(*sizes, strict=True)), sizes


@pytest.mark.parametrize("statement", range(1, 9))
def test_a_crash_in_the_middle_of_a_commit_changes_nothing(
    state: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, statement: int
) -> None:
    machines = _fleet(5)
    rig = Rig(state, [SimCloud(clock=clock, machines=machines)], [SimGrid(clock=clock)], clock)
    rig.every(300, T0 + 2 * HOUR)
    left = state.with_name("crashed")

    class Dying:
        """A connection that dies at a statement, leaving the files as they are then."""

        def __init__(self, connection: sqlite3.Connection) -> None:
            self.connection = connection
            self.count = 0

        def executemany(self, sql: str, rows: object) -> object:
            self.count += 1
            done = self.connection.executemany(sql, rows)  # type: ignore[arg-type]
            if self.count == statement:
                copy_database(state, left)
            return done

        def execute(self, *what: object) -> object:
            return self.connection.execute(*what)  # type: ignore[arg-type]

    write = store_module._write
    monkeypatch.setattr(
        store_module,
        "_write",
        lambda connection, changes: write(Dying(connection), changes),  # type: ignore[arg-type]
    )
    clock.advance(300)
    rig.run()
    assert left.exists()
    rig.store.close()
    monkeypatch.undo()
    copy_database(left, state)
    rig.start(Store.open(state))
    rig.every(300, T0 + 6 * HOUR)
    assert_true(rig, machines, Judge(origin=T0 - 300, until=rig.final))


def test_kill_at_random_instants_changes_nothing(state: Path, clock: ManualClock) -> None:
    """The files are copied between and during cycles; the engine goes on from the copy."""
    machines = _fleet(6)
    dice = random.Random(7)  # noqa: S311 — reproducible
    left = state.with_name("left")
    copies: list[Path] = []

    class Killer(SimCloud):
        def read(self, *asked):  # type: ignore[no-untyped-def] # noqa: ANN002, ANN202
            if dice.random() < 0.3:
                copy_database(state, left)
                copies.append(left)
            return super().read(*asked)

    rig = Rig(state, [Killer(clock=clock, machines=machines)], [SimGrid(clock=clock)], clock)
    while rig.now < T0 + 7 * HOUR:
        rig.run()
        clock.advance(dice.choice([60, 300, 1500]))
        if copies:
            copies.clear()
            rig.store.close()
            shutil.move(left, state)
            wal = Path(f"{left}-wal")
            Path(f"{state}-wal").unlink(missing_ok=True)
            if wal.exists():
                shutil.move(wal, f"{state}-wal")
            rig.watch = type(rig.watch)()
            rig.start(Store.open(state))
    rig.run()
    assert_true(rig, machines, Judge(origin=T0 - 300, until=rig.final))


def test_one_awkward_text_does_not_stop_the_rest(state: Path, clock: ManualClock) -> None:
    odd = SimMachine(name="odd", spans=[Span(T0 - 5000)])
    plain = SimMachine(name="plain", spans=[Span(T0 - 5000)])
    cloud = SimCloud(clock=clock, machines=[odd, plain])
    discover = cloud.discover

    def awkward():  # type: ignore[no-untyped-def] # noqa: ANN202
        found = discover()
        tagged = replace(found.machines[0], name=AWKWARD, tags={AWKWARD: AWKWARD})
        return replace(found, machines=(tagged, *found.machines[1:]))

    cloud.discover = awkward  # type: ignore[method-assign]
    rig = Rig(state, [cloud], [SimGrid(clock=clock)], clock)
    rig.every(300, T0 + HOUR)
    assert rig.store_status.view().success is True
    rig.kill()
    assert rig.look().resources[0].machine.tags == {AWKWARD: AWKWARD}
    assert_true(rig, [odd, plain], Judge(origin=T0 - 300, until=rig.final))
