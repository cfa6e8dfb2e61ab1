"""The only owner of totals: buckets in, counters out, each bucket exactly once.

Every measured quantity lives on clock-aligned buckets. A machine's ``watermark`` is the time before
which all its buckets are closed; younger ones are open: each poll reads them again and corrects
what changed. Sums may shrink by a correction, counters may not: a counter shows the largest sum
there ever was, so a negative correction is a debt that later increments pay first.
"""

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import inf, isfinite

import structlog

from exporter.core.clock import epoch, floor_to, from_epoch
from exporter.core.errors import StoreError
from exporter.core.model import (
    IntensityInForce,
    Inventory,
    Machine,
    MeteredPower,
    Reading,
    RegionKey,
    ResourceKey,
    RunState,
    Usage,
    UsageSeries,
    Window,
)
from exporter.core.units import GramsCO2eq, operational_emissions
from exporter.engine.chart import EstateChart
from exporter.engine.estimate import NOTHING, Accrual, MachineModel, minus, plus
from exporter.engine.repricing import KEEP_SECONDS, IntensityOver, Late, LateHours, LateKey
from exporter.engine.resource_account import (
    BucketRules,
    Latest,
    ResourceAccount,
    Tally,
    Unwatched,
    accrual,
    embodied_alone,
    progress,
    stand_in,
)
from exporter.engine.running_spans import Run, Spec, forget, merge
from exporter.engine.store import (
    REGION_QUANTITIES,
    BucketRow,
    Changes,
    Origin,
    Repriced,
    ResourceRow,
    State,
    Store,
    understood,
)

log = structlog.get_logger()

ModelOf = Callable[[ResourceKey, Spec], MachineModel]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One read of a window: who was asked, what came, and which buckets may close after it.

    What is older than ``reach`` was never asked for.
    """

    asked: Sequence[Machine]
    reading: Reading
    window: Window
    closing: int
    reach: int
    generation: int
    """Of the accounts that were asked for, as ``Ledger.generation`` told before."""


class Ledger:
    """Accounts of all machines and totals of all regions, in memory and in the store.

    ``chart_step`` are the seconds of a step of the day that the live page draws.
    """

    def __init__(
        self,
        store: Store,
        model_of: ModelOf,
        intensity_over: IntensityOver,
        *,
        chart_step: int = 300,
    ) -> None:
        self._store = store
        self._model_of = model_of
        self._intensity_over = intensity_over
        self._lock = threading.RLock()
        self._accounts: dict[ResourceKey, ResourceAccount] = {}
        self._regions: dict[RegionKey, Tally] = {}
        self._origins: dict[str, Origin] = {}
        self._changes = Changes()
        self._dirty: set[ResourceKey] = set()
        self._dirty_regions: set[RegionKey] = set()
        self._next_ident = 1
        self._unsaved_from = 1
        """Idents from here on stand in no file yet."""
        self._late = LateHours()
        self._charted: dict[tuple[str, int, int], Accrual] = {}
        self._repriced: dict[str, Repriced] = {}
        self.repriced: dict[str, Repriced] = {}
        """What late values have changed by grid zone, as of the last commit."""
        self.generation = 0
        """Changes when accounts are replaced by those of the state file."""
        self._awaited: set[str] = set()
        """Collectors whose first catch-up after a start is not saved yet."""
        self._counted_by: dict[RegionKey, set[str]] = {}
        self.corrected = 0
        self.corrected_shown = 0
        self.chart = EstateChart(chart_step)

    # --- start and end of a cycle ---------------------------------------------------------------

    def take_up(self, keep_gone: Mapping[str, float], now: float) -> State:
        """Open the state file if it is not, and go on from what it holds: see ``restore``.

        What was counted in memory while it could not be used is dropped. Returns what it held.

        Raises:
            StoreError: it cannot be used; everything is as it was.
        """
        with self._lock:  # nothing may be committed between the opening and the restoring
            state = self._store.take_up()
            try:
                with understood(self._store.name):
                    self.restore(state, keep_gone, now)
            except StoreError as error:
                self._store.give_up(str(error))
                raise
        return state

    def restore(self, state: State, keep_gone: Mapping[str, float], now: float) -> None:
        """Take over what the state file held; machines of other collectors show no series.

        ``keep_gone`` tells of each collector how long the series of a vanished machine go on: ended
        ones do not begin anew. Totals are withheld until their collector has caught up: a file that
        is a backup holds less than was shown.
        """
        accounts: dict[ResourceKey, ResourceAccount] = {}
        for ident, row in state.resources.items():
            at = state.progress[ident]
            account = ResourceAccount(
                ident=ident,
                collector=row.collector,
                machine=row.machine,
                runs=row.runs,
                watermark=at.watermark,
                read_until=max([at.watermark, *state.buckets.get(ident, ())]),
                last_seen=at.last_seen,
                last=at.last,
                tally=Tally(*at.tally),
                buckets=state.buckets.get(ident, {}),
                gone_since=_gone_since(row, at.last_seen),
                shown=row.collector in keep_gone
                and (
                    row.machine.state is not RunState.GONE
                    or now - at.last_seen <= keep_gone[row.collector]
                ),
            )
            self._remodel(account)
            accounts[row.machine.key] = account
            before = self._accounts.get(row.machine.key)
            if before is not None and account.runs:  # its gauges go on until it is read again
                account.latest = before.latest
        self.chart = EstateChart(self.chart.step)
        for account in accounts.values():
            for start, bucket in account.buckets.items():
                self.chart.add(start, bucket.amount)
        self.generation += 1
        self._accounts = accounts
        self._changes = Changes()
        self._dirty, self._dirty_regions, self._charted = set(), set(), {}
        self._regions = {key: Tally(*row) for key, row in state.regions.items()}
        self._origins = dict(state.origins)
        self.corrected = self.corrected_shown = state.corrected
        self._late = state.late
        self._repriced = dict(state.repriced)
        self.repriced = dict(state.repriced)
        # A number that a vanished machine had is not given away while an hour of it is kept.
        self._next_ident = max([*state.resources, self._late.newest_ident]) + 1
        self._unsaved_from = self._next_ident
        self._awaited = keep_gone.keys() & self._origins.keys()
        self._counted_by = {}
        for account in self._accounts.values():
            self._counts(account.machine.region_key, account.collector)

    def commit(self) -> None:
        """Write everything since the last commit in one transaction, and then show its sums.

        Counters follow here and not before: what a cycle adds first and takes back later, in
        whatever order a cloud delivers, must never be seen; nor what a crash would take back.

        Raises:
            StoreError: nothing was written; the changes are kept for the next try.
        """
        with self._lock:
            self._changes.late |= self._late.changes()
            if not self._dirty and not self._dirty_regions and self._changes == Changes():
                return
            self._dirty &= self._accounts.keys()
            accounts = [self._accounts[key] for key in self._dirty]
            regions = {key: self._regions[key] for key in self._dirty_regions}
            self._changes.progress.update((one.ident, progress(one)) for one in accounts)
            self._changes.regions.update((key, tally.row()) for key, tally in regions.items())
            self._store.commit(self._changes)
            for tally in (*(one.tally for one in accounts), *regions.values()):
                tally.expose()
            self.repriced = dict(self._repriced)
            self.corrected_shown = self.corrected
            self._changes = Changes()
            self._dirty.clear()
            self._dirty_regions.clear()
            self._unsaved_from = self._next_ident

    @contextmanager
    def reading(self) -> Iterator[tuple[Collection[ResourceAccount], dict[RegionKey, Tally]]]:
        """Lend accounts with series and totals for a look, under the lock."""
        with self._lock:
            yield [one for one in self._accounts.values() if one.shown], self._regions

    # --- what of it may be shown ------------------------------------------------------------------

    @property
    def incomplete(self) -> bool:
        """Whether some totals may be less than what was shown before."""
        return bool(self._store.trouble or self._awaited)

    def caught_up(self, collector: str, generation: int) -> None:
        """Show the totals of a collector from now on, as far as they are saved."""
        with self._lock:
            if generation == self.generation:
                self._awaited.discard(collector)

    def withheld(self, collector: str) -> bool:
        """Whether the totals of a collector's machines are not to be shown now."""
        return bool(self._store.trouble) or collector in self._awaited

    def region_withheld(self, key: RegionKey) -> bool:
        """Whether the totals of a region are not to be shown now.

        Where no machine is left that tells whose they are, they may be anybody's.
        """
        owners = self._counted_by.get(key, self._awaited)
        return bool(self._store.trouble) or not self._awaited.isdisjoint(owners)

    def _counts(self, key: RegionKey, collector: str) -> None:
        self._counted_by.setdefault(key, set()).add(collector)

    # --- inventory --------------------------------------------------------------------------------

    def observe(self, collector: str, inventory: Inventory, now: float, rules: BucketRules) -> None:
        """Merge an inventory into what is known of machines and their runs."""
        with self._lock:
            # The later of the two: never before the collector's own beginning, which `backfill`
            # takes for the end of its history (a bucket in both would count twice), and never more
            # of the past than a catch-up reads (what nobody asks for would all be missing).
            begin = max(self._origin(collector, now, rules), self._first(collector, now, rules))
            absences: list[Unwatched] = []
            for machine in inventory.machines:
                account = self._accounts.get(machine.key)
                if account is None:
                    account = self._open(collector, machine, begin, now, rules)
                absences.extend(self._unwatched(account, now, rules))
                self._see(account, collector, machine, now)
            if absences:
                _tell(collector, absences)
            if not inventory.unseen_all:
                self._miss(collector, inventory, now)
            self._expire(collector, now, rules)

    def _origin(self, collector: str, now: float, rules: BucketRules) -> int:
        """Counting starts when a collector is first run; what was before is for `backfill`."""
        origin = self._origins.get(collector)
        if origin is None:
            origin = Origin(floor_to(now - rules.settle, rules.resolution), rules.resolution)
        elif origin.resolution != rules.resolution:
            self._realign(collector, origin.resolution, rules)
            origin = origin._replace(resolution=rules.resolution)
        if self._origins.get(collector) != origin:
            self._origins[collector] = self._changes.origins[collector] = origin
        return origin.start

    def _realign(self, collector: str, before: int, rules: BucketRules) -> None:
        """The user changed ``resolution``: close what is open, go on from the next new bucket."""
        for account in self._of(collector):
            # First close on the old grid, then round up on the new: a bucket of the new grid that
            # began before `newest` would hold seconds that are counted already. What lies between
            # the two grids belongs to no bucket, and is missing.
            newest = max([account.watermark, *(start + before for start in account.buckets)])
            prices = _Prices(self._intensity_over, before)
            self._close(account, newest, replace(rules, resolution=before), prices)
            account.watermark = -floor_to(-newest, rules.resolution)
            self._miss_span(account, newest, account.watermark)

    def _first(self, collector: str, now: float, rules: BucketRules) -> float:
        """Begin of a machine that was not known: no more history than a catch-up would read.

        Nor does it begin after what others have closed, however far off the clock may be.
        """
        # With a clock that is days ahead, `now - max_catch_up` is a time that the clouds have not
        # reached: what a machine opened there runs until then would never be counted. What others
        # closed was proven to be past by data, and a newcomer begins no later. It is the newest of
        # their watermarks, as a single machine that cannot be read holds its own back.
        closed = [account.watermark for account in self._of(collector)]
        return min(now - rules.max_catch_up, max(closed, default=now))

    def _open(
        self, collector: str, machine: Machine, begin: float, now: float, rules: BucketRules
    ) -> ResourceAccount:
        launched = now if machine.launched_at is None else epoch(machine.launched_at)
        account = ResourceAccount(
            ident=self._next_ident,
            collector=collector,
            machine=machine,
            runs=[],
            # Rounded down: the bucket of the launch is counted for the seconds that it ran in it.
            watermark=floor_to(max(launched, begin), rules.resolution),
            last_seen=now,
        )
        self._next_ident += 1
        self._accounts[machine.key] = account
        self._region(machine.region_key)
        self._counts(machine.region_key, collector)
        return account

    def _unwatched(
        self, account: ResourceAccount, now: float, rules: BucketRules
    ) -> Iterator[Unwatched]:
        """Note that nobody looked for longer than a catch-up reaches back; yields what is new.

        The daemon was down, the collector was not configured, or all its questions were refused.
        """
        reach = floor_to(now - rules.settle - rules.max_catch_up, rules.resolution)
        if account.unwatched is not None:
            if now < account.unwatched.end:  # it was a clock that ran ahead
                account.unwatched = None
            return
        since = max(account.last_seen, account.observed_at, account.read_until)
        if since < reach and account.watermark < reach:
            account.unwatched = Unwatched(since, reach)
            if account.certain_overlap(since, reach) > 0:
                yield account.unwatched

    def _see(self, account: ResourceAccount, collector: str, machine: Machine, now: float) -> None:
        runs = merge(account.runs, machine, now, account.last_seen)
        changed = (
            runs != account.runs
            or machine != account.machine
            or collector != account.collector
            or not account.observed_at
        )
        if runs != account.runs:
            # Open buckets were counted for the seconds of the runs as they were known: all of them
            # are read again, also those that are older than the look-back.
            account.read_for_good = 0
        resumed = _resumed(account.runs, runs)
        account.machine, account.collector, account.runs = machine, collector, runs
        account.observed_at = now
        if machine.state is RunState.GONE:
            account.gone_since = now if account.gone_since is None else account.gone_since
        else:
            account.gone_since, account.shown = None, True
        if machine.state is RunState.RUNNING:
            account.last_seen = now
        if changed:
            self._remodel(account)
            self._changes.resources[account.ident] = ResourceRow(collector, machine, list(runs))
        # One that is gone costs no write a poll: nothing of its row is new.
        if changed or machine.state is RunState.RUNNING:
            self._dirty.add(machine.key)
        if resumed is not None and resumed < account.watermark:
            self._miss_span(account, resumed, account.watermark)

    def _miss(self, collector: str, inventory: Inventory, now: float) -> None:
        """A machine that its region no longer lists is gone."""
        listed = {machine.key for machine in inventory.machines}
        for key, account in self._accounts.items():
            if (
                account.collector == collector
                and key not in listed
                and key.cloud_region not in inventory.unseen_regions
            ):
                self._see(account, collector, replace(account.machine, state=RunState.GONE), now)

    def _expire(self, collector: str, now: float, rules: BucketRules) -> None:
        for key, account in list(self._accounts.items()):
            if account.collector != collector or account.gone_since is None:
                continue
            # Two limits. Series end when the last bucket has closed and scrapes saw its value.
            # The account itself stays until all that it counted is older than a catch-up reaches:
            # should the machine be listed again, its new account would count that once more.
            settled = account.finished
            gone_for = now - account.gone_since
            account.shown = not settled or gone_for <= rules.keep_gone
            forgettable = account.ended < now - rules.settle - rules.max_catch_up - rules.resolution
            if settled and gone_for > rules.keep_gone and forgettable:
                del self._accounts[key]
                self._changes.closed_before.pop(account.ident, None)
                self._changes.resources.pop(account.ident, None)
                self._changes.progress.pop(account.ident, None)
                self._dirty.discard(key)
                if account.ident < self._unsaved_from:  # else there is no row to delete
                    self._changes.removed.add(account.ident)

    def _remodel(self, account: ResourceAccount) -> None:
        account.models = [self._model_of(account.machine.key, run.spec) for run in account.runs]

    # --- what to read -----------------------------------------------------------------------------

    def earliest(self, collector: str, final: int, rules: BucketRules) -> int:
        """Return where the next read should begin: the oldest unread bucket, or the look-back."""
        look_back = floor_to(final - rules.look_back, rules.resolution)
        with self._lock:
            marks = [
                account.wanted_from if account.primed else min(account.watermark, look_back)
                for account in self._of(collector)
                if not account.finished
            ]
        return min(marks, default=final)

    def due(self, collector: str, window: Window) -> tuple[Machine, ...]:
        """Return the machines that ran in the part of a window that is still to be read."""
        with self._lock:
            return tuple(
                account.machine
                for account in self._of(collector)
                if not account.finished
                and account.overlap(
                    max(window.start, account.wanted_from) if account.primed else window.start,
                    window.end,
                )
                > 0
            )

    def ran(self, collector: str, window: Window) -> bool:
        """Tell whether any machine ran in a window, whether or not it is still to be read."""
        with self._lock:
            return any(
                account.overlap(window.start, window.end) > 0
                for account in self._of(collector)
                if not account.finished
            )

    def counting_since(self, collector: str) -> int | None:
        """Return when a collector began to count, epoch seconds; None before its first cycle."""
        with self._lock:
            origin = self._origins.get(collector)
        return None if origin is None else origin.start

    def unpriced_since(self) -> tuple[dict[str, int], dict[str, int]]:
        """Return by grid zone from when on prices are still asked for, epoch seconds.

        First of what is still open or to be read, then of closed hours that wait for a value.
        """
        with self._lock:
            begun: dict[str, int] = {}
            for account in self._accounts.values():
                if account.model is not None and account.gone_since is None:
                    zone = account.model.grid_zone
                    begun[zone] = min(account.watermark, begun.get(zone, account.watermark))
            return begun, self._late.since()

    def behind(self, collector: str, final: int) -> float:
        """Seconds from the collector's oldest unread bucket to the newest final one."""
        with self._lock:
            marks = [
                account.read_until
                for account in self._of(collector)
                if account.machine.state is RunState.RUNNING
            ]
            return max(0.0, float(final - min(marks, default=final)))

    def _of(self, collector: str) -> list[ResourceAccount]:
        return [a for a in self._accounts.values() if a.collector == collector]

    # --- late intensity ---------------------------------------------------------------------------

    def reprice(self, zones: Collection[str], now: float) -> None:
        """Price anew what drew from these zones, of which new values came.

        Open buckets take whatever the chain says by now. Closed hours wait for an observed value,
        and no longer than three days. A bucket is in one of the two, never in both.
        """
        wanted = frozenset(zones)
        with self._lock:
            self._late.forget(int(now) - KEEP_SECONDS)
            by_resolution: dict[int, _Prices] = {}
            for account in self._accounts.values() if wanted else ():
                if account.buckets and account.model and account.model.grid_zone in wanted:
                    step = self._origins[account.collector].resolution
                    if step not in by_resolution:
                        by_resolution[step] = _Prices(self._intensity_over, step)
                    self._reprice_open(account, by_resolution[step])
            self._reprice_closed(wanted)
            self._reprice_charted(wanted, int(now) - KEEP_SECONDS)

    def _reprice_charted(self, zones: frozenset[str], oldest: int) -> None:
        """Price anew what is on the chart and in no account, from before counting began."""
        for key, amount in list(self._charted.items()):
            force = self._intensity_over(*key) if key[0] in zones else None
            if force is not None and force.live:
                grams = operational_emissions(amount.energy, force.gco2eq_per_kwh)
                change = GramsCO2eq(grams - amount.operational)
                self.chart.add(key[1], NOTHING._replace(operational=change))
                del self._charted[key]
            elif key[1] < oldest:
                del self._charted[key]

    def _reprice_open(self, account: ResourceAccount, prices: "_Prices") -> None:
        for start, bucket in account.buckets.items():
            new = self._repriced_bucket(account, start, bucket, prices)
            if (
                new is not bucket
            ):  # the key stays: a dict may be written to while it is gone through
                account.buckets[start] = self._changes.buckets[account.ident, start] = new

    def _repriced_bucket(
        self, account: ResourceAccount, start: int, bucket: BucketRow, prices: "_Prices"
    ) -> BucketRow:
        price = prices.of(account, start).gco2eq_per_kwh
        if price == bucket.gco2eq_per_kwh:
            return bucket
        grams = operational_emissions(bucket.energy, price)
        change = NOTHING._replace(operational=GramsCO2eq(grams - bucket.operational))
        self._add(account, change)
        self.chart.add(start, change)
        self.corrected += 1
        self._changes.corrected = self.corrected
        return bucket._replace(gco2eq_per_kwh=price, operational=grams)

    def _reprice_closed(self, zones: frozenset[str]) -> None:
        by_ident: dict[int, ResourceAccount] = {}
        sums: dict[LateKey, float] = {}
        for key, change in self._late.reprice(zones, self._intensity_over):
            if not sums:
                by_ident = {account.ident: account for account in self._accounts.values()}
            sums[key] = sums.get(key, 0.0) + change.grams
            self._note_repriced(key.grid_zone, change.grams)
            amount = NOTHING._replace(operational=change.grams)
            account = by_ident.get(change.ident)
            if account is not None:
                self._add(account, amount)
            else:  # it is gone and forgotten; the totals that outlive it are not
                self._region(change.region).add((*amount, 0.0, 0.0, 0.0))
        for key, grams in sums.items():
            self.chart.spread(key.hour, grams)

    def _note_repriced(self, zone: str, grams: float) -> None:
        up, down = self._repriced.get(zone, Repriced(0.0, 0.0))
        total = Repriced(up + max(0.0, grams), down + max(0.0, -grams))
        self._repriced[zone] = self._changes.repriced[zone] = total

    def _settle(
        self, account: ResourceAccount, start: int, bucket: BucketRow, prices: "_Prices"
    ) -> None:
        """Price a bucket for the last time as it closes; a stand-in's price may change later."""
        force = prices.of(account, start)
        if force.gco2eq_per_kwh != bucket.gco2eq_per_kwh:
            bucket = self._repriced_bucket(account, start, bucket, prices)
        self._keep_if_late(account, start, bucket.amount, prices)

    def _keep_if_late(
        self, account: ResourceAccount, start: int, amount: Accrual, prices: "_Prices"
    ) -> None:
        force = prices.of(account, start)
        if amount.energy and not force.live:
            end = start + prices.resolution
            late = Late(account.ident, amount.energy, amount.operational, start, end)
            self._late.add(force.zone, account.machine.region_key, late)

    # --- accounting -------------------------------------------------------------------------------

    def enter(self, collector: str, answer: Answer, rules: BucketRules) -> None:
        """Enter one answer, and close what may close after it.

        A machine that was asked for and not read completely stays exactly as it was. So do all
        where accounts were replaced since: what they lack may be older than what was asked for.
        """
        series = {one.key: one for one in answer.reading.series}
        waiting = answer.reading.unread
        window = answer.window
        with self._lock:
            if answer.generation != self.generation:
                return
            prices = _Prices(self._intensity_over, rules.resolution)
            for machine in answer.asked:
                account = self._accounts.get(machine.key)
                if account is not None and machine.key not in waiting:
                    read = series.get(machine.key) or UsageSeries(key=machine.key)
                    self._enter_series(account, read, window, prices)
                    account.read_until = window.end
                    self._advance(
                        account, answer, rules, prices
                    )  # at once: open buckets take memory
            # Those that were not asked, as they did not run in the window, have no answer to wait
            # for: their watermark goes along, or it would hold back where the next read begins.
            for account in self._of(collector):
                if account.machine.key not in waiting:
                    account.read_until = max(account.read_until, window.end)
                    self._advance(account, answer, rules, prices)

    def close_unreachable(self, collector: str, reach: int, rules: BucketRules) -> None:
        """Close what began before ``reach``: too old to be asked for, nothing can correct it.

        This needs no answer. Where listing or reading is refused for good, open buckets would
        else pile up, and vanished machines would stay for ever.
        """
        with self._lock:
            prices = _Prices(self._intensity_over, rules.resolution)
            for account in self._of(collector):
                limit = account.closable(reach, rules.resolution)
                # Of a machine that its inventory has not shown since, what has data is closed all
                # the same. The span after that waits, and takes no memory: whether it is missing,
                # or the machine had stopped, is known when it is seen again.
                old = (start for start in account.buckets if start < reach)
                limit = max(limit, max(old, default=-rules.resolution) + rules.resolution)
                # What was asked for and never came has the user's stand-in, the rest has not.
                asked = min(limit, floor_to(account.read_until, rules.resolution))
                self._close(account, asked, rules, prices)
                self._close(account, limit, rules, prices, limit)

    def _advance(
        self, account: ResourceAccount, answer: Answer, rules: BucketRules, prices: "_Prices"
    ) -> None:
        # The earliest of three: what was read up to here (later slices of a catch-up are still to
        # come), what is settled and surely past (the collector's word, which a clock that was
        # stepped cannot give alone), and what the inventory knows of the machine: not seen since,
        # it may have stopped, and its empty buckets would count as missing.
        closing = min(answer.window.end, answer.closing)
        account.read_for_good = max(account.read_for_good, closing)
        closing = account.closable(closing, rules.resolution)
        self._close(account, closing, rules, prices, answer.reach)

    def _enter_series(
        self,
        account: ResourceAccount,
        series: UsageSeries,
        window: Window,
        prices: "_Prices",
    ) -> None:
        total, measured = NOTHING, 0.0
        whole = account.overlap(window.start, window.end) == window.end - window.start
        for start in series.starts():
            if not window.start <= start < window.end:
                continue
            usage = _sound(series.at(start))
            if usage is None:
                continue
            step = window.resolution
            seconds = float(step) if whole else account.overlap(start, start + step)
            if seconds <= 0:
                continue
            usage = account.filled(start, usage)
            if account.latest is None or start >= account.latest.start:
                account.latest = Latest(start, start + step, usage)
            # An answer may reach behind the watermark: for a machine that was just started to be
            # watched in this process the whole look-back is asked for, and what others still have
            # open is asked for together. What is closed is counted, and stays as it is: it goes on
            # the chart at most, and only by the first read, or it would stand there twice.
            if start >= account.watermark:
                change = self._put(account, start, usage, seconds, prices)
                if change is not None:
                    total, measured = plus(total, change[0]), measured + change[1]
            elif not account.primed:
                self._show(account, start, usage, prices)
        # One addition for the whole answer, not one a bucket: corrections, which mostly cancel, are
        # summed among themselves before they meet totals many times their size.
        self._add(account, total, measured=measured)
        account.primed = True

    def _put(
        self,
        account: ResourceAccount,
        start: int,
        usage: Usage,
        seconds: float,
        prices: "_Prices",
    ) -> tuple[Accrual, float] | None:
        """Enter or correct an open bucket; returns what its amount and seconds change by, if so."""
        before = account.buckets.get(start)
        price = prices.of(account, start).gco2eq_per_kwh
        if before and before[:6] == (*usage, price, seconds):
            return None
        amount = accrual(account, start, prices.resolution, usage, price)
        bucket = BucketRow(*usage, price, seconds, *amount)
        account.buckets[start] = bucket
        self._changes.buckets[account.ident, start] = bucket
        if before is not None:
            self.corrected += 1
            self._changes.corrected = self.corrected
            amount = minus(amount, before.amount)
            seconds -= before.seconds
        self.chart.add(start, amount)
        return amount, seconds

    def _show(self, account: ResourceAccount, start: int, usage: Usage, prices: "_Prices") -> None:
        """Put a bucket from before counting began on the chart, and nowhere else."""
        force = prices.of(account, start)
        amount = accrual(account, start, prices.resolution, usage, force.gco2eq_per_kwh)
        self.chart.add(start, amount)
        if not force.live:
            key = force.zone, start, start + prices.resolution
            self._charted[key] = plus(self._charted.get(key, NOTHING), amount)

    def _close(
        self,
        account: ResourceAccount,
        closing: int,
        rules: BucketRules,
        prices: "_Prices",
        reach: int = 0,
    ) -> None:
        """Close buckets; those of a running machine that have no value are missing."""
        if closing <= account.watermark:
            return
        # In order of time, gaps where they stand: with `missing: last` a gap takes the usage of the
        # bucket before it, and `account.last` is that bucket's only until the next one is closed.
        at = account.watermark
        for start in sorted(start for start in account.buckets if start < closing):
            if at < start:
                self._miss_buckets(
                    account, range(at, start, rules.resolution), rules, prices, reach
                )
            bucket = account.buckets.pop(start)
            account.last = bucket.usage
            self._settle(account, start, bucket, prices)
            # Opened and closed between two commits: not written, only to be deleted in the same
            # transaction; so what waits while nothing can be written stays bounded.
            self._changes.buckets.pop((account.ident, start), None)
            at = start + rules.resolution
        self._miss_buckets(account, range(at, closing, rules.resolution), rules, prices, reach)
        account.watermark = closing
        if account.unwatched is not None and account.unwatched.end <= closing:
            account.unwatched = None
        self._changes.closed_before[account.ident] = closing
        self._dirty.add(account.machine.key)
        self._forget_runs(account)  # last: what was closed just now needed them

    def _forget_runs(self, account: ResourceAccount) -> None:
        runs = forget(account.runs, account.watermark)
        if len(runs) != len(account.runs):
            account.runs = runs
            self._remodel(account)
            self._changes.resources[account.ident] = ResourceRow(
                account.collector, account.machine, list(runs)
            )

    def _miss_buckets(
        self,
        account: ResourceAccount,
        gap: range,
        rules: BucketRules,
        prices: "_Prices",
        reach: int,
    ) -> None:
        """Count buckets that closed without a value; what was never asked for has no stand-in."""
        usage = stand_in(account, rules.missing)
        unasked = gap if usage is None else gap[: max(0, (reach - gap.start) // gap.step)]
        self._miss_span(account, unasked.start, unasked.stop)
        if usage is not None:
            for start in gap[len(unasked) :]:
                self._assume(account, start, usage, prices)

    def _miss_span(self, account: ResourceAccount, start: float, end: float) -> None:
        seconds = account.certain_overlap(start, end)
        if seconds > 0:
            self._add(account, embodied_alone(account, start, end), missing=seconds)

    def _assume(
        self, account: ResourceAccount, start: int, usage: Usage, prices: "_Prices"
    ) -> None:
        """Count a bucket at a usage that the user wants assumed."""
        seconds = account.certain_overlap(start, start + prices.resolution)
        if seconds > 0:
            amount = accrual(
                account,
                start,
                prices.resolution,
                usage,
                prices.of(account, start).gco2eq_per_kwh,
                seconds_of=Run.certain_overlap,
            )
            self._add(account, amount, estimated=seconds)
            self.chart.add(start, amount)
            self._keep_if_late(account, start, amount, prices)

    def _add(
        self,
        account: ResourceAccount,
        amount: Accrual,
        *,
        measured: float = 0.0,
        estimated: float = 0.0,
        missing: float = 0.0,
    ) -> None:
        account.tally.add(amount)
        region = self._region(account.machine.region_key)
        region.add((*amount, measured, estimated, missing))
        self._dirty.add(account.machine.key)

    def _region(self, key: RegionKey) -> Tally:
        self._dirty_regions.add(key)
        tally = self._regions.get(key)
        if tally is None:
            tally = self._regions[key] = Tally.zero(REGION_QUANTITIES)
        return tally


def _tell(collector: str, absences: Sequence[Unwatched]) -> None:
    log.warning(
        "nobody watched for longer than can be read back: that time is missing, no energy and no "
        "grams are counted for it",
        collector=collector,
        machines=len(absences),
        since=from_epoch(min(one.start for one in absences)).isoformat(timespec="seconds"),
        until=from_epoch(max(one.end for one in absences)).isoformat(timespec="seconds"),
    )


def _resumed(before: Sequence[Run], after: Sequence[Run]) -> float | None:
    """Return the end that a run was held to have had, where it turns out to go on after all."""
    if before and after and after[-1].end is None and after[-1].start <= before[-1].start:
        return before[-1].end
    return None


def _gone_since(row: ResourceRow, last_seen: float) -> float | None:
    """Return when a machine of the state file was found gone, None if it is there.

    Without a stop time that was told, its run ends at the poll that found it gone; that may be
    hours after it was last seen running.
    """
    if row.machine.state is not RunState.GONE:
        return None
    return max([last_seen, *(run.end for run in row.runs if run.end is not None)])


def _sound(usage: Usage) -> Usage | None:
    """Leave out what cannot be multiplied with; None where then too little is left.

    A total that once took in a NaN would never be a number again, and one odd value must not keep
    the sound ones beside it from being counted.
    """
    cpu, gpu, units, watts = usage
    if not 0.0 <= units < inf:
        return None
    cpu = None if cpu is None or not isfinite(cpu) else cpu
    gpu = None if gpu is None or not isfinite(gpu) else gpu
    watts = None if watts is None or not _sound_watts(watts) else watts
    found = Usage(cpu, gpu, units, watts)
    return found if found.complete else None


def _sound_watts(watts: MeteredPower) -> bool:
    told = [read for read in watts.components if read is not None]
    sane = 0.0 <= watts.low <= 1.0 <= watts.high < inf
    return bool(told) and sane and all(0.0 <= read < inf for read in told)


class _Prices:
    """Intensities of one pass, looked up once for each zone and bucket."""

    def __init__(self, intensity_over: IntensityOver, resolution: int) -> None:
        self._over = intensity_over
        self._known: dict[tuple[str, int], IntensityInForce] = {}
        self.resolution = resolution

    def of(self, account: ResourceAccount, start: int) -> IntensityInForce:
        zone = account.zone_at(start + self.resolution)
        price = self._known.get((zone, start))
        if price is None:
            price = self._over(zone, start, start + self.resolution)
            self._known[zone, start] = price
        return price
