"""Panels about cloud regions: ranking, map, and what this month would have been elsewhere."""

from typing import Final

from grafana_foundation_sdk.builders import bargauge, geomap, stat, table, timeseries
from grafana_foundation_sdk.builders.common import TableSortByFieldState

from dashboards.build import intensities, limits, panels, shapes, sums, thresholds
from dashboards.build.panels import Frame, Place, column, now, over_time, rows

BEST: Final = 5
"""Regions that are shown as the best: more would not fit beside the map."""

_OURS: Final = "Here"
_TARGET: Final = "In $target"
_SAVED: Final = "Saved"
_METHOD: Final = (
    "IT energy hour by hour (energy without the PUE of its own region) times the other region's "
    "intensity of that hour, its PUE included. Manufacture is left out: it stays the same."
)


def ours_now(number: int, at: Place) -> stat.Panel:
    """Make the mean intensity of our IT energy."""
    frame = Frame(
        number=number,
        title="How dirty is our kWh?",
        description=(
            "Grams of CO2 equivalent per kWh of IT energy: grid intensity times PUE of the regions "
            "of the picked machines, weighted with the power that they draw now."
        ),
        unit=panels.GRAMS_PER_KWH,
        at=at,
    )
    panel = panels.numbers(frame, now(intensities.ours()))
    return panel.thresholds(thresholds.grid()).decimals(0)


def cleanest_now(number: int, at: Place) -> stat.Panel:
    """Make the cleanest region of the picked providers."""
    frame = Frame(
        number=number,
        title="Where is it cleanest now?",
        description=(
            "The region of the picked providers with the fewest grams per kWh of IT energy, with "
            "machines of ours or not."
        ),
        unit=panels.GRAMS_PER_KWH,
        at=at,
    )
    panel = panels.numbers(frame, now(intensities.cleanest(), "{{provider}} {{cloud_region}}"))
    return shapes.named(panel).thresholds(thresholds.grid()).decimals(0)


def world(number: int, at: Place) -> geomap.Panel:
    """Make the map of all regions."""
    frame = Frame(
        number=number,
        title="Where in the world is it clean?",
        description=(
            "All regions of the picked providers, coloured by grams of CO2 equivalent per kWh of "
            f"IT energy: green below {thresholds.GRID_CLEAN}, yellow below {thresholds.GRID_MIXED},"
            f" orange below {thresholds.GRID_DIRTY}, else red. Large: regions with machines of "
            "ours. The background map comes from Grafana's default map service."
        ),
        unit=panels.GRAMS_PER_KWH,
        at=at,
    )
    everywhere = intensities.at_their_places(intensities.of_regions())
    here = intensities.at_their_places(intensities.where_we_are(intensities.of_regions()))
    return shapes.world(frame, everywhere, here).thresholds(thresholds.grid()).decimals(0)


def month_elsewhere(number: int, at: Place) -> stat.Panel:
    """Make this month's grams here and in the region to compare with."""
    frame = Frame(
        number=number,
        title="What would this month have been in $target?",
        description=(
            "Operational CO2 equivalent of the whole hours of this month, UTC, up to the end of "
            f"the time range, whose length does not matter. {_METHOD}"
        ),
        unit=panels.KILOGRAMS,
        at=at,
        empty="After a whole hour",
    )
    here = sums.in_month(intensities.emitted_comparably())
    there = sums.in_month(intensities.emitted_in_target())
    panel = panels.amounts(
        frame, {_OURS: here, _TARGET: there}, now(f"1 - {there} / {here}", _SAVED, "C")
    )
    saved = [*panels.unit(panels.SHARE, 0), panels.limits(limits.saving())]
    return shapes.sized(panel.override_by_name(_SAVED, saved))


def rate_elsewhere(number: int, at: Place) -> timeseries.Panel:
    """Make the share that each hour would have saved in the region to compare with."""
    frame = Frame(
        number=number,
        title="When would $target have been better?",
        description=(
            "Share of the operational CO2 equivalent of the hour before that the same work would "
            f"have saved there; below zero it would have emitted more. {_METHOD}"
        ),
        unit=panels.SHARE,
        at=at,
    )
    panel = panels.lines(frame, over_time(intensities.share_saved(), _SAVED, "A")).max(1)
    return panels.legend_below(panel.fill_opacity(15)).decimals(0)


def month_at_best(number: int, at: Place) -> bargauge.Panel:
    """Make the regions in which this month would have been the fewest grams."""
    frame = Frame(
        number=number,
        title="Where would this month have been best?",
        description=(
            f"The {BEST} regions of the picked providers with the fewest operational kilograms of "
            "CO2 equivalent for the picked machines' work of this month, UTC; the shortest bar is "
            f"the best. {_METHOD}"
        ),
        unit=panels.KILOGRAMS,
        at=at,
        empty="After a whole hour",
    )
    best = f"sort ({intensities.cleaner_regions(BEST)} / 1000)"
    return panels.thin(panels.bars(frame, now(best, "{{provider}} {{cloud_region}}")))


def ranking(number: int, at: Place) -> table.Panel:
    """Make the ranking of all regions."""
    frame = Frame(
        number=number,
        title="Which region is cleanest?",
        description=(
            "All regions of the picked providers by grams of CO2 equivalent per kWh of IT energy "
            "now: the zone's grid intensity times the region's PUE. Less: how much cleaner than "
            "the mean of the picked machines; negative is dirtier. A rank on the level annual "
            "average does not follow the hours."
        ),
        unit=panels.TEXT,
        at=at,
    )
    panel = panels.grid(
        frame,
        _RANKING_COLUMNS,
        rows(intensities.at_their_places(intensities.of_regions()), "A"),
        rows(intensities.pue_of_regions(), "B"),
        rows(intensities.grid_of_regions(), "C"),
        rows(intensities.level_of_regions(), "D"),
        rows(intensities.saving(), "E"),
        rows(intensities.machines(), "F"),
    )
    return panel.sort_by([TableSortByFieldState().display_name("IT g/kWh").desc(desc=False)])


_GRID_TINT: Final = panels.tinted(thresholds.grid())

_RANKING_COLUMNS: Final = (
    column("provider", "Provider", panels.width(78)),
    column("cloud_region", "Region", panels.width(205)),
    column("location", "Place"),
    column("grid_zone", "Zone", panels.width(125)),
    column("Value #A", "IT g/kWh", panels.width(100), *panels.unit(panels.COUNT, 0), *_GRID_TINT),
    column("Value #B", "PUE", panels.width(52), *panels.unit(panels.COUNT, 2)),
    column("Value #C", "Grid", panels.width(52), *panels.unit(panels.COUNT, 0)),
    column("source", "Source", panels.width(115)),
    column("Value #D", "Level", panels.width(118), *panels.worded(thresholds.FALLBACK)),
    column(
        "Value #E",
        "Less",
        panels.width(68),
        *panels.unit(panels.SHARE, 0),
        *panels.tinted(limits.saving()),
    ),
    column("Value #F", "Machines", panels.width(80), *panels.unit(panels.COUNT, 0)),
)
