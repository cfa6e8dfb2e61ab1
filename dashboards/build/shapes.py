"""Kinds of panels for time that is not a line, and for places: state timeline, matrix, map."""

from collections.abc import Mapping
from typing import Final

from grafana_foundation_sdk.builders import common as options
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import geomap, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.builders import prometheus as prom
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models.dashboard import (
    DataTransformerConfig,
    FieldColorModeId,
)
from grafana_foundation_sdk.models.geomap import TooltipMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from dashboards.build import panels, thresholds
from dashboards.build.panels import Frame, column, framed, option, over_time


def states(
    frame: Frame, words: Mapping[int, tuple[str, str]], *queries: prom.Dataquery
) -> statetimeline.Panel:
    """Make a panel of bars over time that say a state in words, one bar a series."""
    legend = (
        options.VizLegendOptions()
        .display_mode(common.LegendDisplayMode.LIST)
        .placement(common.LegendPlacement.BOTTOM)
        .show_legend(show_legend=True)
    )
    panel = (
        statetimeline.Panel()
        .show_value(common.VisibilityMode.NEVER)
        .merge_values(merge_values=True)
        .row_height(0.8)
        .line_width(0)
        .fill_opacity(75)
        .legend(legend)
        .mappings(thresholds.mapping(words))
    )
    return framed(panel, frame, queries)


def named(panel: stat.Panel) -> stat.Panel:
    """Make a single number say what it belongs to, in readable letters."""
    return sized(panel.text_mode(common.BigValueTextMode.VALUE_AND_NAME))


def sized(panel: stat.Panel) -> stat.Panel:
    """Fix the size of a panel's letters, where Grafana would make long names unreadable."""
    return panel.text(options.VizTextDisplayOptions().title_size(16).value_size(32))


def whole(panel: timeseries.Panel) -> timeseries.Panel:
    """Count in whole numbers, on an axis that also shows a chart of zeros as one."""
    return panel.decimals(0).axis_soft_max(1)


def alone(panel: timeseries.Panel) -> timeseries.Panel:
    """Leave the legend of an only line away: the title says what it is."""
    return whole(panel).legend(options.VizLegendOptions().show_legend(show_legend=False))


def bounded(panel: timeseries.Panel, limits: build.ThresholdsConfig) -> timeseries.Panel:
    """Draw the limits as dashed lines where the values come near them."""
    dashed = common.GraphThresholdsStyleMode.DASHED
    style = options.GraphThresholdsStyleConfig().mode(dashed)
    return panel.thresholds(limits).thresholds_style(style)


def week(frame: Frame, amount: str, milliseconds: str) -> table.Panel:
    """Make a table of weekdays and hours, each cell the mean of an hourly quantity.

    ``milliseconds`` is when each hour began: days and hours are those of the reader's time zone.
    Colours go from the lowest cell to the highest.
    """
    asked = zip((amount, milliseconds, milliseconds), "ABC", strict=True)
    queries = [over_time(text, "", ref).format(PromQueryFormat.TABLE) for text, ref in asked]
    panel = (
        panels.grid(frame, _MATRIX_SOURCES, *queries).interval("1h").max_data_points(_MOST_HOURS)
    )
    for kind, settings in _MATRIX_STEPS:
        panel.with_transformation(DataTransformerConfig(id_val=kind, options=settings))
    head = [option("mappings", thresholds.mapping(_WEEK)), panels.width(46)]
    panel.override_by_name(_MATRIX_TITLE, head)
    return panel.override_by_regexp(r"^\d\d$", list(_MATRIX_CELL))


def world(frame: Frame, everywhere: str, here: str) -> geomap.Panel:
    """Make a map of places: all of them small, those of the second query large and named.

    Both queries give one value a place, with its ``latitude`` and ``longitude`` as labels.
    """
    view = geomap.MapViewConfig().id("coords").lat(25).lon(5).zoom(1)
    panel = (
        geomap.Panel()
        .view(view)
        .basemap(options.MapLayerOptions().type("default").name("World"))
        .layers([_marks("All regions", "A", 4), _marks("Ours", "B", 9)])
        .controls(
            geomap.ControlsOptions()
            .show_zoom(show_zoom=True)
            .show_attribution(show_attribution=True)
        )
        .tooltip(geomap.TooltipOptions().mode(TooltipMode.DETAILS))
    )
    framed(panel, frame, (panels.rows(everywhere, "A"), panels.rows(here, "B")))
    for kind, settings in _MAP_STEPS:
        panel.with_transformation(DataTransformerConfig(id_val=kind, options=settings))
    return panel


_MOST_HOURS: Final = 1000
"""More than there are in the longest range that is asked for, so that no hour is left out."""

_DAY: Final = "weekday"
_HOUR: Final = "hour"
_AMOUNT: Final = "amount"
_MATRIX_TITLE: Final = "Day"
_MATRIX_SOURCES: Final = (
    column("Value #A", _AMOUNT),
    column("Value #B", _DAY),
    column("Value #C", _HOUR),
)
_WEEK: Final = {
    number: (name, thresholds.MUTED)
    for number, name in enumerate(("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"), start=1)
}
"""Days by ISO 8601's numbers, which is how the format ``E`` writes them."""

_MATRIX_STEPS: Final[tuple[tuple[str, dict[str, object]], ...]] = (
    (
        "convertFieldType",
        {
            "conversions": [
                {"targetField": name, "destinationType": "time"} for name in (_DAY, _HOUR)
            ]
        },
    ),
    ("formatTime", {"timeField": _DAY, "outputFormat": "E"}),
    ("formatTime", {"timeField": _HOUR, "outputFormat": "HH"}),
    (
        "groupBy",
        {
            "fields": {
                _DAY: {"operation": "groupby", "aggregations": []},
                _HOUR: {"operation": "groupby", "aggregations": []},
                _AMOUNT: {"operation": "aggregate", "aggregations": ["mean"]},
            }
        },
    ),
    # The matrix keeps the order in which days and hours appear.
    ("sortBy", {"sort": [{"field": _DAY}]}),
    ("sortBy", {"sort": [{"field": _HOUR}]}),
    (
        "groupingToMatrix",
        {"columnField": _HOUR, "rowField": _DAY, "valueField": f"{_AMOUNT} (mean)"},
    ),
    # Its first column is called by both names, or by the first one's earlier heading.
    ("organize", {"renameByName": dict.fromkeys((f"{_DAY}\\{_HOUR}", _DAY), _MATRIX_TITLE)}),
)
"""Turn rows of a time and a value into one row a weekday and one column an hour."""

_MATRIX_CELL: Final = (
    option(
        "custom.cellOptions",
        common.TableColoredBackgroundCellOptions(mode=common.TableCellBackgroundDisplayMode.BASIC),
    ),
    option("color", {"mode": FieldColorModeId.CONTINUOUS_GR_YL_RD}),
    option("custom.align", "center"),
    *panels.unit(panels.COUNT, 0),
)

_MAP_STEPS: Final[tuple[tuple[str, dict[str, object]], ...]] = (
    (
        "convertFieldType",
        {
            "conversions": [
                {"targetField": name, "destinationType": "number"}
                for name in ("latitude", "longitude")
            ]
        },
    ),
    (
        "organize",
        {
            "excludeByName": {"Time": True},
            "renameByName": {
                "Value #A": "g/kWh",
                "Value #B": "g/kWh",
                "cloud_region": "region",
                "grid_zone": "grid zone",
            },
        },
    ),
)


def _marks(name: str, ref: str, radius: int) -> options.MapLayerOptions:
    location = (
        options.FrameGeometrySource()
        .mode(common.FrameGeometrySourceMode.COORDS)
        .latitude("latitude")
        .longitude("longitude")
    )
    style = {
        "color": {"field": "g/kWh", "fixed": thresholds.NEUTRAL},
        "opacity": 0.7,
        "size": {"fixed": radius, "min": radius, "max": radius},
        "symbol": {"mode": "fixed", "fixed": "img/icons/marker/circle.svg"},
    }
    return (
        options.MapLayerOptions()
        .type("markers")
        .name(name)
        .config({"showLegend": False, "style": style})
        .location(location)
        .filter_data({"id": "byRefId", "options": ref})
        .tooltip(tooltip=True)
    )
