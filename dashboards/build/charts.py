"""Charts and tables over accounts that several dashboards show."""

from typing import Final

from grafana_foundation_sdk.builders import stat, table, timeseries
from grafana_foundation_sdk.builders.common import TableSortByFieldState

from dashboards.build import cells, panels, queries, thresholds, usual
from dashboards.build.figures import BOUNDS, CENTRAL, HIGH, LOW, RATE, RATE_HIGH, RATE_LOW
from dashboards.build.panels import Frame, Place, column, now, over_time, rows

_DAY_BEFORE: Final = "A day before"
_USUAL: Final = "Usual"
_LIMIT: Final = "Alert from"
_MOVERS: Final = 6
"""Rows that fit beside the chart."""


def against_usual(number: int, at: Place) -> timeseries.Panel:
    """Make the emission rate with its bounds, beside what is usual and what is alerted on."""
    frame = Frame(
        number=number,
        title="Is that more or less than usual?",
        description=(
            "Grams of CO2 equivalent per hour. The band is the uncertainty. "
            f"{BOUNDS} Dashed: what is usual at this hour, as the alert CarbonEmissionSpike "
            "reckons it (recorded: from when its rules were loaded on), the sum of the accounts' "
            "limits from which on it fires (exact where one account is picked), and the same "
            "hours a day before. Regions are not applied to usual and limit."
        ),
        unit=panels.GRAMS_PER_HOUR,
        at=at,
    )
    panel = panels.lines(
        frame,
        over_time(queries.bound(RATE, RATE_HIGH), HIGH, "A"),
        over_time(queries.total(RATE), CENTRAL, "B"),
        over_time(queries.bound(RATE, RATE_LOW), LOW, "C"),
        over_time(usual.usual(), _USUAL, "D"),
        over_time(usual.spike_limit(), _LIMIT, "E"),
        over_time(queries.total(RATE, offset="1d"), _DAY_BEFORE, "F"),
    )
    edge = panels.colour(thresholds.NEUTRAL)
    unnamed = panels.option("custom.hideFrom", {"legend": True, "tooltip": False, "viz": False})
    panel.override_by_name(HIGH, [edge, unnamed, *panels.band(LOW)])
    panel.override_by_name(LOW, [edge, unnamed, panels.option("custom.lineWidth", 0)])
    panel.override_by_name(CENTRAL, [edge, panels.option("custom.lineWidth", 2)])
    former = {
        _USUAL: thresholds.GOOD,
        _LIMIT: thresholds.BAD,
        _DAY_BEFORE: thresholds.FORMER,
    }
    for name, colour in former.items():
        panel.override_by_name(name, [panels.colour(colour), panels.dashed()])
    return panels.legend_below(panel)


def movers(number: int, at: Place) -> table.Panel:
    """Make the table of the accounts that emit most above what is usual for them."""
    frame = Frame(
        number=number,
        title="Which account moved most?",
        description=(
            f"The {_MOVERS} accounts that emit most above what is usual for them at this hour, in "
            "grams of CO2 equivalent per hour; negative is less than usual. A click shows the "
            "account's machines."
        ),
        unit=panels.TEXT,
        at=at,
        empty="Usual is known after half an hour",
    )
    panel = panels.grid(
        frame,
        _MOVER_COLUMNS,
        rows(usual.movers(_MOVERS), "A"),
        rows(usual.beside(_MOVERS, "avg5m"), "B"),
        rows(usual.beside(_MOVERS, "usual"), "C"),
    )
    return panel.sort_by([TableSortByFieldState().display_name("More").desc(desc=True)])


_MOVER_COLUMNS: Final = (
    column("account", "Account", cells.wrapped(), cells.account()),
    column("Value #B", "Now", *panels.unit(panels.GRAMS_PER_HOUR), panels.width(74)),
    column("Value #C", _USUAL, *panels.unit(panels.GRAMS_PER_HOUR), panels.width(74)),
    column("Value #A", "More", *panels.unit(panels.GRAMS_PER_HOUR), panels.width(86)),
)


def firing(number: int, at: Place) -> table.Panel:
    """Make the list of the alerts that fire in Prometheus."""
    frame = Frame(
        number=number,
        title="Which alerts fire?",
        description=(
            "Alerts of carbon-exporter's rules that fire in Prometheus, what each is about, and "
            "for how long. Rules that Grafana manages are in Grafana's own list of alerts."
        ),
        unit=panels.TEXT,
        at=at,
        empty="None",
    )
    firing = _told(f"max by ({_ABOUT}) ({FIRING})")
    since = _told(f"max by ({_ABOUT}) ({ACTIVE_FOR})")
    panel = panels.grid(frame, _ALERT_COLUMNS, rows(firing, "A"), rows(since, "B"))
    return panel.sort_by([TableSortByFieldState().display_name("For").desc(desc=False)])


def count_firing(number: int, at: Place) -> stat.Panel:
    """Make the number of alerts that fire in Prometheus."""
    frame = Frame(
        number=number,
        title="How many alerts fire?",
        description=(
            "Alerts of carbon-exporter's rules that fire in Prometheus, without those that are for "
            "information only. Rules that Grafana manages are not in it."
        ),
        unit=panels.COUNT,
        at=at,
    )
    exporters = f"0 * count ({queries.exporter('carbon_build_info')})"
    count = f"count ({_firing('ALERTS', NOT_INFO)}) or {exporters}"
    return panels.numbers(frame, now(count)).thresholds(thresholds.any_is_bad()).decimals(0)


_SLOW: Final = 'alertname="CarbonMachineIdle"'
"""Alerts of a group that is evaluated each quarter of an hour: Prometheus forgets them between."""
NOT_INFO: Final = 'severity!="info"'


def _firing(metric: str, *matchers: str) -> str:
    """Select the alerts that fire, those of slow groups as they were told last."""
    state = ('alertstate="firing"',) if metric == "ALERTS" else ()
    all_ours = queries.selected('alertname=~"Carbon.+"', *state, *matchers)
    slow = queries.selected(_SLOW, *state, *matchers)
    return f"({metric}{all_ours} or last_over_time({metric}{slow}[16m]))"


FIRING: Final = _firing("ALERTS")
ACTIVE_FOR: Final = f"time () - {_firing('ALERTS_FOR_STATE')} and ignoring (alertstate) {FIRING}"
_ABOUT: Final = (
    "alertname, severity, provider, account, grid_zone, collector, instance, resource_id, name"
)


def _told(expression: str) -> str:
    """Say in one label what an alert is about: the narrowest thing that it names."""
    for label in ("account", "instance", "grid_zone", "collector", "resource_id", "name"):
        expression = f'label_replace({expression}, "about", "$1", "{label}", "(.+)")'
    return expression


_ALERT_COLUMNS: Final = (
    column("alertname", "Alert", panels.width(185)),
    column("about", "About", cells.wrapped()),
    column("Value #B", "For", *panels.unit(panels.SECONDS, 0), panels.width(75)),
)


def our_grids(number: int, at: Place) -> timeseries.Panel:
    """Make the intensity of the zones that the picked machines draw from."""
    frame = Frame(
        number=number,
        title="How much CO2eq is in a kWh of our grids?",
        description=(
            "Carbon intensity in force for each grid zone that our machines draw from, and its "
            "source: average of all generation, life cycle. A change of source is a new line."
        ),
        unit=panels.GRAMS_PER_KWH,
        at=at,
    )
    query = queries.our_zones("carbon_grid_intensity_gco2eq_per_kwh", "source")
    return panels.lines(frame, over_time(query, "{{grid_zone}} ({{source}})")).decimals(0)
