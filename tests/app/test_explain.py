"""/api/v1/explain of a machine type, over a wired daemon."""

from collections.abc import Iterator
from typing import Any

import pytest

from exporter import app
from exporter.app.assembly import Assembly, assemble
from exporter.app.explain import explainer
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
