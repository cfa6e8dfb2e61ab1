"""Azure's words for states and times, read the same way wherever they appear."""

from datetime import UTC, datetime
from typing import Final

from exporter.core.model import RunState

_STATES: Final = {
    "powerstate/creating": RunState.RUNNING,
    "powerstate/starting": RunState.RUNNING,
    "powerstate/running": RunState.RUNNING,
    "powerstate/stopping": RunState.RUNNING,
    "powerstate/stopped": RunState.RUNNING,  # halted by its guest, and still billed for its host
    "powerstate/deallocating": RunState.RUNNING,  # still on its host
    "powerstate/deallocated": RunState.STOPPED,
    "powerstate/hibernating": RunState.RUNNING,
    "powerstate/hibernated": RunState.STOPPED,
}


def run_state(code: object) -> RunState | None:
    """Whether a power state holds hardware; None for an unknown one, or none."""
    return _STATES.get(str(code or "").lower())


def moment(text: object) -> datetime | None:
    """Read a time of the Azure APIs, in UTC; None where there is none or it cannot be read."""
    try:
        read = datetime.fromisoformat(str(text))
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError):  # the latter at the ends of the calendar
        return None
