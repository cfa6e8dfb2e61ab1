"""How long the shipped model takes for the whole catalogue."""

from time import process_time
from typing import NamedTuple

from exporter.core.model import Machine, ResourceKey, RunState
from exporter.core.units import PERCENT, Ratio
from exporter.power.catalogue import Types
from exporter.power.measured import MeasuredModel

PROVIDERS = ("aws", "azure", "gcp")
UTILIZATIONS = tuple(Ratio(percent / PERCENT) for percent in range(101))


class Timing(NamedTuple):
    """Seconds of one core for all types: resolving them, then all utilisations of each."""

    types: int
    resolve: float
    power: float
    bounds: float


def measure() -> Timing:
    """Time one pass of each."""
    types = Types()
    machines = [_machine(p, name) for p in PROVIDERS for name in types.names(p)]
    model = MeasuredModel(types)
    start = process_time()
    profiles = [model.profile(machine) for machine in machines]
    resolved = process_time()
    for profile in profiles:
        for utilization in UTILIZATIONS:
            profile.power(utilization)
    powered = process_time()
    for profile in profiles:
        for utilization in UTILIZATIONS:
            profile.bounds(utilization)
    bounded = process_time()
    return Timing(len(profiles), resolved - start, powered - resolved, bounded - powered)


def _machine(provider: str, name: str) -> Machine:
    key = ResourceKey(provider, "", "", "", name)
    return Machine(key=key, name=name, instance_type=name, state=RunState.RUNNING)
