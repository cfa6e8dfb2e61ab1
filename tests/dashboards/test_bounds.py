"""Bounds of totals on the dashboards against those that the exporter's own page and API tell."""

from itertools import pairwise
from math import sqrt
from pathlib import Path

import pytest

from dashboards.build import queries
from exporter.core.model import Error, Uncertain
from exporter.engine.estimate import COMMON_ERROR, bounds_of, total
from tests.support.promql_values import NEEDS_PROMTOOL, History

NAME = "carbon_power_watts"
EDGES = {"low": "carbon_power_low_watts", "high": "carbon_power_high_watts"}


def modelled(watts: float, family: str, own: float) -> Uncertain:
    """Machines of one CPU family: the error that all machines share, and their own as a part."""
    shared = COMMON_ERROR * watts
    causes = (("power", ""), shared), (("cpu", family), own * watts)
    return Uncertain(watts, tuple(Error(cause, error, error) for cause, error in causes))


def metered(watts: float) -> Uncertain:
    """A meter errs by far less than what modelled machines share."""
    return Uncertain(watts, (Error(("power", ""), 0.05 * watts, 0.05 * watts),))


REGIONS = {
    "south": modelled(1000.0, "skylake", 0.4),
    "west": modelled(300.0, "graviton", 0.6),
    "north": modelled(80.0, "rome", 0.1),
    "rack": metered(500.0),
}


def history() -> History:
    series = {}
    for region, value in REGIONS.items():
        low, central, high = bounds_of(value)
        labels = f'{{provider="aws", account="1", cloud_region="{region}"}}'
        for name, watts in ((NAME, central), (EDGES["low"], low), (EDGES["high"], high)):
            series[f"{name}{labels}"] = f"{watts}x3"
    return History(interval="5m", choices={}, series=series)


@NEEDS_PROMTOOL
@pytest.mark.parametrize("edge", ["low", "high"])
def test_a_total_has_the_bounds_that_the_exporter_gives_it(edge: str, tmp_path: Path) -> None:
    known = total(REGIONS.values())
    assert known is not None
    low, central, high = bounds_of(known)
    expected = round({"low": low, "high": high}[edge], 3)
    history().check(tmp_path, queries.bound(NAME, EDGES[edge]), "5m", {"{}": expected})
    spread = sum(value.central - bounds_of(value).low for value in REGIONS.values())
    assert abs(expected - central) < spread, "added up as if all erred the same way"


@NEEDS_PROMTOOL
def test_the_bounds_of_one_region_are_its_own(tmp_path: Path) -> None:
    low, _, high = bounds_of(REGIONS["west"])
    labels = '{provider="aws", account="1", cloud_region="west"}'
    series = {f"{NAME}{labels}": "300x3"}
    series |= {f"{EDGES['low']}{labels}": f"{low}x3", f"{EDGES['high']}{labels}": f"{high}x3"}
    alone = History(interval="5m", choices={}, series=series)
    alone.check(tmp_path, queries.bound(NAME, EDGES["low"]), "5m", {"{}": round(low, 3)})
    alone.check(tmp_path, queries.bound(NAME, EDGES["high"]), "5m", {"{}": round(high, 3)})


def test_more_regions_make_a_total_relatively_more_certain() -> None:
    """Down to what all share: the reason for adding in two ways."""
    parts = []
    for count in (1, 4, 16, 64):
        known = total(modelled(100.0, f"family {n}", 0.6) for n in range(count))
        assert known is not None
        low, central, _ = bounds_of(known)
        parts.append((central - low) / central)
    assert all(more > fewer for more, fewer in pairwise(parts))
    assert parts[-1] == pytest.approx(sqrt(COMMON_ERROR**2 + 0.6**2 / 64))
