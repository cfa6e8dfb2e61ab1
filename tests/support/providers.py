"""What the contract of providers asks of each cloud: a small world with a known truth.

A harness stands for one provider. It says itself which parts of the contract cannot happen to it,
and why: that text is what pytest shows for the tests that are skipped.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from enum import Enum, StrEnum
from math import inf
from typing import Final, Protocol

from exporter.core.clock import epoch, floor_to
from exporter.core.meter import ApiMeter
from exporter.core.model import (
    Disk,
    Machine,
    PermissionCheck,
    Reading,
    ResourceKey,
    RunState,
    Shape,
    Window,
)
from exporter.core.ports import Clock, Provider
from exporter.demo._faults import FaultKind
from tests.support.clock import ManualClock

HOUR: Final = 3600
SECRET: Final = "Zm9yLXRlc3RzLW9ubHk"
"""Every credential of every harness holds this text; no message may."""


class Part(Enum):
    """Parts of the contract that do not apply to every provider."""

    COUNTERS = "counters of one's own that can be unreadable"
    NETWORK = "requests that can fail"
    READS_OVER_HTTP = "reads whose HTTP can be spoiled byte by byte"
    CREDENTIALS = "credentials that can be refused"
    ANSWERS = "answers that can be garbage"
    SCOPES = "regions that fail one by one"
    STOPS = "machines that stop and end"
    ENDED = "machines that are listed for a while after their end"
    CORRECTIONS = "values that change after they are first seen"
    EMPTY = "accounts without machines"
    MANY = "more machines than a page holds"
    COST = "requests that are counted and billed"
    TAGS = "tags that users write"
    DISKS = "volumes that are attached"
    GPUS = "accelerators that agents report on"


class Trouble(StrEnum):
    """What goes wrong upstream, for all requests until healed."""

    THROTTLED = "throttled"
    UNAVAILABLE = "unavailable"
    RESET = "reset"
    UNREADABLE = "unreadable"
    EXPIRED = "expired"
    INVALID = "invalid"
    DENIED = "denied"
    GARBAGE = "garbage"
    TRUNCATED = "truncated"


class Fleet(Enum):
    """Which machines there are."""

    USUAL = "usual"
    EMPTY = "empty"
    MANY = "many"
    LATE = "late"
    """The usual ones, whose values are first seen late or incomplete."""


class Harness(Protocol):
    """One provider, built by its kind from its config, in a world that a test can steer."""

    clock: ManualClock
    meter: ApiMeter
    lacks: Mapping[Part, str]
    """Why a part of the contract does not apply."""
    unstable_seconds: int
    """How long after its end a bucket may still be unseen or change, in a world without delays."""

    @property
    def provider(self) -> Provider: ...

    def pass_time(self, seconds: int) -> None: ...
    def mean(self, key: ResourceKey, start: int, end: int) -> float | None:
        """Return the true mean over the running time in a span; None where there is none."""
        ...

    def gpu(self, key: ResourceKey, start: int, end: int) -> float | None:
        """Return the true mean of the machine's GPUs; None where nobody reports it."""
        ...

    def disks(self, key: ResourceKey) -> tuple[Disk, ...]:
        """Return the volumes of a machine while it exists."""
        ...

    def native_resolution(self, key: ResourceKey) -> int: ...
    def cause(self, trouble: Trouble, *, scope: str | None = None) -> None: ...
    def spoil(self, kind: FaultKind, seconds: float) -> None:
        """Spoil the way of all answers; ``seconds`` is what the kind makes of it."""
        ...

    def heal(self) -> None: ...
    def requests(self) -> Mapping[str, int]:
        """Requests that the other side received, by API."""
        ...

    def dollars(self) -> float: ...
    def close(self) -> None: ...


class Plain:
    """What is asked of a provider beside machines and data, of a cloud with nothing to tell."""

    listed_after_end = HOUR

    def retention(self, _resolution: int) -> int:
        return 10 * 365 * 24 * HOUR

    def told_since(self, _machine: Machine, _asked_at: float) -> float:
        return -inf

    def permissions(self) -> Sequence[PermissionCheck]:
        return ()

    def monthly_cost(self, _machines: int, _poll_interval: timedelta) -> float | None:
        return None


class NoTypes:
    """A type catalogue without types, so that every type is asked for."""

    def find(self, _provider: str, _instance_type: str) -> Shape | None:
        return None


class SomeTypes:
    """A type catalogue that knows the types it is given."""

    def __init__(self, *names: str) -> None:
        self._names = names

    def find(self, _provider: str, instance_type: str) -> Shape | None:
        return Shape(vcpus=2.0, memory_gib=8.0) if instance_type in self._names else None


def now(clock: Clock) -> int:
    """Whole epoch second of the clock."""
    return int(epoch(clock.now()))


def final_window(harness: Harness, *, resolution: int = 300, seconds: int = HOUR) -> Window:
    """Window of that length whose newest bucket is final by the provider's own word."""
    end = floor_to(now(harness.clock) - harness.provider.settle, resolution)
    return Window(start=end - seconds, end=end, resolution=resolution)


def points(reading: Reading) -> dict[ResourceKey, Mapping[int, float]]:
    """Points of each machine that was read."""
    return {series.key: series.cpu for series in reading.series}


def running(machines: Iterable[Machine]) -> list[Machine]:
    """Machines that run now."""
    return [machine for machine in machines if machine.state is RunState.RUNNING]


def one_with(machines: Sequence[Machine], state: RunState) -> Machine:
    """Return the first machine in a state."""
    return next(machine for machine in machines if machine.state is state)
