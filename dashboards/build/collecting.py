"""Panels about the collectors and what they bring: state, lateness, quality."""

from typing import Final

from grafana_foundation_sdk.builders import stat, timeseries

from dashboards.build import limits, observations, panels, shapes, thresholds
from dashboards.build.panels import Frame, Place, now, over_time

_NAME: Final = "{{collector}}"
_BEHIND: Final = "carbon_catch_up_remaining_seconds"
_QUALITIES: Final = {
    "measured": thresholds.GOOD,
    "estimated": thresholds.FAIR,
    "missing": thresholds.BAD,
}
"""Colour of each ``quality`` of ``carbon_observed_seconds_total``."""


def failing(number: int, at: Place) -> stat.Panel:
    """Make the number of collectors that fail."""
    frame = Frame(
        number=number,
        title="How many collectors fail?",
        description=(
            "Cloud accounts, grid sources and the state file whose last run failed. Others go on; "
            "what a failing one missed is read later, up to the longest catch-up."
        ),
        unit=panels.COUNT,
        at=at,
    )
    panel = panels.numbers(frame, now(observations.failing()))
    return panel.thresholds(thresholds.any_is_bad())


def latest(number: int, at: Place) -> stat.Panel:
    """Make the age of the data of the collector that is furthest behind."""
    frame = Frame(
        number=number,
        title="How late are the data?",
        description=(
            "Age of the newest data of the collector that is furthest behind. Clouds publish some "
            "minutes late, and grids by the half or full hour."
        ),
        unit=panels.SECONDS,
        at=at,
    )
    panel = panels.numbers(frame, now(f"max ({observations.data_age()})"))
    return panel.thresholds(thresholds.age()).decimals(0)


def failures(number: int, at: Place) -> timeseries.Panel:
    """Make the failures by reason."""
    frame = Frame(
        number=number,
        title="Why do collectors fail?",
        description=(
            "Failed runs of all collectors in the last hour by reason: auth (credentials or a "
            "permission; the log names it), throttled, unreachable, bad payload, no data. All at "
            "zero is as it should be."
        ),
        unit=panels.COUNT,
        at=at,
    )
    query = over_time(observations.failures(), "{{reason}}")
    return shapes.whole(panels.legend_below(panels.stacked(frame, query)))


def ages(number: int, at: Place) -> timeseries.Panel:
    """Make the age of the data of each collector."""
    frame = Frame(
        number=number,
        title="How old are the newest data?",
        description=(
            "Seconds since the end of the newest data of each collector. A saw-tooth is the poll; "
            "a slope is a collector that gets nothing. Lines: late after "
            f"{thresholds.DATA_LATE_SECONDS // 60} minutes, and beyond the self-repairing "
            f"look-back after {thresholds.DATA_LOST_SECONDS // 3600} hours. A forecast's lie ahead "
            "and count as zero."
        ),
        unit=panels.SECONDS,
        at=at,
    )
    panel = panels.lines(frame, over_time(observations.data_age(), _NAME))
    return shapes.bounded(panels.legend_below(panel), thresholds.age())


def successes(number: int, at: Place) -> timeseries.Panel:
    """Make the time since each collector's last success."""
    frame = Frame(
        number=number,
        title="When did each collector last succeed?",
        description=(
            "Seconds since the last run that succeeded. A slope is a collector that fails at each "
            "attempt, or that no longer runs."
        ),
        unit=panels.SECONDS,
        at=at,
    )
    panel = panels.lines(frame, over_time(observations.success_age(), _NAME))
    return shapes.bounded(panels.legend_below(panel), thresholds.age())


def durations(number: int, at: Place) -> timeseries.Panel:
    """Make the time that the collectors' runs take."""
    frame = Frame(
        number=number,
        title="How long does a cycle take?",
        description=(
            "Duration of each collector's last run. As long as the poll interval (five minutes "
            "unless set), and the next one is put off."
        ),
        unit=panels.SECONDS,
        at=at,
    )
    query = over_time(observations.longest("carbon_collector_duration_seconds"), _NAME)
    return shapes.bounded(panels.legend_below(panels.lines(frame, query)), limits.cycle())


def catch_up(number: int, at: Place) -> timeseries.Panel:
    """Make the past that is still to be read."""
    frame = Frame(
        number=number,
        title="How much of the past is still to be read?",
        description=(
            "After a stop or an outage the time that was missed is read in slices, newest totals "
            "following. Zero is caught up."
        ),
        unit=panels.SECONDS,
        at=at,
    )
    query = over_time(observations.longest(_BEHIND), _NAME)
    return shapes.bounded(panels.legend_below(panels.lines(frame, query)), limits.behind())


def qualities(number: int, at: Place) -> timeseries.Panel:
    """Make the coverage over time."""
    frame = Frame(
        number=number,
        title="How much was measured, estimated, missing?",
        description=(
            "Share of the picked machines' running time of the last hour by how it was counted. "
            f"Below {thresholds.COVERAGE_FAIR:.0%} measured the totals are less certain; what is "
            "missing is not in them."
        ),
        unit=panels.SHARE,
        at=at,
    )
    panel = panels.stacked(frame, over_time(observations.qualities(), "{{quality}}")).max(1)
    for quality, colour in _QUALITIES.items():
        panel.override_by_name(quality, [panels.colour(colour)])
    return panels.legend_below(panel).decimals(0)


def fallbacks(number: int, at: Place) -> timeseries.Panel:
    """Make the number of grid zones on each fallback level."""
    frame = Frame(
        number=number,
        title="How many grid zones are live?",
        description=(
            "All zones of the watched clouds' regions, with machines or not, by how their average "
            "intensity is known. Many zones have no free live source: an annual average is "
            "normal there. Which zones matter to you, Grid and regions tells."
        ),
        unit=panels.COUNT,
        at=at,
    )
    asked = [
        over_time(observations.zones_on(level), text, ref)
        for (level, (text, _)), ref in zip(thresholds.FALLBACK.items(), "ABCDE", strict=True)
    ]
    panel = panels.stacked(frame, *asked)
    for text, colour in thresholds.FALLBACK.values():
        panel.override_by_name(text, [panels.colour(colour)])
    return shapes.whole(panels.legend_below(panel))


def corrections(number: int, at: Place) -> timeseries.Panel:
    """Make the buckets that the clouds changed afterwards."""
    frame = Frame(
        number=number,
        title="How much is corrected?",
        description=(
            "Buckets whose CPU the cloud changed after they were counted, or whose grid was told "
            "since, in the last hour; the totals follow. Many, with live grids: raise `settle`."
        ),
        unit=panels.COUNT,
        at=at,
    )
    return shapes.alone(panels.lines(frame, over_time(observations.corrected(), "corrected")))


def repriced(number: int, at: Place) -> timeseries.Panel:
    """Make the grams that late intensities changed."""
    frame = Frame(
        number=number,
        title="What did lateness change?",
        description=(
            "Grams of closed hours that the grid's own value, up to three days late, added to "
            "totals or took off, in a day. While more is taken off, counters stand still."
        ),
        unit=panels.GRAMS,
        at=at,
    )
    added = over_time(observations.repriced("up"), "added", "A")
    taken = over_time(observations.repriced("down"), "taken off", "B")
    return panels.lines(frame, added, taken)


def unknown(number: int, at: Place) -> timeseries.Panel:
    """Make what the exporter cannot see or does not know."""
    frame = Frame(
        number=number,
        title="What do we not see or know?",
        description=(
            "Picked machines that run but whose CPU was never delivered (silent), machines of a "
            "type in no table (wider bounds), and regions in no table (priced with the world's "
            "average grid)."
        ),
        unit=panels.COUNT,
        at=at,
    )
    asked = {
        "machines silent": (observations.machines_in("silent"), thresholds.BAD),
        "machines of unknown type": (observations.machines_in("unmodelled"), thresholds.FAIR),
        "regions unknown": (observations.unknown_regions(), thresholds.POOR),
    }
    named = zip(asked.items(), "ABC", strict=True)
    panel = panels.lines(frame, *(over_time(text, name, ref) for (name, (text, _)), ref in named))
    for name, (_, colour) in asked.items():
        panel.override_by_name(name, [panels.colour(colour)])
    return shapes.whole(panels.legend_below(panel))
