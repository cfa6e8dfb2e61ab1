"""Lives that machines of the demo estate lead: when they launch, pause and end."""

from collections.abc import Callable, Mapping
from typing import Final

from exporter.demo.estate.hashing import mix
from exporter.demo.estate.schedules import (
    DAY,
    MONDAY,
    WEEK,
    WORKING_DAYS,
    Cycle,
    Once,
    Schedule,
)

Life = Callable[[int], Schedule]
"""Makes the schedule of a machine from its seed."""

HOUR: Final = 3600
_STOPPED_AT: Final = 1_763_850_304
"""2025-11-22 22:25:04 UTC."""
_TERMINATED_AT: Final = 1_772_637_463
"""2026-03-04 15:17:43 UTC."""


def always(seed: int) -> Schedule:
    """Launch some time in 2025, at an odd second, and never stop."""
    return Once(start=_launch(seed))


def stopped(seed: int) -> Schedule:
    """Launch some time in 2025 and be stopped ever since November."""
    return Once(start=_launch(seed), end=_STOPPED_AT)


def terminated(seed: int) -> Schedule:
    """Launch some time in 2025 and be no more since March 2026."""
    return Once(start=_launch(seed), end=_TERMINATED_AT)


def _launch(seed: int) -> int:
    return MONDAY + mix(seed, 5) % (300 * DAY)


def office_hours(seed: int) -> Schedule:
    """From about 08:00 to 19:00 UTC, Monday to Friday."""
    return Cycle(
        anchor=MONDAY + 7 * HOUR + 3521,
        period=DAY,
        length=11 * HOUR + 257,
        jitter=901,
        seed=seed,
        weekdays=WORKING_DAYS,
    )


def weekly_restart(_: int) -> Schedule:
    """Off on Wednesdays from 10:02:37 to 10:14:11 UTC."""
    back = MONDAY + 2 * DAY + 10 * HOUR + 14 * 60 + 11
    return Cycle(anchor=back, period=WEEK, length=WEEK - 11 * 60 - 34)


def on_and_off(seed: int) -> Schedule:
    """On for half an hour, off for twenty minutes: something stops in any first hour."""
    anchor = MONDAY + mix(seed, 9) % HOUR
    return Cycle(anchor=anchor, period=3000, length=1811, jitter=83, seed=seed)


LIVES: Final[Mapping[str, Life]] = {
    life.__name__: life
    for life in (always, stopped, terminated, office_hours, weekly_restart, on_and_off)
}
"""Every life by its name in the tables."""
