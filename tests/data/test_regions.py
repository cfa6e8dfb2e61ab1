"""The region table and what a user lays over it."""

from collections import Counter

import pytest

from exporter.core.ports import Regions
from exporter.data import rows
from exporter.data.regions import CONFIGURATION, WORLD, RegionOverride, RegionTable

TABLE = RegionTable()


def test_a_known_region_carries_its_grid_and_the_pue_that_its_provider_published() -> None:
    table: Regions = TABLE
    dublin = table.find("aws", "eu-west-1")
    assert (dublin.grid_zone, dublin.pue, dublin.known) == ("IE", 1.11, True)
    assert dublin.pue_source == "AWS disclosure by region, 2024"


@pytest.mark.parametrize(
    ("provider", "name", "zone", "pue"),
    [
        ("aws", "eu-west-3", "FR", 1.11),  # no value of its own: AWS average Europe
        ("aws", "ap-south-1", "IN-WE", 1.42),
        ("aws", "il-central-1", "IL", 1.30),
        ("azure", "northeurope", "IE", 1.19),
        ("azure", "uksouth", "GB", 1.16),  # Microsoft average Europe, Middle East, Africa
        ("azure", "japaneast", "JP-TK", 1.28),  # Microsoft average Asia Pacific
        ("gcp", "europe-west1", "BE", 1.09),
        ("gcp", "europe-west9", "FR", 1.10),  # Google fleet average
    ],
)
def test_pue_is_the_regions_own_or_else_the_average_of_its_part_of_the_world(
    provider: str, name: str, zone: str, pue: float
) -> None:
    region = TABLE.find(provider, name)
    assert (region.grid_zone, region.pue) == (zone, pue)


def test_every_region_has_an_annual_value_a_plausible_pue_and_a_place() -> None:
    zones = {line["grid_zone"] for line in rows("annual")}
    for region in TABLE.all():
        assert region.grid_zone in zones - {WORLD}, region
        assert 1.0 < region.pue < 1.6, region
        assert region.pue_source, region
        assert region.location, region
        assert -90 <= (region.latitude or 0.0) <= 90, region
        assert -180 <= (region.longitude or 0.0) <= 180, region
        assert (region.latitude, region.longitude) != (None, None), region


def test_the_table_lists_each_region_of_the_three_clouds_once() -> None:
    listed = [(line["provider"], line["region"]) for line in rows("regions")]
    assert len(listed) == len(set(listed))
    found = [(region.provider, region.name) for region in TABLE.all()]
    assert sorted(found) == sorted(listed)
    for provider in ("aws", "azure", "gcp"):
        assert len(TABLE.regions(provider)) == Counter(name for name, _ in listed)[provider] > 30


@pytest.mark.parametrize(
    ("provider", "pue"),
    [("aws", 1.14), ("gcp", 1.10), ("azure", 1.17), ("host", 1.0), ("elsewhere", 1.15)],
)
def test_an_unknown_region_gets_the_worlds_grid_and_says_so(provider: str, pue: float) -> None:
    region = TABLE.find(provider, "moon-1")
    assert (region.grid_zone, region.pue, region.known) == (WORLD, pue, False)
    assert region.pue_source


def test_an_override_replaces_only_what_it_gives() -> None:
    table = RegionTable(
        {
            ("aws", "eu-west-1"): RegionOverride(pue=1.5),
            ("aws", "eu-west-2"): RegionOverride(grid_zone="GB-LON"),
        }
    )
    dublin, london = table.find("aws", "eu-west-1"), table.find("aws", "eu-west-2")
    assert (dublin.grid_zone, dublin.pue, dublin.pue_source) == ("IE", 1.5, CONFIGURATION)
    assert (london.grid_zone, london.pue) == ("GB-LON", TABLE.find("aws", "eu-west-2").pue)


def test_a_region_of_ones_own_is_known_once_its_grid_is_named() -> None:
    table = RegionTable(
        {
            ("host", "cellar"): RegionOverride(grid_zone="FR", pue=1.3),
            ("host", "attic"): RegionOverride(pue=1.2),
        }
    )
    cellar, attic = table.find("host", "cellar"), table.find("host", "attic")
    assert (cellar.grid_zone, cellar.pue, cellar.known) == ("FR", 1.3, True)
    assert (attic.grid_zone, attic.pue, attic.known) == (WORLD, 1.2, False)
    assert table.regions("host") == ("attic", "cellar")


def test_a_mistyped_region_is_answered_with_its_nearest_names() -> None:
    assert TABLE.suggest("aws", "eu-wst-1")[0] == "eu-west-1"
    assert TABLE.suggest("gcp", "Europe-West4")[0] == "europe-west4"
    assert "aws" not in TABLE.suggest("azure", "zzzzzz")
    assert TABLE.suggest("azure", "zzzzzz") == ()


@pytest.mark.parametrize(
    ("zone", "grid"),
    [
        ("us-west-2-lax-1a", "US-CAL-CISO"),
        ("us-west-2-den-1a", "US-NW-PSCO"),
        ("eu-north-1-cph-1a", "DK-DK2"),
        ("us-east-1-wl1-atl-wlz-1", "US-SE-SOCO"),
        ("us-east-1-mia-9c", "US-FLA-FPL"),  # a group that is not listed yet
        ("eu-west-3-wl1-xyz-wlz-1", "MA"),
    ],
)
def test_an_aws_zone_in_another_city_has_the_grid_of_that_city(zone: str, grid: str) -> None:
    found = TABLE.zone("aws", zone)
    assert found is not None
    assert (found.name, found.grid_zone, found.known) == (zone, grid, True)
    assert found.pue_source


@pytest.mark.parametrize("zone", ["us-west-2a", "", "us-west-2", "us-west-2-zzz-1a", "op-0123"])
def test_any_other_zone_is_where_its_region_is(zone: str) -> None:
    assert TABLE.zone("aws", zone) is None
    assert TABLE.zone("gcp", "us-west-2-lax-1a") is None


def test_every_local_zone_is_found_under_its_name_with_a_yearly_value() -> None:
    annual = {line["grid_zone"] for line in rows("annual")}
    lines = list(rows("local_zones"))
    assert len(lines) == len({line["zone"] for line in lines})
    for line in lines:
        assert {line["grid_zone"], line["low_zone"], line["high_zone"]} <= annual | {""}
        assert TABLE.find("aws", line["region"]).known
        found = TABLE.zone("aws", line["zone"].replace("*", "1-any-wlz-1"))
        assert found is not None
        assert found.grid_zone == line["grid_zone"]


def test_a_user_may_place_a_zone_and_an_outpost_which_are_no_regions() -> None:
    table = RegionTable(
        {
            ("aws", "us-west-2-lax-1a"): RegionOverride(grid_zone="US-CAL-LDWP"),
            ("aws", "us-east-1-atl-1a"): RegionOverride(pue=1.3),
            ("aws", "us-east-1c"): RegionOverride(grid_zone="US-CAR-DUK"),
            ("aws", "op-0a1b2c3d4e5f67890"): RegionOverride(grid_zone="FR", pue=1.5),
        }
    )
    zones = [table.zone("aws", name) for name in ("us-west-2-lax-1a", "us-east-1-atl-1a")]
    assert [(z.grid_zone, z.pue) for z in zones if z] == [
        ("US-CAL-LDWP", 1.14),
        ("US-SE-SOCO", 1.3),
    ]
    assert [z.high_zone for z in zones if z] == ["", ""]
    outpost, plain = table.zone("aws", "op-0a1b2c3d4e5f67890"), table.zone("aws", "us-east-1c")
    assert outpost is not None
    assert (outpost.grid_zone, outpost.pue) == ("FR", 1.5)
    assert plain is not None
    assert plain.grid_zone == "US-CAR-DUK"
    assert table.regions("aws") == TABLE.regions("aws")


def test_a_contested_grid_has_its_rivals_as_bounds() -> None:
    oregon = TABLE.find("aws", "us-west-2")
    annual = {line["grid_zone"]: float(line["gco2eq_per_kwh"]) for line in rows("annual")}
    assert (oregon.low_zone, oregon.grid_zone, oregon.high_zone) == (
        "US-NW-BPAT",
        "US-NW-BPAT",
        "US-NW-PACW",
    )
    assert oregon.grid_low == 1.0
    assert oregon.grid_high == annual["US-NW-PACW"] / annual["US-NW-BPAT"]
    for region in TABLE.all():
        assert region.grid_low <= 1.0 <= region.grid_high, region
        assert bool(region.low_zone) == bool(region.high_zone), region
