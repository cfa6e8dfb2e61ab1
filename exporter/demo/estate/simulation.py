"""The demo estate as a pure function of time, with exact ground truth."""

from collections.abc import Callable
from dataclasses import dataclass
from math import fsum
from typing import Final

from exporter.core.units import (
    GCO2eqPerKwh,
    GramsCO2eq,
    Joules,
    Ratio,
    Watts,
    energy,
    operational_emissions,
)
from exporter.demo.estate.hashing import noise
from exporter.demo.estate.intensity import GRID_STEP, intensity
from exporter.demo.estate.machines import BurstGroup, EstateMachine, EstateState, is_visible
from exporter.demo.estate.schedules import Run
from exporter.demo.estate.shapes import SHAPES, levels

MINUTE: Final = 60
VISIBLE_AFTER_END: Final = 3000
"""Seconds for which clouds still list a terminated machine; AWS: usually less than one hour."""

GPU_IDLE: Final = 0.1
GPU_SLOPE: Final = 0.8
"""GPUs work when the CPU does, and a little always."""

GPU_LOADED_WATTS: Final = 30.0
GPU_BUSY_WATTS: Final = 68.0
"""One GPU of the estate, with a model in its memory and at work: all are of the class of a T4."""

FacilityWatts = Callable[[EstateMachine, Ratio, Ratio | None, Watts | None], Watts]
"""Power that a machine draws from the grid at a mean utilisation of its CPU and, where its cloud
tells them, that of its GPUs and their watts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What really happened: facility energy, operational emissions and seconds switched on."""

    joules: Joules
    grams: GramsCO2eq
    running_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Estate:
    """Everything that exists: permanent machines, and groups whose machines come and go."""

    machines: tuple[EstateMachine, ...]
    groups: tuple[BurstGroup, ...] = ()

    def of(self, provider: str) -> "Estate":
        """Return what one cloud has of it."""
        return Estate(
            machines=tuple(m for m in self.machines if m.provider == provider),
            groups=tuple(g for g in self.groups if g.template.provider == provider),
        )

    @property
    def providers(self) -> tuple[str, ...]:
        """Clouds in the order of their first machine."""
        return tuple(dict.fromkeys(machine.provider for machine in self.templates))

    @property
    def accounts(self) -> tuple[str, ...]:
        """Accounts in the order of their first machine; those of one cloud: ``of(cloud)``."""
        return tuple(dict.fromkeys(machine.account for machine in self.templates))

    @property
    def zones(self) -> tuple[str, ...]:
        """Grid zones that feed the estate, in the order of their first machine."""
        return tuple(dict.fromkeys(machine.grid_zone for machine in self.templates))

    @property
    def templates(self) -> tuple[EstateMachine, ...]:
        """Permanent machines, and for each group the record that its machines are made from."""
        return (*self.machines, *(group.template for group in self.groups))

    def machines_between(self, start: float, end: float) -> tuple[EstateMachine, ...]:
        """Return all machines to be seen at some instant of ``[start, end)`` epoch seconds."""
        permanent = (m for m in self.machines if is_visible(m, start, end, VISIBLE_AFTER_END))
        return (*permanent, *self.members_between(start, end))

    def members_between(self, start: float, end: float) -> tuple[EstateMachine, ...]:
        """Return the machines of groups to be seen at some instant of ``[start, end)``."""
        found = (group.between(start, end, VISIBLE_AFTER_END) for group in self.groups)
        return tuple(machine for members in found for machine in members)

    def runs(self, machine: EstateMachine, start: float, end: float) -> tuple[Run, ...]:
        """Return the runs that overlap ``[start, end)``: whole, in order, apart."""
        return machine.schedule.runs(start, end)

    def state_at(self, machine: EstateMachine, moment: float) -> EstateState:
        """Return what is to be seen of a machine at an epoch second."""
        run = machine.schedule.last(moment)
        if run is None:
            return EstateState.ABSENT
        if run.end is None or moment < run.end:
            return EstateState.RUNNING
        if not machine.terminates:
            return EstateState.STOPPED
        gone = moment >= run.end + VISIBLE_AFTER_END
        return EstateState.ABSENT if gone else EstateState.TERMINATED

    def exists(self, machine: EstateMachine, moment: float) -> bool:
        """Whether a list of machines shows it, be it stopped or just terminated."""
        return self.state_at(machine, moment) is not EstateState.ABSENT

    def created_at(self, machine: EstateMachine) -> int:
        """Return the start of the first run."""
        return machine.schedule.first()

    def launched_at(self, machine: EstateMachine, moment: float) -> int | None:
        """Return the start of the current or last run; None before the first."""
        run = machine.schedule.last(moment)
        return None if run is None else run.start

    def stopped_at(self, machine: EstateMachine, moment: float) -> int | None:
        """Return the end of the last run; None while the machine runs and before its first."""
        run = machine.schedule.last(moment)
        return None if run is None or run.end is None or moment < run.end else run.end

    def utilization(self, machine: EstateMachine, minute: int) -> Ratio:
        """Return how busy the CPU is, 0..1, in a minute (counted from 1970) while it runs."""
        return Ratio(_utilizations(machine, minute, 1)[0])

    def mean_utilization(self, machine: EstateMachine, start: int, end: int) -> Ratio | None:
        """Return the mean over the running time in ``[start, end)``; None where there is none.

        Raises:
            ValueError: a bound is not on a whole minute.
        """
        _require_minutes(start, end)
        runs = machine.schedule.runs(start, end)
        if not runs:
            return None
        values = _utilizations(machine, start // MINUTE, (end - start) // MINUTE)
        if runs[0].covers(start, end):
            return Ratio(fsum(values) / len(values))
        return _weighted(values, [_overlap(runs, m, m + MINUTE) for m in range(start, end, MINUTE)])

    def mean_gpu_utilization(self, machine: EstateMachine, start: int, end: int) -> Ratio | None:
        """Return the mean of its GPUs over the running time; None where it has none, or is off.

        Raises:
            ValueError: a bound is not on a whole minute.
        """
        if not machine.machine_type.gpu_count:
            return None
        cpu = self.mean_utilization(machine, start, end)
        return None if cpu is None else Ratio(GPU_IDLE + GPU_SLOPE * cpu)

    def mean_gpu_watts(self, machine: EstateMachine, start: int, end: int) -> Watts | None:
        """Return what all of its GPUs draw; None where it has none, or is off.

        Raises:
            ValueError: a bound is not on a whole minute.
        """
        busy = self.mean_gpu_utilization(machine, start, end)
        if busy is None:
            return None
        each = GPU_LOADED_WATTS + busy * (GPU_BUSY_WATTS - GPU_LOADED_WATTS)
        return Watts(each * machine.machine_type.gpu_count)

    def intensity(self, zone: str, moment: float) -> GCO2eqPerKwh:
        """Return gCO2eq/kWh of a grid zone at an epoch second."""
        return intensity(zone, moment)

    def truth(
        self,
        machine: EstateMachine,
        start: int,
        end: int,
        *,
        resolution: int,
        facility_watts: FacilityWatts,
    ) -> Truth:
        """Return what a machine drew and caused in ``[start, end)``, bucket by bucket.

        Power follows from the mean utilisation of each bucket of ``resolution`` seconds, the best
        that anybody can know who sees means only.

        Raises:
            ValueError: the bounds are not multiples of the resolution, or it does not divide a
                grid step into whole minutes.
        """
        _require_buckets(start, end, resolution)
        parts = [
            self._bucket(machine, bucket, resolution, facility_watts)
            for bucket in range(start, end, resolution)
        ]
        return Truth(
            joules=Joules(fsum(part.joules for part in parts)),
            grams=GramsCO2eq(fsum(part.grams for part in parts)),
            running_seconds=sum(part.running_seconds for part in parts),
        )

    def _bucket(
        self, machine: EstateMachine, start: int, resolution: int, facility_watts: FacilityWatts
    ) -> Truth:
        end = start + resolution
        mean = self.mean_utilization(machine, start, end)
        if mean is None:
            return Truth(joules=Joules(0.0), grams=GramsCO2eq(0.0), running_seconds=0)
        running = _overlap(self.runs(machine, start, end), start, end)
        gpu = self.mean_gpu_utilization(machine, start, end) if machine.gpu_agent else None
        told = self.mean_gpu_watts(machine, start, end) if machine.gpu_power else None
        joules = energy(facility_watts(machine, mean, gpu, told), running)
        grams = operational_emissions(joules, self.intensity(machine.grid_zone, start))
        return Truth(joules=joules, grams=grams, running_seconds=running)


def _utilizations(machine: EstateMachine, first: int, count: int) -> list[float]:
    shared = levels(machine.shape, first + machine.utc_offset_minutes, count)
    amplitude, seed = SHAPES[machine.shape].noise, machine.seed
    noisy = [level + amplitude * noise(seed, first + i) for i, level in enumerate(shared)]
    return [min(machine.machine_type.most, max(0.0, value)) for value in noisy]


def _weighted(values: list[float], weights: list[int]) -> Ratio:
    return Ratio(fsum(v * w for v, w in zip(values, weights, strict=True)) / sum(weights))


def _overlap(runs: tuple[Run, ...], start: int, end: int) -> int:
    """Return the seconds of ``[start, end)`` in which the machine is on."""
    clipped = (
        (max(run.start, start), end if run.end is None else min(run.end, end)) for run in runs
    )
    return sum(max(0, stop - begin) for begin, stop in clipped)


def _require_minutes(start: int, end: int) -> None:
    if start % MINUTE or end % MINUTE or end <= start:
        message = f"{start}..{end} is not a span of whole minutes"
        raise ValueError(message)


def _require_buckets(start: int, end: int, resolution: int) -> None:
    if resolution % MINUTE or GRID_STEP % resolution:
        message = f"{resolution} s does not divide a grid step of {GRID_STEP} s into whole minutes"
        raise ValueError(message)
    if start % resolution or end % resolution or end < start:
        message = f"{start}..{end} is not a span of whole buckets of {resolution} s"
        raise ValueError(message)
