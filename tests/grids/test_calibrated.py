"""A user's factor on what is computed from a mix, and the bounds of a zone."""

import json

import pytest
from pydantic import ValidationError

from exporter import app
from exporter.core.model import Bounds, IntensityPoint
from exporter.core.units import GCO2eqPerKwh
from exporter.data import rows
from exporter.data.widening import USUAL, widening
from exporter.grids import facts
from exporter.grids._shared.calibrated import Calibrated
from exporter.grids._shared.mix import widened
from exporter.settings import Settings
from tests.support.clock import ManualClock
from tests.support.stand_in_grid import HOUR, StandIn, always


def test_only_the_named_zones_are_multiplied_with_their_bounds() -> None:
    clock = ManualClock()
    calibrated = Calibrated(StandIn({"FR": always(50.0), "DE": always(300.0)}, clock), {"FR": 1.2})
    points = calibrated.fetch(["FR", "DE"], 0, HOUR).points
    assert {p.zone: p.gco2eq_per_kwh for p in points} == {"FR": 60.0, "DE": 300.0}
    wide = IntensityPoint(
        zone="FR",
        start=0,
        end=HOUR,
        gco2eq_per_kwh=GCO2eqPerKwh(50.0),
        low=GCO2eqPerKwh(40.0),
        high=GCO2eqPerKwh(70.0),
    )
    found = calibrated._calibrated(wide)
    assert (found.low, found.gco2eq_per_kwh, found.high) == (48.0, 60.0, 84.0)


def test_the_configuration_calibrates_sources_of_mixes_and_no_other() -> None:
    document = {
        "calibration": {"GB": 0.95},
        "grids": [{"kind": "neso"}, {"kind": "energy_charts"}, {"kind": "eia"}],
    }
    built = app.build(Settings.model_validate(document))
    kinds = {source.name: isinstance(source, Calibrated) for source in built.sources}
    built.close()
    assert kinds == {"neso": True, "energy_charts": False, "eia": True}


@pytest.mark.parametrize("factor", [0, 0.1, 6, "much", None])
def test_a_factor_that_cannot_be_meant_is_refused(factor: object) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({"calibration": {"GB": factor}})
    assert json.dumps(Settings().calibration) == "{}"


def test_what_a_zone_misses_widens_its_bounds_and_leaves_the_value() -> None:
    plain = Bounds(92.0, 100.0, 108.0)
    low, central, high = widened(plain, "CH", "entsoe")
    assert central == 100.0
    assert [low, high] == pytest.approx([87.19, 300.16], abs=0.01)
    assert widening("XX", "entsoe") is USUAL
    usual = widened(plain, "XX", "entsoe")
    assert usual.low < plain.low < plain.high < usual.high


def test_every_line_of_the_table_is_of_a_source_that_computes_the_zone() -> None:
    sources = {one.kind: one for one in facts()}
    for line in rows("zone_widening"):
        assert sources[line["source"]].from_mix, line
        assert line["grid_zone"] in sources[line["source"]].listed, line
        assert 0 < float(line["low"]) <= 1 <= float(line["high"]), line
        assert line["reason"], line
