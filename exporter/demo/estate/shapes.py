"""How busy a machine is: the character of its work, by the minute of its local time.

A shape gives the level (0..1, more on shared cores) that all machines of one kind share; each
machine adds its own noise. Invented, to look like what such machines do; no measurement stands
behind the numbers.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from math import cos, pi
from typing import Final, NamedTuple

from exporter.demo.estate.hashing import mix, share

_HOUR: Final = 60
_DAY: Final = 24 * _HOUR
SPIKE_PERIOD: Final = 12
SPIKE_MINUTES: Final = 4
"""The spike comes every twelve minutes for four, so any ten minutes hold half of one."""


class Shape(NamedTuple):
    """Level by local minute (minutes since 1970 of local time), and the amplitude of the noise."""

    level: Callable[[int], float]
    noise: float


def _day(minute: int, peak: float) -> float:
    """Return a smooth daily wave, 0..1, highest at the hour ``peak``."""
    return (1 + cos(2 * pi * (minute % _DAY / _DAY - peak / 24))) / 2


def _is_weekend(minute: int) -> bool:
    return (minute // _DAY + 3) % 7 >= 5  # noqa: PLR2004 - Saturday is 5


def _between(minute: int, first: float, last: float) -> bool:
    return first * _HOUR <= minute % _DAY < last * _HOUR


def _web(minute: int) -> float:
    traffic = 0.12 + 0.38 * _day(minute, 14.5)
    return traffic * (0.6 if _is_weekend(minute) else 1.0)


def _api(minute: int) -> float:
    humps = max(_day(minute, 10.5) ** 3, _day(minute, 19.5) ** 3)
    return (0.15 + 0.45 * humps) * (0.7 if _is_weekend(minute) else 1.0)


def _database(minute: int) -> float:
    return 0.74 if _between(minute, 2, 2.75) else 0.22 + 0.16 * _day(minute, 15)


def _batch(minute: int) -> float:
    return 0.93 if _between(minute, 1, 4.5) else 0.03


def _spike(minute: int) -> float:
    return 0.95 if minute % SPIKE_PERIOD < SPIKE_MINUTES else 0.18 + 0.1 * _day(minute, 20)


def _burstable(minute: int) -> float:
    return 0.62 if minute % 37 < 6 else 0.05 + 0.04 * _day(minute, 12)  # noqa: PLR2004 - minutes


def _lent(minute: int) -> float:
    """Return the work of a shared core that is lent more than its own share at times."""
    return 1.55 if minute % 41 < 7 else 0.2 + 0.1 * _day(minute, 13)  # noqa: PLR2004 - minutes


def _training(minute: int) -> float:
    checkpoint = minute % 55 < 3  # noqa: PLR2004 - three minutes of writing
    idle_night = mix(17, minute // _DAY) % 5 == 0 and _between(minute, 0, 7)
    return 0.02 if idle_night else 0.31 if checkpoint else 0.82


def _inference(minute: int) -> float:
    return 0.2 + 0.5 * _day(minute, 16) ** 2


def _jobs(minute: int) -> float:
    busy = share(23, minute // 11) < (0.25 if _is_weekend(minute) else 0.65)
    return 0.85 if busy else 0.08


SHAPES: Final[Mapping[str, Shape]] = {
    "web": Shape(_web, 0.05),
    "api": Shape(_api, 0.06),
    "database": Shape(_database, 0.03),
    "batch": Shape(_batch, 0.025),
    "spike": Shape(_spike, 0.04),
    "burstable": Shape(_burstable, 0.03),
    "lent": Shape(_lent, 0.04),
    "training": Shape(_training, 0.05),
    "inference": Shape(_inference, 0.08),
    "jobs": Shape(_jobs, 0.06),
    "steady": Shape(lambda _: 0.18, 0.03),
    "runaway": Shape(lambda _: 0.95, 0.02),
    "zombie": Shape(lambda _: 0.006, 0.002),
}
"""Every kind of work by name."""


@lru_cache(maxsize=20_000)
def levels(shape: str, first: int, count: int) -> tuple[float, ...]:
    """Return the levels of ``count`` local minutes from ``first`` on."""
    level = SHAPES[shape].level
    return tuple(level(minute) for minute in range(first, first + count))
