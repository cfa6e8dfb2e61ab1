"""The bounds of a live value beside those of the yearly value of the same zone."""

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from exporter.core.model import Bounds
from exporter.data import rows
from exporter.data.fuels import fuel_factors
from exporter.engine.intensity import LIVE_ERROR, annual_in_force
from exporter.grids._shared.mix import priced, widened
from exporter.grids.annual import AnnualTable
from exporter.grids.eia import NAME, RESPONDENTS

ANNUAL = AnnualTable()
NOW = 1_793_491_200  # November 2026
LINES = {(line["grid_zone"], line["source"]) for line in rows("zone_widening")}
COMPUTED = sorted(LINES | {(zone, NAME) for zone in RESPONDENTS})
"""Every zone whose live value is computed of a mix, by its source."""
WIDER = {(zone, "entsoe") for zone in ("AT", "CH", "NO-NO1", "NO-NO2", "SE-SE3", "SE-SE4")}
"""Zones of which more is unknown live than of the year: untraced imports, or heat plants on wood,
are most of their few grams."""
FUELS = ("coal", "gas", "oil", "nuclear", "hydro", "wind", "solar", "other")

computed = st.sampled_from(COMPUTED)
mixes = st.dictionaries(
    st.sampled_from(FUELS), st.floats(min_value=0.0, max_value=1e5), min_size=1
).filter(lambda mix: sum(mix.values()) > 1.0)


def live(zone: str, source: str, mix: dict[str, float]) -> Bounds:
    """Return what a source tells of a zone that generates so much of each fuel."""
    return widened(priced(mix, fuel_factors(zone)), zone, source)


def as_of_the_year(zone: str) -> dict[str, float]:
    """Return a mix of gas or coal with wind that emits what the zone does over the year."""
    factors = fuel_factors(zone)
    wanted, wind = ANNUAL.annual(zone).gco2eq_per_kwh, factors["wind"].gco2eq_per_kwh
    dirty = "gas" if wanted < factors["gas"].gco2eq_per_kwh else "coal"
    share = (wanted - wind) / (factors[dirty].gco2eq_per_kwh - wind)
    return {dirty: share, "wind": 1.0 - share}


def by_zone() -> Iterator[tuple[str, str, Bounds, Bounds]]:
    for zone, source in COMPUTED:
        yearly = annual_in_force(ANNUAL, zone, NOW)
        assert yearly.low is not None
        assert yearly.high is not None
        ends = Bounds(yearly.low, yearly.gco2eq_per_kwh, yearly.high)
        yield zone, source, live(zone, source, as_of_the_year(zone)), ends


@given(kind=computed, mix=mixes)
def test_bounds_of_a_live_value_are_in_order_and_never_below_nothing(
    kind: tuple[str, str], mix: dict[str, float]
) -> None:
    low, central, high = live(*kind, mix)
    assert 0.0 <= low <= central <= high
    assert high <= 5.0 * central  # nuclear alone is 5 to 20 g in Europe; imports may triple it


def test_a_live_value_like_the_years_is_never_taken_to_be_exact() -> None:
    for zone, _, found, _ in by_zone():
        assert found.high - found.low >= LIVE_ERROR * found.central, zone


def test_live_bounds_are_narrower_than_the_years_but_where_it_is_known_why() -> None:
    wider = {
        (zone, source)
        for zone, source, found, yearly in by_zone()
        if found.high - found.low > yearly.high - yearly.low
    }
    assert wider == WIDER
