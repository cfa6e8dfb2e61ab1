"""The state file: watermarks, open buckets, totals and grid history in one SQLite database.

Write-ahead logging and one transaction per cycle: after ``kill -9`` at any instant the file holds
the state after some whole cycle, watermarks and totals together, so the daemon goes on from there.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from pydantic import TypeAdapter

from exporter.core.errors import StoreError
from exporter.core.model import IntensityPoint, Machine, RegionKey
from exporter.core.units import GCO2eqPerKwh, GramsCO2eq, Joules, Ratio
from exporter.engine.runs import Run

SCHEMA_VERSION: Final = 1
BUSY_SECONDS: Final = 2.0
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS origin (
    collector TEXT PRIMARY KEY, start INTEGER NOT NULL, resolution INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS resource (
    id INTEGER PRIMARY KEY, collector TEXT NOT NULL, machine TEXT NOT NULL, runs TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS progress (
    id INTEGER PRIMARY KEY, watermark INTEGER NOT NULL, last_seen REAL NOT NULL,
    last_ratio REAL, accounted TEXT NOT NULL, exposed TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS bucket (
    id INTEGER, start INTEGER, ratio REAL, gco2eq_per_kwh REAL, seconds REAL NOT NULL,
    energy REAL NOT NULL, operational REAL NOT NULL, embodied REAL NOT NULL,
    PRIMARY KEY (id, start)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS region (
    provider TEXT, account TEXT, cloud_region TEXT, accounted TEXT NOT NULL, exposed TEXT NOT NULL,
    PRIMARY KEY (provider, account, cloud_region)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS intensity (
    source TEXT, zone TEXT, start INTEGER, end INTEGER NOT NULL, gco2eq_per_kwh REAL NOT NULL,
    estimated INTEGER NOT NULL, forecast INTEGER NOT NULL,
    PRIMARY KEY (source, zone, start, forecast)) WITHOUT ROWID;
"""

_MACHINE: Final = TypeAdapter(Machine)
_RUNS: Final = TypeAdapter(list[Run])
_FLOATS: Final = TypeAdapter(list[float])


class BucketRow(NamedTuple):
    """One open bucket of one machine, as accounted so far."""

    ratio: Ratio
    gco2eq_per_kwh: GCO2eqPerKwh
    seconds: float
    energy: Joules
    operational: GramsCO2eq
    embodied: GramsCO2eq


class TallyRow(NamedTuple):
    """A set of totals: the true sums, and what counters have shown of them."""

    accounted: list[float]
    exposed: list[float]


class ResourceRow(NamedTuple):
    """What changes seldom."""

    collector: str
    machine: Machine
    runs: list[Run]


class ProgressRow(NamedTuple):
    """What changes with each cycle."""

    watermark: int
    last_seen: float
    last_ratio: float | None
    tally: TallyRow


class Origin(NamedTuple):
    """Since when a collector counts, and on buckets of how many seconds."""

    start: int
    resolution: int


@dataclass(slots=True, kw_only=True)
class Changes:
    """What a transaction will write. Kept and added to while writing fails."""

    resources: dict[int, ResourceRow] = field(default_factory=dict)
    progress: dict[int, ProgressRow] = field(default_factory=dict)
    buckets: dict[tuple[int, int], BucketRow] = field(default_factory=dict)
    closed_before: dict[int, int] = field(default_factory=dict)
    removed: set[int] = field(default_factory=set)
    regions: dict[RegionKey, TallyRow] = field(default_factory=dict)
    origins: dict[str, Origin] = field(default_factory=dict)
    corrected: int | None = None


@dataclass(slots=True, kw_only=True)
class State:
    """What the file held at start."""

    resources: dict[int, ResourceRow] = field(default_factory=dict)
    progress: dict[int, ProgressRow] = field(default_factory=dict)
    buckets: dict[int, dict[int, BucketRow]] = field(default_factory=dict)
    regions: dict[RegionKey, TallyRow] = field(default_factory=dict)
    origins: dict[str, Origin] = field(default_factory=dict)
    corrected: int = 0
    intensity: dict[str, list[IntensityPoint]] = field(default_factory=dict)


class Store:
    """Owner of the database. Thread-safe: one connection behind one lock."""

    def __init__(self, connection: sqlite3.Connection, name: str, broken: str = "") -> None:
        self._connection = connection
        self._name = name
        self._broken = broken
        self._lock = threading.Lock()

    @classmethod
    def open(cls, path: Path) -> "Store":
        """Open or create a state file and lock it for this process.

        Raises:
            StoreError: it cannot be read, written or locked, or is no state file of ours.
        """
        with _translated(str(path)):
            connection = sqlite3.connect(
                path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            try:
                _prepare(connection, str(path))
            except BaseException:
                connection.close()
                raise
        return cls(connection, str(path))

    @classmethod
    def in_memory(cls, *, broken: str = "") -> "Store":
        """Make a store that lasts as long as the process.

        ``broken`` is why the real one could not be opened: then nothing is saved, and each commit
        says so.
        """
        connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        _prepare(connection, "memory")
        return cls(connection, "memory", broken)

    def close(self) -> None:
        """Close the file; the write-ahead log is folded in."""
        with self._lock:
            self._connection.close()

    def load(self) -> State:
        """Read everything."""
        with self._lock, _translated(self._name):
            return _load(self._connection)

    def commit(self, changes: Changes) -> None:
        """Write all changes in one transaction, or none of them.

        Raises:
            StoreError: nothing was written; keep the changes and try again.
        """
        with self._transaction() as connection:
            _write(connection, changes)

    def save_intensity(
        self, source: str, points: list[IntensityPoint], *, forget_before: int
    ) -> None:
        """Keep points of a grid source, replacing those with the same start; drop old ones."""
        rows = [
            (source, p.zone, p.start, p.end, p.gco2eq_per_kwh, p.estimated, p.forecast)
            for p in points
        ]
        with self._transaction() as connection:
            connection.executemany("REPLACE INTO intensity VALUES (?,?,?,?,?,?,?)", rows)
            connection.execute("DELETE FROM intensity WHERE end < ?", (forget_before,))

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        if self._broken:
            raise StoreError(self._broken)
        with self._lock, _translated(self._name):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise


@contextmanager
def _translated(name: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        message = f"state file {name}: {error} — {_fix(error)}"
        raise StoreError(message) from error


def _fix(error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorname", "") or ""
    if code.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return "restore it from a backup, or move it away to start new counters"
    if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return "another carbon-exporter uses it; stop that one or set another `state`"
    if code.startswith("SQLITE_FULL"):
        return "free space on the disk"
    return "make the file and its folder readable and writable for this user"


def _prepare(connection: sqlite3.Connection, name: str) -> None:
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    _refuse_damaged(connection, name)
    connection.executescript(_SCHEMA)
    connection.execute(
        "INSERT INTO meta VALUES ('schema', ?) ON CONFLICT (name) DO UPDATE SET value = value",
        (SCHEMA_VERSION,),
    )
    (version,) = connection.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone()
    if version != SCHEMA_VERSION:
        message = (
            f"state file {name}: written by another version (schema {version}, this one reads "
            f"{SCHEMA_VERSION}) — use that version, or set another `state`"
        )
        raise StoreError(message)


def _refuse_damaged(connection: sqlite3.Connection, name: str) -> None:
    """Never count on from a damaged file: wrong totals are worse than none."""
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        message = (
            f"state file {name}: damaged ({str(verdict).splitlines()[-1]}) — restore it from a "
            "backup, or move it away to start new counters"
        )
        raise StoreError(message)


def _load(connection: sqlite3.Connection) -> State:
    state = State()
    for ident, collector, machine, runs in connection.execute("SELECT * FROM resource"):
        state.resources[ident] = ResourceRow(
            collector, _MACHINE.validate_json(machine), _RUNS.validate_json(runs)
        )
    for ident, watermark, seen, ratio, *tally in connection.execute("SELECT * FROM progress"):
        state.progress[ident] = ProgressRow(watermark, seen, ratio, _tally(*tally))
    for ident, start, *values in connection.execute("SELECT * FROM bucket"):
        state.buckets.setdefault(ident, {})[start] = BucketRow(*values)
    for provider, account, region, *tally in connection.execute("SELECT * FROM region"):
        state.regions[RegionKey(provider, account, region)] = _tally(*tally)
    for collector, *origin in connection.execute("SELECT * FROM origin"):
        state.origins[collector] = Origin(*origin)
    counted = connection.execute("SELECT value FROM meta WHERE name = 'corrected'").fetchone()
    state.corrected = counted[0] if counted else 0
    for source, *row in connection.execute("SELECT * FROM intensity ORDER BY start"):
        state.intensity.setdefault(source, []).append(_point(tuple(row)))
    return state


def _tally(accounted: str, exposed: str) -> TallyRow:
    return TallyRow(_FLOATS.validate_json(accounted), _FLOATS.validate_json(exposed))


def _point(row: tuple[str, int, int, float, int, int]) -> IntensityPoint:
    zone, start, end, value, estimated, forecast = row
    return IntensityPoint(
        zone=zone,
        start=start,
        end=end,
        gco2eq_per_kwh=GCO2eqPerKwh(value),
        estimated=bool(estimated),
        forecast=bool(forecast),
    )


def _json(values: list[float]) -> str:
    return _FLOATS.dump_json(values).decode()


def _write(connection: sqlite3.Connection, changes: Changes) -> None:
    run = connection.executemany
    run(
        "REPLACE INTO resource VALUES (?,?,?,?)",
        (
            (
                i,
                r.collector,
                _MACHINE.dump_json(r.machine).decode(),
                _RUNS.dump_json(r.runs).decode(),
            )
            for i, r in changes.resources.items()
        ),
    )
    run(
        "REPLACE INTO progress VALUES (?,?,?,?,?,?)",
        (
            (i, p.watermark, p.last_seen, p.last_ratio, *map(_json, p.tally))
            for i, p in changes.progress.items()
        ),
    )
    run(
        "REPLACE INTO bucket VALUES (?,?,?,?,?,?,?,?)",
        ((*k, *v) for k, v in changes.buckets.items()),
    )
    run("DELETE FROM bucket WHERE id = ? AND start < ?", changes.closed_before.items())
    for table in ("resource", "progress", "bucket"):
        run(f"DELETE FROM {table} WHERE id = ?", ((i,) for i in changes.removed))  # noqa: S608 — constant names
    run(
        "REPLACE INTO region VALUES (?,?,?,?,?)",
        ((*key, *map(_json, tally)) for key, tally in changes.regions.items()),
    )
    run("REPLACE INTO origin VALUES (?,?,?)", ((c, *o) for c, o in changes.origins.items()))
    if changes.corrected is not None:
        connection.execute("REPLACE INTO meta VALUES ('corrected', ?)", (changes.corrected,))
