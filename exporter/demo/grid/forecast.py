"""How wrong the simulated operators' forecasts are: little for the next hour, more for tomorrow."""

from typing import Final

from exporter.demo.estate.hashing import mix, seed_of
from exporter.demo.estate.intensity import smooth_noise

RUN: Final = 6 * 3600
"""Seconds between two runs of the weather model: each errs in another way."""
LARGEST: Final = 0.3
"""The relative error that is never reached, however far ahead. Published day-ahead forecasts miss
by about a tenth in the mean."""
_HALFWAY: Final = 12 * 3600
"""Seconds ahead at which the largest error possible is half of ``LARGEST``."""
_PATTERN: Final = 3 * 3600
"""Seconds between two independent errors of one run."""


def forecast_error(zone: str, issued: int, start: int) -> float:
    """Return the relative error of the forecast of an hour, both times in epoch seconds.

    The same at every call, nothing for what has begun, and growing with the time ahead.
    """
    ahead = start - issued
    if ahead <= 0:
        return 0.0
    run = mix(seed_of(zone), issued // RUN)
    return LARGEST * ahead / (ahead + _HALFWAY) * smooth_noise(run, start, _PATTERN)
