"""Answers "where does this number come from" for a machine of the running daemon."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Final

from exporter.app.wiring import Wired
from exporter.core.model import Bounds
from exporter.core.snapshot import ResourceView
from exporter.core.units import Ratio
from exporter.engine.estimate import explain

ASSUMED_UTILIZATION: Final = Ratio(0.5)
"""Explained where a machine has no current value; the answer says that it was assumed."""


def explainer(wired: Wired) -> Callable[[str], Mapping[str, object] | None]:
    """Make the answerer of ``/api/v1/explain/{id}``: all machines of that id, None for none."""

    def answer(resource_id: str) -> Mapping[str, object] | None:
        snapshot = wired.publisher.current.snapshot
        if snapshot is None:
            return None
        found = [v for v in snapshot.resources if v.machine.key.resource_id == resource_id]
        return {"resources": [_explained(wired, view) for view in found]} if found else None

    return answer


def _explained(wired: Wired, view: ResourceView) -> Mapping[str, object]:
    machine, app = view.machine, wired.app
    region = app.regions.find(machine.key.provider, machine.key.cloud_region)
    if machine.pue is not None:
        region = replace(region, pue=machine.pue, pue_source="configuration")
    intensity = (
        view.now.intensity
        if view.now
        else wired.book.at(view.grid_zone, app.clock.now().timestamp())
    )
    utilization = view.now.utilization if view.now else ASSUMED_UTILIZATION
    gpu = view.now.gpu_utilization if view.now else None
    told = explain(app.power.profile(machine), region, intensity, utilization, gpu)
    return {
        **machine.key._asdict(),
        "name": machine.name,
        "instance_type": machine.instance_type,
        "grid_zone": view.grid_zone,
        "state": view.state.value,
        "confidence": view.confidence.value,
        "utilization_ratio": utilization,
        "utilization_assumed": view.now is None,
        "gpu_utilization_ratio": gpu,
        "factors": [asdict(factor) for factor in told.factors],
        "it_watts": _bounds(told.it_watts),
        "facility_watts": _bounds(told.facility_watts),
        "operational_gco2eq_per_hour": _bounds(told.operational),
        "embodied_gco2eq_per_hour": _bounds(told.embodied),
    }


def _bounds(bounds: Bounds) -> dict[str, float]:
    return bounds._asdict()
