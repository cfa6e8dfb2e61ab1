"""What a zone of the EIA shows when its source falls silent: the yearly value, within its bounds.

The hours are a recording that is not part of this project, priced as the source prices them.
"""

import os
from functools import cache
from pathlib import Path
from statistics import fmean

import pytest

from bench.forecast.replay import HOUR, points
from bench.grids.__main__ import WINDOW
from bench.grids.price import Traced
from bench.grids.read import read_window
from bench.late.estate import LateGrid, Time
from exporter.core.model import FallbackLevel
from exporter.engine.forecast import SeasonalForecaster
from exporter.engine.intensity import OWN_HOURS, IntensityBook
from exporter.engine.store import Store
from exporter.grids.annual import AnnualTable
from exporter.grids.eia import RESPONDENTS

BEGIN = 1_686_355_200
"""2023-06-10 00:00 UTC, the first hour of the recording."""

pytestmark = pytest.mark.skipif(
    not os.environ.get(WINDOW), reason=f"no recording of EIA-930: set {WINDOW} (bench/README.md)"
)


@cache
def window() -> list[Traced]:
    return [Traced(moment) for moment in read_window(Path(os.environ[WINDOW]))]


@pytest.mark.parametrize("zone", sorted(RESPONDENTS))
def test_the_mean_of_the_hours_lies_within_the_bounds_of_the_yearly_value(zone: str) -> None:
    code = RESPONDENTS[zone]
    hours = {
        BEGIN + n * HOUR: at.one_hop(code) for n, at in enumerate(window()) if code in at.produced
    }
    assert len(hours) > 200
    end = max(hours) + HOUR
    clock = Time(end)
    grid = LateGrid({zone: hours}, 0, clock)
    book = IntensityBook([grid], AnnualTable(), Store.in_memory(), clock, SeasonalForecaster())
    book.restore({grid.name: points(zone, hours, BEGIN, end)})
    assert book.at(zone, end - 1).level is FallbackLevel.LIVE
    fallen = book.at(zone, end + OWN_HOURS * HOUR)
    assert fallen.level is FallbackLevel.ANNUAL
    assert fallen.low is not None
    assert fallen.high is not None
    assert fallen.low <= fmean(hours.values()) <= fallen.high
