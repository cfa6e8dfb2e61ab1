"""What steer keeps on disk: intents, stops, evidence and journal, in one SQLite database.

Little is kept, on purpose: where a move stands is always looked at, never remembered. An intent is
written before the first call that it leads to, and closed after the last. Every write is durable
when it returns (``synchronous=FULL``). One process steers by it (``claim``); the command line may
read it and write stops and intents beside it, each in one transaction.
"""

import fcntl
import json
import os
import sqlite3
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter

from exporter.core.errors import StoreError, StoreLockedError
from exporter.core.steering import Intent, Verdict

APPLICATION_ID: Final = 0x43325354
"""Marks a database as ours: "C2ST"."""
SCHEMA_VERSION: Final = 1
BUSY_SECONDS: Final = 2.0
KEPT_CLOSED: Final = 1000
"""Closed intents of each group that are kept for ``shift status``."""
EVERY_GROUP: Final = "*"
"""A stop of this name holds for all groups."""

_SCHEMA: Final = f"""
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
CREATE TABLE intent (group_name TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE closed (
    id TEXT PRIMARY KEY, group_name TEXT NOT NULL, at TEXT NOT NULL, outcome TEXT NOT NULL,
    body TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX closed_by_group ON closed (group_name, at);
CREATE TABLE stop (
    group_name TEXT PRIMARY KEY, since TEXT NOT NULL, reason TEXT NOT NULL,
    by TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE note (name TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE hour (
    group_name TEXT, start INTEGER, body TEXT NOT NULL,
    PRIMARY KEY (group_name, start)) WITHOUT ROWID;
CREATE TABLE journal (
    seq INTEGER PRIMARY KEY, at TEXT NOT NULL, group_name TEXT NOT NULL, event TEXT NOT NULL,
    body TEXT NOT NULL, hash TEXT NOT NULL);
"""

_INTENT: Final = TypeAdapter(Intent)


class Outcome(StrEnum):
    """How an intent ended: values of the ``outcome`` label."""

    DONE = "done"
    ROLLED_BACK = "rolled_back"
    ABANDONED = "abandoned"
    """Given up by hand while what was seen could not be explained."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Somebody, or the circuit breaker, said: no new move."""

    group: str
    since: datetime
    reason: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """A move that is over."""

    intent: Intent
    at: datetime
    outcome: Outcome


class Intents:
    """The open state file of one steering process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: sqlite3.Connection | None = None
        self._claim: int | None = None

    def open(self) -> None:
        """Open the file, making it where there is none. Raises StoreError: it cannot be used."""
        connection: sqlite3.Connection | None = None
        try:
            connection = sqlite3.connect(
                self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            self._check(connection)
        except (sqlite3.Error, StoreError) as error:
            if connection is not None:
                connection.close()
            if isinstance(error, StoreError):
                raise
            fix = "restore it from a backup, or move it away once no move is under way"
            raise _failed(self.path, error, fix) from error
        self._connection = connection

    def claim(self) -> None:
        """Become the one process that steers by this file, until ``close`` or the process' end.

        Raises:
            StoreLockedError: another process steers by it.
        """
        lock = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(lock)
            message = f"{self.path} is in use by another process: one steers, not two"
            raise StoreLockedError(message) from error
        self._claim = lock

    def close(self) -> None:
        """Give the file back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._claim is not None:
            os.close(self._claim)
            self._claim = None

    def _check(self, connection: sqlite3.Connection) -> None:
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if application == 0 and version == 0:
            tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
            if tables:
                raise _failed(self.path, "a database of something else")
            connection.executescript(f"BEGIN;{_SCHEMA}COMMIT;")
            return
        if application != APPLICATION_ID:
            raise _failed(self.path, "a database of something else")
        if version != SCHEMA_VERSION:
            raise _failed(self.path, f"schema {version}, and this version knows {SCHEMA_VERSION}")
        if (told := connection.execute("PRAGMA quick_check").fetchone()[0]) != "ok":
            raise _failed(
                self.path, f"damaged: {told}", "restore it from a backup, or move it away"
            )

    @property
    def connection(self) -> sqlite3.Connection:
        """The open database. Raises StoreError before ``open``."""
        if self._connection is None:
            raise _failed(self.path, "not open")
        return self._connection

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Write all or nothing; durable on return. Raises StoreError."""
        try:
            self.connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise _failed(self.path, error) from error
        try:
            yield self.connection
            self.connection.execute("COMMIT")
        except BaseException as error:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise _failed(self.path, error) from error
            raise

    # Intents.

    def intent(self, group: str) -> Intent | None:
        """Return the intent of a group that is under way."""
        row = self.connection.execute(
            "SELECT body FROM intent WHERE group_name = ?", (group,)
        ).fetchone()
        return None if row is None else _intent(row[0])

    def under_way(self) -> Mapping[str, Intent]:
        """Return every intent that is under way, by group."""
        rows = self.connection.execute("SELECT group_name, body FROM intent ORDER BY 1")
        return {group: _intent(body) for group, body in rows}

    def begin(self, connection: sqlite3.Connection, intent: Intent) -> None:
        """Write the intent of a group that has none. Raises StoreError if it has one."""
        try:
            connection.execute(
                "INSERT INTO intent VALUES (?, ?)",
                (intent.group, _INTENT.dump_json(intent).decode()),
            )
        except sqlite3.IntegrityError as error:
            raise _failed(self.path, f"{intent.group} has a move under way already") from error

    def turn(self, connection: sqlite3.Connection, intent: Intent) -> None:
        """Replace the intent of a group by the one that goes back."""
        connection.execute(
            "UPDATE intent SET body = ? WHERE group_name = ?",
            (_INTENT.dump_json(intent).decode(), intent.group),
        )

    def end(
        self, connection: sqlite3.Connection, intent: Intent, at: datetime, outcome: Outcome
    ) -> None:
        """Close an intent and forget the oldest closed ones."""
        connection.execute("DELETE FROM intent WHERE group_name = ?", (intent.group,))
        body = _INTENT.dump_json(intent).decode()
        connection.execute(
            "INSERT OR REPLACE INTO closed VALUES (?, ?, ?, ?, ?)",
            (intent.id, intent.group, at.isoformat(), outcome, body),
        )
        connection.execute(
            "DELETE FROM closed WHERE group_name = ? AND id NOT IN (SELECT id FROM closed "
            "WHERE group_name = ? ORDER BY at DESC LIMIT ?)",
            (intent.group, intent.group, KEPT_CLOSED),
        )

    def closed(self, group: str, limit: int = KEPT_CLOSED) -> tuple[Closed, ...]:
        """Return the moves of a group that are over, the newest first."""
        rows = self.connection.execute(
            "SELECT body, at, outcome FROM closed WHERE group_name = ? ORDER BY at DESC LIMIT ?",
            (group, limit),
        )
        return tuple(
            Closed(intent=_intent(body), at=datetime.fromisoformat(at), outcome=Outcome(outcome))
            for body, at, outcome in rows
        )

    # Stops.

    def stops(self) -> Mapping[str, Stop]:
        """Return who said stop, by group; ``*`` holds for all."""
        rows = self.connection.execute("SELECT group_name, since, reason, by FROM stop ORDER BY 1")
        return {
            group: Stop(group=group, since=datetime.fromisoformat(since), reason=reason, by=by)
            for group, since, reason, by in rows
        }

    def stop(self, connection: sqlite3.Connection, stop: Stop) -> None:
        """Freeze a group. A stop that stands already keeps its time and its reason."""
        connection.execute(
            "INSERT OR IGNORE INTO stop VALUES (?, ?, ?, ?)",
            (stop.group, stop.since.isoformat(), stop.reason, stop.by),
        )

    def go(self, connection: sqlite3.Connection, group: str) -> bool:
        """Unfreeze a group; whether it was frozen."""
        cursor = connection.execute("DELETE FROM stop WHERE group_name = ?", (group,))
        return bool(cursor.rowcount)

    # Small facts: what was seen at the check, the evidence of a dry run.

    def note(self, name: str) -> object:
        """Return a kept fact, or None."""
        row = self.connection.execute("SELECT body FROM note WHERE name = ?", (name,)).fetchone()
        return None if row is None else json.loads(row[0])

    def keep(self, connection: sqlite3.Connection, name: str, fact: object) -> None:
        """Keep a fact that JSON can tell."""
        connection.execute(
            "INSERT OR REPLACE INTO note VALUES (?, ?)", (name, json.dumps(fact, sort_keys=True))
        )


def new_id(at: datetime) -> str:
    """Return a UUID of version 7 (RFC 9562): 48 bits of milliseconds, then random bits."""
    milliseconds = int(at.timestamp() * 1000) & ((1 << 48) - 1)
    random = uuid.uuid4().int
    value = (milliseconds << 80) | (0x7 << 76) | ((random >> 64 & 0xFFF) << 64)
    return str(uuid.UUID(int=value | (0b10 << 62) | (random & ((1 << 62) - 1))))


def turned(intent: Intent, at: datetime, why: str) -> Intent:
    """Return the intent that goes back: the same function with source and target exchanged."""
    known = asdict(intent) | {
        "id": new_id(at),
        "source": intent.target,
        "target": intent.source,
        "since": at,
        "verdict": Verdict.TURN,
        "why": why,
    }
    return Intent(**known)


def _intent(body: str) -> Intent:
    return _INTENT.validate_json(body)


def _failed(path: Path, error: object, fix: str = "") -> StoreError:
    return StoreError(f"{path}: {error}{' — ' if fix else ''}{fix}")
