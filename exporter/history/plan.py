"""What a backfill is going to do: whose past, which span of it, at what cost, with what gaps."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from exporter.app.assembly import bucket_rules
from exporter.app.build import App
from exporter.core.clock import epoch, floor_to
from exporter.core.errors import CarbonExporterError, CollectorError
from exporter.core.model import Inventory, RunState
from exporter.core.ports import Provider

_DAY: Final = 86_400

POINTS_AT_ONCE: Final = 500_000
"""Points of one account in memory: about 50 MB."""
SHORTEST_SLICE: Final = 6 * 3600
LONGEST_SLICE: Final = 5 * 86_400
"""Seconds. At five minutes, 1,440 points of a machine: what one billed call of Azure returns."""

_BILLED_MONTH: Final = timedelta(days=30)


class NothingToReadError(CarbonExporterError):
    """No provider has a past that could be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillRequest:
    """What was asked for; times in epoch seconds.

    ``counted_since`` is where the counters of a live daemon began, by collector: history ends
    there. A collector that is not in it ends at ``until``, or as late as there is final data.
    ``labels`` are those that a scrape adds.
    """

    since: float
    step: int
    until: float | None = None
    counted_since: Mapping[str, int] | None = None
    labels: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Something of the past that could not be had: whose, which span in epoch seconds, and why."""

    collector: str
    what: str
    cause: str
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPlan:
    """The past of one provider account: buckets ``[start, until)`` in epoch seconds."""

    provider: Provider
    inventory: Inventory
    asked_at: float
    """When the inventory was asked for."""
    start: int
    until: int
    resolution: int
    dollars: float | None = None
    """List price of reading it; None where nobody knows one."""

    @property
    def name(self) -> str:
        """The collector label."""
        return self.provider.name

    @property
    def slice_seconds(self) -> int:
        """How much of it is read at once."""
        return slice_seconds(len(self.inventory.machines), self.resolution)

    @property
    def shown_from(self) -> int:
        """When a live exporter would have shown the start: when it was final."""
        return self.start + self.provider.settle

    @property
    def shown_until(self) -> int:
        """When a live exporter would have shown the end."""
        return self.until + self.provider.settle


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Accounts to read, and what of the request cannot be had."""

    accounts: tuple[AccountPlan, ...]
    gaps: tuple[Gap, ...]
    notes: tuple[str, ...]
    """What differs from the request, though nothing failed."""
    step: int
    grids_until: int
    """Up to here no live daemon has told of the grids."""
    labels: Mapping[str, str]

    @property
    def times(self) -> tuple[int, ...]:
        """Epoch seconds of the samples: every step back from the end, and each account's end."""
        ends = {account.shown_until for account in self.accounts}
        last, first = max(ends), min(account.shown_from for account in self.accounts)
        steps = set(range(last, first - 1, -self.step))
        return tuple(sorted(steps | {end for end in ends if end >= first}))

    @property
    def machines(self) -> int:
        """How many machines the inventories list."""
        return sum(len(account.inventory.machines) for account in self.accounts)

    @property
    def dollars(self) -> float:
        """List price of reading all of it, as far as known."""
        return sum(account.dollars or 0.0 for account in self.accounts)


def make_plan(
    app: App, request: BackfillRequest, listing: Callable[[str], None] = lambda _: None
) -> Plan:
    """Ask each provider for its machines, once, and say what can be read of their past.

    ``listing`` hears the name of each provider before it is asked.

    Raises:
        NothingToReadError: nothing can.
    """
    accounts: list[AccountPlan] = []
    gaps: list[Gap] = []
    notes: list[str] = []
    for provider in app.providers:
        start, until, note = _span(app, provider, request)
        notes += [note] if note else []
        if start >= until:
            continue
        listing(provider.name)
        asked_at = epoch(app.clock.now())
        try:
            inventory = provider.discover()
        except CollectorError as error:
            gaps.append(Gap(collector=provider.name, what="all of it", cause=str(error)))
            continue
        gaps += _unlisted(provider, inventory)
        accounts.append(_account(app, provider, inventory, asked_at, (start, until)))
    if not accounts:
        raise NothingToReadError(_why_nothing(gaps, notes))
    return Plan(
        accounts=tuple(accounts),
        gaps=tuple(gaps),
        notes=tuple(notes),
        step=request.step,
        grids_until=min(_ends(app, request)),
        labels=request.labels or {},
    )


def _span(app: App, provider: Provider, request: BackfillRequest) -> tuple[int, int, str]:
    """Return begin and end of what can be read, and what has to be said of it."""
    now, name = epoch(app.clock.now()), provider.name
    resolution = bucket_rules(app, provider).resolution
    until = _until(app, provider, request)
    start = -floor_to(-request.since, resolution)
    kept = provider.retention(resolution)
    if kept == 0:
        return until, until, f"{name}: keeps no history; it begins with the daemon"
    oldest = -floor_to(kept - now, resolution) + resolution
    if start >= until:
        return until, until, f"{name}: its live counters began before that; nothing is to be filled"
    if start >= oldest:
        return start, until, ""
    return (
        oldest,
        until,
        f"{name}: the cloud keeps {kept // _DAY} days of this data; read from there on",
    )


def _until(app: App, provider: Provider, request: BackfillRequest) -> int:
    resolution = bucket_rules(app, provider).resolution
    final = floor_to(epoch(app.clock.now()) - provider.settle, resolution)
    began = (request.counted_since or {}).get(provider.name)
    wanted = began if began is not None else request.until
    return final if wanted is None else min(final, floor_to(wanted, resolution))


def _ends(app: App, request: BackfillRequest) -> Iterable[int]:
    return (
        _until(app, provider, request) + provider.settle
        for provider in app.providers
        if provider.retention(bucket_rules(app, provider).resolution)
    )


def _unlisted(provider: Provider, inventory: Inventory) -> Iterable[Gap]:
    where = ", ".join(sorted(inventory.unseen_regions)) or "parts of the account"
    for error in inventory.failures:
        yield Gap(
            collector=provider.name, what=f"machines of {error.scope or where}", cause=str(error)
        )


def _account(
    app: App, provider: Provider, inventory: Inventory, asked_at: float, span: tuple[int, int]
) -> AccountPlan:
    resolution = bucket_rules(app, provider).resolution
    length = slice_seconds(len(inventory.machines), resolution)
    return AccountPlan(
        provider=provider,
        inventory=inventory,
        asked_at=asked_at,
        start=span[0],
        until=span[1],
        resolution=resolution,
        dollars=_dollars(provider, inventory, span[1] - span[0], length),
    )


def _dollars(
    provider: Provider, inventory: Inventory, seconds: int, slice_length: int
) -> float | None:
    machines = sum(one.state is not RunState.GONE for one in inventory.machines)
    slice_span = timedelta(seconds=slice_length)
    month = provider.monthly_cost(machines, slice_span)
    if month is None:
        return None
    return month * slice_span / _BILLED_MONTH * -(-seconds // slice_length)


def _why_nothing(gaps: Iterable[Gap], notes: Iterable[str]) -> str:
    told = [*notes, *(f"{gap.collector}: {gap.cause}" for gap in gaps)]
    return "\n".join(["nothing of the past can be read", *told])


def slice_seconds(machines: int, resolution: int) -> int:
    """Return how long a stretch is read at once: longer ones cost less, but need memory."""
    most = POINTS_AT_ONCE // max(1, machines) * resolution
    longest = min(LONGEST_SLICE, max(SHORTEST_SLICE, most))
    return longest // SHORTEST_SLICE * SHORTEST_SLICE
