"""An accident: a scaling rule without a limit launches large machines until somebody stops it.

Unlike the rest of the estate it is at a time that the caller names, so that whoever looks at a
demo sees what an accident looks like.
"""

from functools import partial
from typing import Final

from exporter.demo.estate.hashing import mix
from exporter.demo.estate.machines import EstateMachine
from exporter.demo.estate.schedules import Once
from exporter.demo.estate.tables import surge

SIZE: Final = 12
"""Machines: with them the estate emits two to three times as much, their account at least ten."""
SECONDS: Final = 17 * 60
"""From the first launch until the last machine is terminated."""
_SPREAD: Final = 60
"""Seconds within which all are launched, and later terminated."""


def machines(start: int, copies: int = 1) -> tuple[EstateMachine, ...]:
    """Return the machines of an accident that begins at an epoch second.

    One that begins at another time has others: clouds never use an identity twice. A larger
    estate, ``copies`` times the usual one, has a larger accident.
    """
    row = surge()
    life = partial(_life, start)
    return tuple(row.momentary(number + 1, start, life) for number in range(SIZE * copies))


def _life(start: int, seed: int) -> Once:
    launch = start + mix(seed, 1) % _SPREAD
    return Once(start=launch, end=start + SECONDS - mix(seed, 2) % _SPREAD)
