"""The state file: watermarks, open buckets, totals and grid history in one SQLite database.

Write-ahead logging and one transaction per cycle: after ``kill -9`` at any instant the file holds
the state after some whole cycle, watermarks and totals together, so the daemon goes on from there.
"""

import json
import shutil
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from math import isfinite
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple, NoReturn

import structlog
from pydantic import TypeAdapter

from exporter.core.errors import StoreError, StoreLockedError
from exporter.core.model import IntensityPoint, Machine, MeteredPower, RegionKey, Usage
from exporter.core.units import GCO2eqPerKwh, GramsCO2eq, Joules, Ratio
from exporter.engine.estimate import Accrual
from exporter.engine.migrations import STEPS, checksum, climb, keep_copy, refuse_newer, schema_of
from exporter.engine.repricing import LateHours, LateKey
from exporter.engine.running_spans import Run
from exporter.engine.source_history import sound

log = structlog.get_logger()

APPLICATION_ID: Final = 0x43324558
"""Marks a database as ours in its header, as SQLite's documentation advises: "C2EX"."""
SCHEMA_VERSION: Final = len(STEPS) + 1
BUSY_SECONDS: Final = 2.0
LOG_BYTES: Final = 16 << 20
"""What stays of the write-ahead log once a long transaction is folded in."""
# Key columns stand first: SQLite 3.40 takes another order WITHOUT ROWID for damage.
_SCHEMA: Final = f"""
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
CREATE TABLE meta (
    name TEXT PRIMARY KEY, value, crc INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TABLE origin (
    collector TEXT PRIMARY KEY, start INTEGER NOT NULL, resolution INTEGER NOT NULL,
    crc INTEGER NOT NULL DEFAULT 0);
CREATE TABLE resource (
    id INTEGER PRIMARY KEY, collector TEXT NOT NULL, machine TEXT NOT NULL, runs TEXT NOT NULL,
    crc INTEGER NOT NULL DEFAULT 0);
CREATE TABLE progress (
    id INTEGER PRIMARY KEY, watermark INTEGER NOT NULL, last_seen REAL NOT NULL,
    last_cpu REAL, last_gpu REAL, last_units REAL NOT NULL, last_watts TEXT,
    accounted TEXT NOT NULL, exposed TEXT NOT NULL, crc INTEGER NOT NULL DEFAULT 0);
CREATE TABLE bucket (
    id INTEGER, start INTEGER, cpu REAL, gpu REAL, units REAL NOT NULL, watts TEXT,
    gco2eq_per_kwh REAL, seconds REAL NOT NULL,
    energy REAL NOT NULL, operational REAL NOT NULL, embodied REAL NOT NULL,
    crc INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (id, start)) WITHOUT ROWID;
CREATE TABLE region (
    provider TEXT, account TEXT, cloud_region TEXT, accounted TEXT NOT NULL, exposed TEXT NOT NULL,
    crc INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (provider, account, cloud_region)) WITHOUT ROWID;
CREATE TABLE intensity (
    source TEXT, zone TEXT, start INTEGER, forecast INTEGER, end INTEGER NOT NULL,
    gco2eq_per_kwh REAL NOT NULL, estimated INTEGER NOT NULL, low REAL, high REAL,
    crc INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (source, zone, start, forecast)) WITHOUT ROWID;
CREATE TABLE late (
    hour INTEGER, grid_zone TEXT, provider TEXT, account TEXT, cloud_region TEXT,
    resources BLOB NOT NULL, crc INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (hour, grid_zone, provider, account, cloud_region)) WITHOUT ROWID;
CREATE TABLE repriced (
    grid_zone TEXT PRIMARY KEY, up REAL NOT NULL, down REAL NOT NULL,
    crc INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
"""

COUNTED: Final = ("resource", "progress", "region", "origin", "repriced")
"""Tables whose number of rows is written with them. Buckets are too many to count each time."""
RESOURCE_QUANTITIES: Final = 3
"""Energy, operational and embodied grams."""
REGION_QUANTITIES: Final = 6
"""The same, and running seconds measured, estimated and missing."""

_DISPLACED: Final = (
    "it was deleted or replaced while it was in use — put it back, or restart to start new counters"
)

Row = Sequence[float | str | bytes | None]

_RESTORE: Final = "restore it from a backup, or move it away to start new counters"

_MACHINE: Final = TypeAdapter(Machine)
_RUNS: Final = TypeAdapter(list[Run])
_NO_USAGE: Final = Usage(None)


class BucketRow(NamedTuple):
    """One open bucket of one machine, as accounted so far: a ``Usage``, its price and its amount.

    Flat, as open buckets are the most of what a daemon holds in memory.
    """

    cpu: Ratio | None
    gpu: Ratio | None
    units: float
    watts: MeteredPower | None
    gco2eq_per_kwh: GCO2eqPerKwh
    seconds: float
    energy: Joules
    operational: GramsCO2eq
    embodied: GramsCO2eq

    @property
    def usage(self) -> Usage:
        """What was measured over it."""
        return Usage(*self[:4])

    @property
    def amount(self) -> Accrual:
        """What it came to."""
        return Accrual(self.energy, self.operational, self.embodied)


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
    last: Usage | None
    tally: TallyRow


class Origin(NamedTuple):
    """Since when a collector counts, and on buckets of how many seconds."""

    start: int
    resolution: int


class Repriced(NamedTuple):
    """Grams that late intensities of one grid zone have added to totals, and taken from them."""

    up: float
    down: float


@dataclass(slots=True, kw_only=True)
class Changes:
    """What a transaction will write. Kept and added to while writing fails."""

    resources: dict[int, ResourceRow] = field(default_factory=dict)
    progress: dict[int, ProgressRow] = field(default_factory=dict)
    buckets: dict[tuple[int, int], BucketRow] = field(default_factory=dict)
    closed_before: dict[int, int] = field(default_factory=dict)
    removed: set[int] = field(default_factory=set)
    regions: dict[RegionKey, TallyRow] = field(default_factory=dict)
    forgotten: set[RegionKey] = field(default_factory=set)
    """Regions whose totals are dropped, with what waits there for a late intensity."""
    origins: dict[str, Origin] = field(default_factory=dict)
    late: dict[LateKey, bytes | None] = field(default_factory=dict)
    """As ``LateHours`` packs them; None: nothing of that hour waits any more."""
    repriced: dict[str, Repriced] = field(default_factory=dict)
    corrected: int | None = None


@dataclass(slots=True, kw_only=True)
class State:
    """What the file held at start."""

    resources: dict[int, ResourceRow] = field(default_factory=dict)
    progress: dict[int, ProgressRow] = field(default_factory=dict)
    buckets: dict[int, dict[int, BucketRow]] = field(default_factory=dict)
    regions: dict[RegionKey, TallyRow] = field(default_factory=dict)
    origins: dict[str, Origin] = field(default_factory=dict)
    late: LateHours = field(default_factory=LateHours)
    repriced: dict[str, Repriced] = field(default_factory=dict)
    corrected: int = 0
    intensity: dict[str, list[IntensityPoint]] = field(default_factory=dict)


class Store:
    """Owner of the database. Thread-safe: one connection behind one lock."""

    def __init__(
        self, connection: sqlite3.Connection | None, name: str, *, path: Path | None = None
    ) -> None:
        self._file = connection
        self.name = name
        self._path = path
        self._lock = threading.Lock()
        self._places = _places(path)
        self._displaced: sqlite3.Connection | None = None
        """Of a file that was taken from its place."""
        self._abandoned: list[sqlite3.Connection] = []
        """Of files that another one has replaced; open until the end, see ``_leave``."""
        self.trouble = ""
        """Why nothing can be saved now; empty where the last attempt did not fail."""

    @classmethod
    def open(cls, path: Path, *, update: bool = True) -> "Store":
        """Open or create a state file and lock it for this process.

        A file of an older schema is brought to the present one. Without ``update`` it stays as it
        is, and the store is a copy of it in memory, for a look.

        Raises:
            StoreLockedError: another process holds it.
            StoreError: it cannot be read, written or locked, or is no state file of ours.
        """
        connection = _opened(path, BUSY_SECONDS, update=update)
        return cls(connection, str(path), path=path)

    @classmethod
    def wanted(cls, path: Path) -> "Store":
        """Make a store of a file that is yet to be opened, by ``take_up``."""
        store = cls(None, str(path), path=path)
        store.trouble = f"state file {path}: not opened yet"
        return store

    @classmethod
    def in_memory(cls) -> "Store":
        """Make a store that lasts as long as the process."""
        connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        _prepare(connection, "memory")
        return cls(connection, "memory")

    @property
    def opened(self) -> bool:
        """Whether the file was sound when it was opened, and was not given up since."""
        return self._file is not None

    @property
    def _connection(self) -> sqlite3.Connection:
        if self._file is None:
            raise StoreError(self.trouble)
        return self._file

    def close(self) -> None:
        """Close the file; the write-ahead log is folded in."""
        with self._lock:
            if self._file is not None:
                self._file.close()

    def take_up(self) -> State:
        """Open the file if it is not, and read everything.

        Raises:
            StoreError: it cannot be used; the store is as it was.
        """
        if self._file is not None or self._path is None:
            return self.load()
        if self._displaced is not None:
            self._leave(self._displaced, self._path)
        with ExitStack() as unless_sound:
            connection = _opened(self._path, 0.0, update=True)
            unless_sound.callback(connection.close)
            with _translated(self.name), understood(self.name):
                state = _load(connection)
            unless_sound.pop_all()
        with self._lock:
            self._file, self.trouble = connection, ""
            self._places = _places(self._path)
        return state

    def notice(self) -> None:
        """Give up a file that was deleted, or replaced by another one, while it was in use.

        Whatever is written to it goes into a file without a name, and is lost with this process.
        """
        with self._lock:
            if self._path is None or self._file is None:
                return
            if _place(self._path) != self._places[0]:
                self._displaced, self._file = self._file, None
                self.trouble = f"state file {self._path}: {_DISPLACED}"

    def _leave(self, connection: sqlite3.Connection, path: Path) -> None:
        """Let go of a file that was displaced, once there is one in its place again.

        Raises:
            StoreError: there is none. It is not begun anew by itself: what was counted would be
                gone without a word.
        """
        database, log_file = _places(path)
        if database is None:
            message = f"state file {path}: {_DISPLACED}"
            raise StoreError(message)
        with _translated(self.name):
            if database == self._places[0]:  # it is back, and its log is still beside it
                connection.close()
            else:
                # A log that belongs to the old file would be played into the new one. The old file
                # is not closed: SQLite would then delete a log that came with the new one.
                if log_file is not None and log_file == self._places[1]:
                    _log_of(path).unlink(missing_ok=True)
                self._abandoned.append(connection)
        self._displaced = None

    def give_up(self, why: str) -> None:
        """Close a file that turned out to be damaged; ``take_up`` opens it once it is sound."""
        with self._lock:
            connection, self._file, self.trouble = self._file, None, why
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()

    def load(self) -> State:
        """Read everything.

        Raises:
            StoreError: it cannot be read, or does not hold what it should.
        """
        with self._lock, _translated(self.name), understood(self.name):
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
        rows = (
            (
                *(source, p.zone, p.start, p.forecast, p.end),
                *(p.gco2eq_per_kwh, p.estimated, p.low, p.high),
            )
            for p in points
        )
        with self._transaction() as connection:
            _replace(connection, "intensity", rows)
            connection.execute("DELETE FROM intensity WHERE end < ?", (forget_before,))

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self.notice()
        try:
            with self._lock, _translated(self.name):
                self._connection.execute("BEGIN IMMEDIATE")
                with self._connection:  # commits, or rolls back whatever goes wrong
                    yield self._connection
        except StoreError as error:
            self.trouble = str(error)
            if _damaged(error.__cause__) and self._path is not None:
                self.give_up(str(error))
            raise
        self.trouble = ""


Place = tuple[int, int] | None
"""Device and inode of a file, None where there is none."""


def _places(path: Path | None) -> tuple[Place, Place]:
    """Where a database and its write-ahead log lie."""
    return (None, None) if path is None else (_place(path), _place(_log_of(path)))


def _place(path: Path) -> Place:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _log_of(path: Path) -> Path:
    return Path(f"{path}-wal")


COPIES: Final = 5
"""How often a file that was written to meanwhile is copied again, for a look."""


def look(path: Path) -> tuple[int, int, State]:
    """Read a state file without opening it, be it that a daemon holds it.

    Returns its schema, its bytes together with those of its write-ahead log, and what it holds.

    Raises:
        StoreError: it is none, is damaged, or of a newer version.
    """
    with TemporaryDirectory(prefix="carbon-exporter-") as folder:
        copy = Path(folder) / path.name
        try:
            size = _copy_whole(path, copy)
        except OSError as error:
            message = f"state file {path}: {error.strerror or error} — is it the right file?"
            raise StoreError(message) from error
        try:
            with _translated(str(copy)), closing(sqlite3.connect(copy)) as connection:
                schema, ours = schema_of(connection), _refuse_foreign(connection, str(copy))
            if not ours:
                _refuse_empty(path)
            store = Store.open(copy, update=False)
            try:
                return schema, size, store.load()
            finally:
                store.close()
        except StoreError as error:
            raise StoreError(str(error).replace(str(copy), str(path))) from error


def _refuse_empty(path: Path) -> NoReturn:
    message = f"state file {path}: empty — nothing was ever saved in it"
    raise StoreError(message)


def _copy_whole(path: Path, copy: Path) -> int:
    """Copy a database and its log, as they were at one moment; returns their bytes."""
    parts = {Path(f"{path}{suffix}"): Path(f"{copy}{suffix}") for suffix in ("", "-wal")}

    def state() -> list[tuple[int, int] | None]:
        found = (part.stat() if part.exists() else None for part in parts)
        return [one and (one.st_mtime_ns, one.st_size) for one in found]

    for _ in range(COPIES):
        before = state()
        for part, target in parts.items():
            target.unlink(missing_ok=True)
            if part.exists() or target == copy:
                shutil.copyfile(part, target)
        if state() == before:
            break
    return sum(target.stat().st_size for target in parts.values() if target.exists())


def _opened(path: Path, patience: float, *, update: bool) -> sqlite3.Connection:
    with _translated(str(path)), ExitStack() as unless_ready:
        connection = sqlite3.connect(
            path, timeout=patience, isolation_level=None, check_same_thread=False
        )
        unless_ready.callback(connection.close)
        _prepare(connection, str(path))
        if schema_of(connection) < SCHEMA_VERSION:
            if not update:
                return _copied(connection)
            _update(connection, path)
        unless_ready.pop_all()
    return connection


@contextmanager
def _translated(name: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        message = f"state file {name}: {error} — {_fix(error)}"
        if _named(error).startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            raise StoreLockedError(message) from error
        raise StoreError(message) from error


@contextmanager
def understood(name: str) -> Iterator[None]:
    """Say of what a state file holds that it makes no sense, however that shows.

    Raises:
        StoreError: it makes none.
    """
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        cause = (str(error) or type(error).__name__).splitlines()[0]
        message = f"state file {name}: content not understood ({cause}) — {_RESTORE}"
        raise StoreError(message) from error


def _named(error: BaseException | None) -> str:
    return getattr(error, "sqlite_errorname", "") or ""


def _damaged(error: BaseException | None) -> bool:
    # SQLITE_ERROR is a table or a column that is not there.
    return _named(error).startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_ERROR"))


def _fix(error: sqlite3.Error) -> str:
    if _damaged(error):
        return _RESTORE
    if _named(error).startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return "another carbon-exporter uses it; stop that one or set another `state`"
    if _named(error).startswith("SQLITE_FULL"):
        return "free space on the disk"
    return "make the file and its folder readable and writable for this user"


def _prepare(connection: sqlite3.Connection, name: str) -> None:
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    if not _refuse_foreign(connection, name):
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT")
    # A commit is on the disk when it returns: what counters show next outlives a power cut.
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA journal_size_limit = {LOG_BYTES}")
    connection.execute("BEGIN IMMEDIATE")  # says now, and not later, if it cannot be written
    connection.execute(f"PRAGMA user_version = {schema_of(connection)}")
    connection.execute("COMMIT")


def _update(connection: sqlite3.Connection, path: Path) -> None:
    """Climb to the present schema. Each step is on the disk before the next one's copy is made."""

    def before(version: int) -> None:
        copy = keep_copy(connection, path, version)
        log.info("updating the state file", state=str(path), schema=version + 1, copy=str(copy))

    with understood(str(path)):
        climb(connection, STEPS, before)


def _copied(connection: sqlite3.Connection) -> sqlite3.Connection:
    """Return a copy in memory, in the present schema."""
    copy = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    connection.backup(copy)
    climb(copy, STEPS, lambda _: None)
    return copy


def _refuse_foreign(connection: sqlite3.Connection, name: str) -> bool:
    """Touch nothing but an empty file or a sound one of ours; returns whether it is ours."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application == 0 and tables == 0:
        return False
    if application != APPLICATION_ID:
        message = (
            f"state file {name}: a database of another program — set another `state`; it was left "
            "as it is"
        )
        raise StoreError(message)
    _refuse_damaged(connection, name)
    refuse_newer(connection, Path(name), SCHEMA_VERSION)
    return True


def _refuse_damaged(connection: sqlite3.Connection, name: str) -> None:
    """Never count on from a damaged file: wrong totals are worse than none."""
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        message = f"state file {name}: damaged ({str(verdict).splitlines()[-1]}) — {_RESTORE}"
        raise StoreError(message)


def _load(connection: sqlite3.Connection) -> State:
    state = State(corrected=_counted(connection))
    for ident, collector, machine, runs in _rows(connection, "resource"):
        state.resources[ident] = ResourceRow(
            collector,
            _MACHINE.validate_python(json.loads(machine)),
            _RUNS.validate_python(json.loads(runs)),
        )
    for ident, watermark, seen, *usage, accounted, exposed in _rows(connection, "progress"):
        last = _usage(*usage)
        state.progress[ident] = ProgressRow(
            watermark, seen, last if last.complete else None, _tally(accounted, exposed)
        )
    for ident, start, cpu, gpu, units, watts, *values in _rows(connection, "bucket"):
        bucket = BucketRow(*_usage(cpu, gpu, units, watts), *values)
        state.buckets.setdefault(ident, {})[start] = bucket
    for provider, account, region, *tally in _rows(connection, "region"):
        state.regions[RegionKey(provider, account, region)] = _tally(*tally)
    for collector, *origin in _rows(connection, "origin"):
        state.origins[collector] = Origin(*origin)
    for hour, zone, *region, packed in _rows(connection, "late"):
        state.late.restore(LateKey(hour, zone, RegionKey(*region)), packed)
    for zone, *sums in _rows(connection, "repriced"):
        state.repriced[zone] = Repriced(*sums)
    for source, *row in _rows(connection, "intensity", "ORDER BY start"):
        state.intensity.setdefault(source, []).append(_point(row))
    _check(state)
    return state


def _counted(connection: sqlite3.Connection) -> int:
    """See that no row was lost where rows are counted; returns how many buckets were corrected."""
    meta = {str(name): value for name, value in _rows(connection, "meta")}
    for table in COUNTED:
        (count,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 — constant names
        expected = meta.get(f"rows of {table}", 0)
        if count != expected:
            message = f"{count} rows of {table} where {expected} were written"
            raise ValueError(message)
    return int(meta.get("corrected", 0))


def _rows(connection: sqlite3.Connection, table: str, order: str = "") -> Iterator[Sequence[Any]]:
    """Yield the rows of a table without their checksum, which is looked at."""
    for *row, crc in connection.execute(f"SELECT * FROM {table} {order}"):  # noqa: S608 — constant names
        if checksum(row) != crc:
            message = f"a row of {table} does not fit its checksum"
            raise ValueError(message)
        yield row


def _check(state: State) -> None:
    """See that what was read belongs together, and that it can be counted on.

    Raises:
        ValueError: it cannot.
    """
    if state.resources.keys() != state.progress.keys() or state.buckets.keys() - state.resources:
        message = "machines, their watermarks and their buckets do not belong together"
        raise ValueError(message)
    keys = {row.machine.key for row in state.resources.values()}
    if (
        len(keys) != len(state.resources)
        or {row.machine.region_key for row in state.resources.values()} - state.regions.keys()
    ):
        message = "machines and regions do not belong together"
        raise ValueError(message)
    tallies = [(row.tally, RESOURCE_QUANTITIES) for row in state.progress.values()]
    tallies += [(tally, REGION_QUANTITIES) for tally in state.regions.values()]
    for tally, quantities in tallies:
        if any(len(sums) != quantities or not all(map(isfinite, sums)) for sums in tally):
            message = "a total is no number"
            raise ValueError(message)
    points = (point for told in state.intensity.values() for point in told)
    if not all(map(sound, points)):
        message = "an intensity is none"
        raise ValueError(message)


def _usage(cpu: Ratio | None, gpu: Ratio | None, units: float, watts: str | None) -> Usage:
    return Usage(cpu, gpu, units, None if watts is None else MeteredPower(*json.loads(watts)))


def _columns(usage: Usage | None) -> tuple[float | str | None, ...]:
    """Lay a usage out as it is stored; the watts of a meter, which are rare, as one text."""
    cpu, gpu, units, watts = usage or _NO_USAGE
    return cpu, gpu, units, None if watts is None else _json(watts)


def _tally(accounted: str, exposed: str) -> TallyRow:
    return TallyRow(json.loads(accounted), json.loads(exposed))


def _point(row: Sequence[Any]) -> IntensityPoint:
    zone, start, forecast, end, value, estimated, low, high = row
    return IntensityPoint(
        zone=zone,
        start=start,
        end=end,
        gco2eq_per_kwh=GCO2eqPerKwh(value),
        estimated=bool(estimated),
        forecast=bool(forecast),
        low=low,
        high=high,
    )


def _json(value: object) -> str:
    """Write ASCII: a tag may hold text that is no valid Unicode, and must not stop the rest."""
    return json.dumps(value, default=datetime.isoformat)


def _replace(connection: sqlite3.Connection, table: str, rows: Iterable[Row]) -> None:
    checked = [(*row, checksum(row)) for row in rows]
    if checked:
        places = ",".join("?" * len(checked[0]))
        connection.executemany(f"REPLACE INTO {table} VALUES ({places})", checked)  # noqa: S608 — constant names


def _write(connection: sqlite3.Connection, changes: Changes) -> None:
    replace, run = partial(_replace, connection), connection.executemany
    replace(
        "resource",
        (
            (
                i,
                r.collector,
                _json(_MACHINE.dump_python(r.machine)),
                _json(_RUNS.dump_python(r.runs)),
            )
            for i, r in changes.resources.items()
        ),
    )
    replace(
        "progress",
        (
            (i, p.watermark, p.last_seen, *_columns(p.last), *map(_json, p.tally))
            for i, p in changes.progress.items()
        ),
    )
    replace(
        "bucket",
        ((*k, *_columns(v.usage), *v[4:]) for k, v in changes.buckets.items()),
    )
    run("DELETE FROM bucket WHERE id = ? AND start < ?", changes.closed_before.items())
    for table in ("resource", "progress", "bucket"):
        run(f"DELETE FROM {table} WHERE id = ?", ((i,) for i in changes.removed))  # noqa: S608 — constant names
    replace(
        "region",
        ((*key, *map(_json, tally)) for key, tally in changes.regions.items()),
    )
    replace("origin", ((c, *o) for c, o in changes.origins.items()))
    replace(
        "late",
        ((k.hour, k.grid_zone, *k.region, rows) for k, rows in changes.late.items() if rows),
    )
    run(
        "DELETE FROM late WHERE (hour, grid_zone, provider, account, cloud_region) = (?,?,?,?,?)",
        ((k.hour, k.grid_zone, *k.region) for k, rows in changes.late.items() if not rows),
    )
    for table in ("region", "late"):
        run(
            f"DELETE FROM {table} WHERE (provider, account, cloud_region) = (?,?,?)",  # noqa: S608 — constant names
            sorted(changes.forgotten),
        )
    replace("repriced", ((z, *r) for z, r in changes.repriced.items()))
    if changes.corrected is not None:
        replace("meta", [("corrected", changes.corrected)])
    counts = (
        (table, connection.execute(f"SELECT count(*) FROM {table}").fetchone())  # noqa: S608 — constant names
        for table in COUNTED
    )
    replace("meta", ((f"rows of {table}", count) for table, (count,) in counts))
