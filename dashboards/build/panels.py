"""The panels' common look: one factory for each kind of panel."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeVar

from grafana_foundation_sdk.builders import (
    bargauge,
    geomap,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import prometheus as prom
from grafana_foundation_sdk.builders.common import (
    ReduceDataOptions,
    StackingConfig,
    VizLegendOptions,
    VizTextDisplayOptions,
    VizTooltipOptions,
)
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models.dashboard import (
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    GridPos,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from dashboards.build import thresholds
from dashboards.build.variables import DATASOURCE

GRAMS: Final = "suffix: g"
"""For a few; sums of an estate are :func:`amounts`."""
GRAMS_PER_HOUR: Final = "si:g/h"
GRAMS_PER_KWH: Final = "suffix:g/kWh"
"""Grams are of CO2eq, which titles and headings say: with it, the numbers would not fit."""
KILOGRAMS: Final = "suffix: kg"
TONNES: Final = "suffix: t"
"""Of 1,000 kg. Grafana would write a million of its own grams as a megagram, which nobody reads."""
SINCE: Final = "time:D MMM"
"""A day and month; in milliseconds since 1970."""
WATTS: Final = "watt"
KILOWATT_HOURS: Final = "kwatth"
KILOMETRES: Final = "suffix: km"
"""Grafana would write a thousand of its own kilometres as a megametre."""
SHARE: Final = "percentunit"
COUNT: Final = "short"
SECONDS: Final = "s"
TEXT: Final = "string"
"""For tables: Grafana would read an account of digits as a quantity in any other unit."""

AnyPanel = TypeVar(
    "AnyPanel",
    stat.Panel,
    timeseries.Panel,
    table.Panel,
    bargauge.Panel,
    statetimeline.Panel,
    geomap.Panel,
)


Place: TypeAlias = tuple[int, int, int, int]
"""x, y, width and height on Grafana's grid of 24 columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What every panel must say: who it is, the question it answers, and where it stands.

    ``empty`` stands in the place of the data while there are none.
    """

    number: int
    title: str
    description: str
    unit: str
    at: Place
    empty: str = "No data yet"


def now(expression: str, legend: str = "", ref: str = "A") -> prom.Dataquery:
    """Ask for the present value: a series that was withdrawn is absent, not remembered."""
    return _query(expression, legend, ref).instant()


def over_time(expression: str, legend: str, ref: str = "A") -> prom.Dataquery:
    """Ask for the values over the dashboard's time range."""
    return _query(expression, legend, ref).range()


def rows(expression: str, ref: str) -> prom.Dataquery:
    """Ask for present values as table rows with their labels."""
    return now(expression, ref=ref).format(PromQueryFormat.TABLE)


def numbers(frame: Frame, *queries: prom.Dataquery) -> stat.Panel:
    """Make a panel of one or a few big numbers."""
    named = common.BigValueTextMode.VALUE_AND_NAME
    single = common.BigValueTextMode.VALUE
    panel = (
        stat.Panel()
        .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]).values(values=False))
        .graph_mode(common.BigValueGraphMode.NONE)
        .color_mode(common.BigValueColorMode.VALUE)
        .justify_mode(common.BigValueJustifyMode.CENTER)
        .orientation(common.VizOrientation.VERTICAL)
        .text_mode(named if len(queries) > 1 else single)
    )
    return framed(panel, frame, queries)


def amounts(frame: Frame, grams: Mapping[str, str], *others: prom.Dataquery) -> stat.Panel:
    """Make a panel of big numbers of grams, each in kilograms, or in tonnes from the first one on.

    ``grams`` maps a name to an expression. Grafana has no unit that goes from one to the other, so
    each is asked for in both, and the one that does not suit gives nothing.
    """
    refs = "ABCDEFG"
    asked = []
    for ref, (name, expression) in zip(refs, grams.items(), strict=False):
        asked.append(now(f"({expression}) / 1e3 < 1000", name, ref))
        asked.append(now(f"({expression}) / 1e6 >= 1", name, f"{ref}{_IN_TONNES}"))
    panel = numbers(frame, *asked, *others)
    if len(grams) + len(others) == 1:
        panel.text_mode(common.BigValueTextMode.VALUE)
    for ref, _ in zip(refs, grams, strict=False):
        panel.override_by_query(ref, list(unit(KILOGRAMS)))
        panel.override_by_query(f"{ref}{_IN_TONNES}", list(unit(TONNES)))
    return panel


_IN_TONNES: Final = "t"


def lines(frame: Frame, *queries: prom.Dataquery) -> timeseries.Panel:
    """Make a panel of lines over time, with the last values in its legend."""
    legend = (
        VizLegendOptions()
        .display_mode(common.LegendDisplayMode.TABLE)
        .placement(common.LegendPlacement.RIGHT)
        .show_legend(show_legend=True)
        .calcs(["lastNotNull"])
        .sort_by("Last *")
        .sort_desc(sort_desc=True)
    )
    panel = (
        timeseries.Panel()
        .draw_style(common.GraphDrawStyle.LINE)
        .line_interpolation(common.LineInterpolation.STEP_AFTER)
        .line_width(1)
        .fill_opacity(0)
        .show_points(common.VisibilityMode.NEVER)
        .axis_soft_min(0)
        .legend(legend)
        .tooltip(_tooltip())
    )
    return framed(panel, frame, queries)


def stacked(frame: Frame, *queries: prom.Dataquery) -> timeseries.Panel:
    """Make a panel of areas that add up."""
    adding = StackingConfig().mode(common.StackingMode.NORMAL).group("A")
    return lines(frame, *queries).fill_opacity(40).stacking(adding)


def coarse(panel: timeseries.Panel, points: int = 400) -> timeseries.Panel:
    """Ask for fewer points than pixels: for queries that join every machine at each point."""
    return panel.max_data_points(points)


def legend_below(panel: timeseries.Panel) -> timeseries.Panel:
    """Put the legend under the chart: for names that are too long to stand beside it."""
    legend = (
        VizLegendOptions()
        .display_mode(common.LegendDisplayMode.LIST)
        .placement(common.LegendPlacement.BOTTOM)
        .show_legend(show_legend=True)
        .calcs([])
    )
    return panel.legend(legend)


def bars(frame: Frame, *queries: prom.Dataquery) -> bargauge.Panel:
    """Make a panel of horizontal bars, one a series."""
    panel = (
        bargauge.Panel()
        .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]).values(values=False))
        .orientation(common.VizOrientation.HORIZONTAL)
        .display_mode(common.BarGaugeDisplayMode.BASIC)
        .value_mode(common.BarGaugeValueMode.TEXT)
        .show_unfilled(show_unfilled=True)
        .name_placement(common.BarGaugeNamePlacement.TOP)
        .sizing(common.BarGaugeSizing.MANUAL)
        .max_viz_height(48)
        .text(VizTextDisplayOptions().title_size(14).value_size(18))
        .min(0)
    )
    return framed(panel, frame, queries)


def thin(panel: bargauge.Panel) -> bargauge.Panel:
    """Make the text small: for more bars than fit at the usual size."""
    text = VizTextDisplayOptions().title_size(12).value_size(14)
    return panel.text(text)


def grid(
    frame: Frame,
    columns: Sequence["Column"],
    *queries: prom.Dataquery,
    reckoned: DataTransformerConfig | None = None,
) -> table.Panel:
    """Make a table: the queries' rows joined by their common labels, in the columns' order.

    ``reckoned`` adds a column that Grafana makes of the others, which saves a costly query.
    """
    panel = framed(table.Panel(), frame, queries)
    panel.show_header(show_header=True).cell_height(common.TableCellHeight.SM).min_width(50)
    panel.with_transformation(DataTransformerConfig(id_val="merge", options={}))
    if reckoned:
        panel.with_transformation(reckoned)
    panel.with_transformation(_arranged(columns))
    for column in columns:
        panel.override_by_name(column.title, [option("noValue", "–"), *column.properties])
    return panel


def times(field: str, factor: int, name: str) -> DataTransformerConfig:
    """Make a column that is another one times a number."""
    product = {"left": field, "operator": "*", "right": str(factor)}
    options = {"mode": "binary", "binary": product, "alias": name, "replaceFields": False}
    return DataTransformerConfig(id_val="calculateField", options=options)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: the field it shows, its heading and how it is drawn."""

    field: str
    title: str
    properties: tuple[DynamicConfigValue, ...] = ()


def column(field: str, title: str, *properties: DynamicConfigValue) -> Column:
    """Describe a column of a table."""
    return Column(field, title, properties)


def option(name: str, value: object) -> DynamicConfigValue:
    """One field option that differs from the panel's default."""
    return DynamicConfigValue(id_val=name, value=value)


def colour(name: str) -> DynamicConfigValue:
    """Field option: one fixed colour."""
    return option("color", {"mode": FieldColorModeId.FIXED, "fixedColor": name})


def unit(name: str, decimals: int | None = None) -> tuple[DynamicConfigValue, ...]:
    """Field options: a unit, and its decimals where three digits would be too many."""
    shown = option("unit", name)
    return (shown,) if decimals is None else (shown, option("decimals", decimals))


def width(pixels: int) -> DynamicConfigValue:
    """Field option: a fixed column width."""
    return option("custom.width", pixels)


def bar() -> tuple[DynamicConfigValue, ...]:
    """Field options: a bar behind the value, from zero to the column's own highest."""
    gauge = common.TableBarGaugeCellOptions(mode=common.BarGaugeDisplayMode.BASIC)
    own = option("fieldMinMax", value=True)
    return option("custom.cellOptions", gauge), option("min", 0), own


def tinted(steps: build.ThresholdsConfig) -> tuple[DynamicConfigValue, ...]:
    """Field options: the text in the colour of its threshold."""
    return option("custom.cellOptions", common.TableColorTextCellOptions()), limits(steps)


def worded(words: Mapping[int, tuple[str, str]]) -> tuple[DynamicConfigValue, ...]:
    """Field options: a word in its colour instead of a number."""
    text = option("custom.cellOptions", common.TableColorTextCellOptions())
    return text, option("mappings", thresholds.mapping(words))


def limits(steps: build.ThresholdsConfig) -> DynamicConfigValue:
    """Field option: thresholds of one field."""
    return option("thresholds", steps.build())


def band(low: str) -> tuple[DynamicConfigValue, ...]:
    """Field options of an upper bound: no line, and the space down to ``low`` shaded."""
    shade = option("custom.fillOpacity", 15)
    return option("custom.lineWidth", 0), option("custom.fillBelowTo", low), shade


def top(frame: Frame, count: int, label: str, expression: str, chosen: str) -> timeseries.Panel:
    """Make areas that add up, of the leading values of a label and of all others together.

    ``chosen`` has the leaders, by the label, the same ones at each point of the time range. More
    than so many colours cannot be told apart, and their legend would take the chart's place.
    """
    leading = over_time(f"({expression}) and on ({label}) ({chosen})", f"{{{{{label}}}}}", "A")
    rest = over_time(f"sum (({expression}) unless on ({label}) ({chosen}))", OTHERS, "B")
    panel = stacked(frame, leading, rest)
    panel.description(f"{frame.description} The {count} largest, and all others together.")
    panel.override_by_name(OTHERS, [colour(thresholds.MUTED)])
    return legend_below(panel)


OTHERS: Final = "others"


def dashed() -> DynamicConfigValue:
    """Field option: a dashed line."""
    return option("custom.lineStyle", common.LineStyle(fill="dash", dash=[8, 6]))


def _query(expression: str, legend: str, ref: str) -> prom.Dataquery:
    query = prom.Dataquery().datasource(DATASOURCE).expr(expression).ref_id(ref)
    return query.legend_format(legend) if legend else query


def framed(panel: AnyPanel, frame: Frame, queries: Sequence[prom.Dataquery]) -> AnyPanel:
    """Give a panel what every one has: question, description, unit, place and queries."""
    x, y, width, height = frame.at
    panel.id(frame.number).title(frame.title).description(frame.description)
    panel.datasource(DATASOURCE).unit(frame.unit).no_value(frame.empty)
    panel.grid_pos(GridPos(x=x, y=y, w=width, h=height))
    panel.thresholds(thresholds.none())
    for query in queries:
        panel.with_target(query)
    return panel


def _tooltip() -> VizTooltipOptions:
    return (
        VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.DESCENDING)
    )


def _arranged(columns: Sequence[Column]) -> DataTransformerConfig:
    fields = [column.field for column in columns]
    options = {
        "includeByName": dict.fromkeys(fields, True),
        "indexByName": {field: index for index, field in enumerate(fields)},
        "renameByName": {column.field: column.title for column in columns},
    }
    return DataTransformerConfig(id_val="organize", options=options)
