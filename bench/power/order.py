"""Watts of every type at idle, 50 and 100 %, ordered by size inside its family; what stands out.

Between two sizes of a family that follow one another, three things should hold: the larger one
draws no less; CPU and memory draw nearly the same for each vCPU; accelerators and the server around
them draw nearly the same for each accelerator. Where they do not, a line says by how much, and why.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from exporter.core.model import Machine, ResourceKey, RunState
from exporter.core.units import Ratio
from exporter.power import names
from exporter.power.catalogue import Types
from exporter.power.measured import MeasuredModel, MeasuredProfile

STEP: Final = 1.35
LOADS: Final = (Ratio(0.0), Ratio(0.5), Ratio(1.0))
HALF: Final = Ratio(0.5)

Size = tuple[str, MeasuredProfile]
"""A type and its profile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Two neighbouring sizes between which something stands out."""

    family: str
    smaller: str
    larger: str
    what: str
    reason: str

    def __str__(self) -> str:
        """Return the finding as a line."""
        return f"{self.smaller} -> {self.larger}: {self.what}: {self.reason}"


def lines() -> Iterator[str]:
    """Yield the types, then what stands out."""
    several = list(families())
    for family, sizes in several:
        for name, profile in sizes:
            watts = " ".join(f"{profile.power(load).it:9.2f}" for load in LOADS)
            yield f"{family:34} {name:44} {watts}"
    found = list(findings(several))
    yield f"\n{len(found)} pairs of neighbouring sizes stand out:"
    yield from map(str, found)


def families() -> Iterator[tuple[str, list[Size]]]:
    """Yield each family with its sizes, smallest first, a constrained size after its whole one."""
    types = Types()
    model = MeasuredModel(types)
    found: dict[str, list[Size]] = defaultdict(list)
    for provider in ("aws", "azure", "gcp"):
        for name in types.names(provider):
            key = ResourceKey(provider, "", "", "", name)
            one = Machine(key=key, name="", instance_type=name, state=RunState.RUNNING)
            family = f"{provider}:{names.group(provider, name)}"
            found[family].append((name, model.profile(one)))
    for family, sizes in found.items():
        yield family, sorted(sizes, key=lambda size: _place(size[1]))


def _place(profile: MeasuredProfile) -> tuple[float, float, float, float]:
    machine = profile.machine
    return machine.gpu_count, machine.vcpus, machine.memory_gib, -machine.usable


def findings(several: Iterable[tuple[str, Sequence[Size]]]) -> Iterator[Finding]:
    """Yield what stands out in each family."""
    for family, sizes in several:
        whole = [size for size in sizes if size[1].machine.usable == 1.0]
        for smaller, larger in pairwise(whole):
            for what in _standing_out(smaller[1], larger[1]):
                yield Finding(
                    family=family,
                    smaller=smaller[0],
                    larger=larger[0],
                    what=what,
                    reason=_why(smaller[1], larger[1]),
                )


def _standing_out(one: MeasuredProfile, other: MeasuredProfile) -> Iterator[str]:
    if any(other.power(load).it < 0.995 * one.power(load).it for load in LOADS):
        pairs = (f"{one.power(load).it:.0f} to {other.power(load).it:.0f} W" for load in LOADS)
        yield f"draws less ({', '.join(pairs)})"
    for what, step in (
        ("a vCPU", _per_vcpu(other) / _per_vcpu(one)),
        ("an accelerator", _per_accelerator(other) / _per_accelerator(one)),
    ):
        if not 1.0 / STEP <= step <= STEP:
            yield f"x{step:.2f} {what}"


def _per_vcpu(profile: MeasuredProfile) -> float:
    power = profile.power(HALF)
    return (power.cpu + power.memory) / profile.machine.vcpus


def _per_accelerator(profile: MeasuredProfile) -> float:
    power, count = profile.power(HALF), profile.machine.gpu_count
    return (power.gpu + power.node) / count if count else 1.0


def _why(one: MeasuredProfile, other: MeasuredProfile) -> str:
    before, after = one.machine, other.machine
    if bool(before.gpu_count) != bool(after.gpu_count):
        return "only one of them has accelerators"
    if before.cpus != after.cpus:
        return f"another CPU: {one.group}, then {other.group}"
    if before.threads_per_core != after.threads_per_core:
        return "a vCPU is a core in one and a thread in the other"
    if before.baseline != after.baseline:
        return f"burstable: {before.baseline:.0%} of a vCPU is its own, then {after.baseline:.0%}"
    ratios = (size.memory_gib / size.vcpus for size in (before, after))
    return "GiB a vCPU: {:.3g}, then {:.3g}".format(*ratios)
