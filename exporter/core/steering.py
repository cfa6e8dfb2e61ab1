"""What the steering process reasons over and acts through: sides, intents, actions, ports.

A *group* is one stateless service that runs at full size in one of several regions. A *side* is
the group in one region, as the cloud's and the balancer's own APIs tell it now. The one durable
fact is the *intent*; which *action* comes next is a pure function of intent and sides
(``steer/reconcile.py``), so that a controller killed anywhere goes on where it was.

The ports are what it acts through: scaling groups, balancers, queues. Each
has the narrowest verb that does its work, takes a target *by value* (so that a repeated call is
harmless) and a ``token`` that names the call for the system's own idempotency and its audit log.
Constructors do no I/O. Every call ends within its deadline: with an answer, or an
``ActuatorError``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from exporter.core.errors import CarbonExporterError

FULL_WEIGHT = 100
"""Weights are per cent of the traffic: those of a group's sides add up to 100."""


class Mishap(StrEnum):
    """Why a call failed: values of the ``reason`` label."""

    AUTH = "auth"
    """Credentials are absent, expired or lack a permission."""
    THROTTLED = "throttled"
    """Asked to slow down; nothing was done."""
    UNREACHABLE = "unreachable"
    """No answer. It may have been done: look before the next call."""
    CONFLICT = "conflict"
    """Somebody else changed or owns the field: a veto, never to be overridden."""
    REFUSED = "refused"
    """Understood and declined: above a maximum, a value not seen at the check, a wrong tag."""
    BAD_PAYLOAD = "bad_payload"
    """An answer that does not have the documented shape: what is there cannot be known."""


class ActuatorError(CarbonExporterError):
    """A system could not be seen or changed. ``str()`` is one line without secrets."""

    def __init__(self, message: str, *, mishap: Mishap) -> None:
        super().__init__(message)
        self.mishap = mishap


# What is observed.


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetView:
    """The scaling group of one side, as its own API tells it."""

    desired: int
    """How many instances were asked for."""
    minimum: int
    maximum: int
    serving: int
    """Instances in service by the fleet's own word; the balancer may see fewer."""
    starting: int
    """Instances that are on their way: pending, booting, warming."""
    busy: str | None = None
    """Why nothing may be changed now, in words: a deploy, a refresh, a suspended process."""
    as_of: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The traffic of one side, as the balancer tells it. None: it cannot tell."""

    weight: int
    """Per cent of the traffic, 0 to 100."""
    healthy: int | None
    """Targets that pass the balancer's own health check."""
    in_flight: int | None = None
    """Sessions or requests that are being served."""
    error_ratio: float | None = None
    """Share of the answers of the last minute that failed on the server's side, 0 to 1."""
    p95_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficView:
    """The traffic of a group, by side."""

    shares: Mapping[str, Share]
    as_of: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CapView:
    """A ceiling on the size of one target."""

    ceiling: int
    """The maximum that holds now."""
    original: int | None
    """The maximum that comes back when the cap is lifted; None where no cap of ours stands."""
    until: datetime | None
    """When the cap ends by itself, where it does; None where no cap of ours stands."""
    running: int | None = None
    as_of: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A batch job that waits for a clean hour."""

    name: str
    """Where it stands in its queue, e.g. ``namespace/name``: unique in it."""
    submitted: datetime
    duration: timedelta
    deadline: datetime
    """When it must have ended."""
    held: bool
    interruptible: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """A reason against a first move, found by ``shift check``."""

    what: str
    """permission, quota, template, size, health_check, ttl, drain, tag, stateful, residency …"""
    detail: str
    """What stands there, in one line that names the object."""
    fix: str
    blocking: bool = True
    """False: worth knowing, and a move may go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A group in one region: its fleet and its share of the traffic, seen together."""

    fleet: FleetView
    share: Share

    @property
    def ready(self) -> int:
        """Instances that can carry traffic: the balancer's word, else the fleet's own."""
        return self.fleet.serving if self.share.healthy is None else self.share.healthy


# What is wanted.


class Verdict(StrEnum):
    """Why an intent is under way."""

    MOVE = "move"
    """Forward: the target is cleaner, or somebody asked for it."""
    TURN = "turn"
    """Back: the target could not carry the traffic, or the way was stopped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """The one durable fact of a group's move."""

    id: str
    """A UUID, version 7: ids sort by the time of their making."""
    group: str
    source: str
    target: str
    since: datetime
    verdict: Verdict
    why: str
    """In one line, for people: what decided it, with figures."""
    need: int
    """Healthy instances that the target must have before it gets traffic."""
    floor: int = 0
    """What the source keeps at the end."""
    error_ratio: float | None = None
    """Of the source when the move began: what the target is held against."""
    p95_seconds: float | None = None


class State(StrEnum):
    """Where a group is: values of the ``state`` label of ``carbon_shift_state``."""

    IDLE = "idle"
    UNCLEAR = "unclear"
    BLIND = "blind"
    STOPPING = "stopping"
    ROLLING_BACK = "rolling_back"
    WARMING = "warming"
    HEALTH_GATE = "health_gate"
    SHIFTING = "shifting"
    BAKING = "baking"
    DRAINING = "draining"
    RELEASING = "releasing"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Ask a side's fleet for a size."""

    region: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Give each side its share of the traffic, per cent. Never all zero."""

    shares: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Exchange source and target: a new intent, written before anything else is done."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """The move is over: close the intent and tally it."""


Action = Scale | Route | Turn | Finish


# How it is done.


class Fleet(Protocol):
    """The scaling group of one side."""

    def observe(self) -> FleetView:
        """Look. Reading calls only."""
        ...

    def preflight(self, size: int) -> Sequence[Objection]:
        """Tell what stands against growing to ``size``. Changes nothing."""
        ...

    def resize(self, size: int, token: str) -> None:
        """Ask for a size, by value.

        Sizes above the fleet's own maximum, and fleets without the tag of their group, are
        refused here, below the planner.
        """
        ...

    def close(self) -> None:
        """Release connections."""
        ...


class Traffic(Protocol):
    """What spreads a group's requests over its sides."""

    @property
    def drain(self) -> timedelta:
        """How long a side may still get requests after its weight became 0: TTL and draining."""
        ...

    def observe(self) -> TrafficView:
        """Look. Reading calls only."""
        ...

    def preflight(self) -> Sequence[Objection]:
        """Tell what stands against moving traffic here. Changes nothing."""
        ...

    def route(self, shares: Mapping[str, int], token: str) -> None:
        """Set all weights: at once where the API can, else the side that grows first."""
        ...

    def close(self) -> None:
        """Release connections."""
        ...


class Cap(Protocol):
    """A ceiling on one target's size, for clusters that cannot move."""

    @property
    def self_expiring(self) -> bool:
        """Whether a cap ends at its time with nobody of ours alive."""
        ...

    def observe(self) -> CapView:
        """Look. Reading calls only."""
        ...

    def preflight(self) -> Sequence[Objection]:
        """Tell what stands against capping here. Changes nothing."""
        ...

    def limit(self, ceiling: int, until: datetime, token: str) -> None:
        """Lower the maximum to ``ceiling``, having first arranged what brings it back."""
        ...

    def lift(self, token: str) -> None:
        """Bring the original maximum back. Harmless where no cap of ours stands."""
        ...

    def close(self) -> None:
        """Release connections."""
        ...


class JobQueue(Protocol):
    """Jobs that wait to be released."""

    def waiting(self) -> Sequence[Job]:
        """List the jobs that asked to be scheduled by us."""
        ...

    def release(self, job: Job, token: str) -> None:
        """Let a job run. Harmless where it runs already."""
        ...

    def hold(self, job: Job, token: str) -> None:
        """Suspend an interruptible job."""
        ...

    def close(self) -> None:
        """Release connections."""
        ...


class Lease(Protocol):
    """The right to act, held by one controller at a time. Clouds do not check it: we do."""

    @property
    def seconds(self) -> float:
        """How long a lease lasts without renewal."""
        ...

    def acquire(self) -> int | None:
        """Take the lease; a number that grows with each holder, or None while another has it."""
        ...

    def renew(self) -> bool:
        """Keep it. False: it is lost."""
        ...

    def release(self) -> None:
        """Give it up, if it is ours."""
        ...

    def close(self) -> None:
        """Release connections."""
        ...
