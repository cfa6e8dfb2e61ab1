"""The records of the demo estate: one machine, and a group whose machines come and go."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache

from exporter.core.model import Disk
from exporter.demo.estate.hashing import mix, seed_of
from exporter.demo.estate.schedules import Once, Schedule


class EstateState(StrEnum):
    """What is to be seen of a machine at one instant."""

    ABSENT = "absent"
    """Not created yet, or terminated so long ago that no list shows it any more."""
    RUNNING = "running"
    STOPPED = "stopped"
    TERMINATED = "terminated"


class Architecture(StrEnum):
    """Instruction set, as clouds write it."""

    X86 = "x86_64"
    ARM = "arm64"


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineType:
    """What a type offers: the facts that a cloud's type catalogue tells.

    ``most`` is the highest utilisation of it: shared cores are lent more than they are billed for.
    """

    name: str
    vcpus: int
    memory_gib: float
    architecture: Architecture = Architecture.X86
    manufacturer: str = "Intel"
    threads_per_core: int = 2
    clock_ghz: float = 3.0
    burstable: bool = False
    gpu_model: str = ""
    gpu_count: int = 0
    gpu_memory_mib: int = 0
    most: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EstateMachine:
    """One invented machine, for all time.

    ``detailed`` is whether its cloud measures it every minute rather than every five.
    ``terminates`` is whether the end of a run is the end of the machine. ``utc_offset_minutes`` is
    the local time that its work follows; ``seed`` makes its noise its own.
    ``cloud_id`` is the identity as its cloud writes it, where that is more than ``resource_id``;
    ``keeps_hardware`` is whether a stop leaves it on its host.
    ``disks`` are its volumes; ``gpu_agent`` is whether an agent in it tells its cloud's monitoring
    how busy its GPUs are, ``gpu_power`` whether it tells their watts too. ``facts`` is what only
    its kind of resource has, such as the engine of a database.
    """

    provider: str
    account: str
    region: str
    zone: str
    grid_zone: str
    resource_type: str
    resource_id: str
    name: str
    machine_type: MachineType
    shape: str
    schedule: Schedule
    seed: int
    tags: Mapping[str, str] = field(default_factory=dict, hash=False)
    utc_offset_minutes: int = 0
    detailed: bool = True
    spot: bool = False
    terminates: bool = False
    cloud_id: str = ""
    cpu_platform: str = ""
    keeps_hardware: bool = False
    disks: tuple[Disk, ...] = ()
    gpu_agent: bool = False
    gpu_power: bool = False
    facts: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def instance_type(self) -> str:
        """Name of the machine type."""
        return self.machine_type.name

    @property
    def vcpus(self) -> int:
        """Virtual CPUs of the machine type."""
        return self.machine_type.vcpus

    @property
    def memory_gib(self) -> float:
        """Memory of the machine type."""
        return self.machine_type.memory_gib

    @property
    def native_resolution(self) -> int:
        """Seconds between two measurements of its cloud."""
        return 60 if self.detailed else 300


Naming = Callable[[EstateMachine, int, int, int], EstateMachine]
"""Gives a group's template the identity of a member: generation, index and seed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BurstGroup:
    """Machines that live once and come back under new ids, a generation every ``period`` seconds.

    Each generation has ``fewest`` to ``most`` machines. They start between ``offset`` and
    ``offset + spread`` seconds after its begin and run ``shortest`` to ``longest`` seconds, all
    within the period, put back to multiples of ``start_step`` and ``end_step``. ``template`` is
    what they have in common and ``naming`` what they have not.
    """

    template: EstateMachine
    period: int
    fewest: int
    most: int
    offset: int
    spread: int
    shortest: int
    longest: int
    naming: Naming
    start_step: int = 1
    end_step: int = 1

    def __post_init__(self) -> None:
        if self.offset + self.spread + self.longest > self.period:
            message = f"{self.template.name}: a run may outlive its generation"
            raise ValueError(message)

    def generation(self, number: int) -> tuple[EstateMachine, ...]:
        """Return the machines of one generation, counted from 1970."""
        return _generation(self, number)

    def between(self, start: float, end: float, visible: int) -> tuple[EstateMachine, ...]:
        """Return machines that exist in ``[start, end)``, up to ``visible`` s after their end."""
        numbers = range(int((start - visible) // self.period), int(end // self.period) + 1)
        members = (member for number in numbers for member in self.generation(number))
        return tuple(m for m in members if is_visible(m, start, end, visible))


def is_visible(machine: EstateMachine, start: float, end: float, visible: int) -> bool:
    """Whether a list shows the machine in ``[start, end)``, ``visible`` s after its end at most."""
    run = machine.schedule.last(end - 1)
    if run is None:
        return False
    return not machine.terminates or run.end is None or run.end + visible > start


@lru_cache(maxsize=1024)
def _generation(group: BurstGroup, number: int) -> tuple[EstateMachine, ...]:
    count = group.fewest + mix(group.template.seed, number) % (group.most - group.fewest + 1)
    return tuple(_member(group, number, index) for index in range(count))


def _member(group: BurstGroup, number: int, index: int) -> EstateMachine:
    seed = seed_of(f"{group.template.name}/{number}/{index}")
    start = number * group.period + group.offset + mix(seed, 1) % (group.spread + 1)
    end = start + group.shortest + mix(seed, 2) % (group.longest - group.shortest + 1)
    run = Once(
        start=start // group.start_step * group.start_step,
        end=end // group.end_step * group.end_step,
    )
    member = group.naming(group.template, number, index, seed)
    return replace(member, schedule=run, seed=seed, terminates=True)
