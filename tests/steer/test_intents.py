"""What steer keeps: durable, exclusive, pruned; and a journal that shows what was changed."""

import sqlite3
import subprocess
import sys
import textwrap
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from exporter.core.errors import StoreError, StoreLockedError
from exporter.core.steering import Intent, Verdict
from exporter.steer import intents as module
from exporter.steer import journal
from exporter.steer.intents import Intents, Outcome, Stop, new_id, turned

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Intents]:
    """An open file."""
    intents = Intents(tmp_path / "steer.db")
    intents.open()
    yield intents
    intents.close()


def move(number: int = 1, group: str = "web") -> Intent:
    """Home to away."""
    return Intent(
        id=f"{number:05d}",
        group=group,
        source="aws/eu-west-1",
        target="aws/eu-west-3",
        since=NOW,
        verdict=Verdict.MOVE,
        why="34 % cleaner",
        need=3,
        error_ratio=0.001,
    )


def test_an_intent_is_there_after_reopening_and_gone_after_its_end(kept: Intents) -> None:
    """Word for word."""
    with kept.transaction() as connection:
        kept.begin(connection, move())
    kept.close()
    kept.open()
    assert kept.under_way() == {"web": move()}

    back = turned(move(), NOW + timedelta(minutes=1), "2 of 3 healthy")
    with kept.transaction() as connection:
        kept.turn(connection, back)
    assert (back.source, back.target, back.verdict) == (move().target, move().source, Verdict.TURN)
    assert kept.intent("web") == back

    with kept.transaction() as connection:
        kept.end(connection, back, NOW, Outcome.ROLLED_BACK)
    assert kept.intent("web") is None
    assert [(c.intent, c.outcome) for c in kept.closed("web")] == [(back, Outcome.ROLLED_BACK)]


def test_a_group_has_one_intent(kept: Intents) -> None:
    """The second is refused, and the transaction it stands in leaves nothing behind."""
    with kept.transaction() as connection:
        kept.begin(connection, move(1))

    def begin_again() -> None:
        with kept.transaction() as connection:
            journal.append(connection, NOW, "web", "intent", {})
            kept.begin(connection, move(2))

    with pytest.raises(StoreError, match="under way already"):
        begin_again()

    assert kept.intent("web") == move(1)
    assert list(journal.entries(kept.connection)) == []


def test_closed_intents_are_pruned(kept: Intents, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest stay, of each group by itself."""
    monkeypatch.setattr(module, "KEPT_CLOSED", 3)
    with kept.transaction() as connection:
        kept.end(connection, move(0, "api"), NOW, Outcome.DONE)
        for number in range(1, 9):
            at = NOW + timedelta(minutes=number)
            kept.end(connection, move(number), at, Outcome.DONE)

    assert [closed.intent.id for closed in kept.closed("web")] == ["00008", "00007", "00006"]
    assert len(kept.closed("api")) == 1


def test_a_second_steering_process_is_refused_and_the_command_line_is_not(kept: Intents) -> None:
    """In a process of its own, as locks of one process do not exclude each other."""
    kept.claim()
    code = """
        import sys
        from datetime import UTC, datetime
        from pathlib import Path
        from exporter.core.errors import StoreLockedError
        from exporter.steer.intents import Intents, Stop
        other = Intents(Path(sys.argv[1]))
        other.open()
        with other.transaction() as connection:
            other.stop(connection, Stop(
                group="*", since=datetime(2026, 1, 1, tzinfo=UTC), reason="drill", by="me"))
        try:
            other.claim()
        except StoreLockedError as error:
            print(error)
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(kept.path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert "in use by another process" in run.stdout
    assert kept.stops()["*"].reason == "drill"


def test_a_claim_ends_with_its_owner(tmp_path: Path) -> None:
    """No lock is left behind by whoever is gone."""
    first, second = Intents(tmp_path / "a.db"), Intents(tmp_path / "a.db")
    first.claim()
    with pytest.raises(StoreLockedError):
        second.claim()
    first.close()
    second.claim()
    second.close()


def test_a_stop_keeps_its_first_reason_until_it_is_lifted(kept: Intents) -> None:
    """The reason that stopped it matters more than the last one who asked."""
    first = Stop(group="web", since=NOW, reason="excess", by="circuit breaker")
    with kept.transaction() as connection:
        kept.stop(connection, first)
        kept.stop(connection, Stop(group="web", since=NOW, reason="later", by="me"))
    assert kept.stops() == {"web": first}

    with kept.transaction() as connection:
        assert kept.go(connection, "web")
        assert not kept.go(connection, "web")
    assert kept.stops() == {}


@pytest.mark.parametrize("content", [b"not a database at all, just text" * 40, None])
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: bytes | None) -> None:
    """Rubbish, and a database of another program, which stays as it is."""
    path = tmp_path / "steer.db"
    if content is None:
        other = sqlite3.connect(path)
        other.execute("CREATE TABLE theirs (x)")
        other.commit()
        other.close()
    else:
        path.write_bytes(content)
    before = path.read_bytes()

    with pytest.raises(StoreError, match=r"steer\.db"):
        Intents(path).open()
    if content is not None:
        assert path.read_bytes() == before


def test_ids_are_version_seven_and_sort_by_time() -> None:
    """As Python's own parser reads them."""
    ids = [new_id(NOW + timedelta(milliseconds=n)) for n in range(50)]

    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)
    for text in ids:
        parsed = uuid.UUID(text)
        assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)


def write(kept: Intents, count: int) -> None:
    """Entries as a move would make them."""
    with kept.transaction() as connection:
        for number in range(count):
            journal.append(connection, NOW, "web", "called", {"size": number, "at": NOW})


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE journal SET body = '{}' WHERE seq = 5",
        "UPDATE journal SET at = '2020-01-01T00:00:00+00:00' WHERE seq = 5",
        "DELETE FROM journal WHERE seq = 5",
        "DELETE FROM journal WHERE seq = 1; UPDATE journal SET seq = seq - 1",
    ],
)
def test_a_journal_that_was_changed_tells_where(kept: Intents, tampering: str) -> None:
    """Whatever of an entry was changed, and an entry taken away."""
    write(kept, 9)
    assert journal.first_broken(kept.connection) is None

    kept.connection.executescript(tampering)

    assert journal.first_broken(kept.connection) is not None


def test_a_pruned_journal_still_holds_together(
    kept: Intents, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest go, in portions."""
    monkeypatch.setattr(journal, "KEPT", 20)
    monkeypatch.setattr(journal, "PRUNE_EVERY", 10)
    write(kept, 105)

    numbers = [entry.seq for entry in journal.entries(kept.connection)]
    assert numbers == list(range(81, 106))
    assert journal.first_broken(kept.connection) is None
