"""PromQL of what could be switched off or made smaller, and what that would save.

A verdict looks at the CPU of a week, one reading in fifteen minutes: cheap enough for thousands of
machines without a recording rule. Machines with a GPU are never called idle or oversized, because
their CPU says little about their work.
"""

from typing import Final

from dashboards.build.queries import RESOURCE, of_picked, picked_machines

IDLE_PEAK: Final = 0.05
"""A peak below it in the whole week is an operating system minding itself."""
OVERSIZED_PEAK: Final = 0.40
"""A peak below it stays below 80 % on a machine half the size."""
SEEN_SINCE: Final = "1d"
"""No verdict on a machine that was not seen a day ago: it has shown no night and no batch."""
HOURS_PER_MONTH: Final = 730
"""A twelfth of 365 days."""

_READINGS_PER_HOUR: Final = 4
_WEEK: Final = "7d:15m"
_WEEK_IN_HOURS: Final = "7d:1h"
"""Enough for the least power of a week: its nights are longer than that."""
_CPU: Final = "carbon_resource_cpu_utilization_ratio"
_POWER: Final = "carbon_resource_power_watts"
_RATE: Final = "carbon_resource_emissions_gco2eq_per_hour"


def idle() -> str:
    """Peak CPU of each picked machine that did nothing for a week."""
    return _candidates(f"< {IDLE_PEAK}")


def oversized() -> str:
    """Peak CPU of each picked machine that works, and would fit into half its size."""
    return _candidates(f">= {IDLE_PEAK} < {OVERSIZED_PEAK}")


def seen_seconds(candidates: str) -> str:
    """For how long each candidate was seen within the week."""
    seconds = 3600 // _READINGS_PER_HOUR
    return _only(
        f"sum by ({RESOURCE}) (count_over_time({of_picked(_CPU)}[{_WEEK}])) * {seconds}", candidates
    )


def by_switching_off(candidates: str) -> str:
    """Grams per hour that each candidate emits now."""
    return _only(f"sum by ({RESOURCE}) ({of_picked(_RATE)})", candidates)


def by_halving(candidates: str) -> str:
    """Grams per hour that each candidate would save at half its size.

    Half the machine does the same work at twice the utilisation: saved is half of what it draws
    when it does least, and half of its manufacture.
    """
    operational = _by_machine(of_picked(_RATE, 'scope="operational"'))
    embodied = _by_machine(of_picked(_RATE, 'scope="embodied"'))
    least = _by_machine(f"min_over_time({of_picked(_POWER)}[{_WEEK_IN_HOURS}])")
    share = f"clamp_max ({least} / {_by_machine(of_picked(_POWER))}, 1)"
    return _only(f"0.5 * ({operational} * {share} + {embodied})", candidates)


def per_month(grams_per_hour: str) -> str:
    """Grams in a month at a rate in grams per hour."""
    return f"({grams_per_hour}) * {HOURS_PER_MONTH}"


def _candidates(limit: str) -> str:
    peak = f"max by ({RESOURCE}) (max_over_time({of_picked(_CPU)}[{_WEEK}]))"
    seen = f"last_over_time({of_picked(_CPU)}[1h] offset {SEEN_SINCE})"
    gpu = of_picked(_POWER, 'component="gpu"')
    running = _only(f"{peak} {limit}", of_picked(_CPU))
    return (
        f"({running} and on ({RESOURCE}) {picked_machines()} "
        f"and on ({RESOURCE}) {seen} unless on ({RESOURCE}) {gpu})"
    )


def _only(expression: str, candidates: str) -> str:
    return f"{expression} and on ({RESOURCE}) {candidates}"


def _by_machine(expression: str) -> str:
    return f"sum by ({RESOURCE}) ({expression})"
