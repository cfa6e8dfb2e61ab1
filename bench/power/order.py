"""Watts of every type at idle, 50 and 100 %, ordered by size inside its family; what stands out.

Between two sizes of a family that follow one another, watts for each vCPU at 50 % should hardly
change. Where they change by more than a third, the line says by how much, and why.
"""

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from exporter.core.model import Machine, ResourceKey, RunState
from exporter.core.units import Ratio
from exporter.power import names
from exporter.power.catalogue import Types
from exporter.power.measured import MeasuredModel, MeasuredProfile

STEP = 1.35
LOADS = (Ratio(0.0), Ratio(0.5), Ratio(1.0))
HALF = Ratio(0.5)


def lines() -> Iterator[str]:
    """Yield the types, then the steps that stand out."""
    found: list[str] = []
    for family, sizes in families():
        for name, profile in sizes:
            watts = " ".join(f"{profile.power(load).it:9.2f}" for load in LOADS)
            yield f"{family:34} {name:44} {watts}"
        found += steps(sizes)
    yield f"\n{len(found)} steps between neighbouring sizes of more than {STEP:g}:"
    yield from found


def families() -> Iterator[tuple[str, list[tuple[str, MeasuredProfile]]]]:
    """Yield each family with its sizes, smallest first, a constrained size after its whole one."""
    types = Types()
    model = MeasuredModel(types)
    found: dict[str, list[tuple[str, MeasuredProfile]]] = defaultdict(list)
    for provider in ("aws", "azure", "gcp"):
        for name in types.names(provider):
            key = ResourceKey(provider, "", "", "", name)
            one = Machine(key=key, name="", instance_type=name, state=RunState.RUNNING)
            family = f"{provider}:{names.group(provider, name)}"
            found[family].append((name, model.profile(one)))
    for family, sizes in found.items():
        yield family, sorted(sizes, key=lambda size: _place(size[1]))


def _place(profile: MeasuredProfile) -> tuple[float, float, float]:
    machine = profile.machine
    return machine.vcpus, machine.memory_gib, -machine.usable


def steps(sizes: list[tuple[str, MeasuredProfile]]) -> Iterator[str]:
    """Yield the steps that stand out, with what else changes there."""
    whole = [size for size in sizes if size[1].machine.usable == 1.0]
    for (small, one), (large, other) in pairwise(whole):
        ratio = _per_vcpu(other) / _per_vcpu(one)
        if not 1.0 / STEP <= ratio <= STEP:
            yield f"{small} -> {large}: x{ratio:.2f} a vCPU, {_why(one, other)}"


def _per_vcpu(profile: MeasuredProfile) -> float:
    return profile.power(HALF).it / profile.machine.vcpus


def _why(one: MeasuredProfile, other: MeasuredProfile) -> str:
    before, after = one.machine, other.machine
    if before.gpu_count / before.vcpus != after.gpu_count / after.vcpus:
        return f"accelerators {before.gpu_count:g} -> {after.gpu_count:g}"
    if before.cpus != after.cpus or before.threads_per_core != after.threads_per_core:
        return "another CPU"
    return (
        f"GiB a vCPU {before.memory_gib / before.vcpus:.3g} -> {after.memory_gib / after.vcpus:.3g}"
    )
