"""JSON documents of a snapshot: what the page and the API show. Units are in the names."""

import heapq
import json
from collections.abc import Iterable, Mapping, Sequence
from math import inf, isfinite
from typing import Final

from exporter.advice.rank import Candidate, rank
from exporter.core.model import (
    HOST,
    Basis,
    Bounds,
    ForecastHour,
    IntensityInForce,
    Method,
    Outlook,
    Standing,
    Uncertain,
)
from exporter.core.snapshot import (
    CollectorView,
    HistoryPoint,
    Quality,
    RegionIntensityView,
    RegionView,
    ResourceNow,
    ResourceState,
    ResourceView,
    Snapshot,
)
from exporter.core.units import Joules, kwh
from exporter.engine.estimate import bounds_of, total

Json = Mapping[str, object]

JSON_TYPE: Final = "application/json"

TOP_EMITTERS: Final = 10


def encode(content: object) -> bytes:
    """Serialise to JSON that every client reads: UTF-8, no NaN, no lone surrogates."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")


def number(value: float | None) -> float | None:
    """Return a value that JSON can hold; NaN and infinity are unknown."""
    return value if value is not None and isfinite(value) else None


def summary(snapshot: Snapshot) -> Json:
    """Return the whole estate in one answer.

    ``this_machine`` is the exporter's own where it is not among the top emitters: small as it is,
    it is the one whose numbers a user can move.
    """
    top = top_emitters(snapshot.resources)
    return {
        "time": snapshot.time,
        "simulated": snapshot.simulated,
        "now": _now(snapshot.regions),
        "totals": _totals(snapshot.regions),
        "coverage_seconds": _observed(snapshot.regions),
        "states": _states(snapshot.regions),
        "top": [resource(view, ()) for view in top],
        "this_machine": [resource(view, ()) for view in _hosts(snapshot) if view not in top],
        "grids": [grid(one, snapshot.time) for one in grids_in_use(snapshot)],
        "regions": [region(view) for view in snapshot.regions],
        "collectors": [_collector(view) for view in snapshot.collectors],
        "history": [_history(point) for point in snapshot.history],
        "catch_up_remaining_seconds": dict(snapshot.catch_up_remaining_seconds),
        "api_requests": sum(usage.requests for usage in snapshot.api.values()),
        "api_cost_dollars": number(sum(usage.dollars for usage in snapshot.api.values())),
    }


def top_emitters(views: Iterable[ResourceView], count: int = TOP_EMITTERS) -> list[ResourceView]:
    """Return the machines with the highest current rate, highest first."""
    return heapq.nlargest(count, (view for view in views if view.now), key=current_rate)


def _hosts(snapshot: Snapshot) -> list[ResourceView]:
    return [view for view in snapshot.resources if view.machine.key.provider == HOST]


def current_rate(view: ResourceView) -> float:
    """Grams per hour of a machine, both scopes; minus infinity where not known."""
    return view.now.rate_bounds.central if view.now else -inf


def resource(view: ResourceView, tags: Sequence[str]) -> dict[str, object]:
    """Return one machine; ``tags`` are the keys that may be shown."""
    machine = view.machine
    return {
        **machine.key._asdict(),
        "name": machine.name,
        "instance_type": machine.instance_type,
        "cloud_zone": machine.cloud_zone,
        "grid_zone": view.grid_zone,
        "group": machine.group,
        "provider_id": machine.provider_id,
        "kubernetes_cluster": machine.cluster,
        "cluster": machine.cluster,  # old name of the field; goes in 0.2
        "node_pool": machine.node_pool,
        "lifecycle": machine.lifecycle,
        "tags": {key: machine.tags[key] for key in tags if key in machine.tags},
        "state": view.state,
        "confidence": view.confidence,
        "vcpus": view.vcpus,
        "now": _resource_now(view.now),
        **_counted(view),
    }


def _counted(view: ResourceView | RegionView) -> Json:
    """Return what was counted so far; null while that is withheld."""
    if view.withheld:
        return {"energy_joules": None, "emissions_gco2eq": _scopes(None, None)}
    return {
        "energy_joules": number(view.energy),
        "emissions_gco2eq": _scopes(view.operational, view.embodied),
    }


def _resource_now(now: ResourceNow | None) -> Json | None:
    if now is None:
        return None
    return {
        "start": now.bucket_start,
        "end": now.bucket_end,
        "cpu_utilization_ratio": number(now.utilization),
        "gpu_utilization_ratio": number(now.gpu_utilization),
        "power_watts": bounds(now.power_bounds),
        "power_components_watts": {
            **{
                name: number(watts)
                for name, watts in now.power._asdict().items()
                if watts or name != "node"
            },
            "overhead": number(now.overhead),
        },
        "gco2eq_per_hour": bounds(now.rate_bounds),
        "gco2eq_per_hour_by_scope": _scopes(now.rate.operational, now.rate.embodied),
        "intensity": grid(now.intensity, now.bucket_end),
    }


def grid(force: IntensityInForce, time: float) -> dict[str, object]:
    """Return an intensity in force; its age counts from the start of its validity to ``time``."""
    return {
        "grid_zone": force.zone,
        "gco2eq_per_kwh": number(force.gco2eq_per_kwh),
        "source": force.source,
        "method": force.method,
        "basis": force.basis,
        "fallback_level": int(force.level),
        "fallback": force.level.words,
        "valid_from": force.valid_from,
        "age_seconds": max(0.0, time - force.valid_from),
        "estimated": force.estimated,
    }


def grids_in_use(snapshot: Snapshot) -> list[IntensityInForce]:
    """Return the values that price the grams of the machines that there are."""
    zones = {view.grid_zone for view in snapshot.resources}
    return [
        one
        for one in snapshot.grids
        if one.zone in zones and (one.method, one.basis) == (Method.AVERAGE, Basis.LIFECYCLE)
    ]


def outlook(told: Outlook) -> dict[str, object]:
    """Return the forecast of a zone."""
    return {
        "grid_zone": told.zone,
        "method": told.method,
        "source": told.source,
        "hours": [_hour(hour) for hour in told.hours],
    }


def _hour(hour: ForecastHour) -> dict[str, object]:
    return {
        "start": hour.start,
        "end": hour.end,
        "gco2eq_per_kwh": number(hour.gco2eq_per_kwh),
        "low": number(hour.low),
        "high": number(hour.high),
    }


def standing(told: Standing, time: float) -> dict[str, object]:
    """Return how a zone's marginal intensity compares with its next day, told so long before."""
    return {
        "grid_zone": told.zone,
        "method": Method.MARGINAL,
        "source": told.source,
        "percentile": number(told.percentile),
        "time": told.moment,
        "age_seconds": max(0.0, time - told.moment),
    }


def ranking(snapshot: Snapshot) -> list[dict[str, object]]:
    """Return all regions, the cleanest first; equals share a rank.

    The key is grams per kWh of IT energy: average, life-cycle intensity of the grid times PUE.
    """
    views = {(view.region.provider, view.region.name): view for view in snapshot.region_intensities}
    ranked = rank(
        Candidate(region=view.region, grid=view.grid, weaker=view.weaker) for view in views.values()
    )
    return [
        _ranked(views[one.candidate.region.provider, one.candidate.region.name], snapshot.time)
        | {"rank": one.rank}
        for one in ranked
    ]


def _ranked(view: RegionIntensityView, time: float) -> dict[str, object]:
    region = view.region
    return {
        "provider": region.provider,
        "cloud_region": region.name,
        "location": region.location,
        "latitude": region.latitude,
        "longitude": region.longitude,
        "known": region.known,
        **grid(view.grid, time),
        "gco2eq_per_kwh_it": number(view.it_gco2eq_per_kwh),
        "pue": number(region.pue),
        "mean_24h": number(view.mean_24h),
        "annual": number(view.annual.gco2eq_per_kwh),
        "annual_year": view.annual.year,
        "weaker": view.weaker,
    }


def region(view: RegionView) -> dict[str, object]:
    """Return one (provider, account, region)."""
    return {
        **view.key._asdict(),
        "power_watts": bounds(view.power),
        "gco2eq_per_hour": bounds(view.rate),
        **_counted(view),
        "machines": sum(view.states.values()),
    }


def bounds(value: Bounds | None) -> Json | None:
    """Return an interval, or None where nothing is known."""
    return None if value is None else {name: number(n) for name, n in value._asdict().items()}


def _now(regions: Sequence[RegionView]) -> Json:
    return {
        "power_watts": bounds(_sum(view.power_known for view in regions)),
        "gco2eq_per_hour": bounds(_sum(view.rate_known for view in regions)),
    }


def _sum(values: Iterable[Uncertain | None]) -> Bounds | None:
    known = total(value for value in values if value is not None)
    return None if known is None else bounds_of(known)


def _totals(regions: Sequence[RegionView]) -> Json:
    """Add up the regions; a sum that lacks one is none."""
    if any(view.withheld for view in regions):
        return {
            "energy_joules": None,
            "energy_kwh": None,
            "emissions_gco2eq": _scopes(None, None),
        }
    joules = Joules(sum(view.energy for view in regions))
    return {
        "energy_joules": number(joules),
        "energy_kwh": number(kwh(joules)),
        "emissions_gco2eq": _scopes(
            sum(view.operational for view in regions), sum(view.embodied for view in regions)
        ),
    }


def _scopes(operational: float | None, embodied: float | None) -> Json:
    return {"operational": number(operational), "embodied": number(embodied)}


def _observed(regions: Sequence[RegionView]) -> Json:
    if any(view.withheld for view in regions):
        return dict.fromkeys(Quality)
    return {
        quality: sum(view.observed_seconds.get(quality, 0.0) for view in regions)
        for quality in Quality
    }


def _states(regions: Sequence[RegionView]) -> Json:
    return {state: sum(view.states.get(state, 0) for view in regions) for state in ResourceState}


def _collector(view: CollectorView) -> Json:
    return {
        "name": view.name,
        "success": view.success,
        "last_success": view.last_success,
        "duration_seconds": view.duration_seconds,
        "data_timestamp": view.data_timestamp,
        "failures": dict(view.failures),
        "last_error": view.last_error,
        "counting_since": view.counting_since,
    }


def _history(point: HistoryPoint) -> Json:
    return {
        "start": point.start,
        "end": point.end,
        "watts": number(point.watts),
        "gco2eq_per_hour": number(point.grams_per_hour),
    }
