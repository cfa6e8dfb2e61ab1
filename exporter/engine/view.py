"""From accounts to an immutable snapshot: what is fresh is shown, what is stale is absent."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from exporter.core.meter import ApiUsage
from exporter.core.model import (
    IntensityInForce,
    Machine,
    Region,
    RegionKey,
    ResourceKey,
    RunState,
    Usage,
)
from exporter.core.snapshot import (
    CollectorView,
    Quality,
    RegionView,
    ResourceNow,
    ResourceState,
    ResourceView,
    Snapshot,
)
from exporter.core.units import GramsCO2eq, Joules
from exporter.engine.collector import CLOCK_STEP_SECONDS, ProviderCollector
from exporter.engine.estimate import MachineModel, bounds_of, confidence, current, total
from exporter.engine.grid_view import Grids
from exporter.engine.ledger import Ledger
from exporter.engine.resource_account import ResourceAccount
from exporter.engine.store import Repriced

RegionOf = Callable[[str, str], Region]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a snapshot holds besides the ledger."""

    collectors: tuple[CollectorView, ...]
    api: Mapping[tuple[str, str], ApiUsage]
    simulated: bool
    budget_month: GramsCO2eq | None = None
    state_trouble: str = ""


class Viewer:
    """Makes snapshots. Remembers each machine's last view, so that an idle cycle costs little."""

    def __init__(
        self,
        ledger: Ledger,
        grids: Grids,
        region_of: RegionOf,
        collectors: Collection[ProviderCollector],
        stale_after: Mapping[str, float],
    ) -> None:
        self._ledger = ledger
        self._grids = grids
        self._book = grids.book
        self._region_of = region_of
        self._collectors = collectors
        self._stale_after = stale_after
        self._currents: dict[ResourceKey, ResourceNow] = {}
        self._intensities: dict[tuple[str, int, int], IntensityInForce] = {}
        """Looked up once in a snapshot, for all machines of a zone."""

    def snapshot(self, now: float, around: Surroundings) -> Snapshot:
        """Build the snapshot of a time (epoch seconds)."""
        self._intensities.clear()
        with self._ledger.reading() as (accounts, totals):
            resources = tuple(self._resource(account, now) for account in accounts)
            tallies = {key: list(tally.exposed) for key, tally in totals.items()}
            withheld = set(filter(self._ledger.region_withheld, totals))
            corrected = None if self._ledger.incomplete else self._ledger.corrected_shown
            history = self._ledger.chart.points(self._complete_until(now))
        self._forget(resources)
        regions = self._regions_of(resources)
        repriced = _repriced(self._ledger.repriced, resources)
        grids = self._grids.look(regions, now)
        return Snapshot(
            time=now,
            resources=resources,
            regions=tuple(_regions(tallies, resources, withheld)),
            grids=grids.in_force,
            outlooks=grids.outlooks,
            standings=grids.standings,
            region_intensities=grids.regions,
            collectors=around.collectors,
            api=around.api,
            buckets_corrected=corrected,
            repriced={} if corrected is None else repriced,
            catch_up_remaining_seconds=self._behind(),
            unknown_regions=_unknown(regions),
            history=history,
            budget_month=around.budget_month,
            state_trouble=around.state_trouble,
            simulated=around.simulated,
        )

    def _resource(self, account: ResourceAccount, now: float) -> ResourceView:
        state, current_values = self._present(account, now)
        model, usage = account.model, account.newest
        energy, operational, embodied = account.tally.exposed
        return ResourceView(
            machine=account.machine,
            grid_zone=model.grid_zone if model else self._zone_of(account.machine),
            state=state,
            confidence=confidence(model.profile, usage) if model else None,
            vcpus=_vcpus(model, usage) if model else None,
            now=current_values,
            energy=Joules(energy),
            operational=GramsCO2eq(operational),
            embodied=GramsCO2eq(embodied),
            withheld=self._ledger.withheld(account.collector),
        )

    def _zone_of(self, machine: Machine) -> str:
        """Grid of a machine that never ran while it was watched, so that no run has a model."""
        region = self._region_of(machine.key.provider, machine.key.cloud_region)
        return machine.grid_zone or region.grid_zone

    def _present(
        self, account: ResourceAccount, now: float
    ) -> tuple[ResourceState, ResourceNow | None]:
        if account.machine.state is not RunState.RUNNING:
            return ResourceState.STOPPED, None
        model, latest = account.model, account.latest
        limit = self._stale_after.get(account.collector, 0.0)
        if model is None or latest is None or account.restarted:
            return ResourceState.SILENT, None
        # What ended after the present is not of the present: the clock was put back since, and as
        # long as it is behind, nothing would ever be too old.
        if not -CLOCK_STEP_SECONDS <= now - latest.end <= limit:
            return ResourceState.SILENT, None
        known = model.profile.modelled or latest.usage.metered
        state = ResourceState.MEASURED if known else ResourceState.UNMODELLED
        return state, self._current(account)

    def _current(self, account: ResourceAccount) -> ResourceNow | None:
        if account.model is None or account.latest is None:
            return None
        start, end, usage = account.latest
        intensity = self._intensity(account.model.grid_zone, start, end)
        known = self._currents.get(account.machine.key)
        if (
            known is None
            or (known.bucket_start, known.usage) != (start, usage)
            or known.intensity != intensity
        ):
            known = current(account.model, usage, intensity, (start, end))
            self._currents[account.machine.key] = known
        return known

    def _intensity(self, zone: str, start: int, end: int) -> IntensityInForce:
        found = self._intensities.get((zone, start, end))
        if found is None:
            found = self._intensities[zone, start, end] = self._book.over(zone, start, end)
        return found

    def _forget(self, resources: Iterable[ResourceView]) -> None:
        shown = {view.machine.key for view in resources if view.now is not None}
        for key in self._currents.keys() - shown:
            del self._currents[key]

    def _regions_of(self, resources: Iterable[ResourceView]) -> list[Region]:
        """Return the regions that have machines, as these machines know them.

        Machines that stand elsewhere, such as in a Local Zone, speak for a region only alone.
        """
        elsewhere_first = sorted(resources, key=lambda view: not view.machine.grid_zone)
        seen = {(v.machine.key.provider, v.machine.key.cloud_region): v for v in elsewhere_first}
        regions = []
        for (provider, name), view in sorted(seen.items()):
            region = self._region_of(provider, name)
            pue = view.machine.pue or region.pue
            known = region.known or bool(view.machine.grid_zone)
            regions.append(replace(region, grid_zone=view.grid_zone, pue=pue, known=known))
        return regions

    def _behind(self) -> dict[str, float]:
        return {
            collector.name: self._ledger.behind(collector.name, collector.target)
            for collector in self._collectors
            if collector.target is not None
        }

    def _complete_until(self, now: float) -> float:
        """Time up to which every collector that is well has delivered."""
        finals = [
            collector.final
            for collector in self._collectors
            if collector.final is not None
            and now - collector.final <= self._stale_after.get(collector.name, 0.0)
        ]
        return min(finals, default=0)


def _vcpus(model: MachineModel, usage: Usage | None) -> float | None:
    """Count the vCPUs of all units."""
    if model.vcpus is None or usage is None:
        return model.vcpus
    return model.vcpus * usage.units


def _repriced(
    sums: Mapping[str, Repriced], resources: Iterable[ResourceView]
) -> dict[tuple[str, str], GramsCO2eq]:
    """Take in the zones of which nothing was repriced yet: a counter is seen at 0 first."""
    zones = sorted({view.grid_zone for view in resources} | sums.keys())
    return {
        (zone, direction): GramsCO2eq(grams)
        for zone in zones
        for direction, grams in sums.get(zone, Repriced(0.0, 0.0))._asdict().items()
    }


def _unknown(regions: Iterable[Region]) -> dict[str, int]:
    return Counter(region.provider for region in regions if not region.known)


def _regions(
    tallies: Mapping[RegionKey, list[float]],
    resources: Iterable[ResourceView],
    withheld: Collection[RegionKey],
) -> Iterable[RegionView]:
    members: defaultdict[RegionKey, list[ResourceView]] = defaultdict(list)
    for view in resources:
        members[view.machine.region_key].append(view)
    for key, exposed in sorted(tallies.items()):
        energy, operational, embodied, measured, estimated, missing = exposed
        views = [v for v in members[key] if v.machine.state is not RunState.GONE]
        present = [view.now for view in views if view.now is not None]
        power = total(now.power_known for now in present)
        rate = total(now.rate_known for now in present)
        yield RegionView(
            key=key,
            energy=Joules(energy),
            operational=GramsCO2eq(operational),
            embodied=GramsCO2eq(embodied),
            observed_seconds={
                Quality.MEASURED: measured,
                Quality.ESTIMATED: estimated,
                Quality.MISSING: missing,
            },
            states={state: sum(v.state is state for v in views) for state in ResourceState},
            power=power and bounds_of(power),
            rate=rate and bounds_of(rate),
            power_known=power,
            rate_known=rate,
            withheld=key in withheld,
        )
