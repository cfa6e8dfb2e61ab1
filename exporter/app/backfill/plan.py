"""What a backfill is going to do: whose past, which span of it, and what that costs."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from exporter.app.backfill.records import Account, Lack, slice_seconds
from exporter.app.build import App
from exporter.app.wiring import bucket_rules
from exporter.core.clock import epoch, floor_to
from exporter.core.errors import CarbonExporterError, CollectorError
from exporter.core.model import Inventory, RunState
from exporter.core.ports import Provider

_DAY: Final = 86_400

_BILLED_MONTH: Final = timedelta(days=30)


class NothingToReadError(CarbonExporterError):
    """No provider has a past that could be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
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
class Plan:
    """Accounts to read, and what of the wish cannot be had."""

    accounts: tuple[Account, ...]
    lacks: tuple[Lack, ...]
    notes: tuple[str, ...]
    """What differs from the wish, though nothing failed."""
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


def make_plan(app: App, wish: Wish, listing: Callable[[str], None] = lambda _: None) -> Plan:
    """Ask each provider for its machines, once, and say what can be read of their past.

    ``listing`` hears the name of each provider before it is asked.

    Raises:
        NothingToReadError: nothing can.
    """
    accounts: list[Account] = []
    lacks: list[Lack] = []
    notes: list[str] = []
    for provider in app.providers:
        start, until, note = _span(app, provider, wish)
        notes += [note] if note else []
        if start >= until:
            continue
        listing(provider.name)
        asked_at = epoch(app.clock.now())
        try:
            inventory = provider.discover()
        except CollectorError as error:
            lacks.append(Lack(collector=provider.name, what="all of it", cause=str(error)))
            continue
        lacks += _unlisted(provider, inventory)
        accounts.append(_account(app, provider, inventory, asked_at, (start, until)))
    if not accounts:
        raise NothingToReadError(_why_nothing(lacks, notes))
    return Plan(
        accounts=tuple(accounts),
        lacks=tuple(lacks),
        notes=tuple(notes),
        step=wish.step,
        grids_until=min(_ends(app, wish)),
        labels=wish.labels or {},
    )


def _span(app: App, provider: Provider, wish: Wish) -> tuple[int, int, str]:
    """Return begin and end of what can be read, and what has to be said of it."""
    now, name = epoch(app.clock.now()), provider.name
    resolution = bucket_rules(app, provider).resolution
    until = _until(app, provider, wish)
    start = -floor_to(-wish.since, resolution)
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


def _until(app: App, provider: Provider, wish: Wish) -> int:
    resolution = bucket_rules(app, provider).resolution
    final = floor_to(epoch(app.clock.now()) - provider.settle, resolution)
    began = (wish.counted_since or {}).get(provider.name)
    wanted = began if began is not None else wish.until
    return final if wanted is None else min(final, floor_to(wanted, resolution))


def _ends(app: App, wish: Wish) -> Iterable[int]:
    return (
        _until(app, provider, wish) + provider.settle
        for provider in app.providers
        if provider.retention(bucket_rules(app, provider).resolution)
    )


def _unlisted(provider: Provider, inventory: Inventory) -> Iterable[Lack]:
    where = ", ".join(sorted(inventory.unseen_regions)) or "parts of the account"
    for error in inventory.failures:
        yield Lack(
            collector=provider.name, what=f"machines of {error.scope or where}", cause=str(error)
        )


def _account(
    app: App, provider: Provider, inventory: Inventory, asked_at: float, span: tuple[int, int]
) -> Account:
    resolution = bucket_rules(app, provider).resolution
    length = slice_seconds(len(inventory.machines), resolution)
    return Account(
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


def _why_nothing(lacks: Iterable[Lack], notes: Iterable[str]) -> str:
    told = [*notes, *(f"{lack.collector}: {lack.cause}" for lack in lacks)]
    return "\n".join(["nothing of the past can be read", *told])
