"""/api/v1/explain of a machine type, over a wired daemon."""

from collections.abc import Iterator
from typing import Any

import pytest

from exporter import app
from exporter.app.assembly import Assembly, assemble
from exporter.app.explain import explain_type, explainer
from exporter.core.model import Basis, FallbackLevel, IntensityInForce, Method
from exporter.core.units import GCO2eqPerKwh, Ratio
from exporter.engine.store import Store
from exporter.exposition.query import QueryError
from exporter.settings import Settings
from tests.support.clock import ManualClock


@pytest.fixture
def wired() -> Iterator[Assembly]:
    settings = Settings.model_validate({"providers": [{"kind": "host"}], "grids": []})
    built = app.build(settings, clock=ManualClock())
    wired = assemble(built, Store.in_memory())
    yield wired
    wired.store.close()
    built.close()


def told(wired: Assembly, wanted: str, **query: str) -> dict[str, Any]:
    found = explainer(wired)(wanted, query)
    assert found is not None
    return dict(found)


def test_a_type_is_explained_where_it_is_asked_for(wired: Assembly) -> None:
    (one,) = told(wired, "m5.large", region="eu-west-3", cpu="40")["types"]
    assert (one["provider"], one["grid_zone"], one["utilization_ratio"]) == ("aws", "FR", 0.4)
    factors = {factor["name"]: factor for factor in one["factors"]}
    assert factors["PUE of eu-west-3"]["year"]
    assert factors["grid intensity of FR"]["year"] == "2025"
    watts = one["facility_watts"]["central"]
    grams = factors["grid intensity of FR"]["value"]
    assert one["operational_gco2eq_per_hour"]["central"] == pytest.approx(watts * grams / 1000)


def test_a_value_from_a_mix_names_its_factors_and_what_may_be_missing(wired: Assembly) -> None:
    germany = wired.app.regions.find("aws", "eu-central-1")
    force = IntensityInForce(
        zone="DE",
        gco2eq_per_kwh=GCO2eqPerKwh(350.0),
        source="entsoe",
        method=Method.AVERAGE,
        basis=Basis.LIFECYCLE,
        level=FallbackLevel.LIVE,
        valid_from=0,
    )
    found: Any = explain_type(wired.app, ("aws", "m5.large"), germany, Ratio(0.5), force)
    factors = {factor["name"]: factor for factor in found["factors"]}
    own = factors["fuel factors of DE"]
    assert "lignite" in own["value"]
    assert (own["source"], own["year"]) == ("exporter/data/fuel_factors.csv", "2023-2024")
    missing = factors["what the mix of DE may miss"]
    assert missing["low"] < 1 < missing["high"]
    assert "imports" in missing["source"]


def test_a_region_whose_grid_is_contested_says_so(wired: Assembly) -> None:
    (one,) = told(wired, "m5.large", region="us-west-2")["types"]
    (which,) = [f for f in one["factors"] if f["name"] == "which grid feeds us-west-2"]
    assert which["value"] == "US-NW-BPAT"
    assert "US-NW-PACW" in which["source"]
    assert which["low"] == 1.0 < which["high"]


def test_without_a_region_a_type_stands_on_the_worlds_grid_half_busy(wired: Assembly) -> None:
    (one,) = told(wired, "m5.large")["types"]
    assert (one["grid_zone"], one["utilization_ratio"]) == ("WORLD", 0.5)


def test_a_custom_type_is_known_as_well(wired: Assembly) -> None:
    (one,) = told(wired, "n2-custom-4-8192")["types"]
    assert one["provider"] == "gcp"


def test_what_is_neither_machine_nor_type_is_not_explained(wired: Assembly) -> None:
    assert explainer(wired)("nonsense", {}) is None


@pytest.mark.parametrize("cpu", ["101", "-1", "much", "nan"])
def test_a_utilisation_that_is_none_is_refused(wired: Assembly, cpu: str) -> None:
    with pytest.raises(QueryError, match="write a percentage"):
        explainer(wired)("m5.large", {"cpu": cpu})
