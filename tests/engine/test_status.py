"""What may be missing is told and counted once, and leaves a collector a success."""

from structlog.testing import capture_logs

from exporter.core.errors import BadPayloadError
from exporter.engine.status import CollectorStatus, Outcome, reasons
from tests.support.clock import ManualClock

ODD = BadPayloadError("1 unreadable row, left out", minor=True)
BROKEN = BadPayloadError("no rows")


def attempts(status: CollectorStatus, *failures: list[BadPayloadError]) -> list[str]:
    with capture_logs() as told:
        for some in failures:
            status.attempt(lambda some=some: (reasons(some), None))  # type: ignore[misc] # bound now
    return [str(line["event"]) for line in told]


def test_a_minor_failure_that_lasts_is_told_and_counted_once() -> None:
    status = CollectorStatus("eia", ManualClock())
    assert attempts(status, [ODD], [ODD], [ODD]) == ["left out"]
    assert status.view().success is True
    assert status.view().failures["bad_payload"] == 1
    assert status.failed_in_a_row == 0


def test_it_is_told_again_once_it_was_gone() -> None:
    status = CollectorStatus("eia", ManualClock())
    assert attempts(status, [ODD], [], [ODD]) == ["left out", "left out"]
    assert status.view().failures["bad_payload"] == 2


def test_another_failure_beside_it_fails_the_collector() -> None:
    status = CollectorStatus("eia", ManualClock())
    assert attempts(status, [ODD, BROKEN], [ODD, BROKEN]) == [
        "left out",
        "collector failed",
        "collector failed",
    ]
    assert status.view().success is False
    assert status.view().failures["bad_payload"] == 3


def test_where_nothing_was_read_no_failure_is_minor() -> None:
    status = CollectorStatus("eia", ManualClock())

    def work() -> Outcome:
        raise ODD

    assert status.attempt(work) is False
    assert status.view().success is False
