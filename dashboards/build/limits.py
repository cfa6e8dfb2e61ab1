"""What counts as good, doubtful and bad of forecasts, regions and the exporter itself."""

from typing import Final

from grafana_foundation_sdk.builders import dashboard as build

from dashboards.build.thresholds import BAD, FAIR, GOOD, NEUTRAL, POOR, steps

MISS_FAIR: Final = 0.10
"""A tenth off: less than what moving a job by some hours gains on most grids."""
MISS_POOR: Final = 0.25
"""A quarter off: clean and dirty hours are no longer told apart."""

WORTH_MOVING: Final = 0.20
"""A fifth cleaner: below it, the effort and the transfer of data eat up the gain."""

CLEAN_HOUR: Final = 33
"""Percentile among the hours of a day: the cleanest third."""
DIRTY_HOUR: Final = 67
"""Percentile among the hours of a day: the dirtiest third."""

SLOW_SECONDS: Final = 60
"""A cycle of a minute delays data by a poll where polls are a minute apart."""
STUCK_SECONDS: Final = 300
"""A cycle as long as the usual poll interval: the next one waits for it."""

SCRAPE_SLOW_SECONDS: Final = 1
"""Pages are rendered in advance: a second means a busy machine or network."""
SCRAPE_LOST_SECONDS: Final = 10
"""Prometheus gives up by default after so long."""

CATCHING_UP_SECONDS: Final = 3600
"""Up to an hour is what the look-back repairs anyway."""
FAR_BEHIND_SECONDS: Final = 86400
"""A day: what is older than the longest catch-up is lost."""


def miss() -> build.ThresholdsConfig:
    """Colours of a forecast's mean error as a share."""
    return steps((None, GOOD), (MISS_FAIR, FAIR), (MISS_POOR, BAD))


def saving() -> build.ThresholdsConfig:
    """Colours of a share that a region is cleaner than ours."""
    return steps((None, POOR), (0, NEUTRAL), (WORTH_MOVING, GOOD))


def hour() -> build.ThresholdsConfig:
    """Colours of a percentile among the hours to come."""
    return steps((None, GOOD), (CLEAN_HOUR, FAIR), (DIRTY_HOUR, BAD))


def cycle() -> build.ThresholdsConfig:
    """Colours of the seconds that a collector's run takes."""
    return steps((None, GOOD), (SLOW_SECONDS, FAIR), (STUCK_SECONDS, BAD))


def scrape() -> build.ThresholdsConfig:
    """Colours of the seconds that a scrape takes."""
    return steps((None, GOOD), (SCRAPE_SLOW_SECONDS, FAIR), (SCRAPE_LOST_SECONDS, BAD))


def behind() -> build.ThresholdsConfig:
    """Colours of past seconds that are still to be read."""
    return steps((None, GOOD), (CATCHING_UP_SECONDS, FAIR), (FAR_BEHIND_SECONDS, BAD))
