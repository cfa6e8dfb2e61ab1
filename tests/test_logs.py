import io
import json
import logging
from collections.abc import Iterator

import pytest
import stamina.instrumentation
import structlog

from exporter import logs
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


def test_a_retry_is_not_told_with_what_it_was_called_with() -> None:
    logs.configure("debug", "json", io.StringIO())
    assert stamina.instrumentation.get_on_retry_hooks() == ()
