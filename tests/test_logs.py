import io
import json
import logging
import os
from collections.abc import Iterator

import pytest
import stamina.instrumentation
import structlog

from exporter import logs
from tests.support.clock import ManualClock
from tests.support.loggers import loggers_restored


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    with loggers_restored():
        yield


def lines(level: str, form: str) -> list[str]:
    stream = io.StringIO()
    logs.configure(level, form, stream)
    structlog.get_logger("ours").info("told", zone="FR")
    structlog.get_logger("ours").debug("whispered")
    logging.getLogger("theirs").warning("also %s", "told")
    logging.getLogger("httpx").info("GET https://api?key=hunter2")
    return stream.getvalue().splitlines()


def test_json_has_one_object_a_line_from_all_loggers() -> None:
    ours, theirs = (json.loads(line) for line in lines("info", "json"))
    assert (ours["event"], ours["zone"], ours["level"]) == ("told", "FR", "info")
    assert (theirs["event"], theirs["logger"]) == ("also told", "theirs")
    assert ours["timestamp"].endswith("Z")


def test_off_a_terminal_auto_is_json() -> None:
    assert [json.loads(line)["event"] for line in lines("info", "auto")] == ["told", "also told"]


def test_the_console_is_for_people() -> None:
    ours, _ = lines("info", "console")
    assert "told" in ours
    assert "zone=FR" in ours
    assert "\x1b" not in ours


def test_the_level_is_the_least_that_is_logged() -> None:
    assert len(lines("error", "json")) == 0
    assert len(lines("debug", "json")) == 3


def test_an_exception_is_one_line_of_json() -> None:
    stream = io.StringIO()
    logs.configure("info", "json", stream)
    try:
        raise ValueError("bad")  # noqa: EM101, TRY301
    except ValueError:
        structlog.get_logger().exception("failed")
    [line] = stream.getvalue().splitlines()
    assert "ValueError: bad" in json.loads(line)["exception"]


class Filtered:
    """A filter on a clock of the test; what passes it, and what it tells."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.told: list[str] = []
        self.filter = logs.Repeats(
            lambda record: self.told.append(record.getMessage()), monotonic=self.clock.monotonic
        )

    def passes(self, wording: object, *details: object, name: str = "lib") -> bool:
        record = logging.LogRecord(name, logging.WARNING, "", 0, wording, details, None)
        return self.filter.filter(record)


def test_a_line_that_repeats_is_shown_once_a_minute_with_a_count() -> None:
    lines = Filtered()
    assert [lines.passes("bad request") for _ in range(5)] == [True, False, False, False, False]
    lines.clock.advance(59)
    assert not lines.passes("bad request")
    assert lines.told == []
    lines.clock.advance(1)
    assert lines.passes("bad request")
    assert lines.told == ["repeated 5 times: bad request"]
    lines.clock.advance(60)
    assert lines.passes("bad request")
    assert len(lines.told) == 1, "there is nothing to tell of a line that did not repeat"


def test_lines_that_differ_are_all_shown_up_to_a_limit() -> None:
    lines = Filtered()
    shown = [lines.passes("no answer from %s", number) for number in range(100)]
    assert shown == [True] * logs.MAX_LINES + [False] * (100 - logs.MAX_LINES)
    assert lines.passes("something else")
    assert lines.passes("no answer from %s", 1, name="another logger")
    lines.clock.advance(60)
    assert lines.passes("no answer from %s", 7)
    assert lines.told == [f"repeated {100 - logs.MAX_LINES} times: no answer from %s"]


def test_one_collector_that_fails_silences_no_other() -> None:
    lines = Filtered()
    for name in ("aws", "gcp"):
        line = {"event": "collector failed", "collector": name, "timestamp": name}
        assert [lines.passes({**line, "timestamp": n}) for n in range(3)] == [True, False, False]


def test_what_is_remembered_of_lines_is_bounded() -> None:
    lines = Filtered()
    for number in range(3 * logs.MAX_KINDS):
        lines.passes(f"{number} {'x' * 10_000}")
    assert len(lines.filter._seen) == logs.MAX_KINDS
    assert max(len(part) for key in lines.filter._seen for part in key) <= 500


def test_a_flood_of_any_logger_is_two_lines_a_minute() -> None:
    stream = io.StringIO()
    logs.configure("info", "json", stream)
    for _ in range(1000):
        logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
        structlog.get_logger("ours").warning("too many connections")
    assert len(stream.getvalue().splitlines()) == 2


def test_a_traceback_in_a_loop_is_written_once() -> None:
    stream = io.StringIO()
    logs.configure("info", "json", stream)
    for _ in range(100):
        try:
            os.close(-1)
        except OSError:
            logging.getLogger("asyncio").exception("accept failed on %s", "socket")
    assert stream.getvalue().count("Traceback") == 1


def test_libraries_that_warn_at_each_round_are_silent() -> None:
    stream = io.StringIO()
    logs.configure("info", "json", stream)
    logging.getLogger("apscheduler.scheduler").warning("skipped: maximum number of instances")
    assert stream.getvalue() == ""


def test_a_retry_is_not_told_with_what_it_was_called_with() -> None:
    logs.configure("debug", "json", io.StringIO())
    assert stamina.instrumentation.get_on_retry_hooks() == ()
