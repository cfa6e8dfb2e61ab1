"""What machine types are made of: the shipped table, and what the name of any other type tells."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from exporter.core.model import Shape
from exporter.data.machine_types import MachineType, hardware_type, machine_types
from exporter.power import names
from exporter.power.names import Lineage, Maker, Reading

_USUAL: Final = {"aws": "cmr", "azure": "de", "gcp": "cn"}
"""Families whose generations are those of the provider's general-purpose CPUs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownType:
    """A type as far as the table knows it; ``exact`` is False for a relative that stands in.

    ``rule`` says how it was found: in the table, as the same hardware under another name, as a
    sibling. ``same_memory`` says that a relative has the type's memory for each vCPU.
    """

    type: MachineType
    exact: bool
    rule: str
    same_memory: bool = False


class Types:
    """The shipped machine types by provider and name. Names are the same in any case."""

    def __init__(self) -> None:
        self._types: dict[tuple[str, str], MachineType] = {}
        self._series: dict[tuple[str, str], list[MachineType]] = defaultdict(list)
        self._generations: dict[tuple[str, str, Maker], dict[int, str]] = defaultdict(dict)
        for line in machine_types():
            self._types[line.provider, line.name.lower()] = line
            if line.families:
                self._add(line)

    def _add(self, line: MachineType) -> None:
        series = names.series(line.provider, line.name)
        self._series[line.provider, series].append(line)
        found = names.lineage(line.provider, line.name)
        if found is not None:
            of = self._generations[line.provider, found.letters, found.maker]
            # the series without variants tells most: m8i and not m8i-flex
            before = of.setdefault(found.generation, series)
            of[found.generation] = min(before, series, key=lambda name: (len(name), name))

    def find(self, provider: str, instance_type: str) -> Shape | None:
        """Return the type's shape, or None where the table lacks it or its vCPU count."""
        known = self.lookup(provider, instance_type)
        if known is None or not known.exact or not known.type.complete:
            return None
        return _shape(known.type)

    def canonical(self, provider: str, name: str) -> str:
        """Return a type's name as the table spells it, or as given if its name tells a size.

        Empty for a name that tells nothing: no such type.
        """
        line = self._types.get((provider, hardware_type(provider, name).lower()))
        if line is not None and line.complete:
            return line.name if line.name.lower() == name.lower() else name
        hardware = hardware_type(provider, name)
        known = self.find(provider, hardware) or self.reading(provider, hardware)
        return name if known else ""

    def lookup(self, provider: str, instance_type: str, *, blind: bool = False) -> KnownType | None:
        """Return the table's line, the same hardware under another name, or a relative.

        A line may lack its size, or even its CPU family. A relative tells the CPU family, perhaps
        the memory for each vCPU. A managed type is known as the type that it runs on. With
        ``blind``, the type's own line is not looked at, nor any name of the same machine.
        """
        name = hardware_type(provider, instance_type)
        if not blind:
            found = self._exact(provider, name)
            if found is not None:
                return found
        relative = next(self._relatives(provider, name, blind=blind), None)
        return None if relative is None else _custom(relative, name) or relative

    def reading(self, provider: str, instance_type: str, *, blind: bool = False) -> Reading | None:
        """Return what a type's name tells of its size, with what its relatives tell of it."""
        name = hardware_type(provider, instance_type)
        siblings = list(self._siblings(provider, name, blind=blind))
        if names.whole_server(provider, name):
            return _server(siblings or self._before(provider, name, blind=blind))
        found = names.read(provider, name)
        if found is None:
            return None
        if not siblings:
            return _accelerated(found, self._before(provider, name, blind=blind))
        return _refined(found, siblings, names.group(provider, name))

    def _before(self, provider: str, name: str, *, blind: bool) -> list[MachineType]:
        """Types of the nearest generation that is known."""
        found = names.lineage(provider, name)
        near = self._of_lineage(provider, name, found, blind=blind) if found else iter(())
        known = next(near, None)
        if known is None:
            return []
        return self._series[provider, names.series(provider, known.type.name)]

    def newest(self, provider: str, maker: Maker) -> tuple[str, ...]:
        """Return the CPU families of a provider's newest usual generation with CPUs of a maker."""
        found: tuple[int, str] | None = None
        for letters in _USUAL.get(provider, ""):
            of = self._generations.get((provider, letters, maker))
            if of and (found is None or max(of) > found[0]):
                found = (max(of), of[max(of)])
        return self._series[provider, found[1]][0].families if found else ()

    def names(self, provider: str) -> tuple[str, ...]:
        """Return every type name of a provider, sorted."""
        found = (line.name for (owner, _), line in self._types.items() if owner == provider)
        return tuple(sorted(found))

    def _exact(self, provider: str, name: str) -> KnownType | None:
        line = self._types.get((provider, name.lower()))
        if line is not None and line.families:
            return KnownType(type=line, exact=True, rule="machine type table")
        for other in names.same_as(provider, name):
            line = self._types.get((provider, other))
            if line is not None and line.families:
                rule = f"the same machine as {line.name}"
                return KnownType(type=replace(line, name=name), exact=True, rule=rule)
        return self._constrained(provider, name)

    def _constrained(self, provider: str, name: str) -> KnownType | None:
        part = names.whole(provider, name)
        line = self._types.get((provider, part[0])) if part else None
        if part is None or line is None or not 0 < part[1] < line.vcpus:
            return None
        own = replace(line, name=name, vcpus=part[1], reserved_vcpus=line.vcpus)
        rule = f"{part[1]:g} of the {line.vcpus:g} vCPUs of {line.name}"
        return KnownType(type=own, exact=True, rule=rule)

    def _relatives(self, provider: str, name: str, *, blind: bool) -> Iterator[KnownType]:
        read = names.read(provider, name)
        wanted = read.held_vcpus if read else 0.0
        for siblings, same_memory in self._sibling_series(provider, name, blind=blind):
            line = _nearest(siblings, wanted, names.group(provider, name))
            rule = f"sibling of {line.name}"
            yield KnownType(type=line, exact=False, rule=rule, same_memory=same_memory)
        found = names.lineage(provider, name)
        if found is not None:
            yield from self._of_lineage(provider, name, found, blind=blind)

    def _of_lineage(
        self, provider: str, name: str, of: Lineage, *, blind: bool
    ) -> Iterator[KnownType]:
        generations = self._generations.get((provider, of.letters, of.maker), {})
        own = names.series(provider, name)
        read = names.read(provider, name)
        wanted = read.held_vcpus if read else 0.0
        nearest = sorted(generations, key=lambda one: (abs(one - of.generation), -one))
        for generation in nearest:
            series = generations[generation]
            if blind and series == own:
                continue
            line = _nearest(self._series[provider, series], wanted, own)
            rule = f"nearest generation known with this maker's CPU: {line.name}"
            yield KnownType(type=line, exact=False, rule=rule)

    def _sibling_series(
        self, provider: str, name: str, *, blind: bool
    ) -> Iterator[tuple[list[MachineType], bool]]:
        for series, same_memory in names.related(provider, name):
            lines = self._series.get((provider, series), [])
            if blind:
                lines = [line for line in lines if not _same(provider, line.name, name)]
            if lines:
                yield lines, same_memory

    def _siblings(self, provider: str, name: str, *, blind: bool) -> Iterator[MachineType]:
        """Types of the nearest series that has the type's memory for each vCPU."""
        for lines, same_memory in self._sibling_series(provider, name, blind=blind):
            if same_memory:
                yield from lines
                return


def _same(provider: str, one: str, other: str) -> bool:
    """Whether two names are of one machine: price offers, suffixes, parts of one size."""
    return _plain(provider, one) == _plain(provider, other)


def _plain(provider: str, name: str) -> str:
    plain = next(names.same_as(provider, name), name.lower())
    whole = names.whole(provider, plain)
    return whole[0] if whole else plain


def _held(line: MachineType) -> float:
    return line.reserved_vcpus or line.vcpus


def _nearest(lines: list[MachineType], vcpus: float, group: str) -> MachineType:
    """Of the type's own class if there are such, the one of the most similar size."""
    own = [line for line in lines if names.group(line.provider, line.name) == group]
    return min(own or lines, key=lambda line: (abs(_held(line) - vcpus), line.name))


def _server(siblings: list[MachineType]) -> Reading:
    """A bare ``metal``: the server of its siblings."""
    hosts = [line for line in siblings if line.host_vcpus]
    if not hosts:
        vcpus = names.METAL_VCPUS
        return Reading(vcpus=vcpus, memory_gib=4.0 * vcpus, rule="a whole server of two CPUs")
    line = max(hosts, key=lambda one: (one.host_vcpus, one.gpu_count))
    most = max(siblings, key=lambda one: (one.gpu_count, one.vcpus))
    return Reading(
        vcpus=line.host_vcpus,
        memory_gib=line.host_memory_gib or line.host_vcpus * line.memory_gib / _held(line),
        rule=f"whole server, as {line.name} is a part of",
        exact=True,
        gpu_model=most.gpu_model,
        gpu_count=round(most.gpu_count * line.host_vcpus / _held(most)),
    )


def _accelerated(found: Reading, before: list[MachineType]) -> Reading:
    """Take a machine to have accelerators where the generation before it has: nobody knows which.

    ``before`` may be empty. A name that tells accelerators of its own is left as it is.
    """
    if found.gpu_count or not before or not all(line.gpu_count for line in before):
        return found
    line = _nearest(before, found.held_vcpus, "")
    count = max(1.0, float(round(line.gpu_count * found.held_vcpus / _held(line))))
    rule = f"{found.rule}; as many accelerators a vCPU as {line.name}"
    return replace(found, gpu_count=count, rule=rule)


def _refined(found: Reading, siblings: list[MachineType], group: str) -> Reading:
    """Take memory for each vCPU, and accelerators that the name does not tell, of a sibling."""
    nearest = _nearest(siblings, found.held_vcpus, group)
    of_group = names.group(nearest.provider, nearest.name) == group
    changes: dict[str, float | str] = {}
    if not found.exact and nearest.memory_gib and (nearest.provider != "gcp" or of_group):
        ratio = nearest.memory_gib / _held(nearest)
        changes["memory_gib"] = found.held_vcpus * ratio
        changes["rule"] = f"{found.rule}; memory a vCPU as {nearest.name}"
    if nearest.gpu_count and not found.gpu_count:
        changes["gpu_count"] = nearest.gpu_count * found.held_vcpus / _held(nearest)
    if nearest.gpu_model and not found.gpu_model:
        changes["gpu_model"] = nearest.gpu_model
    return replace(found, **changes)  # type: ignore[arg-type] # columns of their own types


def _custom(relative: KnownType, name: str) -> KnownType | None:
    """A GCP custom type: the series' CPUs, the size that its name tells.

    In a series of accelerators it has those of the size that is nearest; in others the cloud tells
    whether any are attached.
    """
    line = relative.type
    if not names.is_custom(line.provider, name) or not relative.rule.startswith("sibling"):
        return None
    size = names.read(line.provider, name)
    if size is None:
        return None
    own = replace(
        line,
        name=name,
        vcpus=size.vcpus,
        memory_gib=size.memory_gib,
        baseline=0.0,
        full_vcpus=size.full_vcpus,
        shared_core=bool(size.full_vcpus),
        server_kgco2eq=0.0,
    )
    return KnownType(type=own, exact=True, rule=f"{size.rule}, CPU as {line.name}")


def _shape(line: MachineType) -> Shape:
    return Shape(
        vcpus=line.vcpus,
        memory_gib=line.memory_gib,
        architectures=line.families,
        cpu_model=line.cpu_models[0] if len(line.families) == 1 else "",
        threads_per_core=line.threads_per_core,
        gpu_model=line.gpu_model,
        gpu_count=line.gpu_count,
        host_vcpus=line.host_vcpus,
        shared_core=line.shared_core,
        reserved_vcpus=line.reserved_vcpus,
    )
