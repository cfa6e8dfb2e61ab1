"""From where on something is worth an alert, in one place, with the reason for each limit.

Limits that dashboards colour by as well are those of ``dashboards.build.thresholds``.
"""

from typing import Final

SPIKE_FACTOR: Final = 1.5
"""Half as much again as usual at this hour: deployments and growth of a week stay below."""
SPIKE_FACTOR_UNSURE: Final = 2
"""With less history than ``SPIKE_DAYS`` a working day must not look like a spike after a Sunday."""
SPIKE_DAYS: Final = 3
"""Former days from which on a median is one."""
SPIKE_GRAMS_PER_HOUR: Final = 50
"""A kilogram a day: below it a doubling is one machine more in a small account."""
SPIKE_CAUSE: Final = 1.2
"""A fifth above usual: from there on the machines, or the grid, are named as a cause."""

BURN_FAST: Final = 2
"""Twice the pace of the budget: a month's budget is gone in half a month."""
BURN_SLOW: Final = 1.05
"""A twentieth over: less is within what a projection errs by."""

DIRTY_FACTOR: Final = 1.25
"""A quarter above the median: on grids that hardly move the dirtiest tenth is no news."""
DIRTY_GRAMS_PER_HOUR: Final = 10
"""Below it an account emits less extra in a day than a car in a kilometre."""

IDLE_THRESHOLD: Final = 0.05
"""An operating system by itself, with its agents, stays below."""
IDLE_QUANTILE: Final = 0.99
"""All but an hour and a half of the week: updates and restarts are no use, a nightly job is one."""
IDLE_DAYS: Final = 7
"""A week has seen every weekday and its batches; a younger machine has not."""
IDLE_MEASURED: Final = 0.8
"""Share of the week that must have been measured: a machine that is off half of it is not idle."""

COLLECTOR_LOST_SECONDS: Final = 12 * 3600
"""Half of the day that is caught up by default: after that, grams are lost."""

DATA_LATE_SECONDS: Final = 5400
"""An hour is the longest usual poll interval; with settling and look-back, data are younger."""

API_DOLLARS_PER_DAY: Final = 5
"""150 dollars a month: more than watching a few hundred machines every five minutes costs."""
