"""Series of single machines: most of an exposition, so written for speed.

Label strings are kept between renders, keyed by the machine's identity; what the last snapshot
did not hold is forgotten, so the cache is bounded by the estate.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Final

from exporter.core.model import Machine, ResourceKey
from exporter.core.snapshot import ResourceNow, ResourceView
from exporter.exposition import catalogue
from exporter.exposition.catalogue import RESOURCE, Family
from exporter.exposition.text import identity_value, label_value, tag_labels

COUNTER_SERIES: Final = 4
"""Series that every machine has: info, energy, and emissions of two scopes."""

GAUGE_SERIES: Final = 6
"""Series of a machine with current values: utilisation, three components, two scopes."""

_VCPUS: Final = catalogue.RESOURCE_VCPUS.name
_UTILIZATION: Final = catalogue.RESOURCE_UTILIZATION.name
_GPU_UTILIZATION: Final = catalogue.RESOURCE_GPU_UTILIZATION.name
_POWER: Final = catalogue.RESOURCE_POWER.name
_RATE: Final = catalogue.RESOURCE_RATE.name
_ENERGY: Final = catalogue.RESOURCE_ENERGY.name
_EMISSIONS: Final = catalogue.RESOURCE_EMISSIONS.name


def identity_labels(names: Sequence[str], values: Sequence[str]) -> str:
    """Label pairs as they stand between the braces."""
    pairs = zip(names, values, strict=True)
    return ",".join(f'{name}="{identity_value(value)}"' for name, value in pairs)


def sample(name: str, labels: str, value: float) -> str:
    """One line of an exposition; empty for a value that is no number."""
    return f"{name}{{{labels}}} {value!r}\n" if isfinite(value) else ""


@dataclass(frozen=True, slots=True)
class _Entry:
    """What is kept of a machine between renders."""

    labels: str
    machine: Machine
    grid_zone: str
    confidence: str
    info: str


class MachineSeries:
    """Renders machines, remembering their label strings. Not thread-safe."""

    def __init__(self, tags: Sequence[str]) -> None:
        self._tags = tag_labels(tags)
        self._entries: dict[ResourceKey, _Entry] = {}

    @property
    def cached(self) -> int:
        """How many machines are remembered."""
        return len(self._entries)

    def render(self, views: Iterable[ResourceView]) -> dict[Family, str]:
        """Return the sample lines of each per-resource family, and forget other machines."""
        entries = {view.machine.key: self._entry(view) for view in views}
        self._entries = entries
        rows = [(entries[view.machine.key].labels, view) for view in views]
        return {
            catalogue.RESOURCE_INFO: "".join([entry.info for entry in entries.values()]),
            **_current(rows),
            **_counters(rows),
        }

    def _entry(self, view: ResourceView) -> _Entry:
        machine = view.machine
        known = self._entries.get(machine.key)
        if (
            known
            and (known.grid_zone, known.confidence) == (view.grid_zone, view.confidence or "")
            and _same(known.machine, machine)
        ):
            return known
        labels = known.labels if known else identity_labels(RESOURCE, machine.key)
        return _Entry(
            labels=labels,
            machine=machine,
            grid_zone=view.grid_zone,
            confidence=view.confidence or "",
            info=self._info(labels, view),
        )

    def _info(self, labels: str, view: ResourceView) -> str:
        machine = view.machine
        values = {
            "name": machine.name,
            "instance_type": machine.instance_type,
            "cloud_zone": machine.cloud_zone,
            "grid_zone": view.grid_zone,
            "group": machine.group,
            "cluster": machine.cluster,
            "node_pool": machine.node_pool,
            "lifecycle": machine.lifecycle,
            "confidence": view.confidence or "",
            **{label: machine.tags.get(key, "") for key, label in self._tags},
        }
        pairs = ",".join(f'{name}="{label_value(value)}"' for name, value in values.items())
        return sample(catalogue.RESOURCE_INFO.name, f"{labels},{pairs}", 1.0)


def _same(one: Machine, other: Machine) -> bool:
    return one is other or one == other


def series_of(view: ResourceView) -> int:
    """How many series a machine has."""
    if view.now is None:
        return COUNTER_SERIES
    power = view.now.power
    optional = (power.gpu > 0) + (power.storage > 0) + (power.network > 0)
    optional += (view.now.gpu_utilization is not None) + (view.vcpus is not None)
    return COUNTER_SERIES + GAUGE_SERIES + optional


def within(views: Sequence[ResourceView], room: int) -> tuple[ResourceView, ...]:
    """Return the machines that fit into a number of series: the highest emitters first.

    Ranked by grams emitted so far, not by the current rate, so that load does not make the
    series of a machine come and go. A machine is there with all its series or with none.
    """
    ranked = sorted(views, key=lambda view: (-view.operational - view.embodied, view.machine.key))
    for count, view in enumerate(ranked):
        room -= series_of(view)
        if room < 0:
            return tuple(ranked[:count])
    return tuple(ranked)


_Rows = Sequence[tuple[str, ResourceView]]


def _current(rows: _Rows) -> dict[Family, str]:
    fresh = [(labels, view.now) for labels, view in rows if view.now is not None]
    return {
        catalogue.RESOURCE_VCPUS: "".join(
            [
                sample(_VCPUS, labels, view.vcpus)
                for labels, view in rows
                if view.now is not None and view.vcpus is not None
            ]
        ),
        catalogue.RESOURCE_UTILIZATION: "".join(
            [sample(_UTILIZATION, labels, now.utilization) for labels, now in fresh]
        ),
        catalogue.RESOURCE_GPU_UTILIZATION: "".join(
            [
                sample(_GPU_UTILIZATION, labels, now.gpu_utilization)
                for labels, now in fresh
                if now.gpu_utilization is not None
            ]
        ),
        catalogue.RESOURCE_POWER: "".join([_power(labels, now) for labels, now in fresh]),
        catalogue.RESOURCE_RATE: "".join(
            [
                _scopes(_RATE, labels, now.rate.operational, now.rate.embodied)
                for labels, now in fresh
            ]
        ),
    }


def _counters(rows: _Rows) -> dict[Family, str]:
    return {
        catalogue.RESOURCE_ENERGY: "".join(
            [sample(_ENERGY, labels, view.energy) for labels, view in rows]
        ),
        catalogue.RESOURCE_EMISSIONS: "".join(
            [_scopes(_EMISSIONS, labels, view.operational, view.embodied) for labels, view in rows]
        ),
    }


def _power(labels: str, now: ResourceNow) -> str:
    power = now.power
    lines = sample(_POWER, f'{labels},component="cpu"', power.cpu)
    lines += sample(_POWER, f'{labels},component="memory"', power.memory)
    if power.gpu > 0:
        lines += sample(_POWER, f'{labels},component="gpu"', power.gpu)
    if power.storage > 0:
        lines += sample(_POWER, f'{labels},component="storage"', power.storage)
    if power.network > 0:
        lines += sample(_POWER, f'{labels},component="network"', power.network)
    return lines + sample(_POWER, f'{labels},component="overhead"', now.overhead)


def _scopes(name: str, labels: str, operational: float, embodied: float) -> str:
    return sample(name, f'{labels},scope="operational"', operational) + sample(
        name, f'{labels},scope="embodied"', embodied
    )
