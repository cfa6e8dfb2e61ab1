"""PromQL of grids and regions: how dirty a kWh is, will be, and would have been elsewhere."""

from typing import Final

from dashboards.build import sums, thresholds
from dashboards.build.queries import JOULES_PER_KWH, estate, exporter, our_zones, picks, single
from dashboards.build.rules import totals

INTENSITY: Final = "carbon_grid_intensity_gco2eq_per_kwh"
LEVEL: Final = "carbon_grid_intensity_fallback_level"
FORECAST: Final = "carbon_grid_forecast_gco2eq_per_kwh"
REGION: Final = "provider, cloud_region"
"""Identity labels of a cloud region."""

HORIZONS: Final = ("1h", "3h", "6h", "12h", "24h")
"""How far ahead the exporter forecasts."""

_OF_REGION: Final = "carbon_region_intensity_gco2eq_per_kwh"
_AVERAGE: Final = 'method="average"'
_ZONE: Final = picks("grid_zone", "zone")
_STEP: Final = "15m"


def marginal() -> str:
    """Marginal intensity of the zones that the picked machines draw from."""
    series = exporter(INTENSITY, 'method="marginal"')
    ours = f"{series} and on (grid_zone) {estate('carbon_resource_info')}"
    return f"max by (grid_zone, source) ({ours})"


def percentile() -> str:
    """Where now stands among the next 24 hours by marginal intensity, in our zones: 0 cleanest."""
    series = exporter("carbon_grid_marginal_percentile")
    return f"max by (grid_zone) ({series} and on (grid_zone) {estate('carbon_resource_info')})"


def not_live() -> str:
    """Count our zones whose intensity is not of the present hour."""
    level = our_zones(LEVEL)
    return f"count ({thresholds.unobserved(level)}) or 0 * count ({level})"


def dirtiest_zone() -> str:
    """Intensity of the dirtiest zone that the picked machines draw from."""
    return f"topk (1, {our_zones(INTENSITY)})"


def zone_now() -> str:
    """Intensity in force in the picked zone."""
    return f"max by (grid_zone) ({_in_zone()})"


def forecast_made(horizon: str) -> str:
    """What was expected for this moment in the picked zone, so long ago."""
    return f"max by (grid_zone) ({_expected(horizon)} offset {horizon})"


def forecast_error(horizon: str) -> str:
    """Mean distance of forecast from fact, as a share of the mean fact, in the time range."""
    miss = f"abs ({forecast_made(horizon)} - {zone_now()})"
    fact = f"({zone_now()} and {forecast_made(horizon)})"
    window = f"[$__range:{_STEP}]"
    return f"avg_over_time(({miss}){window}) / avg_over_time({fact}{window})"


def outlook(horizon: str) -> str:
    """Intensity expected in our zones so far ahead."""
    ahead = exporter(FORECAST, _AVERAGE, f'horizon="{horizon}"')
    ours = f"{ahead} and on (grid_zone) {estate('carbon_resource_info')}"
    return f"max by (grid_zone) ({ours})"


def hourly() -> str:
    """Mean intensity of the picked zone in the hour before each moment."""
    return f"avg (avg_over_time({_in_zone()}[1h]))"


def hour_begins() -> str:
    """Milliseconds since 1970 at which the hour of :func:`hourly` begins, where it has a value."""
    return f"1000 * (timestamp ({hourly()}) - 3600)"


def of_regions() -> str:
    """Grams per kWh of IT energy in all cloud regions of the picked providers."""
    return _by_region(_regions(_OF_REGION, _AVERAGE))


def pue_of_regions() -> str:
    """PUE of all regions of the picked providers."""
    return _by_region(_regions("carbon_region_pue_ratio"))


def places() -> str:
    """Regions of the picked providers with grid zone, place name and coordinates; always 1."""
    labels = f"{REGION}, grid_zone, location, latitude, longitude"
    return f"topk by ({REGION}) (1, group by ({labels}) ({_regions('carbon_region_info')}))"


def at_their_places(expression: str) -> str:
    """Give each region of an expression its grid zone, place name and coordinates."""
    return f"{places()} * on ({REGION}) group_left () ({expression})"


def where_we_are(expression: str) -> str:
    """Keep only the regions in which the picked machines are."""
    return f"{expression} and on ({REGION}) ({machines()})"


def machines() -> str:
    """Picked machines by region of a cloud, where there are any."""
    ours = single("carbon_resources", 'provider!="host"')
    return f"sum by ({REGION}) ({ours}) > 0"


def grid_of_regions() -> str:
    """Grid intensity of each region's zone with its source."""
    best = f"topk by (grid_zone) (1, max by (grid_zone, source) ({exporter(INTENSITY, _AVERAGE)}))"
    return f"max by ({REGION}, source) ({places()} * on (grid_zone) group_left (source) {best})"


def level_of_regions() -> str:
    """Fallback level of each region's zone."""
    level = f"max by (grid_zone) ({exporter(LEVEL, _AVERAGE)})"
    return f"max by ({REGION}) ({places()} * on (grid_zone) group_left () {level})"


def ours() -> str:
    """Grams per kWh of IT energy of the picked machines: regions weighted with their IT power."""
    power = f"({_it('sum by (' + REGION + ') (' + single('carbon_power_watts') + ')')})"
    dirt = _by_region(exporter(_OF_REGION, _AVERAGE))
    return f"sum ({power} * {dirt}) / sum ({power} and {dirt})"


def cleanest() -> str:
    """Grams per kWh of IT energy in the cleanest region of the picked providers."""
    return f"bottomk (1, {of_regions()})"


def saving() -> str:
    """Share that each region's kWh of IT energy is cleaner than ours; negative: dirtier."""
    return f"1 - {of_regions()} / on () group_left () ({ours()})"


def saved_by_moving() -> str:
    """Grams per hour less if all that the picked clouds run stood in the cleanest region in use."""
    drawn = single("carbon_power_watts", 'provider!="host"')
    power = f"({_it(f'sum by ({REGION}) ({drawn})')})"
    dirt = _by_region(exporter(_OF_REGION, _AVERAGE))
    here, best = f"sum ({power} * {dirt})", f"min ({where_we_are(of_regions())})"
    return f"({here} - sum ({power} and {dirt}) * {best}) / 1000"


def emitted_hourly() -> str:
    """Operational grams of the picked machines in the hour before each moment."""
    return f"sum (\n{totals.hours(totals.GRAMS, sums.OPERATIONAL)}\n)"


def emitted_in_target() -> str:
    """Operational grams of the same IT energy in the region to compare with, hour by hour."""
    target = exporter(_OF_REGION, _AVERAGE, picks("cloud_region", "target"))
    return f"{_it_kwh_hourly()} * max ({target})"


def emitted_comparably() -> str:
    """Hourly grams of the picked machines, in the hours for which the target's are known."""
    return f"{emitted_hourly()} and {emitted_in_target()}"


def share_saved() -> str:
    """Share that the hour before would have been cleaner in the region to compare with."""
    return f"1 - {emitted_in_target()} / {emitted_hourly()}"


def cleaner_regions(count: int) -> str:
    """Grams of this month in the regions where they would have been the fewest.

    Means times hours, so that a region that is known for a part of the time gets no lower a sum.
    """
    energy = _it_kwh_hourly()
    hourly_grams = f"{of_regions()} * on () group_left () ({energy})"
    mean = sums.mean_of_month(hourly_grams, "provider", "cloud_region")
    return f"bottomk ({count}, {mean} * on () group_left () {sums.hours_of_month(energy)})"


def _it_kwh_hourly() -> str:
    joules = f"sum by ({REGION}) (\n{totals.hours(totals.JOULES, sums.PICKED)}\n)"
    return f"sum ({_it(joules)}) / {JOULES_PER_KWH}"


def _it(facility: str) -> str:
    """Take the PUE of its own region out of a quantity at the grid's side."""
    return f"{facility} / {_by_region(exporter('carbon_region_pue_ratio'))}"


def _by_region(series: str) -> str:
    return f"max by ({REGION}) ({series})"


def _regions(metric: str, *matchers: str) -> str:
    return exporter(metric, picks("provider", "provider"), 'provider!="host"', *matchers)


def _in_zone() -> str:
    return exporter(INTENSITY, _AVERAGE, _ZONE)


def _expected(horizon: str) -> str:
    return exporter(FORECAST, _AVERAGE, _ZONE, f'horizon="{horizon}"')
