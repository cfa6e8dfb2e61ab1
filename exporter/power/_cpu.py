"""Which CPUs may serve a machine, and what a vCPU's share of each one's TDP is."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from exporter.core.model import Shape
from exporter.core.units import Watts
from exporter.data.cpus import CpuFamily, CpuModel, families, models
from exporter.data.machine_types import MachineType
from exporter.power._curve import Curve, of_tdp

_INTEL: Final = ("Skylake", "Cascade Lake", "Ice Lake", "Sapphire Rapids")
_AMD: Final = ("EPYC 2nd Gen", "EPYC 3rd Gen", "EPYC 4th Gen")
_ARM: Final = ("Neoverse N1", "Graviton2", "Graviton3", "Graviton4")
_X86: Final = (*_INTEL, *_AMD)

_GCP_PLATFORMS: Final = {
    "AMD Naples": "EPYC 1st Gen",
    "AMD Rome": "EPYC 2nd Gen",
    "AMD Milan": "EPYC 3rd Gen",
    "AMD Genoa": "EPYC 4th Gen",
    "AMD Turin": "EPYC 5th Gen",
    "Ampere Altra": "Neoverse N1",
}
"""GCE ``cpuPlatform`` where it is not the family's own name, with or without ``Intel``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cpu:
    """One CPU that may serve the machine; ``model`` is None where only the family is known."""

    family: CpuFamily
    model: CpuModel | None

    def tdp_per_vcpu(self, threads_per_core: int) -> Watts:
        """TDP of a vCPU's share: of a thread, or of a core where a vCPU is a whole core."""
        if self.model is None:
            whole_core = threads_per_core == 1 and self.family.threads_per_core > 1
            return Watts(self.family.tdp_per_thread * (2.0 if whole_core else 1.0))
        vcpus = self.model.cores if threads_per_core == 1 else self.model.threads
        return Watts(self.model.tdp / vcpus)

    @property
    def curve(self) -> Curve:
        """Wall power of the server over the TDP of this CPU, over the load."""
        if self.model is None or not self.family.tdp_per_socket:
            return self.family.curve
        return of_tdp(self.family.curve, self.model.tdp / self.family.tdp_per_socket)


def of_type(line: MachineType) -> tuple[Cpu, ...]:
    """CPUs that the table lists for a type."""
    pairs = zip(line.families, line.cpu_models, strict=True)
    return tuple(Cpu(family=families()[name], model=models().get(model)) for name, model in pairs)


def of_platform(provider: str, platform: str, listed: Iterable[Cpu] = ()) -> Cpu | None:
    """CPU of a platform name as GCE reports it, e.g. ``Intel Ice Lake``; None if not known.

    ``listed`` are the CPUs of the machine's type: the platform chooses among them, so that a type
    keeps its own CPU where it is not the provider's usual one of that family.
    """
    name = _GCP_PLATFORMS.get(platform, platform.removeprefix("Intel "))
    family = families().get(name)
    if family is None:
        return None
    return next((cpu for cpu in listed if cpu.family == family), _usual(provider, family))


def of_shape(provider: str, shape: Shape) -> tuple[Cpu, ...]:
    """CPUs by what an inventory or the operating system tells; empty if that is nothing."""
    model = named(shape.cpu_model)
    if model is not None:
        return (Cpu(family=families()[model.family], model=model),)
    listed = [families()[name] for name in shape.architectures if name in families()]
    return tuple(_usual(provider, family) for family in listed)


def of_pool(provider: str, instance_type: str, shape: Shape | None) -> tuple[Cpu, ...]:
    """CPUs of the vendor or instruction set that the facts hint at; x86 if they hint at none."""
    names = next(_hints(provider, instance_type, shape), _X86)
    return tuple(Cpu(family=families()[name], model=None) for name in names)


def named(text: str) -> CpuModel | None:
    """CPU model in a name such as ``Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz``."""
    words = " ".join(re.sub(r"\((?:r|tm|c)\)", " ", text.lower()).split())
    found = (m for m in models().values() if _names_model(words, m.name.lower()))
    return max(found, key=lambda model: len(model.name), default=None)


def _names_model(words: str, name: str) -> bool:
    """A later version of a model (``E5-2670 v3``) is another model."""
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)(?! v\d)", words) is not None


def _usual(provider: str, family: CpuFamily) -> Cpu:
    """A family with the model that the provider uses for it, where it has one."""
    usual = (m for m in models().values() if m.family == family.name and provider in m.default_of)
    return Cpu(family=family, model=next(usual, None))


def _hints(provider: str, instance_type: str, shape: Shape | None) -> Iterator[tuple[str, ...]]:
    if shape is not None:
        yield from _vendor(shape.cpu_model)
        yield from _instruction_set(shape.architectures)
    processor = re.match(r"[a-z]+\d+([a-z])", instance_type) if provider == "aws" else None
    if processor and processor[1] in "gai":
        yield {"g": _ARM, "a": _AMD, "i": _INTEL}[processor[1]]


def _vendor(cpu_model: str) -> Iterator[tuple[str, ...]]:
    text = cpu_model.lower().replace("amd64", "")  # an instruction set, not a vendor
    for word, pool in (("apple", ("Apple silicon",)), ("amd", _AMD), ("intel", _INTEL)):
        if word in text:
            yield pool
    if re.search(r"\barm|neoverse|graviton|ampere|cortex", text):
        yield _ARM


def _instruction_set(architectures: Iterable[str]) -> Iterator[tuple[str, ...]]:
    if {"arm64", "aarch64"} & {name.lower() for name in architectures}:
        yield _ARM
