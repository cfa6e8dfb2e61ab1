"""A fortnight through the engine, wired as the daemon wires it, with a grid of a given lag."""

import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from bench.forecast.replay import HOUR, Replay
from bench.late.estate import CLOUD, LateGrid, OneEach, Time, model_of
from exporter.engine.collector import GridCollector, ProviderCollector
from exporter.engine.forecast import SeasonalForecaster
from exporter.engine.intensity import IntensityBook
from exporter.engine.ledger import Ledger
from exporter.engine.resource_account import BucketRules
from exporter.engine.status import CollectorStatus
from exporter.engine.store import Store
from exporter.grids.annual import AnnualTable

RESOLUTION, SETTLE, LOOK_BACK = 300, 300, HOUR
RULES = BucketRules(
    resolution=RESOLUTION,
    settle=SETTLE,
    look_back=LOOK_BACK,
    max_catch_up=24 * HOUR,
    keep_gone=LOOK_BACK + SETTLE + 180,
)
"""As of a cloud with the default settings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one run came to: grams by zone, as they are and as they were first counted."""

    grams: Mapping[str, float]
    unrepriced: Mapping[str, float]
    decreases: int
    waiting: int
    """Machine hours that waited for a value when the load ended."""
    state_bytes: int
    """What they took in the state file then."""


@dataclass(slots=True)
class Watch:
    """Compares every counter, of machines and regions, with what it showed before."""

    shown: dict[tuple[str, ...], list[float]] = field(default_factory=dict)
    decreases: int = 0

    def look(self, ledger: Ledger) -> None:
        """Take in all counters as they are shown now."""
        with ledger.reading() as (accounts, totals):
            tallies = {account.machine.key: account.tally for account in accounts}
            now = {key: list(tally.exposed) for key, tally in (*tallies.items(), *totals.items())}
        for key, counters in now.items():
            before = self.shown.get(key, [0.0] * len(counters))
            self.decreases += sum(new < old for new, old in zip(counters, before, strict=True))
        self.shown |= now


def run(recording: Replay, span: tuple[int, int], lag: int, poll: int, folder: Path) -> Outcome:
    """Count one machine a zone over a span, and wait for its last value; seconds.

    ``folder`` takes the state file. The load ends with the span, so that both ends are known.
    """
    begin, end = span
    clock, path, watch = Time(begin + SETTLE), folder / f"late-{lag}.db", Watch()
    store = Store.open(path)
    cloud = OneEach(tuple(sorted(recording)), begin, end, clock)
    grid = LateGrid(recording, lag, clock)
    book = IntensityBook([grid], AnnualTable(), store, clock, SeasonalForecaster())
    ledger = Ledger(store, model_of, book.over, chart_step=RESOLUTION)
    ledger.restore(store.load(), {CLOUD: 0.0}, clock.now().timestamp())
    status = CollectorStatus("store", clock)
    reading = ProviderCollector(
        provider=cloud, ledger=ledger, rules=RULES, clock=clock, store_status=status
    )
    asking = GridCollector(
        source=grid,
        ledger=ledger,
        book=book,
        clock=clock,
        store_status=status,
        look_back=LOOK_BACK + SETTLE + RESOLUTION,
    )
    kept: tuple[int, int] | None = None
    while clock.at < end + lag + 4 * HOUR:  # the look-back, then the hour of a refresh
        for collector in (asking, reading):
            collector.run()
            watch.look(ledger)
        if kept is None and clock.at >= end:
            kept = len(store.load().late), late_bytes(path)
        clock.at += poll
    waiting, size = kept or (0, 0)
    with ledger.reading() as (accounts, _):
        grams = {one.machine.key.cloud_region: one.tally.accounted[1] for one in accounts}
    changed = {zone: up - down for zone, (up, down) in ledger.repriced.items()}
    store.close()
    return Outcome(
        grams=grams,
        unrepriced={zone: total - changed.get(zone, 0.0) for zone, total in grams.items()},
        decreases=watch.decreases,
        waiting=waiting,
        state_bytes=size,
    )


def late_bytes(path: Path) -> int:
    """Bytes, in whole pages, that the waiting hours take in a state file that is in use.

    Measured on a copy, which shrinks when they are dropped from it: the file itself keeps free
    pages, and is locked.
    """
    copy = path.with_name(f"{path.name}-copy")
    for suffix in ("", "-wal"):
        shutil.copyfile(f"{path}{suffix}", f"{copy}{suffix}")
    with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
        full = _packed(connection)
        connection.execute("DELETE FROM late")
        return full - _packed(connection)


def _packed(connection: sqlite3.Connection) -> int:
    connection.execute("VACUUM")
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    return int(pages * size)
