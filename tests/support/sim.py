"""A simulated cloud, grid and power model with exact ground truth, for tests of the engine.

Everything is a pure function of time: which machines run, how busy they are in each minute, when
the value of a bucket is visible and what it then says. So the truth is known without the engine.
"""

import hashlib
import math
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final, NamedTuple

from exporter.core.clock import epoch, from_epoch
from exporter.core.errors import NoDataError, UnreachableError
from exporter.core.model import (
    AnnualIntensity,
    Basis,
    Bounds,
    Confidence,
    Factor,
    ForecastHour,
    GridReading,
    IntensityPoint,
    Inventory,
    Machine,
    Method,
    Power,
    Reading,
    Region,
    ResourceKey,
    RunState,
    UsageSeries,
    Window,
)
from exporter.core.ports import Clock, PowerProfile
from exporter.core.units import GCO2eqPerKwh, Ratio, Watts
from tests.support.providers import Plain

MINUTE: Final = 60
HOUR: Final = 3600
GRID_STEP: Final = 1800
JOULES_PER_KWH: Final = 3_600_000.0
"""Written again on purpose: the truth must not share the engine's conversions."""


@lru_cache(maxsize=1 << 18)
def chance(*what: object) -> float:
    """Return a number in [0, 1) that depends on nothing but the arguments."""
    digest = hashlib.blake2b(repr(what).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


# --- power ----------------------------------------------------------------------------------------


class Kind(NamedTuple):
    """A machine type of the simulated model: idle and busy watts, grams embodied per hour.

    ``gpu`` is what its accelerators add when fully busy, in watts.
    """

    idle: float
    busy: float
    embodied: float
    modelled: bool = True
    gpu: float = 0.0


KINDS: Final = {
    "small": Kind(7.0, 31.0, 1.25),
    "large": Kind(40.0, 190.0, 6.5),
    "odd": Kind(11.0, 50.0, 2.0, modelled=False),
    "gpu": Kind(30.0, 90.0, 4.0, gpu=400.0),
}
EXPONENT: Final = 0.7
"""Power is not linear in utilisation, so averaging in the wrong place shows."""


def watts_of(kind: str, utilization: float, gpu: float | None = None) -> float:
    """IT watts of a machine type, truth and model; unmeasured accelerators are half busy."""
    idle, busy, _, _, most = KINDS[kind]
    return float(idle + (busy - idle) * utilization**EXPONENT) + gpu_watts(most, gpu)


def gpu_watts(most: float, gpu: float | None) -> float:
    """Watts of accelerators that draw ``most`` when busy."""
    return most * (0.5 if gpu is None else gpu)


@dataclass(frozen=True)
class SimProfile:
    """Implements ``core.ports.PowerProfile`` over ``watts_of``."""

    kind: str
    confidence: Confidence = Confidence.SKU
    read: Bounds | None = None
    """Watts of accelerators, where something read them."""

    @property
    def group(self) -> str:
        return self.kind

    @property
    def modelled(self) -> bool:
        return KINDS[self.kind].modelled

    def power(self, utilization: Ratio, gpu: Ratio | None = None) -> Power:
        extra = gpu_watts(KINDS[self.kind].gpu, gpu)
        total = watts_of(self.kind, utilization, gpu) - extra
        extra = extra if self.read is None else self.read.central
        zero = Watts(0.0)
        return Power(Watts(0.75 * total), Watts(0.25 * total), Watts(extra), zero, zero)

    def bounds(self, utilization: Ratio, gpu: Ratio | None = None) -> Bounds:
        read = self.read or Bounds(0.0, 0.0, 0.0)
        modelled = self.power(utilization, gpu).it - read.central
        return Bounds(0.8 * modelled, modelled, 1.5 * modelled).plus(read)

    def with_gpu_watts(self, watts: Bounds) -> "SimProfile":
        return replace(self, read=watts)

    def embodied(self) -> Bounds:
        grams = KINDS[self.kind].embodied
        return Bounds(0.5 * grams, grams, 2.0 * grams)

    def explain(self, utilization: Ratio, gpu: Ratio | None = None) -> tuple[Factor, ...]:
        return (Factor(name="CPU", value=self.power(utilization, gpu).it, unit="W", source="sim"),)


class SimPower:
    """Implements ``core.ports.PowerModel``."""

    def profile(self, machine: Machine) -> PowerProfile:
        return SimProfile(machine.instance_type)


def region_of(provider: str, name: str) -> Region:
    """Return a region whose grid zone is its first two letters, with a PUE of its own."""
    return Region(
        provider=provider,
        name=name,
        grid_zone=name[:2].upper(),
        pue=1.0 + len(name) / 50,
        pue_source="sim",
    )


# --- machines -------------------------------------------------------------------------------------


class Span(NamedTuple):
    """One run of a simulated machine; ``end`` is inf while it goes on."""

    start: float
    end: float = math.inf
    kind: str = "small"

    def overlap(self, start: float, end: float) -> float:
        return max(0.0, min(end, self.end) - max(start, self.start))


@lru_cache(maxsize=1 << 16)
def _mean(name: str, spans: tuple[Span, ...], start: int, resolution: int) -> float | None:
    minutes = [
        chance(name, minute)
        for minute in range(start, start + resolution, MINUTE)
        if any(span.overlap(minute, minute + MINUTE) for span in spans)
    ]
    return math.fsum(minutes) / len(minutes) if minutes else None


@dataclass(kw_only=True)
class SimMachine:
    """A machine: its runs, oldest first, and when it leaves the inventory."""

    name: str
    spans: list[Span]
    region: str = "fr-one"
    listed_until: float = math.inf
    tells_launch: bool = True
    tells_stop: bool = True
    busy: float | None = None
    """A constant utilisation instead of the simulated one."""

    def key(self, provider: str) -> ResourceKey:
        return ResourceKey(provider, "acct", self.region, "vm", self.name)

    def utilization(self, start: int, resolution: int) -> float | None:
        """Mean over the minutes of a bucket in which it ran; None where it did not run."""
        mean = _mean(self.name, tuple(self.spans), start, resolution)
        return mean if mean is None or self.busy is None else self.busy

    def listing(self, provider: str, now: float) -> Machine | None:
        """Return what the inventory says of it at a time."""
        begun = [span for span in self.spans if span.start <= now]
        if not begun or now >= self.listed_until:
            return None
        last = begun[-1]
        stopped = last.end <= now
        return Machine(
            key=self.key(provider),
            name=self.name,
            instance_type=last.kind,
            state=RunState.STOPPED if stopped else RunState.RUNNING,
            launched_at=from_epoch(last.start) if self.tells_launch else None,
            stopped_at=from_epoch(last.end) if stopped and self.tells_stop else None,
        )


# --- what the monitoring API shows ----------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Weather:
    """How well buckets are delivered: shares of all buckets, by kind of trouble.

    Outside ``[start, end)`` every value is final and visible ``lag`` seconds after its bucket.
    """

    lag: float = 200.0
    start: float = -math.inf
    end: float = math.inf
    late: float = 0.0
    """Not visible until 10 to 40 minutes after the bucket."""
    partial: float = 0.0
    """Shown too low at first, right from 20 minutes after the bucket."""
    inflated: float = 0.0
    """Shown too high at first: the correction is a debt."""
    flicker: float = 0.0
    """Not shown at every look."""
    never: float = 0.0
    seed: int = 0

    def _hit(self, what: str, share: float, name: str, start: int) -> bool:
        bad = share > 0 and self.start <= start < self.end
        return bad and chance(self.seed, what, name, start) < share

    def lost(self, name: str, start: int) -> bool:
        return self._hit("never", self.never, name, start)

    def shown(self, name: str, start: int, end: int, now: float, value: float) -> float | None:
        """Return what the API shows at ``now`` of a bucket whose true mean is ``value``."""
        age = now - end
        lateness = 600 + 1800 * chance(self.seed, "lateness", name, start)
        if age < (lateness if self._hit("late", self.late, name, start) else self.lag):
            return None
        if self.lost(name, start):
            return None
        if self._hit("flicker", self.flicker, name, start) and int(now / 60 + start) % 2:
            return None
        if age < 1200 and self._hit("partial", self.partial, name, start):
            return value * 0.6
        if age < 1200 and self._hit("inflated", self.inflated, name, start):
            return min(1.0, value * 1.5)
        return value


CALM: Final = Weather()
Outage = tuple[float, float]


def _within(outages: Sequence[Outage], now: float) -> bool:
    return any(start <= now < end for start, end in outages)


@dataclass(kw_only=True)
class SimCloud(Plain):
    """Implements ``core.ports.Provider`` over simulated machines."""

    clock: Clock
    machines: list[SimMachine]
    name: str = "sim"
    kind: str = "sim"
    settle: int = 300
    weather: Weather = CALM
    outages: list[Outage] = field(default_factory=list)
    """Metrics fail altogether."""
    listing_outages: list[Outage] = field(default_factory=list)
    """The inventory fails altogether."""
    region_outages: dict[str, list[Outage]] = field(default_factory=dict)
    """Inventory and metrics of one region fail."""
    region_listing_outages: dict[str, list[Outage]] = field(default_factory=dict)
    """Only the inventory of one region fails."""
    cut_short: float = 0.0
    """Share of machines that a read delivers in part, and says so."""
    true_time: Callable[[], float] | None = None
    """The cloud's own clock, where ours is wrong."""
    windows: list[Window] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)
    gpu: Callable[[str, int], Ratio | None] | None = None
    """Utilisation of a machine's accelerators over the bucket of a start; None: not measured."""
    release: threading.Event | None = None
    """While set and not signalled, reads hang."""
    hanging: threading.Event = field(default_factory=threading.Event)
    closed: bool = False

    def now(self) -> float:
        return self.true_time() if self.true_time else epoch(self.clock.now())

    def _down(self, region: str, now: float) -> bool:
        return _within(self.region_outages.get(region, ()), now)

    def _unlisted(self, region: str, now: float) -> bool:
        blind = _within(self.region_listing_outages.get(region, ()), now)
        return blind or self._down(region, now)

    def discover(self) -> Inventory:
        now = self.now()
        if _within(self.listing_outages, now):
            message = "inventory: no answer"
            raise UnreachableError(message)
        regions = {machine.region for machine in self.machines}
        unseen = frozenset(region for region in regions if self._unlisted(region, now))
        listed = [m.listing(self.kind, now) for m in self.machines if m.region not in unseen]
        return Inventory(
            machines=tuple(machine for machine in listed if machine is not None),
            unseen_regions=unseen,
            failures=tuple(UnreachableError(f"{r}: no answer", scope=r) for r in unseen),
        )

    def read(self, machines: Sequence[Machine], window: Window) -> Reading:
        now = self.now()
        self.windows.append(window)
        self.asked.append(len(machines))
        if self.release is not None:
            self.hanging.set()
            self.release.wait()
        if _within(self.outages, now):
            message = "metrics: no answer"
            raise UnreachableError(message)
        return self._read({machine.key for machine in machines}, window, now)

    def _read(self, asked: set[ResourceKey], window: Window, now: float) -> Reading:
        series, unread = [], set()
        for machine in self.machines:
            key = machine.key(self.kind)
            if key not in asked:
                continue
            points = dict(self._points(machine, window, now))
            if self._down(machine.region, now):
                unread.add(key)
            elif chance("cut", machine.name, int(now)) < self.cut_short:
                unread.add(key)
                half = dict(list(points.items())[: len(points) // 2])
                series.append(UsageSeries(key=key, cpu=half))
            else:
                series.extend(
                    [UsageSeries(key=key, cpu=points, gpu=self._gpu(machine, window))] * 2
                )
        failures = (NoDataError(f"{len(unread)} machines were not read"),) if unread else ()
        return Reading(series=tuple(series), unread=frozenset(unread), failures=failures)

    def _gpu(self, machine: SimMachine, window: Window) -> dict[int, Ratio]:
        if self.gpu is None:
            return {}
        found = {start: self.gpu(machine.name, start) for start in window.buckets}
        return {start: ratio for start, ratio in found.items() if ratio is not None}

    def _points(
        self, machine: SimMachine, window: Window, now: float
    ) -> Iterator[tuple[int, Ratio]]:
        for start in reversed(window.buckets):
            end = start + window.resolution
            value = machine.utilization(start, window.resolution)
            if value is None or end > now:
                continue
            shown = self.weather.shown(machine.name, start, end, now, value)
            if shown is not None:
                yield start, Ratio(shown)

    def close(self) -> None:
        self.closed = True


# --- grids ----------------------------------------------------------------------------------------


def grid_value(zone: str, start: int) -> float:
    """Grams per kWh of a zone in the half-hour that begins at ``start``."""
    return 40.0 + 600.0 * chance("grid", zone, start)


@dataclass(kw_only=True)
class SimGrid:
    """Implements ``core.ports.GridSource``: half-hours, estimated until they are over."""

    clock: Clock
    name: str = "simgrid"
    zones: Collection[str] = ("FR", "IE", "US")
    method: Method = Method.AVERAGE
    basis: Basis = Basis.LIFECYCLE
    refresh_seconds: int = GRID_STEP
    history_seconds: int = 0
    step: int = GRID_STEP
    estimate_error: float = 1.0
    """What a half-hour's value is multiplied by while it is not over."""
    estimates_until: float = math.inf
    """From then on, values are right at once."""
    outages: list[Outage] = field(default_factory=list)
    forecast_until: float = -math.inf
    true_time: Callable[[], float] | None = None
    defect: Exception | None = None
    value: Callable[[str, int], float] = grid_value
    asked: list[tuple[tuple[str, ...], int, int]] = field(default_factory=list)
    asked_at: list[float] = field(default_factory=list)
    closed: bool = False

    def covers(self, zone: str) -> bool:
        return zone in self.zones

    def fetch(self, zones: Collection[str], start: int, end: int) -> GridReading:
        now = self.true_time() if self.true_time else epoch(self.clock.now())
        self.asked.append((tuple(zones), start, end))
        self.asked_at.append(now)
        if self.defect is not None:
            raise self.defect
        if _within(self.outages, now):
            message = f"{self.name}: no answer"
            raise UnreachableError(message)
        first = start // self.step * self.step
        last = max(min(end, now), min(self.forecast_until, now + 86400))
        starts = range(first, math.ceil(last), self.step)
        return GridReading(points=tuple(self._point(z, s, now) for z in zones for s in starts))

    def _point(self, zone: str, start: int, now: float) -> IntensityPoint:
        final = start + self.step <= now or start >= self.estimates_until
        value = self.value(zone, start) * (1.0 if final else self.estimate_error)
        return IntensityPoint(
            zone=zone,
            start=start,
            end=start + self.step,
            gco2eq_per_kwh=GCO2eqPerKwh(value),
            estimated=not final and self.estimate_error != 1.0,
            forecast=start > now,
        )

    def close(self) -> None:
        self.closed = True


class SimAnnual:
    """Implements ``core.ports.AnnualIntensities``: one value for every zone."""

    grams = 300.0

    def annual(self, zone: str) -> AnnualIntensity:
        return AnnualIntensity(
            zone=zone, gco2eq_per_kwh=GCO2eqPerKwh(self.grams), year="2024", source="sim"
        )


@dataclass
class SimForecaster:
    """Implements ``core.ports.Forecaster``: the last value for ``reach`` hours; none by default."""

    reach: int = 0

    def forecast(self, history: Sequence[IntensityPoint], hours: int) -> tuple[ForecastHour, ...]:
        if not history:
            return ()
        first = history[-1].end // HOUR * HOUR
        grams = history[-1].gco2eq_per_kwh
        return tuple(
            ForecastHour(start=first + n * HOUR, end=first + (n + 1) * HOUR, gco2eq_per_kwh=grams)
            for n in range(min(hours, self.reach))
        )


# --- truth ----------------------------------------------------------------------------------------


class Truth(NamedTuple):
    """What the engine has to say of one machine: no more, no less."""

    joules: float
    operational: float
    embodied: float
    measured: float
    missing: float


@dataclass(frozen=True, kw_only=True)
class Judge:
    """Computes the truth of the buckets in ``[origin, until)``, without the engine."""

    origin: int
    until: int
    resolution: int = 300
    weather: Weather = CALM
    grid: Callable[[str, int], float] = grid_value
    unwatched: range = range(0)
    """Seconds in which nobody listed the machines: no embodied grams for them either."""

    def of(self, machine: SimMachine) -> Truth:
        parts = [self._bucket(machine, start) for start in self._starts()]
        return Truth(*(math.fsum(column) for column in zip(*parts, strict=True)))

    def _starts(self) -> range:
        return range(self.origin, self.until, self.resolution)

    def _bucket(self, machine: SimMachine, start: int) -> Truth:
        pue = region_of("sim", machine.region).pue
        zone = region_of("sim", machine.region).grid_zone
        value = machine.utilization(start, self.resolution)
        price = self.grid(zone, start // GRID_STEP * GRID_STEP)
        runs = [(s.kind, s.overlap(start, start + self.resolution)) for s in machine.spans]
        embodied = math.fsum(KINDS[kind].embodied * t / 3600 for kind, t in runs)
        if start in self.unwatched:
            embodied = 0.0
        seconds = math.fsum(t for _, t in runs)
        if value is None or self.weather.lost(machine.name, start):
            return Truth(0.0, 0.0, embodied, 0.0, seconds)
        joules = math.fsum(watts_of(kind, value) * pue * t for kind, t in runs)
        return Truth(joules, joules / JOULES_PER_KWH * price, embodied, seconds, 0.0)


def hourly_visitors(since: int, count: int) -> list[SimMachine]:
    """Machines that come one an hour, run for a thousand seconds and are soon unlisted."""
    starts = [since + number * 3600 for number in range(count)]
    return [
        SimMachine(name=f"m{number}", spans=[Span(start, start + 1000)], listed_until=start + 2000)
        for number, start in enumerate(starts)
    ]


def total(truths: Sequence[Truth]) -> Truth:
    """Add up machines."""
    return Truth(*(math.fsum(column) for column in zip(*truths, strict=True)))


@contextmanager
def hanging(cloud: SimCloud) -> Iterator[threading.Event]:
    """Make reads of a cloud hang until the block ends (or the event is set)."""
    release = threading.Event()
    cloud.release = release
    try:
        yield release
    finally:
        release.set()
