"""Panels of machines that could be switched off or made smaller."""

from typing import Final

from grafana_foundation_sdk.builders import stat, table
from grafana_foundation_sdk.builders.common import TableSortByFieldState

from dashboards.build import cells, links, panels, queries, savings, thresholds
from dashboards.build.panels import Column, Frame, Place, column, now, rows
from dashboards.build.rules import limits

_SAVING: Final = "Saves"
_EMBODIED: Final = "Embodied"
_NOT_SEEN: Final = (
    "Embodied grams, told beside, do not vanish with the machine. CPU tells nothing of network, "
    "disk or memory: ask the owner first."
)
_IDLE: Final = (
    f"CPU below {limits.IDLE_THRESHOLD:.0%} in {limits.IDLE_QUANTILE:.0%} of the last seven days, "
    f"measured in {limits.IDLE_MEASURED:.0%} of them, and at least seven days old; a GPU that "
    "works, or that nobody measures, is no idling. The alert CarbonMachineIdle is about the same."
)
_NONE: Final = "None found (needs a week of readings)"


def saved_by_switching_off(number: int, at: Place) -> stat.Panel:
    """Make the sum of what idle machines emit."""
    frame = Frame(
        number=number,
        title="What would idle machines save?",
        description=(
            "Operational grams of the machines of the table below in a month of "
            f"{savings.HOURS_PER_MONTH} hours at the present rate, which end when they are "
            f"switched off. Idle: {_IDLE} {_NOT_SEEN}"
        ),
        unit=panels.KILOGRAMS,
        at=at,
        empty="None found",
    )
    idle = savings.idle()
    return _sum(frame, idle, savings.emitted("operational", idle))


def saved_by_halving(number: int, at: Place) -> stat.Panel:
    """Make the sum of what one size down saves."""
    frame = Frame(
        number=number,
        title="What would one size down save?",
        description=(
            "Operational grams that the oversized machines of the table below would save together "
            f"at half their size, in a month of {savings.HOURS_PER_MONTH} hours. {_NOT_SEEN}"
        ),
        unit=panels.KILOGRAMS,
        at=at,
        empty="None found",
    )
    oversized = savings.oversized()
    return _sum(frame, oversized, savings.by_halving(oversized))


def idle(number: int, at: Place) -> table.Panel:
    """Make the table of machines that do nothing."""
    frame = Frame(
        number=number,
        title="Which machines are idle?",
        description=(
            f"{_IDLE} Saves: the operational grams that end when the machine is switched off. "
            f"{_NOT_SEEN}"
        ),
        unit=panels.TEXT,
        at=at,
        empty=_NONE,
    )
    candidates = savings.idle()
    saved = savings.emitted("operational", candidates)
    return _table(frame, "CPU p99", candidates, saved, savings.emitted("embodied", candidates))


def oversized(number: int, at: Place) -> table.Panel:
    """Make the table of machines that would fit into half their size."""
    frame = Frame(
        number=number,
        title="Which machines are too large?",
        description=(
            f"Machines that work, but whose CPU never passed {savings.OVERSIZED_PEAK:.0%} in the "
            "last seven days: at half the size it would have stayed below 80 %. Saved is half of "
            f"what the machine draws when it does least. Machines with a GPU are left out. "
            f"{_NOT_SEEN}"
        ),
        unit=panels.TEXT,
        at=at,
        empty=_NONE,
    )
    candidates = savings.oversized()
    halved = savings.by_halving(candidates)
    return _table(frame, "Peak CPU", candidates, halved, savings.embodied_half(candidates))


def actions(number: int, at: Place) -> table.Panel:
    """Make the table of what to do first, with what it saves."""
    frame = Frame(
        number=number,
        title="What would lower it most?",
        description=(
            "Operational kilograms of CO2 equivalent in a month of "
            f"{savings.HOURS_PER_MONTH} hours at the present rate, at most, each for itself. Idle: "
            f"{_IDLE} Too large: CPU never passed {savings.OVERSIZED_PEAK:.0%} in seven days. Our "
            "cleanest region: the one with the fewest grams per kWh now of those that run machines "
            "already. A click opens the dashboard that says which and where."
        ),
        unit=panels.TEXT,
        at=at,
        empty="Nothing found (needs a week of readings)",
    )
    panel = panels.grid(
        frame,
        _ACTION_COLUMNS,
        rows(savings.kilograms_by_action(), "A"),
        rows(savings.machines_by_action(), "B"),
    )
    return panel.sort_by([TableSortByFieldState().display_name(_A_MONTH).desc(desc=True)])


def saved_by_all(number: int, at: Place) -> stat.Panel:
    """Make what switching off and one size down would save together."""
    frame = Frame(
        number=number,
        title="What could we save a month?",
        description=(
            "Operational CO2 equivalent in a month of idle and of oversized machines, as the "
            "dashboard Machines lists them. Moving to cleaner regions would come on top."
        ),
        unit=panels.KILOGRAMS,
        at=at,
        empty="Nothing found",
    )
    return panels.amounts(frame, {"A month": f"1000 * {savings.kilograms_of_all()}"})


_A_MONTH: Final = "Saves a month"

_ACTION_COLUMNS: Final = (
    column(
        savings.WHAT,
        "What to do",
        cells.wrapped(),
        panels.option("links", [links.board_of_row("Show which", "Board")]),
    ),
    column("Value #B", "Machines", *panels.unit(panels.COUNT, 0), panels.width(85)),
    column(
        "Value #A",
        _A_MONTH,
        *panels.unit(panels.KILOGRAMS, 1),
        *panels.bar(),
        panels.width(190),
    ),
    column(savings.BOARD, "Board", panels.option("custom.hidden", value=True), panels.width(50)),
)


def _sum(frame: Frame, candidates: str, saved: str) -> stat.Panel:
    month = savings.per_month(f"sum ({saved})")
    panel = panels.amounts(frame, {"A month": month}, now(f"count ({candidates})", "Machines", "M"))
    muted = (*panels.unit(panels.COUNT, 0), panels.colour(thresholds.MUTED))
    return panel.override_by_name("Machines", list(muted))


def _table(frame: Frame, cpu: str, candidates: str, saved: str, embodied: str) -> table.Panel:
    panel = panels.grid(
        frame,
        _columns(cpu),
        rows(queries.named(candidates), "A"),
        rows(queries.named(savings.measured_share(candidates)), "B"),
        rows(queries.named(f"{savings.per_month(saved)} / 1000"), "C"),
        rows(queries.named(f"{savings.per_month(embodied)} / 1000"), "D"),
    )
    return panel.sort_by([TableSortByFieldState().display_name(_SAVING).desc(desc=True)])


def _columns(cpu: str) -> tuple[Column, ...]:
    return (
        *cells.machine(),
        *cells.place(),
        column("Value #A", cpu, *panels.unit(panels.SHARE, 1), panels.width(85)),
        column("Value #B", "Measured", *panels.unit(panels.SHARE, 0), panels.width(85)),
        column("Value #C", _SAVING, *panels.unit(_PER_MONTH, 2), panels.width(125)),
        column(
            "Value #D",
            _EMBODIED,
            *panels.unit(_PER_MONTH, 2),
            panels.width(125),
            panels.colour(thresholds.MUTED),
        ),
    )


_PER_MONTH: Final = "suffix: kg/month"
