"""What steer saw, called and was answered: append-only, each entry bound to the one before it.

An entry's hash is SHA-256 over the hash of its predecessor and the entry's canonical JSON (sorted
keys, no blanks), so that an entry changed or taken away afterwards breaks the chain from there.
It shows tampering by whoever cannot also rewrite what comes after; a last hash that is kept
elsewhere (it is logged with each move) shows the rest. The oldest entries go once there are more
than ``KEPT``; the hash that they led to stays as the new beginning.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

KEPT: Final = 100_000
"""Entries; about 300 bytes each."""
PRUNE_EVERY: Final = 1000
BEGINNING: Final = "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the journal."""

    seq: int
    at: datetime
    group: str
    event: str
    body: Mapping[str, object]
    hash: str


def append(
    connection: sqlite3.Connection,
    at: datetime,
    group: str,
    event: str,
    body: Mapping[str, object],
) -> str:
    """Write an entry within the caller's transaction; return its hash."""
    row = connection.execute("SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1").fetchone()
    seq, before = (1, BEGINNING) if row is None else (row[0] + 1, row[1])
    text = _canonical(body)
    digest = _hash(before, seq, at.isoformat(), group, event, text)
    connection.execute(
        "INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?)",
        (seq, at.isoformat(), group, event, text, digest),
    )
    if seq % PRUNE_EVERY == 0:
        connection.execute("DELETE FROM journal WHERE seq <= ?", (seq - KEPT,))
    return digest


def entries(connection: sqlite3.Connection, group: str | None = None) -> Iterator[Entry]:
    """Yield the entries in order, of one group or of all."""
    rows = connection.execute(
        "SELECT seq, at, group_name, event, body, hash FROM journal "
        "WHERE ? IS NULL OR group_name = ? ORDER BY seq",
        (group, group),
    )
    for seq, at, name, event, body, digest in rows:
        yield Entry(
            seq=seq,
            at=datetime.fromisoformat(at),
            group=name,
            event=event,
            body=json.loads(body),
            hash=digest,
        )


def first_broken(connection: sqlite3.Connection) -> int | None:
    """Return the number of the first entry that does not follow from its predecessor, or None.

    The oldest entry that is kept cannot be checked against what was pruned, and is taken as given
    unless it is the very first.
    """
    rows = connection.execute(
        "SELECT seq, at, group_name, event, body, hash FROM journal ORDER BY seq"
    )
    before: tuple[int, str] | None = None
    for seq, at, group, event, body, digest in rows:
        expected = (seq - 1, BEGINNING) if before is None and seq == 1 else before
        if expected is not None and (
            expected[0] != seq - 1 or digest != _hash(expected[1], seq, at, group, event, body)
        ):
            return int(seq)
        before = (seq, digest)
    return None


def _canonical(body: Mapping[str, object]) -> str:
    return json.dumps(body, sort_keys=True, separators=(",", ":"), default=str)


def _hash(before: str, *parts: object) -> str:
    text = _canonical({"before": before, "entry": [str(part) for part in parts]})
    return hashlib.sha256(text.encode()).hexdigest()
