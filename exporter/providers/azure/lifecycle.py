"""When machines started, stopped and were deleted: Azure's inventory tells only what is now.

Resource Graph keeps two weeks of changes of virtual machines, their power state among them. What
it has not, such as starts of instances of uniform scale sets, is bounded by what polls saw.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from exporter.core.model import Machine, ResourceKey, RunState
from exporter.providers.azure.values import moment, run_state

PERMISSION: Final = "Microsoft.Resources/changes/read"

REACH: Final = timedelta(hours=26)
"""How far back changes are asked for at first: a day's catch-up with some margin."""

OVERLAP: Final = timedelta(minutes=20)
"""How far back they are asked for again, as some are on record late."""

RECORD_DELAY: Final = timedelta(minutes=5)
"""By then a change is on record (Microsoft's page "Get resource changes")."""

DELETED_SHOWN: Final = timedelta(hours=1)
"""How long a deleted machine is listed as gone."""

_POWER: Final = "properties.changes['properties.extended.instanceView.powerState.code']"


def query(since: datetime) -> str:
    """Resource Graph query for power state changes and deletions of machines."""
    return (
        "ResourceChanges\n"
        "| where tostring(properties.targetResourceType) =~ 'microsoft.compute/virtualmachines'\n"
        "| extend at=tostring(properties.changeAttributes.timestamp),"
        " changeType=tostring(properties.changeType),"
        f" before=tostring({_POWER}.previousValue), after=tostring({_POWER}.newValue)\n"
        f"| where todatetime(at) >= datetime({since:%Y-%m-%dT%H:%M:%SZ})\n"
        "| where changeType =~ 'Delete' or isnotempty(after)\n"
        "| project id, target=tolower(tostring(properties.targetResourceId)), at, changeType,"
        " before, after\n"
        "| order by id asc"
    )


@dataclass(slots=True, kw_only=True)
class _Life:
    """What is known of one machine: the latest changes on record, and what polls saw."""

    started: datetime | None = None
    stopped: datetime | None = None
    deleted: datetime | None = None
    seen_stopped: datetime | None = None
    """Latest poll that saw it stopped."""
    seen_started: datetime | None = None
    """First poll that saw it running after that."""
    launched: datetime | None = None
    """Start of its latest run, as told before."""

    def halted(self) -> datetime | None:
        """Return when it was last seen stopped; a listing just after a recorded start was old."""
        if self.seen_stopped is None or self.started is None:
            return self.seen_stopped
        return self.seen_stopped if self.started <= self.seen_stopped - RECORD_DELAY else None

    def launch(self, created: datetime | None) -> datetime | None:
        """Start of the run that goes on: no earlier than it was last seen stopped."""
        return _latest(created, self.started, self.halted())

    def last_launch(self, created: datetime | None) -> datetime | None:
        """Start of the run that has ended."""
        known = self.started is not None and (self.stopped is None or self.started < self.stopped)
        return _latest(created, self.launched, self.started if known else None)

    def end(self, launched: datetime | None, *, deleted: bool) -> datetime | None:
        """End of the run that began then: the first stop, or deletion, on record after it."""
        ends = (self.stopped, self.deleted if deleted else None)
        after = [at for at in ends if at is not None and (launched is None or at > launched)]
        return min(after, default=None)


class Lifecycle:
    """Remembers starts, stops and deletions. One for each collector; not thread-safe."""

    def __init__(self) -> None:
        self._lives: dict[str, _Life] = {}
        self._listed: dict[ResourceKey, Machine] = {}
        self._vanished: dict[ResourceKey, tuple[Machine, datetime]] = {}
        self._recorded: datetime | None = None

    def since(self, now: datetime) -> datetime:
        """Return the time from which changes are wanted."""
        reach = now - REACH
        return reach if self._recorded is None else max(reach, self._recorded - OVERLAP)

    def learn(self, changes: Iterable[Mapping[str, Any]], now: datetime) -> None:
        """Take in all changes since ``since``, in any order."""
        known = [(at, row) for row in changes if (at := moment(row.get("at"))) is not None]
        for at, row in sorted(known, key=lambda change: change[0]):
            _note(self._lives.setdefault(str(row.get("target", "")), _Life()), at, row)
        self._recorded = now

    def complete(self, machines: Iterable[Machine], now: datetime) -> tuple[Machine, ...]:
        """Return the listed machines with their latest times, and those deleted of late."""
        listed = {machine.key: self._timed(machine, now) for machine in machines}
        newly = {key: (one, now) for key, one in self._listed.items() if key not in listed}
        self._listed = listed
        self._vanished = {
            key: (one, at)
            for key, (one, at) in (self._vanished | newly).items()
            if key not in listed and now - at < DELETED_SHOWN
        }
        self._forget(now)
        gone = [self._gone(one) for one, _ in self._vanished.values()]
        return (*listed.values(), *(one for one in gone if one is not None))

    def _timed(self, machine: Machine, now: datetime) -> Machine:
        life = self._lives.setdefault(machine.key.resource_id, _Life())
        if machine.state is RunState.RUNNING and not self._is_due(life, now):
            machine = replace(machine, state=RunState.STOPPED)
        elif machine.state is RunState.RUNNING:
            life.seen_started = None
            life.launched = life.launch(machine.launched_at)
            return replace(machine, launched_at=life.launched)
        else:
            life.seen_stopped, life.seen_started = now, None
        launched = life.last_launch(machine.launched_at)
        return replace(machine, launched_at=launched, stopped_at=life.end(launched, deleted=False))

    def _is_due(self, life: _Life, now: datetime) -> bool:
        """Whether a machine that runs may be told to: not before its start can be on record."""
        halted = life.halted()
        if self._recorded is None or halted is None:
            return True
        if life.launched is not None and life.launched >= halted:
            return True
        life.seen_started = life.seen_started or now
        return now - life.seen_started >= RECORD_DELAY

    def _gone(self, machine: Machine) -> Machine | None:
        """Return a machine that was deleted; None while nothing tells when."""
        life = self._lives[machine.key.resource_id]
        ended = machine.stopped_at or life.end(machine.launched_at, deleted=True)
        if ended is None:
            return None
        return replace(machine, state=RunState.GONE, stopped_at=ended)

    def _forget(self, now: datetime) -> None:
        """Drop what is known of machines that are no longer there."""
        present = {key.resource_id for key in (*self._listed, *self._vanished)}
        self._lives = {
            target: life
            for target, life in self._lives.items()
            if target in present or _known_since(life, now - REACH)
        }


def _note(life: _Life, at: datetime, row: Mapping[str, Any]) -> None:
    before, after = run_state(row.get("before")), run_state(row.get("after"))
    if str(row.get("changeType", "")).lower() == "delete":
        life.deleted = at
    elif after is RunState.RUNNING and before is not RunState.RUNNING:
        life.started = at
    elif after is RunState.STOPPED and before is not RunState.STOPPED:
        life.stopped = at


def _known_since(life: _Life, oldest: datetime) -> bool:
    """Whether anything of a machine is as young; of one that vanished untold, nothing is."""
    told = (life.started, life.stopped, life.deleted)
    latest = _latest(*told, life.seen_stopped, life.seen_started, life.launched)
    return latest is not None and latest > oldest


def _latest(*times: datetime | None) -> datetime | None:
    return max((at for at in times if at is not None), default=None)
