"""The ladder from each schema of the state file to the next: an update keeps every total.

``PRAGMA user_version`` says which schema a file has. Each step stands in one transaction together
with the new number, so that a kill at any instant leaves the file whole in the one schema or in
the other, and the next start climbs on from there. Before each step a copy of the file is laid
beside it, ``<state>.schema<N>.bak``: what an older version needs to count on, should the user want
to go back.
"""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from filecmp import cmp
from itertools import count, islice, takewhile
from pathlib import Path
from typing import Final
from zlib import crc32

from exporter.core.errors import StoreError

Step = Callable[[sqlite3.Connection], None]
"""Turns a file of one schema into the next, inside a transaction that its caller opened: it
executes single statements, never a script, which would commit what was done so far."""


def _usage_by_signal(connection: sqlite3.Connection) -> None:
    """1 → 2: a bucket, and the last one of a machine, keep CPU, GPU, units and measured watts.

    Until then there was a CPU utilisation, a GPU's for buckets alone, and one unit of everything.
    Tables are made anew, so that their columns stand in the order in which they are written.
    """
    connection.execute(
        "CREATE TABLE progress_2 ("
        "id INTEGER PRIMARY KEY, watermark INTEGER NOT NULL, last_seen REAL NOT NULL, "
        "last_cpu REAL, last_gpu REAL, last_units REAL NOT NULL, last_watts TEXT, "
        "accounted TEXT NOT NULL, exposed TEXT NOT NULL)"
    )
    connection.execute(
        "INSERT INTO progress_2 SELECT id, watermark, last_seen, last_ratio, NULL, 1.0, NULL, "
        "accounted, exposed FROM progress"
    )
    connection.execute(
        "CREATE TABLE bucket_2 ("
        "id INTEGER, start INTEGER, cpu REAL, gpu REAL, units REAL NOT NULL, watts TEXT, "
        "gco2eq_per_kwh REAL, seconds REAL NOT NULL, energy REAL NOT NULL, "
        "operational REAL NOT NULL, embodied REAL NOT NULL, PRIMARY KEY (id, start)) WITHOUT ROWID"
    )
    connection.execute(
        "INSERT INTO bucket_2 SELECT id, start, ratio, gpu, 1.0, NULL, gco2eq_per_kwh, seconds, "
        "energy, operational, embodied FROM bucket"
    )
    for table in ("progress", "bucket"):
        connection.execute(f"DROP TABLE {table}")
        connection.execute(f"ALTER TABLE {table}_2 RENAME TO {table}")


def _late_hours(connection: sqlite3.Connection) -> None:
    """2 → 3: what closed at the price of a stand-in is kept until the grid's own value comes."""
    connection.execute(
        "CREATE TABLE late ("
        "hour INTEGER, grid_zone TEXT, provider TEXT, account TEXT, cloud_region TEXT, "
        "resources BLOB NOT NULL, "
        "PRIMARY KEY (hour, grid_zone, provider, account, cloud_region)) WITHOUT ROWID"
    )
    connection.execute(
        "CREATE TABLE repriced ("
        "grid_zone TEXT PRIMARY KEY, up REAL NOT NULL, down REAL NOT NULL) WITHOUT ROWID"
    )


def checksum(row: Iterable[float | str | bytes | None]) -> int:
    """Return the CRC-32 of a row's values as SQLite gives them back, whatever wrote them.

    An integral float may be stored as an integer and a NaN as NULL, so numbers count as floats, -0
    as 0 and NaN as NULL. SQLite has no checksums of its own: a bit that a disk or a memory flips
    in a total would else be counted on with.
    """
    return crc32(repr([_plain(value) for value in row]).encode("ascii", "backslashreplace"))


def _plain(value: float | str | bytes | None) -> float | str | None:
    if isinstance(value, bytes):
        return crc32(value)
    if not isinstance(value, (float, int)):
        return value  # None, a text, or what SQLite will refuse
    number = float(value)
    return None if number != number else number + 0.0  # noqa: PLR0124 — NaN


_CHECKED_4: Final = {
    "resource": "id, collector, machine, runs",
    "progress": "id, watermark, last_seen, last_cpu, last_gpu, last_units, last_watts, accounted, "
    "exposed",
    "bucket": "id, start, cpu, gpu, units, watts, gco2eq_per_kwh, seconds, energy, operational, "
    "embodied",
    "region": "provider, account, cloud_region, accounted, exposed",
    "origin": "collector, start, resolution",
    "late": "hour, grid_zone, provider, account, cloud_region, resources",
    "repriced": "grid_zone, up, down",
}


def _row_checks(connection: sqlite3.Connection) -> None:
    """3 → 4: each row of what is counted has a checksum; tables that seldom grow, a count."""
    connection.create_function("row_crc", -1, lambda *row: checksum(row), deterministic=True)
    for table, columns in _CHECKED_4.items():
        connection.execute(f"ALTER TABLE {table} ADD COLUMN crc INTEGER NOT NULL DEFAULT 0")
        connection.execute(f"UPDATE {table} SET crc = row_crc({columns})")  # noqa: S608 — constant names
    for table in ("resource", "progress", "region", "origin", "repriced"):
        connection.execute(
            f"REPLACE INTO meta SELECT 'rows of {table}', count(*) FROM {table}"  # noqa: S608 — constant names
        )


_OTHER_BASIS: Final = ("eia", "entsoe", "neso")
"""Sources whose mixes were priced by one set of factors for the world until they were priced by the
zone's own plants, its imports traced: no row of theirs tells which of the two it is."""


def _checked_intensities(connection: sqlite3.Connection) -> None:
    """4 → 5: intensities keep their bounds; their rows, and the single values, have a checksum.

    What may be on another basis than what is read today is dropped: the chain would price with it,
    and our forecast would take the step between the two for a swing of the grid. The sources are
    asked for it again, as far back as they go.
    """
    connection.execute("DELETE FROM intensity WHERE source IN (?, ?, ?)", _OTHER_BASIS)
    for column in ("low REAL", "high REAL", "crc INTEGER NOT NULL DEFAULT 0"):
        connection.execute(f"ALTER TABLE intensity ADD COLUMN {column}")
    connection.execute("ALTER TABLE meta ADD COLUMN crc INTEGER NOT NULL DEFAULT 0")
    connection.create_function("row_crc", -1, lambda *row: checksum(row), deterministic=True)
    connection.execute(
        "UPDATE intensity SET crc = row_crc("
        "source, zone, start, forecast, end, gco2eq_per_kwh, estimated, low, high)"
    )
    connection.execute("UPDATE meta SET crc = row_crc(name, value)")


STEPS: Final[tuple[Step, ...]] = (
    _usage_by_signal,
    _late_hours,
    _row_checks,
    _checked_intensities,
)
"""The first leads from schema 1 to 2. A step that was released is never changed again."""

SPARE_BYTES: Final = 1 << 20
"""Room left on the disk besides the copy and the step's own writing."""


def refuse_newer(connection: sqlite3.Connection, path: Path, newest: int) -> None:
    """Leave a file alone that a version after this one wrote: what it means is not known here.

    Raises:
        StoreError: it has a schema that this version does not read.
    """
    version = schema_of(connection)
    if 1 <= version <= newest:
        return
    kept = max(
        (copy for number in range(1, newest + 1) for copy in copies(path, number)),
        key=lambda copy: copy.stat().st_mtime,
        default=None,
    )
    go_back = f", put {kept} in its place (it lacks what was counted since)" if kept else ""
    message = (
        f"state file {path}: written by a newer version (schema {version}, this one reads up to "
        f"{newest}) — use that version again{go_back}, or set another `state`; it was left as it is"
    )
    raise StoreError(message)


def climb(
    connection: sqlite3.Connection, steps: Sequence[Step], before: Callable[[int], None]
) -> None:
    """Bring a database to the newest schema; ``before`` hears the schema that a step starts from.

    Raises:
        StoreError: ``before`` refused; then its step was not taken.
        sqlite3.Error: a step failed; the database is as it was before it.
    """
    for version in range(schema_of(connection), len(steps) + 1):
        before(version)
        connection.execute("BEGIN IMMEDIATE")
        with connection:  # commits, or rolls back whatever goes wrong
            steps[version - 1](connection)
            connection.execute(f"PRAGMA user_version = {version + 1}")


def schema_of(connection: sqlite3.Connection) -> int:
    """Return the schema of a file."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def copies(path: Path, version: int) -> list[Path]:
    """Return the copies of a schema that lie beside a state file."""
    return list(takewhile(Path.exists, _names(path, version)))


def _names(path: Path, version: int) -> Iterator[Path]:
    """Yield names for copies, the preferred one first: ``.bak``, then ``.bak.1`` and so on."""
    first = f"{path}.schema{version}.bak"
    yield Path(first)
    yield from (Path(f"{first}.{number}") for number in count(1))


def keep_copy(connection: sqlite3.Connection, path: Path, version: int) -> Path:
    """Copy the file as it is now, its write-ahead log folded in, and return where to.

    An older copy is never written over, whichever of the two may hold more: this one gets a name
    of its own, or is not kept where it is the same to the byte, as after a step that failed.

    Raises:
        StoreError: it cannot be written whole; nothing of it stays.
    """
    part = Path(f"{path}.schema{version}.bak.part")
    try:
        _make_room(connection, path)
        part.unlink(missing_ok=True)
        try:
            _copy(connection, part)
            shutil.copymode(path, part)
            return _named(part, path, version)
        finally:
            part.unlink(missing_ok=True)
    except (OSError, sqlite3.Error) as error:
        message = (
            f"state file {path}: no copy could be made before its update ({error}) — free space "
            "on the disk, and make the folder writable for this user; the file was left as it is"
        )
        raise StoreError(message) from error


def _make_room(connection: sqlite3.Connection, path: Path) -> None:
    """See that there is room before anything is written: a full disk harms others too."""
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
    needed = 2 * pages * page_bytes + SPARE_BYTES  # the copy, and a step that writes all anew
    free = shutil.disk_usage(path.parent).free
    if free < needed:
        message = f"it takes {needed / 1e6:.0f} MB, {free / 1e6:.0f} MB are free"
        raise OSError(message)


def _copy(connection: sqlite3.Connection, part: Path) -> None:
    """Write a copy and read it once: a copy that cannot be read is none."""
    with closing(sqlite3.connect(part)) as target:
        connection.backup(target)
        (verdict,) = target.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        message = f"the copy is damaged: {str(verdict).splitlines()[-1]}"
        raise OSError(message)
    _flush(part)


def _named(part: Path, path: Path, version: int) -> Path:
    known = copies(path, version)
    for name in known:
        if cmp(part, name, shallow=False):
            return name
    name = next(islice(_names(path, version), len(known), None))
    part.replace(name)
    _flush(name.parent)  # the copy is there for good before the step begins
    return name


def _flush(place: Path) -> None:
    """Have a file, or the names in a folder, outlive a power cut."""
    handle = os.open(place, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
