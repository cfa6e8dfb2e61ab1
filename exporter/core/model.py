"""The records that travel between the layers.

Each is one frozen fact. Times at the edges are aware UTC datetimes. Inside the engine a bucket is
named by the whole epoch second at which it starts: exact, hashable and cheap, because a day of
10,000 machines is three million of them.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from itertools import chain
from typing import Final, NamedTuple

from exporter.core.errors import CollectorError
from exporter.core.units import GCO2eqPerHour, GCO2eqPerKwh, Ratio, Watts

HOST: Final = "host"
"""Provider of the exporter's own machine: in no cloud region, with its hardware to itself."""


class ResourceKey(NamedTuple):
    """Identity of a resource: the identity labels of every per-resource series, in order."""

    provider: str
    account: str
    cloud_region: str
    resource_type: str
    resource_id: str


class RegionKey(NamedTuple):
    """Identity of an aggregate: what outlives single machines."""

    provider: str
    account: str
    cloud_region: str


class RunState(StrEnum):
    """Whether a machine holds hardware now."""

    RUNNING = "running"
    STOPPED = "stopped"
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a machine type is made of, as far as known.

    ``threads_per_core`` is 2 where two vCPUs share a core, 1 where a vCPU is a core, 0 unknown.
    ``architectures`` lists the CPU generations that may serve the type, best guess first.
    ``host_vcpus`` is the vCPU count of the physical machine that is shared, 0 unknown.
    ``reserved_vcpus`` is how many vCPUs of hardware the machine holds where it may use ``vcpus``
    of them only, else 0.
    """

    vcpus: float
    memory_gib: float
    architectures: tuple[str, ...] = ()
    cpu_model: str = ""
    threads_per_core: int = 0
    gpu_model: str = ""
    gpu_count: float = 0.0
    host_vcpus: float = 0.0
    shared_core: bool = False
    reserved_vcpus: float = 0.0


class DiskKind(StrEnum):
    """What a volume is kept on."""

    SSD = "ssd"
    HDD = "hdd"


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """A block-storage volume attached to a machine: its size as provisioned, before replication.

    ``copies`` is how many replicas the cloud keeps of it. ``type`` is the cloud's own name.
    """

    kind: DiskKind
    type: str
    size_gib: float
    copies: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """One machine as an inventory reported it.

    ``launched_at`` is the start of the current (or last) run; ``stopped_at`` its end where the
    cloud tells it. ``shape`` is what the cloud told about the type when our table lacks it.
    ``grid_zone`` and ``pue`` override the region table (this machine, or a user's setting).
    ``group``, ``cluster``, ``node_pool`` and ``lifecycle`` are what the cloud itself says of the
    machine's place: its scaling group, Kubernetes cluster and node pool, and ``on_demand`` or
    ``spot``. ``provider_id`` is how a node on this machine is called by Kubernetes: the
    ``spec.providerID`` that the cloud's own controller would write, in its spelling. Empty where
    the cloud says nothing, and for what cannot be a node.
    """

    key: ResourceKey
    name: str
    instance_type: str
    state: RunState
    cloud_zone: str = ""
    launched_at: datetime | None = None
    stopped_at: datetime | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    shape: Shape | None = None
    cpu_platform: str = ""
    grid_zone: str = ""
    pue: float | None = None
    group: str = ""
    cluster: str = ""
    node_pool: str = ""
    provider_id: str = ""
    lifecycle: str = ""
    disks: tuple[Disk, ...] = ()
    """Volumes attached; those of the machine type itself (local disks) are not among them."""

    @property
    def region_key(self) -> RegionKey:
        """The aggregate that this machine adds to."""
        return RegionKey(self.key.provider, self.key.account, self.key.cloud_region)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """All machines of one provider account, and what could not be listed.

    A region in ``unseen_regions`` failed to answer: the machines last known there are kept as
    they were, they have not vanished. ``unseen_all`` says the same of the whole account.
    """

    machines: tuple[Machine, ...]
    unseen_regions: frozenset[str] = frozenset()
    unseen_all: bool = False
    failures: tuple[CollectorError, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Buckets ``[start, end)`` in epoch seconds, both multiples of ``resolution`` seconds."""

    start: int
    end: int
    resolution: int

    def __post_init__(self) -> None:
        if self.start % self.resolution or self.end % self.resolution or self.end < self.start:
            message = f"window {self.start}..{self.end} is not aligned to {self.resolution} s"
            raise ValueError(message)

    @property
    def buckets(self) -> range:
        """Start of each bucket."""
        return range(self.start, self.end, self.resolution)


class MeteredPower(NamedTuple):
    """Watts of one unit that something measured: means over one bucket, before PUE.

    A component that is there replaces that component of the power model; None leaves it to the
    model. With ``whole`` the components together are all that the machine draws, and nothing is
    modelled beside them: what a wall meter reads stands in ``node``, less what was measured apart.
    A meter of the CPU package fills ``cpu`` (and ``memory``), one of the accelerators ``gpu``; what
    a server needs around its parts, where the meter's owner knows it, is ``node``.

    The true values are held to lie between ``low`` times and ``high`` times those read.
    """

    cpu: Watts | None = None
    memory: Watts | None = None
    gpu: Watts | None = None
    storage: Watts | None = None
    network: Watts | None = None
    node: Watts | None = None
    whole: bool = False
    low: float = 1.0
    high: float = 1.0

    @property
    def components(self) -> tuple[Watts | None, ...]:
        """What was measured, in the order of ``Power``."""
        return self[:6]

    @property
    def tells_cpu(self) -> bool:
        """Whether nothing is left of the CPU for the model."""
        return self.whole or self.cpu is not None


class Usage(NamedTuple):
    """What was measured of a resource over one bucket.

    ``cpu`` and ``gpu`` are mean utilisations of 0..1, ``units`` is how many of the described thing
    there were (tasks, nodes, capacity units; 1 for a machine). All but ``units`` are of one unit.
    ``cpu`` is None only where ``watts`` tell what the CPU draws.
    """

    cpu: Ratio | None
    gpu: Ratio | None = None
    units: float = 1.0
    watts: MeteredPower | None = None

    @property
    def metered(self) -> bool:
        """Whether what the CPU draws was measured."""
        return self.watts is not None and self.watts.tells_cpu

    @property
    def complete(self) -> bool:
        """Whether it says enough to be counted: without a GPU's value the model assumes one."""
        return self.cpu is not None or self.metered


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageSeries:
    """What was measured of one resource, a column by signal: bucket start (epoch seconds) to value.

    Columns and not records, as a day of 10,000 machines is three million buckets. A bucket that was
    not delivered is absent, never 0. It is complete with a CPU utilisation or with watts that tell
    what the CPU draws. Utilisation and watts of accelerators never decide that: a bucket without
    them is modelled on an assumption, and corrected when a value comes later. ``units`` is None
    for what is always one; else a bucket without a number of units is not complete.
    """

    key: ResourceKey
    cpu: Mapping[int, Ratio] = field(default_factory=dict)
    gpu: Mapping[int, Ratio] = field(default_factory=dict)
    units: Mapping[int, float] | None = None
    watts: Mapping[int, MeteredPower] = field(default_factory=dict)

    def starts(self) -> Collection[int]:
        """Return the complete buckets, in the order in which they were delivered."""
        if not self.watts and self.units is None:
            return self.cpu.keys()
        metered = (start for start, watts in self.watts.items() if watts.tells_cpu)
        found = dict.fromkeys(chain(self.cpu, metered))
        return [start for start in found if self.units is None or start in self.units]

    def joined(self, later: "UsageSeries") -> "UsageSeries":
        """Put a later part of what was read of the same resource to this one, signal by signal."""
        counted = [units for units in (self.units, later.units) if units is not None]
        return UsageSeries(
            key=self.key,
            cpu={**self.cpu, **later.cpu},
            gpu={**self.gpu, **later.gpu},
            units={at: value for units in counted for at, value in units.items()}
            if counted
            else None,
            watts={**self.watts, **later.watts},
        )

    def at(self, start: int) -> Usage:
        """Return what was measured over a complete bucket."""
        units = 1.0 if self.units is None else self.units[start]
        return Usage(self.cpu.get(start), self.gpu.get(start), units, self.watts.get(start))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Answer to one read of a window.

    A machine that was asked for and is not in ``unread`` was read completely: buckets absent from
    its series have no data (yet). A machine in ``unread`` must be asked again: its watermark waits.
    """

    series: tuple[UsageSeries, ...]
    unread: frozenset[ResourceKey] = frozenset()
    failures: tuple[CollectorError, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PermissionCheck:
    """Whether a permission is there: its name, the verdict, and cause with fix if not."""

    permission: str
    ok: bool
    message: str


class Bounds(NamedTuple):
    """A central value and the interval that should hold the true one."""

    low: float
    central: float
    high: float

    def plus(self, other: "Bounds") -> "Bounds":
        """Add another interval end by end: errors go together, which is the widest case."""
        return Bounds(self.low + other.low, self.central + other.central, self.high + other.high)

    def times(self, factor: float) -> "Bounds":
        """Multiply by a factor of 0 or more."""
        return Bounds(self.low * factor, self.central * factor, self.high * factor)


class Error(NamedTuple):
    """How far a value may be off for one cause, in its own unit: all that share it err together."""

    cause: tuple[str, str]
    below: float
    above: float


class Uncertain(NamedTuple):
    """A value with its errors by cause; errors of different causes are independent."""

    central: float
    errors: tuple[Error, ...]


class Power(NamedTuple):
    """Central IT power of one machine by component, before PUE. Absent components are 0 W.

    ``node`` is what a server needs around its parts (fans, switches, supplies), and what a wall
    meter reads as a whole.
    """

    cpu: Watts
    memory: Watts
    gpu: Watts
    storage: Watts
    network: Watts
    node: Watts = Watts(0.0)

    @property
    def it(self) -> Watts:
        """Power of all components together."""
        return Watts(sum(self))


COMPONENTS: Final = Power._fields
"""Components of IT power, in the order in which they are shown."""

USUAL_COMPONENTS: Final = frozenset({"cpu", "memory"})
"""Components that every resource shows, even at 0 W, unless a meter reads it as a whole; the others
only where they draw power."""


class Confidence(StrEnum):
    """How the CPU of a machine is known: the narrower, the better the watts.

    ``metered``: its watts were measured, and are not modelled at all.
    """

    METERED = "metered"
    SKU = "sku"
    FAMILY = "family"
    MULTI_FAMILY = "multi-family"
    PROXY = "proxy"
    UNKNOWN_TYPE = "unknown-type"


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """One line of an explanation: a number with its unit, its year and where it comes from."""

    name: str
    value: float | str
    unit: str
    source: str
    year: str = ""
    low: float | None = None
    high: float | None = None


class Method(StrEnum):
    """What an intensity says: the average of all generation, or the marginal plant's."""

    AVERAGE = "average"
    MARGINAL = "marginal"


class Basis(StrEnum):
    """Which emissions a factor holds: life cycle, or combustion at the plant only."""

    LIFECYCLE = "lifecycle"
    DIRECT = "direct"


@dataclass(frozen=True, slots=True, kw_only=True)
class IntensityPoint:
    """Intensity of a zone over ``[start, end)`` epoch seconds, as one source gave it.

    ``low`` and ``high`` hold the true value as far as the source's own way of getting it tells:
    the fuel factors of a mix, and what is known of a zone's imports. None where nothing is told;
    ``low <= gco2eq_per_kwh <= high`` otherwise.
    """

    zone: str
    start: int
    end: int
    gco2eq_per_kwh: GCO2eqPerKwh
    estimated: bool = False
    forecast: bool = False
    low: GCO2eqPerKwh | None = None
    high: GCO2eqPerKwh | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastHour:
    """Intensity expected over ``[start, end)`` epoch seconds.

    ``low`` and ``high`` are the 10 % and 90 % quantiles, where the forecaster knows its error;
    ``low <= gco2eq_per_kwh <= high`` then.
    """

    start: int
    end: int
    gco2eq_per_kwh: GCO2eqPerKwh
    low: GCO2eqPerKwh | None = None
    high: GCO2eqPerKwh | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """A forecast of a zone by the clock hour, in order. ``source`` names who made it."""

    zone: str
    method: Method
    source: str
    hours: tuple[ForecastHour, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How the marginal intensity of a zone at a moment (epoch seconds) compares with its next day.

    ``percentile`` runs from 0, the cleanest of what is expected in the 24 hours that follow, to
    100, the dirtiest: a high one says that waiting pays. It is no intensity: zones do not compare
    by it.
    """

    zone: str
    source: str
    moment: int
    percentile: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GridReading:
    """Answer of a grid source: points of any of the zones asked for, and what failed.

    ``standings`` hold at most one of each zone, from sources of marginal intensity that tell it.
    """

    points: tuple[IntensityPoint, ...]
    failures: tuple[CollectorError, ...] = ()
    standings: tuple[Standing, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnualIntensity:
    """Yearly average of a zone: always there, never called live."""

    zone: str
    gco2eq_per_kwh: GCO2eqPerKwh
    year: str
    source: str
    known: bool = True


class FallbackLevel(IntEnum):
    """Where in the chain a value was found: the value of ``…_fallback_level``.

    The numbers are names that users know, and no order: a forecast (3) is expected to be nearer the
    truth than the last known value (2). ``weakness`` alone says which of two values is weaker.
    """

    LIVE = 0
    SECOND_SOURCE = 1
    LAST_KNOWN = 2
    FORECAST = 3
    ANNUAL = 4

    @property
    def words(self) -> str:
        """The level as people read it."""
        return _LEVEL_WORDS[self]


_LEVEL_WORDS: Final = ("live", "second source", "last known", "forecast", "annual average")

OBSERVED: Final = frozenset({FallbackLevel.LIVE, FallbackLevel.SECOND_SOURCE})
"""Levels of values that a source measured for their own time; all others stand in for one."""

_BY_EXPECTED_ERROR: Final = (
    (FallbackLevel.LIVE, False),
    (FallbackLevel.SECOND_SOURCE, False),
    (FallbackLevel.FORECAST, False),
    (FallbackLevel.FORECAST, True),
    (FallbackLevel.LAST_KNOWN, False),
    (FallbackLevel.ANNUAL, False),
)
"""Level, and whether the forecast is our own. On 45 zones our own forecast is 3.4 % off for the
hour after the last value where that value itself is 4.3 % off, and 9.4 against 15.7 % after six
hours (bench/forecast, ``--ages``)."""


OWN_FORECAST: Final = "seasonal"
"""Source of a value that our own forecast gave."""


def weakness(level: FallbackLevel, source: str) -> int:
    """Place of a value by its expected error: of two values, the one with the higher is weaker."""
    own = level is FallbackLevel.FORECAST and source == OWN_FORECAST
    return _BY_EXPECTED_ERROR.index((level, own))


@dataclass(frozen=True, slots=True, kw_only=True)
class IntensityInForce:
    """The intensity that applies to a zone at a time, and how it was come by."""

    zone: str
    gco2eq_per_kwh: GCO2eqPerKwh
    source: str
    method: Method
    basis: Basis
    level: FallbackLevel
    valid_from: int
    estimated: bool = False
    detail: str = ""
    """Year and origin, where the source is a table."""
    low: GCO2eqPerKwh | None = None
    high: GCO2eqPerKwh | None = None
    """Bounds of the value, about 90 %: what the way of coming by it leaves open. None where nothing
    tells; ``low <= gco2eq_per_kwh <= high`` otherwise."""

    @property
    def live(self) -> bool:
        """Whether it is of its own time, from the preferred source or a second one."""
        return self.level in OBSERVED

    @property
    def weakness(self) -> int:
        """Place by expected error, 0 the best."""
        return weakness(self.level, self.source)


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A cloud region, or a zone that stands elsewhere: its grid and its power usage effectiveness.

    ``known`` is False for a region that the table lacks; it then carries the world's grid and the
    provider's default PUE. Where it is contested which grid feeds it, ``low_zone`` and
    ``high_zone`` are the cleanest and the dirtiest of those that may, and ``grid_low`` and
    ``grid_high`` what their yearly values are times that of ``grid_zone``: 1 where none is.
    """

    provider: str
    name: str
    grid_zone: str
    pue: float
    pue_source: str
    location: str = ""
    latitude: float | None = None
    longitude: float | None = None
    note: str = ""
    known: bool = True
    low_zone: str = ""
    high_zone: str = ""
    grid_low: float = 1.0
    grid_high: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Emissions per hour of one machine or aggregate by scope."""

    operational: GCO2eqPerHour
    embodied: GCO2eqPerHour
