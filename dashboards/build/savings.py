"""PromQL of what could be switched off or made smaller, and what that would save.

What is idle is defined with the alert on it, in ``rules.idle``; a verdict on a size looks at the
same readings. Machines with a GPU are never called oversized, because their CPU says little about
their work.
"""

from dataclasses import dataclass
from typing import Final

from dashboards.build import intensities
from dashboards.build.links import GRID, MACHINES
from dashboards.build.queries import RESOURCE, estate, of_picked, picked_machines
from dashboards.build.rules import idle as rules
from dashboards.build.rules import limits
from dashboards.build.rules.idle import Selects
from dashboards.build.rules.promql import block

OVERSIZED_PEAK: Final = 0.40
"""A peak below it stays below 80 % on a machine half the size."""
HOURS_PER_MONTH: Final = 730
"""A twelfth of 365 days."""

_WEEK_IN_HOURS: Final = "7d:1h"
"""Enough for the least power of a week: its nights are longer than that."""
_CPU: Final = "carbon_resource_cpu_utilization_ratio"
_POWER: Final = "carbon_resource_power_watts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Among:
    """The machines that a verdict is passed on: how their series are selected, and which exist."""

    selects: Selects
    existing: str


PICKED: Final = Among(selects=of_picked, existing=picked_machines())
"""Those that the reader picked by place, tag and id."""
ESTATE: Final = Among(selects=estate, existing=estate("carbon_resource_info"))
"""Those that the reader picked by place."""


def idle(among: Among = PICKED) -> str:
    """Find the machines that idle: the CPU that each rarely exceeded."""
    return block(
        """
        (
          (
            @machines@
          )
        and on (@machine@)
          @existing@
        )
        """,
        machine=RESOURCE,
        machines=rules.machines(among.selects),
        existing=among.existing,
    )


def oversized(among: Among = PICKED) -> str:
    """Find the machines that work and would fit into half their size: the peak CPU of each."""
    return block(
        """
        (
          max by (@machine@) (max_over_time(@cpu@[@window@])) < @peak@
        and on (@machine@)
          @cpu@
        and on (@machine@)
          last_over_time(@cpu@[1d] offset @days@d)
        and on (@machine@)
          @existing@
        unless on (@machine@)
          @gpu@
        unless on (@machine@)
          (max by (@machine@) (quantile_over_time(@quantile@, @cpu@[@window@])) < @limit@)
        )
        """,
        machine=RESOURCE,
        cpu=among.selects(_CPU),
        gpu=among.selects(_POWER, 'component="gpu"'),
        existing=among.existing,
        window=rules.WINDOW,
        peak=str(OVERSIZED_PEAK),
        days=str(limits.IDLE_DAYS),
        quantile=str(limits.IDLE_QUANTILE),
        limit=str(limits.IDLE_THRESHOLD),
    )


def measured_share(candidates: str, among: Among = PICKED) -> str:
    """Share of the week in which each candidate was measured."""
    counted = f"max by ({RESOURCE}) (count_over_time({among.selects(_CPU)}[{rules.WINDOW}]))"
    return _only(f"clamp_max ({counted} / {rules.READINGS}, 1)", candidates)


def emitted(scope: str, candidates: str, among: Among = PICKED) -> str:
    """Grams per hour of each candidate in a scope; switching off saves the operational ones."""
    return _only(rules.emitted(scope, among.selects), candidates)


def by_halving(candidates: str, among: Among = PICKED) -> str:
    """Operational grams per hour that each candidate would save at half its size.

    Half the machine does the same work at twice the utilisation: saved is half of what it draws
    when it does least.
    """
    power = among.selects(_POWER)
    drawn = f"sum by ({RESOURCE}) (max by ({RESOURCE}, component) ({power}))"
    lowest = f"max by ({RESOURCE}, component) (min_over_time({power}[{_WEEK_IN_HOURS}]))"
    share = f"clamp_max (sum by ({RESOURCE}) ({lowest}) / {drawn}, 1)"
    return _only(f"0.5 * {rules.emitted('operational', among.selects)} * {share}", candidates)


def embodied_half(candidates: str, among: Among = PICKED) -> str:
    """Grams per hour of the manufacture that half of each candidate stands for."""
    return _only(f"0.5 * {rules.emitted('embodied', among.selects)}", candidates)


def per_month(grams_per_hour: str) -> str:
    """Grams in a month at a rate in grams per hour."""
    return f"({grams_per_hour}) * {HOURS_PER_MONTH}"


WHAT: Final = "what"
"""Label that says what to do, in :func:`kilograms_by_action` and what stands beside it."""
BOARD: Final = "board"
"""Label with the uid of the dashboard that says where."""

_SWITCH_OFF: Final = ("Switch off what idles", MACHINES)
_SIZE_DOWN: Final = ("Halve what is too large", MACHINES)
_MOVE: Final = ("Run all in our cleanest region", GRID)


def kilograms_by_action() -> str:
    """Operational kilograms a month that each thing to do would save."""
    idling, large = idle(ESTATE), oversized(ESTATE)
    return _by_action(
        {
            _SWITCH_OFF: f"sum ({emitted('operational', idling, ESTATE)})",
            _SIZE_DOWN: f"sum ({by_halving(large, ESTATE)})",
            _MOVE: intensities.saved_by_moving(),
        },
        f"* {HOURS_PER_MONTH} / 1000",
    )


def machines_by_action() -> str:
    """Count the machines that each thing to do is about."""
    moved = f"sum ({intensities.machines()})"
    idling, large = f"count ({idle(ESTATE)})", f"count ({oversized(ESTATE)})"
    return _by_action({_SWITCH_OFF: idling, _SIZE_DOWN: large, _MOVE: moved}, "")


def kilograms_of_all() -> str:
    """Operational kilograms a month of what is idle or too large, together."""
    return f"sum ({kilograms_by_action()} unless on ({WHAT}) {_labelled('vector(0)', _MOVE)})"


def _by_action(actions: dict[tuple[str, str], str], then: str) -> str:
    each = (_labelled(f"({expression}) {then}", action) for action, expression in actions.items())
    return f"({' or '.join(each)})"


def _labelled(expression: str, action: tuple[str, str]) -> str:
    what, board = action
    said = f'label_replace({expression}, "{WHAT}", "{what}", "", "")'
    return f'label_replace({said}, "{BOARD}", "{board}", "", "")'


def _only(expression: str, candidates: str) -> str:
    return f"{expression} and on ({RESOURCE}) {candidates}"
