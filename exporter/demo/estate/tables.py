"""The demo's tables (``exporter/demo/fleets``) and the machines that their rows describe.

``aws.csv``, ``gcp.csv`` and ``azure.csv`` hold the permanent machines: a row is ``count`` machines
that differ in name, zone, launch and noise only. ``groups.csv`` holds machines that come and go,
``surge.csv`` those of an accident. A row names its ``kind``, and ``kinds.csv`` says how machines of
a kind are named, identified and placed, so a further kind of resource is a row in each. Columns
that only one kind has need no code either: they are :attr:`EstateMachine.facts`.

Accounts of AWS are example numbers of its documentation; projects and subscriptions are invented,
and all names say ``demo``. In ``machine_types.csv`` vCPU, memory and threads per core are the
figures that the clouds publish, with clock rates rounded and shared cores counted as a guest sees
them; ``most`` is how far those are lent beyond what is billed. ``odd_tags.json`` holds values of
tags that must come through every format unharmed: the longest and the strangest that each cloud
allows (256 characters in EC2 and Azure; 63 lower-case letters of any script at Google).
"""

import csv
import json
from base64 import b32encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import Final

from exporter.core.model import Disk
from exporter.demo.estate.disks import number, volume
from exporter.demo.estate.hashing import mix, seed_of
from exporter.demo.estate.lives import LIVES, Life, always
from exporter.demo.estate.machines import Architecture, BurstGroup, EstateMachine, MachineType
from exporter.demo.estate.schedules import Schedule, Stepped

Line = Mapping[str, str]
"""One line of a table, by the names of its columns."""
_Words = dict[str, object]
"""What the patterns of a kind may use."""

_TABLES: Final = files("exporter.demo") / "fleets"
_FLEETS: Final = ("aws", "gcp", "azure")
_COMMON: Final = frozenset(
    {"kind", "name", "count", "type", "shape", "account", "region", "zones", "team", "env"}
    | {"service", "life", "disks", "flags", "tags", "cpu_platform", "resource_group"}
    | {"template", "period", "fewest", "most", "offset", "spread", "shortest", "longest"}
    | {"start_step", "end_step"}
)
"""Columns that have a meaning here; any other is a fact of its kind."""
_BASIC: Final = "basic_monitoring"
_FLAGS: Final = frozenset(
    {_BASIC, "spot", "terminates", "keeps_hardware", "gpu_agent", "gpu_power"}
)
"""Words of the column ``flags``: fields of a machine, and that its cloud measures it every five
minutes only."""
_TIMES: Final = ("period", "offset", "spread", "shortest", "longest", "start_step", "end_step")
_NO_TYPE: Final = MachineType(name="", vcpus=0, memory_gib=0)
"""Of what has no machine type, such as a volume or a function."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """How machines of one kind are named and identified; patterns are those of ``str.format``.

    They may use the row's columns and ``group`` (its name), ``letter`` (of the zone), ``zone``,
    ``name`` and ``number`` (from 1 on) or ``index`` (from 0 on) of the machine. An ``id`` may also
    use ``lower`` (the ``cloud_id`` in lower case) and the seed as ``hex``, ``digits`` or
    ``base32``. ``named`` is for permanent machines, ``member`` for those that come and go, which
    have a ``generation`` too. ``name_tag`` is the tag that repeats the name, if one does. Starts
    and ends are on whole multiples of ``step`` seconds where the cloud tells neither.
    """

    provider: str
    zone: str
    named: str
    member: str
    cloud_id: str
    seed: str
    id: str
    name_tag: str
    step: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Machines of one character: what they have in common, and how to make one of them."""

    line: Line = field(hash=False)
    kind: _Kind
    machine_type: MachineType
    grid_zone: str
    utc_offset_minutes: int
    disks: tuple[Disk, ...]

    @property
    def count(self) -> int:
        """How many of them the estate has before its copies begin."""
        return int(self.line["count"])

    def machine(self, number: int) -> EstateMachine:
        """Return the permanent machine with a number, from 1 on."""
        return self._made(self._numbered(number), LIVES[self.line["life"]])

    def momentary(self, number: int, event: int, life: Life) -> EstateMachine:
        """Return a machine of an event at an epoch second; other events have other machines."""
        words = self._numbered(number)
        return self._made(words, life, seed_of(f"{self.line['account']}/{words['name']}/{event}"))

    def template(self, name: str) -> EstateMachine:
        """Return what the machines of a group have in common, under a name of its own."""
        return self._made(self._words(self.line["zones"], index=0) | {"name": name}, always)

    def member(
        self, template: EstateMachine, generation: int, index: int, seed: int
    ) -> EstateMachine:
        """Return a group's template with the identity of a member.

        What ``index`` becomes counts up and never comes twice, as in a scale set.
        """
        words = self._words(
            self.line["zones"],
            index=generation % 1_000_000 * 100 + index,
            number=index + 1,
            generation=generation % 10_000,
        )
        words["name"] = name = self.kind.member.format_map(words)
        cloud_id, _, resource_id = self._identity(words, seed)
        tags = {**template.tags, **self._name_tag(name)}
        return replace(template, name=name, resource_id=resource_id, cloud_id=cloud_id, tags=tags)

    def _numbered(self, number: int) -> _Words:
        zones = self.line["zones"]
        letter = zones[number % len(zones)] if zones else ""
        words = self._words(letter, index=number - 1, number=number)
        return words | {"name": self.kind.named.format_map(words)}

    def _words(self, letter: str, **numbers: int) -> _Words:
        words = {**self.line, **numbers, "group": self.line["name"], "letter": letter}
        return words | {"zone": self.kind.zone.format_map(words) if letter else ""}

    def _made(self, words: _Words, life: Life, seed: int | None = None) -> EstateMachine:
        cloud_id, own, resource_id = self._identity(words, seed)
        line, flags = self.line, self.line["flags"].split()
        return EstateMachine(
            provider=self.kind.provider,
            account=line["account"],
            region=line["region"],
            zone=str(words["zone"]),
            grid_zone=self.grid_zone,
            resource_type=line["kind"],
            resource_id=resource_id,
            name=str(words["name"]),
            machine_type=self.machine_type,
            shape=line["shape"],
            schedule=self._schedule(life, own),
            seed=own,
            tags=self._tags(str(words["name"])),
            utc_offset_minutes=self.utc_offset_minutes,
            detailed=_BASIC not in flags,
            spot="spot" in flags,
            terminates="terminates" in flags,
            keeps_hardware="keeps_hardware" in flags,
            gpu_agent="gpu_agent" in flags,
            gpu_power="gpu_power" in flags,
            cloud_id=cloud_id,
            cpu_platform=line.get("cpu_platform", ""),
            disks=self.disks,
            facts={key: value for key, value in line.items() if value and key not in _COMMON},
        )

    def _schedule(self, life: Life, seed: int) -> Schedule:
        schedule = life(seed)
        step = self.kind.step
        return Stepped(schedule=schedule, step=step) if step else schedule

    def _identity(self, words: _Words, seed: int | None) -> tuple[str, int, str]:
        """Return the id as the cloud writes it, the seed (where none is given) and the id."""
        cloud_id = self.kind.cloud_id.format_map(words)
        known = words | {"lower": cloud_id.lower()}
        own = seed_of(self.kind.seed.format_map(known)) if seed is None else seed
        wide = b"".join(mix(own, n).to_bytes(8, "big") for n in range(2))
        known |= {
            "hex": f"{mix(own, 0) >> 16:012x}",
            "digits": 10**18 + mix(own, 0) % 10**18,
            "base32": b32encode(wide).decode()[:22],
        }
        return cloud_id, own, self.kind.id.format_map(known)

    def _tags(self, name: str) -> Mapping[str, str]:
        line = self.line
        usual = {"team": line["team"], "service": line["service"], "env": line["env"]}
        more = dict(pair.split("=", 1) for pair in line["tags"].split("; ") if pair)
        return {**self._name_tag(name), **usual, **more, **_odd_tags().get(name, {})}

    def _name_tag(self, name: str) -> Mapping[str, str]:
        return {self.kind.name_tag: name} if self.kind.name_tag else {}


@cache
def rows() -> tuple[Row, ...]:
    """Return the rows of the permanent machines, cloud by cloud."""
    return tuple(read_row(line) for cloud in _FLEETS for line in _lines(cloud))


def groups(copies: int) -> Iterator[BurstGroup]:
    """Yield the groups whose machines come and go, for so many copies of the estate."""
    for row in _group_rows():
        yield BurstGroup(
            template=row.template(row.line["template"]),
            fewest=int(row.line["fewest"]) * copies,
            most=int(row.line["most"]) * copies,
            naming=row.member,
            **{name: int(row.line[name]) for name in _TIMES},
        )


@cache
def _group_rows() -> tuple[Row, ...]:
    """Return the same rows each time: a bound method equals that of the same object only."""
    return tuple(map(read_row, _lines("groups")))


@cache
def surge() -> Row:
    """Return the row of the machines that an accident launches."""
    return read_row(next(_lines("surge")))


def read_row(line: Line) -> Row:
    """Read a row of a fleet.

    Raises:
        KeyError: its kind, type, region or disks are in no table.
        ValueError: a flag that nobody knows.
    """
    kind = _kinds()[line["kind"]]
    unknown = set(line["flags"].split()) - _FLAGS
    if unknown:
        message = f"{line['name']}: unknown flags {', '.join(sorted(unknown))}"
        raise ValueError(message)
    region = _regions()[kind.provider, line["region"]]
    return Row(
        line=line,
        kind=kind,
        machine_type=_machine_type(kind.provider, line["type"]),
        grid_zone=region["grid_zone"],
        utc_offset_minutes=int(region["utc_offset_minutes"]),
        disks=tuple(_disk(kind.provider, text) for text in line["disks"].split("; ") if text),
    )


def _lines(table: str) -> Iterator[Line]:
    with (_TABLES / f"{table}.csv").open(encoding="utf-8") as text:
        yield from csv.DictReader(text)


@cache
def _kinds() -> Mapping[str, _Kind]:
    return {
        line["kind"]: _Kind(
            provider=line["provider"],
            zone=line["zone"],
            named=line["named"],
            member=line["member"],
            cloud_id=line["cloud_id"],
            seed=line["seed"],
            id=line["id"],
            name_tag=line["name_tag"],
            step=int(line["step"] or 0),
        )
        for line in _lines("kinds")
    }


@cache
def _regions() -> Mapping[tuple[str, str], Line]:
    return {(line["provider"], line["region"]): line for line in _lines("regions")}


@cache
def _odd_tags() -> Mapping[str, Mapping[str, str]]:
    found: Mapping[str, Mapping[str, str]] = json.loads(
        (_TABLES / "odd_tags.json").read_text(encoding="utf-8")
    )
    return found


def _machine_type(provider: str, name: str) -> MachineType:
    """Return a type; classes of managed services are machine types behind a word and a dot."""
    types = _machine_types()
    if not name or (provider, name) in types:
        return types[provider, name] if name else _NO_TYPE
    return replace(types[provider, name.partition(".")[2]], name=name)


@cache
def _machine_types() -> Mapping[tuple[str, str], MachineType]:
    return {
        (line["provider"], line["name"]): MachineType(
            name=line["name"],
            vcpus=int(line["vcpus"]),
            memory_gib=number(line["memory_gib"]),
            architecture=Architecture(line["architecture"]),
            manufacturer=line["manufacturer"],
            threads_per_core=int(line["threads_per_core"]),
            clock_ghz=float(line["clock_ghz"]),
            burstable=bool(line["burstable"]),
            gpu_model=line["gpu_model"],
            gpu_count=int(line["gpu_count"] or 0),
            gpu_memory_mib=int(line["gpu_memory_mib"] or 0),
            most=float(line["most"] or 1),
        )
        for line in _lines("machine_types")
    }


def _disk(provider: str, text: str) -> Disk:
    """Read a disk such as ``500 io2`` or ``200 pd-ssd regional``, in GiB."""
    gib, disk_type, *more = text.split()
    return volume(provider, disk_type, number(gib), regional=more == ["regional"])
