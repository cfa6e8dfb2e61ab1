"""What the engine needs from the outside world, as Protocols. Adapters need not import these."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from exporter.core.meter import ApiMeter
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
    PermissionCheck,
    Power,
    Reading,
    Region,
    Shape,
    Window,
)
from exporter.core.units import Ratio


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> datetime:
        """Return the current time, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds from an arbitrary origin; never goes back."""
        ...


class Provider(Protocol):
    """The machines of one cloud account: all that is asked of one. Constructors do no I/O.

    ``name`` is the value of the ``collector`` label, ``kind`` the provider label. ``settle`` is
    how many seconds after its end a bucket may be taken as final in this cloud,
    ``listed_after_end`` for how many a machine that is gone is still listed.
    """

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def kind(self) -> str: ...  # noqa: D102
    @property
    def settle(self) -> int: ...  # noqa: D102
    @property
    def listed_after_end(self) -> int: ...  # noqa: D102

    def discover(self) -> Inventory:
        """List the machines in every state. Raises CollectorError only if nothing was listed."""
        ...

    def read(self, machines: Sequence[Machine], window: Window) -> Reading:
        """Read what was measured of each machine over each bucket of the window.

        A part that fails goes to ``unread`` and ``failures``; CollectorError only if all failed.
        """
        ...

    def retention(self, resolution: int) -> int:
        """For how many seconds the cloud keeps data that fills buckets of ``resolution`` seconds.

        0 where there is no past to be read.
        """
        ...

    def told_since(self, machine: Machine, asked_at: float) -> float:
        """Epoch seconds from which an inventory's word about starts and stops is whole.

        ``-inf`` where the latest run of the machine has no pause in it. Before that time, only
        data tells when it ran. ``asked_at`` is when the inventory was asked for.
        """
        ...

    def permissions(self) -> Sequence[PermissionCheck]:
        """Try each call that it needs, for ``check``. Changes nothing; empty if it needs none."""
        ...

    def monthly_cost(self, machines: int, poll_interval: timedelta) -> float | None:
        """List price in dollars of 30 days of reading that many machines; None: nothing is billed.

        Longer intervals cost less for the same data.
        """
        ...

    def close(self) -> None:
        """Release threads and connections."""
        ...


class GridSource(Protocol):
    """A live source of grid carbon intensity. Constructors do no I/O.

    ``refresh_seconds`` is how often asking makes sense, ``history_seconds`` how much of the past
    one question may ask for at little cost: the food of the forecast. Values of one source all
    have the same method and basis.
    """

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def method(self) -> Method: ...  # noqa: D102
    @property
    def basis(self) -> Basis: ...  # noqa: D102
    @property
    def refresh_seconds(self) -> int: ...  # noqa: D102
    @property
    def history_seconds(self) -> int: ...  # noqa: D102

    def covers(self, zone: str) -> bool:
        """Whether this source declares the zone. No I/O."""
        ...

    def fetch(self, zones: Collection[str], start: int, end: int) -> GridReading:
        """Read points that overlap ``[start, end)`` epoch seconds for zones that it covers."""
        ...

    def close(self) -> None:
        """Release connections."""
        ...


class Forecaster(Protocol):
    """Guesses the hours after a history, where its source tells no forecast. Pure."""

    def forecast(self, history: Sequence[IntensityPoint], hours: int) -> tuple[ForecastHour, ...]:
        """Return whole clock hours in order, the first being that in which the history ends.

        ``history`` holds observed points of one zone, by start, possibly with gaps. The answer is
        empty where it is too short to say anything.
        """
        ...


class AnnualIntensities(Protocol):
    """Yearly averages: the last link of the fallback chain."""

    def annual(self, zone: str) -> AnnualIntensity:
        """Return the zone's yearly average, or the world's with ``known=False``."""
        ...


class PowerProfile(Protocol):
    """The power model resolved for one machine: utilisation in, watts out.

    ``gpu`` is the mean utilisation 0..1 of its accelerators; None where nothing measures it, and
    the model assumes one.
    """

    @property
    def confidence(self) -> Confidence: ...  # noqa: D102
    @property
    def group(self) -> str:
        """What the CPU's watts were taken from: machines of one group err together."""
        ...

    @property
    def modelled(self) -> bool:
        """False where the type is in no table and was modelled from vCPU and memory alone."""
        ...

    def power(self, utilization: Ratio, gpu: Ratio | None = None) -> Power:
        """Return the central IT power by component at a mean utilisation 0..1."""
        ...

    def bounds(self, utilization: Ratio, gpu: Ratio | None = None) -> Bounds:
        """Return IT watts of all components: low, central, high."""
        ...

    def with_gpu_watts(self, watts: Bounds) -> "PowerProfile":
        """Return the same machine with accelerators that draw what was read of all of them.

        What the server draws around them follows, where the model counts it.
        """
        ...

    def embodied(self) -> Bounds:
        """Return grams of embodied CO2eq per hour of the machine's share: low, central, high."""
        ...

    def explain(self, utilization: Ratio, gpu: Ratio | None = None) -> tuple[Factor, ...]:
        """Return every factor from utilisation to IT watts and embodied grams."""
        ...


class PowerModel(Protocol):
    """Finds the power profile of a machine. Pure: no I/O after construction."""

    def profile(self, machine: Machine) -> PowerProfile:
        """Return the profile; every machine has one, unknown types with wider bounds."""
        ...


class TypeCatalogue(Protocol):
    """The shipped table of machine types."""

    def find(self, provider: str, instance_type: str) -> Shape | None:
        """Return the type's shape, or None where the table lacks it or its vCPU count."""
        ...


class TypeNames(TypeCatalogue, Protocol):
    """The table of machine types, and what names tell that it lacks."""

    def canonical(self, provider: str, name: str) -> str:
        """Return a type's name as the table spells it, or as given if its name tells a size.

        Empty for a name that tells nothing: no such type.
        """
        ...


class Regions(Protocol):
    """The shipped table of cloud regions, with the user's overrides."""

    def find(self, provider: str, region: str) -> Region:
        """Return the region, or one with ``known=False`` and the world's grid."""
        ...

    def zone(self, provider: str, name: str) -> Region | None:
        """Return an availability zone that stands elsewhere than its region, else None."""
        ...

    def all(self) -> tuple[Region, ...]:
        """Return every region of the table, by provider and name."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterContext:
    """What ``app`` hands to every adapter it builds."""

    clock: Clock
    meter: ApiMeter
    types: TypeCatalogue
    user_agent: str = "carbon-exporter"
    regions: Regions | None = None
    """Where clouds stand; None where an adapter asks for nothing that stands somewhere."""
