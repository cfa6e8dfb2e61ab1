"""How well the naming rules read a type that the table lacks: every known name, its line hidden.

``alone`` is what the name tells without any relative in the table; ``hidden`` what the product
answers for a new size: the line of that size is hidden, its relatives are there.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from exporter.core.model import Machine, ResourceKey, RunState
from exporter.core.units import Ratio
from exporter.data.machine_types import MachineType, machine_types
from exporter.power import names
from exporter.power.catalogue import Types
from exporter.power.hardware import of_name
from exporter.power.measured import MeasuredModel, profile_of
from exporter.power.names import Reading

MEMORY_TOLERANCE = 0.15
SHARE = 0.9
UTILIZATION = Ratio(0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """One name as read, beside the table: whether each figure is right."""

    provider: str
    name: str
    vcpus: bool
    memory: bool
    accelerators: bool
    within: bool
    """Whether the table's watts are inside the bounds of the guess (of ``alone``: always True)."""


def alone() -> Iterator[Guess]:
    """Read every name by the rules only."""
    for line in _lines():
        yield _compared(line, names.read(line.provider, line.name), within=True)


def hidden(types: Types) -> Iterator[Guess]:
    """Read every name as that of a new size of its series."""
    model = MeasuredModel(types)
    for line in _lines():
        machine = _machine(line)
        known = types.lookup(line.provider, line.name, blind=True)
        reading = types.reading(line.provider, line.name, blind=True)
        low, _, high = profile_of(of_name(types, known, reading, machine)).bounds(UTILIZATION)
        true = model.profile(machine).power(UTILIZATION).it
        yield _compared(line, reading, within=low <= true <= high)


def _lines() -> Iterator[MachineType]:
    return (line for line in machine_types() if line.complete)


def _machine(line: MachineType) -> Machine:
    key = ResourceKey(line.provider, "", "", "", line.name)
    return Machine(key=key, name="", instance_type=line.name, state=RunState.RUNNING)


def _compared(line: MachineType, read: Reading | None, *, within: bool) -> Guess:
    return Guess(
        provider=line.provider,
        name=line.name,
        vcpus=read is not None and read.vcpus == line.vcpus,
        memory=read is not None
        and abs(read.memory_gib / line.memory_gib - 1.0) <= MEMORY_TOLERANCE,
        accelerators=(read.gpu_model, round(read.gpu_count, 2))
        == (line.gpu_model, round(line.gpu_count, 2))
        if read
        else not line.gpu_count,
        within=within,
    )


def good(guesses: list[Guess]) -> bool:
    """Whether nine of ten names of each cloud have the right memory and vCPUs."""
    clouds = {one.provider for one in guesses}
    return all(
        sum(one.memory and one.vcpus for one in guesses if one.provider == cloud)
        >= SHARE * sum(one.provider == cloud for one in guesses)
        for cloud in clouds
    )


def summary(guesses: list[Guess]) -> Iterator[str]:
    """Yield a line for each cloud."""
    for provider in ("aws", "azure", "gcp"):
        own = [one for one in guesses if one.provider == provider]
        right = {
            what: sum(getattr(one, what) for one in own)
            for what in ("vcpus", "memory", "accelerators", "within")
        }
        yield f"{provider}: {len(own)} names; " + ", ".join(f"{k} {v}" for k, v in right.items())
