import math

import pytest

from exporter.core.ports import AdapterContext, AnnualIntensities
from exporter.data import rows
from exporter.grids.annual import AnnualTable, Config, build
from tests.support.clock import ManualClock
from tests.support.grids import context

TABLE = (
    {"grid_zone": "FR", "gco2eq_per_kwh": "31", "year": "2025", "source": "a table"},
    {"grid_zone": "WORLD", "gco2eq_per_kwh": "473", "year": "2024", "source": "the world's"},
)


def setting() -> AdapterContext:
    return context(ManualClock())


def test_a_zone_of_the_table_has_its_value_year_and_source() -> None:
    found = AnnualTable(table=TABLE).annual("FR")
    assert (found.zone, found.gco2eq_per_kwh, found.year) == ("FR", 31.0, "2025")
    assert (found.source, found.known) == ("a table", True)


@pytest.mark.parametrize("zone", ["XX", "", "WORLD", "fr"])
def test_another_zone_has_the_worlds_value_and_says_so(zone: str) -> None:
    found = AnnualTable(table=TABLE).annual(zone)
    assert (found.zone, found.gco2eq_per_kwh, found.year) == (zone, 473.0, "2024")
    assert not found.known


@pytest.mark.parametrize("zone", ["FR", "XX"])
def test_the_users_value_goes_first(zone: str) -> None:
    found = AnnualTable({zone: 12.5}, table=TABLE).annual(zone)
    assert (found.gco2eq_per_kwh, found.source, found.known) == (12.5, "configuration", True)


@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf])
def test_an_impossible_value_is_refused_with_its_zone(value: float) -> None:
    with pytest.raises(ValueError, match="annual intensity of FR"):
        AnnualTable({"FR": value}, table=TABLE)


def test_a_table_without_the_world_is_refused() -> None:
    with pytest.raises(ValueError, match="WORLD"):
        AnnualTable(table=TABLE[:1])


def test_the_shipped_table_has_plausible_values_for_every_zone() -> None:
    table: AnnualIntensities = AnnualTable()
    zones = [line["grid_zone"] for line in rows("annual")]
    assert len(zones) == len(set(zones)) > 50
    found = [table.annual(zone) for zone in zones]
    assert all(5 < value.gco2eq_per_kwh < 1100 and value.source and value.year for value in found)
    assert {value.zone for value in found if not value.known} == {"WORLD"}


def test_a_configured_annual_adds_no_live_source() -> None:
    assert build(Config(kind="annual"), setting()) == ()
