"""A wanted state file that cannot be used: one behaviour, and taken up by itself once it works."""

import json
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from exporter.core.errors import StoreError
from exporter.core.model import RegionKey
from exporter.engine.intensity import IntensityBook
from exporter.engine.ledger import Ledger
from exporter.engine.saving import LOCKED_SECONDS, RETRY_SECONDS, Saver
from exporter.engine.status import CollectorStatus
from exporter.engine.store import Changes, Store, TallyRow, look
from tests.support.clock import ManualClock
from tests.support.rig import HOUR, RULES, T0, Rig, assert_true, model_of
from tests.support.sim import (
    Judge,
    SimAnnual,
    SimCloud,
    SimForecaster,
    SimGrid,
    SimMachine,
    Span,
)


def machines() -> list[SimMachine]:
    return [SimMachine(name=f"m{i}", spans=[Span(T0 - 7200 + i)]) for i in range(3)]


def rig_of(state: Path, clock: ManualClock) -> Rig:
    cloud = SimCloud(clock=clock, machines=machines(), name="one")
    return Rig(state, [cloud], [SimGrid(clock=clock)], clock)


@pytest.fixture
def counted(state: Path, clock: ManualClock) -> Path:
    """Return a state file of an hour."""
    rig = rig_of(state, clock)
    rig.every(300, T0 + HOUR)
    rig.store.close()
    return state


def saver_of(state: Path, clock: ManualClock) -> tuple[Saver, Ledger, Store]:
    store = Store.wanted(state)
    book = IntensityBook([SimGrid(clock=clock)], SimAnnual(), store, clock, SimForecaster())
    ledger = Ledger(store, model_of, book.over)
    saver = Saver(
        store=store,
        ledger=ledger,
        book=book,
        status=CollectorStatus("store", clock),
        clock=clock,
        keep_gone={"one": RULES.keep_gone},
    )
    return saver, ledger, store


def sql(*statements: str) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            for statement in statements:
                connection.execute(statement)

    return damage


def header(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[:16] = b"x" * 16
    path.write_bytes(content)


def page(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[8192:12288] = random.Random(1).randbytes(4096)  # noqa: S311 — any garbage will do
    path.write_bytes(content)


def total(path: Path) -> None:
    """Change a digit of a total, as a flipped bit would: it stays a sound row of sound JSON."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        (text,) = connection.execute("SELECT exposed FROM region").fetchone()
        sums = json.loads(text)
        changed = json.dumps([sums[0] * 2, *sums[1:]])
        connection.execute("UPDATE region SET exposed = ?", (changed,))


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGE = {
    "header": header,
    "page": page,
    "no database": lambda path: path.write_text("dear diary" * 1000),
    "of another program": sql("PRAGMA application_id = 7"),
    "folder": folder,
    "flipped bit in a total": total,
    "flipped bit in a bucket": sql("UPDATE bucket SET energy = energy * 2"),
    "flipped bit in an intensity": sql("UPDATE intensity SET gco2eq_per_kwh = gco2eq_per_kwh * 2"),
    "flipped bit in the count of corrections": sql("REPLACE INTO meta VALUES ('corrected', 64, 1)"),
    "flipped bit in a watermark": sql("UPDATE progress SET watermark = watermark + 65536"),
    "content": sql("UPDATE resource SET machine = '{\"name\": 1}'"),
    "text for a number": sql("UPDATE progress SET watermark = 'soon'"),
    "short total": sql("UPDATE progress SET accounted = '[1.0]'"),
    "missing table": sql("DROP TABLE bucket"),
    "missing row of a machine": sql("DELETE FROM progress WHERE id = 1"),
    "missing machine": sql(
        "DELETE FROM progress WHERE id = 1", "DELETE FROM resource WHERE id = 1"
    ),
    "missing region": sql("DELETE FROM region"),
    "missing origin": sql("DELETE FROM origin"),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_every_damage_is_told_in_a_line_withholds_totals_and_heals_with_the_file(
    counted: Path, clock: ManualClock, damage: Callable[[Path], object], logs: list[Any]
) -> None:
    sound = counted.read_bytes()
    damage(counted)
    saver, ledger, store = saver_of(counted, clock)
    for _ in range(3):
        assert saver.tend() is False
        assert saver.status.view().success is False
        assert ledger.withheld("one")
        assert ledger.incomplete
        assert saver.trouble
    assert [line["event"] for line in logs] == [
        "the state file cannot be used: totals are withheld"
    ]
    assert "\n" not in logs[0]["error"]
    assert " — " in logs[0]["error"], "cause and fix"
    if counted.is_dir():
        counted.rmdir()
    for suffix in ("-wal", "-shm"):
        Path(f"{counted}{suffix}").unlink(missing_ok=True)
    counted.write_bytes(sound)
    assert saver.tend() is True
    assert (saver.trouble, saver.status.view().success) == ("", True)
    assert ledger.withheld("one"), "until it caught up"
    assert ledger.generation == 1
    store.close()


def test_a_missing_folder_is_waited_for(tmp_path: Path, clock: ManualClock) -> None:
    state = tmp_path / "later" / "state.db"
    saver, ledger, store = saver_of(state, clock)
    assert saver.take_up() is False
    assert ledger.withheld("one")
    state.parent.mkdir()
    assert saver.tend() is True
    assert not ledger.withheld("one"), "a new state shows 0 at once"
    store.close()


def test_a_held_file_is_tried_again_soon_at_first(counted: Path, clock: ManualClock) -> None:
    holder = Store.open(counted)
    saver, _, store = saver_of(counted, clock)
    assert saver.take_up() is False
    assert "another carbon-exporter uses it" in saver.trouble or saver.status.view().last_error
    assert saver.retry_seconds < RETRY_SECONDS
    clock.advance(LOCKED_SECONDS)
    assert saver.retry_seconds == RETRY_SECONDS
    holder.close()
    assert saver.tend() is True
    store.close()


def test_what_memory_counted_meanwhile_is_dropped_and_read_again(
    counted: Path, clock: ManualClock
) -> None:
    rig = rig_of(counted.with_name("other.db"), clock)
    rig.store.close()
    rig.start(Store.wanted(counted), restore=False)
    rig.every(300, T0 + 2 * HOUR)
    assert all(view.withheld for view in rig.look().resources)
    assert any(view.now for view in rig.look().resources), "gauges go on"
    keep_gone = dict.fromkeys(["one"], RULES.keep_gone)
    rig.ledger.take_up(keep_gone, rig.now)
    assert any(view.now for view in rig.look().resources), "and over the take-up"
    rig.every(300, T0 + 3 * HOUR)
    assert not any(view.withheld for view in rig.look().resources)
    assert_true(rig, machines(), Judge(origin=T0 - 300, until=rig.final))


def test_an_answer_to_a_question_from_before_the_take_up_is_not_entered(
    counted: Path, clock: ManualClock
) -> None:
    """Its window begins where memory's accounts were: what lies before it would all be missing."""
    rig = rig_of(counted.with_name("other.db"), clock)
    rig.store.close()
    rig.start(Store.wanted(counted), restore=False)
    clock.advance(2 * HOUR)
    rig.run()
    clock.advance(HOUR)
    cloud, keep_gone = rig.clouds[0], {"one": float(RULES.keep_gone)}
    read = cloud.read

    def in_between(*asked: Any) -> Any:  # noqa: ANN401 — handed through
        answer = read(*asked)
        cloud.read = read  # type: ignore[method-assign]
        rig.ledger.take_up(keep_gone, rig.now)
        return answer

    cloud.read = in_between  # type: ignore[method-assign,assignment]
    assert all(view.withheld for view in rig.run().resources)
    rig.every(300, rig.now + HOUR)
    assert_true(rig, machines(), Judge(origin=T0 - 300, until=rig.final))


def test_a_file_that_breaks_while_it_is_used_is_given_up(state: Path, clock: ManualClock) -> None:
    rig = rig_of(state, clock)
    rig.run()
    rig.store._connection.execute("DROP TABLE bucket")
    clock.advance(600)
    assert all(view.withheld for view in rig.run().resources)
    assert not rig.store.opened
    with pytest.raises(StoreError, match="restore it from a backup"):
        rig.store.take_up()


# --- deleted or replaced while it is in use -------------------------------------------------------


def test_a_file_that_is_deleted_under_a_daemon_is_noticed_and_taken_up_when_it_is_back(
    counted: Path, clock: ManualClock, logs: list[Any]
) -> None:
    saver, ledger, store = saver_of(counted, clock)
    assert saver.tend() is True
    key = next(iter(sums(ledger)))
    store.commit(Changes(regions={key: TallyRow([9e9] * 6, [9e9] * 6)}))
    before = sums(ledger) | {key: [9e9] * 6}
    away = counted.with_name("away.db")
    counted.rename(away)
    for _ in range(3):
        assert saver.tend() is False
        assert "deleted or replaced while it was in use" in saver.trouble
        assert ledger.withheld("one")
        assert not counted.exists(), "no new file by itself"
    assert len([line for line in logs if line["log_level"] == "error"]) == 1
    away.rename(counted)
    assert saver.tend() is True
    assert not saver.trouble
    assert sums(ledger) == before
    store.close()


def test_a_backup_that_is_put_in_the_place_of_a_file_in_use_is_taken_up(
    counted: Path, clock: ManualClock
) -> None:
    """The old log, whose frames belong to the old file, is not played into it."""
    backup = counted.with_name("backup.db")
    shutil.copyfile(counted, backup)
    saver, ledger, store = saver_of(counted, clock)
    saver.tend()
    before = sums(ledger)
    key = next(iter(before))
    for _ in range(3):
        store.commit(Changes(regions={key: TallyRow([9e9] * 6, [9e9] * 6)}))
    assert Path(f"{counted}-wal").stat().st_size > 0
    backup.replace(counted)
    with pytest.raises(StoreError, match="deleted or replaced"):
        store.commit(Changes(corrected=7))
    assert saver.tend() is True
    assert sums(ledger) == before
    store.commit(Changes(corrected=7))
    assert look(counted)[2].corrected == 7
    store.close()


def sums(ledger: Ledger) -> dict[RegionKey, list[float]]:
    with ledger.reading() as (_, totals):
        return {key: list(tally.accounted) for key, tally in totals.items()}
