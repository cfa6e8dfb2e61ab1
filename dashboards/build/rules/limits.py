"""What an idle machine is. All other limits of alerts stand in ``rules/limits.yml``."""

from typing import Final

IDLE_THRESHOLD: Final = 0.05
"""An operating system by itself, with its agents, stays below."""
IDLE_QUANTILE: Final = 0.99
"""All but an hour and a half of the week: updates and restarts are no use, a nightly job is one."""
IDLE_DAYS: Final = 7
"""A week has seen every weekday and its batches; a younger machine has not."""
IDLE_MEASURED: Final = 0.8
"""Share of the week that must have been measured: a machine that is off half of it is not idle."""
