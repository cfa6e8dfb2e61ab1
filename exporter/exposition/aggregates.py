"""Series of everything but single machines: few, so written as a table of family and samples."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from math import isfinite
from typing import Final

from exporter.core.errors import Reason
from exporter.core.model import Method
from exporter.core.snapshot import CollectorView, Quality, RegionView, ResourceState, Snapshot
from exporter.core.units import SECONDS_PER_HOUR
from exporter.exposition import catalogue
from exporter.exposition.catalogue import Family
from exporter.exposition.machines import identity_labels, sample

HORIZONS: Final = (1, 3, 6, 12, 24)
"""Hours ahead that the forecast is exposed for."""

Samples = Iterable[tuple[tuple[str, ...], float | None]]
"""Label values and a value; None is left out."""


def render(snapshot: Snapshot) -> dict[Family, str]:
    """Return the sample lines of each family of ``SAMPLES``."""
    return {family: lines(family, samples(snapshot)) for family, samples in SAMPLES.items()}


def lines(family: Family, samples: Samples) -> str:
    """Return the sample lines of one family; a repeated label set keeps its first value."""
    first: dict[tuple[str, ...], float] = {}
    for values, value in samples:
        if value is not None and isfinite(value):
            first.setdefault(values, value)
    return "".join(_line(family, values, value) for values, value in first.items())


def _line(family: Family, values: tuple[str, ...], value: float) -> str:
    if not family.labels:
        return f"{family.name} {value!r}\n"
    return sample(family.name, identity_labels(family.labels, values), value)


def _regions(value: Callable[[RegionView], float | None]) -> Callable[[Snapshot], Samples]:
    return lambda snapshot: ((region.key, value(region)) for region in snapshot.regions)


def _collectors(value: Callable[[CollectorView], float | None]) -> Callable[[Snapshot], Samples]:
    return lambda snapshot: (((view.name,), value(view)) for view in snapshot.collectors)


def _emissions(snapshot: Snapshot) -> Iterator[tuple[tuple[str, ...], float]]:
    for region in snapshot.regions:
        yield (*region.key, "operational"), region.operational
        yield (*region.key, "embodied"), region.embodied


def _observed(snapshot: Snapshot) -> Iterator[tuple[tuple[str, ...], float]]:
    for region in snapshot.regions:
        for quality in Quality:
            yield (*region.key, quality), region.observed_seconds.get(quality, 0.0)


def _states(snapshot: Snapshot) -> Iterator[tuple[tuple[str, ...], float]]:
    for region in snapshot.regions:
        for state in ResourceState:
            yield (*region.key, state), region.states.get(state, 0)


def _forecasts(snapshot: Snapshot) -> Iterator[tuple[tuple[str, ...], float]]:
    for outlook in snapshot.outlooks:
        for horizon in HORIZONS:
            at = snapshot.time + horizon * SECONDS_PER_HOUR
            hour = next((each for each in outlook.hours if each.start <= at < each.end), None)
            if hour is not None:
                yield (outlook.zone, outlook.method, f"{horizon}h"), hour.gco2eq_per_kwh


def _region_intensities(snapshot: Snapshot) -> Iterator[tuple[tuple[str, ...], float]]:
    marginal = {one.zone: one for one in snapshot.grids if one.method is Method.MARGINAL}
    for view in snapshot.region_intensities:
        region = view.region
        yield (region.provider, region.name, view.grid.method), view.it_gco2eq_per_kwh
        if region.grid_zone in marginal:
            grams = marginal[region.grid_zone].gco2eq_per_kwh
            yield (region.provider, region.name, Method.MARGINAL), grams * region.pue


def _region_infos(snapshot: Snapshot) -> Iterator[tuple[tuple[str, ...], float]]:
    for view in snapshot.region_intensities:
        region = view.region
        place = (_degrees(region.latitude), _degrees(region.longitude))
        yield (region.provider, region.name, region.grid_zone, region.location, *place), 1


def _degrees(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _failures(snapshot: Snapshot) -> Iterator[tuple[tuple[str, ...], float]]:
    for collector in snapshot.collectors:
        counts = dict.fromkeys(map(str, Reason), 0) | dict(collector.failures)
        for reason, count in counts.items():
            yield (collector.name, reason), count


SAMPLES: Final[Mapping[Family, Callable[[Snapshot], Samples]]] = {
    catalogue.ENERGY: _regions(lambda region: region.energy),
    catalogue.EMISSIONS: _emissions,
    catalogue.POWER: _regions(lambda region: region.power and region.power.central),
    catalogue.POWER_LOW: _regions(lambda region: region.power and region.power.low),
    catalogue.POWER_HIGH: _regions(lambda region: region.power and region.power.high),
    catalogue.RATE: _regions(lambda region: region.rate and region.rate.central),
    catalogue.RATE_LOW: _regions(lambda region: region.rate and region.rate.low),
    catalogue.RATE_HIGH: _regions(lambda region: region.rate and region.rate.high),
    catalogue.BUDGET: lambda snapshot: (((), snapshot.budget_month),),
    catalogue.OBSERVED_SECONDS: _observed,
    catalogue.RESOURCES: _states,
    catalogue.GRID_INTENSITY: lambda snapshot: (
        ((grid.zone, grid.source, grid.method, grid.basis), grid.gco2eq_per_kwh)
        for grid in snapshot.grids
    ),
    catalogue.GRID_TIMESTAMP: lambda snapshot: (
        ((grid.zone, grid.method), grid.valid_from) for grid in snapshot.grids
    ),
    catalogue.GRID_FALLBACK: lambda snapshot: (
        ((grid.zone, grid.method), int(grid.level)) for grid in snapshot.grids
    ),
    catalogue.GRID_ESTIMATED: lambda snapshot: (
        ((grid.zone, grid.method), int(grid.estimated)) for grid in snapshot.grids
    ),
    catalogue.GRID_FORECAST: _forecasts,
    catalogue.GRID_PERCENTILE: lambda snapshot: (
        ((one.zone, one.source), one.percentile) for one in snapshot.standings
    ),
    catalogue.REGION_INFO: _region_infos,
    catalogue.REGION_INTENSITY: _region_intensities,
    catalogue.REGION_PUE: lambda snapshot: (
        ((view.region.provider, view.region.name), view.region.pue)
        for view in snapshot.region_intensities
    ),
    catalogue.REGIONS_UNKNOWN: lambda snapshot: (
        ((provider,), snapshot.unknown_regions.get(provider, 0))
        for provider in dict.fromkeys(v.region.provider for v in snapshot.region_intensities)
    ),
    catalogue.COLLECTOR_SUCCESS: _collectors(
        lambda view: None if view.success is None else int(view.success)
    ),
    catalogue.COLLECTOR_LAST_SUCCESS: _collectors(lambda view: view.last_success),
    catalogue.COLLECTOR_DURATION: _collectors(lambda view: view.duration_seconds),
    catalogue.COLLECTOR_DATA: _collectors(lambda view: view.data_timestamp),
    catalogue.COLLECTOR_FAILURES: _failures,
    catalogue.API_REQUESTS: lambda snapshot: (
        (key, usage.requests) for key, usage in snapshot.api.items()
    ),
    catalogue.API_COST: lambda snapshot: (
        (key, usage.dollars) for key, usage in snapshot.api.items()
    ),
    catalogue.BUCKETS_CORRECTED: lambda snapshot: (((), snapshot.buckets_corrected),),
    catalogue.CATCH_UP: lambda snapshot: (
        ((name,), seconds) for name, seconds in snapshot.catch_up_remaining_seconds.items()
    ),
    catalogue.EXPOSITION_TIMESTAMP: lambda snapshot: (((), snapshot.time),),
}
"""The families that are read straight off a snapshot."""
