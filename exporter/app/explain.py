"""Answers "where does this number come from": for live machines, and for machine types."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Final

from exporter import grids
from exporter.app.assembly import Assembly
from exporter.app.build import App
from exporter.core.clock import epoch
from exporter.core.model import (
    Factor,
    IntensityInForce,
    Machine,
    Region,
    ResourceKey,
    RunState,
    Usage,
)
from exporter.core.snapshot import ResourceView
from exporter.core.units import Ratio, ratio_from_percent
from exporter.data.fuels import continent, fuel_factors, own_fuels
from exporter.data.regions import CONFIGURATION
from exporter.data.widening import widening
from exporter.engine.estimate import Explanation, confidence, explain
from exporter.engine.intensity import annual_in_force
from exporter.engine.repricing import KEEP_SECONDS
from exporter.exposition.api import Explain
from exporter.exposition.query import QueryError

ASSUMED_UTILIZATION: Final = Ratio(0.5)
"""Explained where a machine has no current value; the answer says that it was assumed."""

_FINAL: Final = "the grid's own value"
_STANDS_IN: Final = (
    f"a stand-in: its grams are counted anew when the grid's own value comes within "
    f"{KEEP_SECONDS // 3600} hours"
)

Document = dict[str, object]


def explainer(wired: Assembly) -> Explain:
    """Make the answerer of ``/api/v1/explain/{id}``.

    All machines of that id, else all machine types of that name, else None. For types, the
    parameters ``region`` and ``cpu`` (percent, 50 without it) say where and how busy.
    """
    clouds = sorted({region.provider for region in wired.app.regions.all()})

    def answer(wanted: str, query: Mapping[str, str]) -> Document | None:
        snapshot = wired.publisher.current.snapshot
        views = snapshot.resources if snapshot else ()
        found = [view for view in views if view.machine.key.resource_id == wanted]
        if found:
            return {"resources": [_of_machine(wired, view) for view in found]}
        utilization = _utilization(query.get("cpu", "50"))
        named = [(cloud, wired.app.types.canonical(cloud, wanted)) for cloud in clouds]
        told = [
            _of_type_anywhere(wired, cloud, name, query, utilization)
            for cloud, name in named
            if name
        ]
        return {"types": told} if told else None

    return answer


def _utilization(text: str) -> Ratio:
    try:
        ratio = ratio_from_percent(float(text.removesuffix("%")))
    except ValueError:
        ratio = Ratio(-1.0)
    if not 0.0 <= ratio <= 1.0:
        message = f"cpu={text!r} — write a percentage such as 40"
        raise QueryError(message)
    return ratio


def _of_type_anywhere(
    wired: Assembly, provider: str, name: str, query: Mapping[str, str], utilization: Ratio
) -> Document:
    """Explain a type with the grid of this moment, unlike a planned one."""
    region = wired.app.regions.find(provider, query.get("region", ""))
    now = epoch(wired.app.clock.now())
    intensity = wired.book.at(region.grid_zone, now)
    return explain_type(wired.app, (provider, name), region, utilization, intensity)


def explain_type(
    app: App,
    kind: tuple[str, str],
    region: Region,
    utilization: Ratio,
    intensity: IntensityInForce | None = None,
) -> Document:
    """Explain a machine type ``(provider, name)`` in a region; by default on the year's grid."""
    provider, name = kind
    force = intensity or annual_in_force(app.annual, region.grid_zone, epoch(app.clock.now()))
    profile = app.power.profile(imagined(provider, name, region.name))
    return {
        "provider": provider,
        "instance_type": name,
        "cloud_region": region.name,
        "grid_zone": region.grid_zone,
        "power_model": app.settings.power_model,
        "confidence": profile.confidence.value,
        "utilization_ratio": utilization,
        **_told(explain(profile, region, force, Usage(utilization)), _grid(app, region, force)),
    }


def imagined(provider: str, instance_type: str, region: str) -> Machine:
    """Return a running machine of a type that stands nowhere."""
    key = ResourceKey(provider, "", region, "", instance_type)
    return Machine(key=key, name="", instance_type=instance_type, state=RunState.RUNNING)


def _of_machine(wired: Assembly, view: ResourceView) -> Document:
    machine, app = view.machine, wired.app
    provider = machine.key.provider
    zone = app.regions.zone(provider, machine.cloud_zone)
    region = zone or app.regions.find(provider, machine.key.cloud_region)
    if machine.pue is not None and zone is None:
        region = replace(region, pue=machine.pue, pue_source="configuration")
    now = view.now
    intensity = now.intensity if now else wired.book.at(view.grid_zone, epoch(app.clock.now()))
    usage = now.usage if now else Usage(ASSUMED_UTILIZATION)
    profile = app.power.profile(machine)
    return {
        **machine.key._asdict(),
        "name": machine.name,
        "instance_type": machine.instance_type,
        "grid_zone": view.grid_zone,
        "state": view.state.value,
        "power_model": app.settings.power_model,
        "confidence": confidence(profile, usage).value,
        "utilization_ratio": usage.cpu,
        "utilization_assumed": now is None,
        "gpu_utilization_ratio": usage.gpu,
        "intensity_found": intensity.level.words,
        "price": _FINAL if intensity.live else _STANDS_IN,
        **_told(explain(profile, region, intensity, usage), _grid(app, region, intensity)),
    }


def _grid(app: App, region: Region, intensity: IntensityInForce) -> tuple[Factor, ...]:
    """Say what a value was computed from, what may be missing in it, and which grid it may be."""
    zone, source = intensity.zone, intensity.source
    told: list[Factor] = []
    if source in {facts.kind for facts in grids.facts() if facts.from_mix}:
        own = own_fuels(zone)
        known = widening(zone, source)
        told += [
            Factor(
                name=f"fuel factors of {zone}",
                value=f"own: {', '.join(own)}" if own else f"defaults of {continent(zone)}",
                unit="gCO2eq/kWh by fuel",
                source="exporter/data/fuel_factors.csv",
                year=max((fuel_factors(zone)[fuel].year for fuel in own), default=""),
            ),
            Factor(
                name=f"what the mix of {zone} may miss",
                value=1.0,
                unit="times the intensity",
                source=known.reason,
                low=known.low,
                high=known.high,
            ),
        ]
        if zone in app.settings.calibration:
            told.append(
                Factor(
                    name=f"calibration of {zone}",
                    value=app.settings.calibration[zone],
                    unit="times the mix, already in the intensity",
                    source=CONFIGURATION,
                )
            )
    if region.low_zone and region.grid_zone == zone:
        told.append(
            Factor(
                name=f"which grid feeds {region.name}",
                value=zone,
                unit="grid zone; bounds: times the intensity",
                source=f"contested: {region.low_zone} to {region.high_zone}",
                low=region.grid_low,
                high=region.grid_high,
            )
        )
    return tuple(told)


def _told(found: Explanation, grid: tuple[Factor, ...]) -> Document:
    return {
        "factors": [asdict(factor) for factor in (*found.factors, *grid)],
        "it_watts": found.it_watts._asdict(),
        "facility_watts": found.facility_watts._asdict(),
        "operational_gco2eq_per_hour": found.operational._asdict(),
        "embodied_gco2eq_per_hour": found.embodied._asdict(),
    }
