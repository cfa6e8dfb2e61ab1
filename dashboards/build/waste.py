"""Panels of machines that could be switched off or made smaller."""

from typing import Final

from grafana_foundation_sdk.builders import stat, table
from grafana_foundation_sdk.builders.common import TableSortByFieldState

from dashboards.build import cells, panels, queries, savings, thresholds
from dashboards.build.panels import Column, Frame, Place, column, now, rows

_SAVING: Final = "Saves"
_MONTH: Final = "A month"
_NOT_SEEN: Final = (
    "The cloud's CPU tells nothing of network, disk or memory: ask the owner first. Machines with "
    "a GPU, and those that were not seen a day ago, are left out."
)
_NONE: Final = "None found (needs a day of readings)"


def saved_by_switching_off(number: int, at: Place) -> stat.Panel:
    """Make the sum of what idle machines emit."""
    frame = Frame(
        number=number,
        title="What would idle machines save?",
        description=(
            "What the machines of the table below emit together, which ends when they are switched "
            f"off: in a month of {savings.HOURS_PER_MONTH} hours at the present rate. {_NOT_SEEN}"
        ),
        unit=panels.GRAMS,
        at=at,
        empty="None found",
    )
    idle = savings.idle()
    return _sum(frame, idle, savings.by_switching_off(idle))


def saved_by_halving(number: int, at: Place) -> stat.Panel:
    """Make the sum of what one size down saves."""
    frame = Frame(
        number=number,
        title="What would one size down save?",
        description=(
            "What the oversized machines of the table below would save together at half their "
            f"size: in a month of {savings.HOURS_PER_MONTH} hours at the present rate. {_NOT_SEEN}"
        ),
        unit=panels.GRAMS,
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
            f"Machines whose CPU never passed {savings.IDLE_PEAK:.0%} in the last seven days, one "
            "reading in 15 minutes, and what switching them off would save: all that they emit. "
            f"{_NOT_SEEN}"
        ),
        unit=panels.TEXT,
        at=at,
        empty=_NONE,
    )
    candidates = savings.idle()
    return _table(frame, candidates, savings.by_switching_off(candidates))


def oversized(number: int, at: Place) -> table.Panel:
    """Make the table of machines that would fit into half their size."""
    frame = Frame(
        number=number,
        title="Which machines are too large?",
        description=(
            f"Machines that work, but whose CPU never passed {savings.OVERSIZED_PEAK:.0%} in the "
            "last seven days, one reading in 15 minutes: at half the size it would have stayed "
            "below 80 %. Saved is half of what the machine draws when it does least and half of "
            f"its manufacture. {_NOT_SEEN}"
        ),
        unit=panels.TEXT,
        at=at,
        empty=_NONE,
    )
    candidates = savings.oversized()
    return _table(frame, candidates, savings.by_halving(candidates))


def _sum(frame: Frame, candidates: str, saved: str) -> stat.Panel:
    panel = panels.numbers(
        frame,
        now(savings.per_month(f"sum ({saved})"), _MONTH, "A"),
        now(f"count ({candidates})", "Machines", "B"),
    )
    muted = (*panels.unit(panels.COUNT, 0), panels.colour(thresholds.MUTED))
    return panel.override_by_name("Machines", list(muted))


def _table(frame: Frame, candidates: str, saved: str) -> table.Panel:
    panel = panels.grid(
        frame,
        _COLUMNS,
        rows(queries.named(candidates), "A"),
        rows(queries.named(savings.seen_seconds(candidates)), "B"),
        rows(queries.named(saved), "C"),
        reckoned=panels.times("Value #C", savings.HOURS_PER_MONTH, _MONTH),
    )
    return panel.sort_by([TableSortByFieldState().display_name(_SAVING).desc(desc=True)])


_COLUMNS: Final[tuple[Column, ...]] = (
    *cells.machine(),
    *cells.place(),
    column("Value #A", "Peak CPU", *panels.unit(panels.SHARE, 1), panels.width(85)),
    column("Value #B", "Seen for", *panels.unit(panels.SECONDS, 1), panels.width(90)),
    column("Value #C", _SAVING, *panels.unit(panels.GRAMS_PER_HOUR), panels.width(90)),
    column(_MONTH, _MONTH, *panels.unit(panels.GRAMS), panels.width(90)),
)
