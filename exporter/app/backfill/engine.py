"""The daemon's engine, wired as ever, but in replayed time: nothing is late, nothing is saved."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from exporter.app.backfill.grids import PastSource
from exporter.app.backfill.replay import ReplayClock, ReplayedProvider
from exporter.app.build import App
from exporter.app.wiring import Wired, bucket_rules, budget, offered_regions, stale_limits
from exporter.core.model import (
    Basis,
    FallbackLevel,
    IntensityInForce,
    IntensityPoint,
    Method,
    Region,
)
from exporter.core.ports import AnnualIntensities, Provider
from exporter.core.snapshot import RegionIntensityView, Snapshot
from exporter.engine.collector import ProviderCollector
from exporter.engine.daemon import Parts, Polled
from exporter.engine.grid_view import GridsNow, GridViewer
from exporter.engine.intensity import IntensityBook
from exporter.engine.store import Changes, Store
from exporter.engine.view import Viewer

_SIGNALS: Final = (
    (Method.AVERAGE, Basis.DIRECT),
    (Method.MARGINAL, Basis.LIFECYCLE),
    (Method.MARGINAL, Basis.DIRECT),
)


class PastEngine(Wired):
    """Counts the past with the ledger, the intensities and the models of the daemon."""

    def __init__(
        self,
        app: App,
        providers: Sequence[ReplayedProvider],
        points: Mapping[str, list[IntensityPoint]],
        clock: ReplayClock,
        step: int,
    ) -> None:
        self._step = step
        self._clock = clock
        replayed = replace(
            app,
            providers=tuple(providers),
            sources=tuple(map(PastSource, app.sources)),
            clock=clock,
        )
        super().__init__(replayed, _Unsaved.in_memory())
        self.book.restore(dict(points))

    def count(self, collectors: Iterable[str], time: float) -> list[str]:
        """Run a cycle of some collectors at a time; returns the names of those that failed."""
        self._clock.time = time
        wanted = set(collectors)
        some = [each.collector for each in self.polled if each.collector.name in wanted]
        return [collector.name for collector in some if not collector.run()]

    def snapshot(self) -> Snapshot:
        """Show what a daemon would have shown at the clock's time."""
        return self.daemon.snapshot()

    def _polled(self, provider: Provider) -> Polled:
        """Close each bucket at once: in the past every value is final."""
        usual = bucket_rules(self.app, provider)
        collector = ProviderCollector(
            provider=provider,
            ledger=self.ledger,
            book=self.book,
            rules=replace(usual, look_back=0, max_catch_up=max(usual.max_catch_up, 2 * self._step)),
            clock=self._clock,
            store_status=self.store_status,
        )
        return Polled(collector=collector, poll_seconds=self._step)

    def _parts(self, *, simulated: bool) -> Parts:
        collectors = [each.collector for each in self.polled]
        viewer = Viewer(
            self.ledger,
            _PastGrids(self.book, self.app.annual, offered_regions(self.app)),
            self.app.regions.find,
            collectors,
            stale_limits(self.app, self.polled),
        )
        return Parts(
            polled=self.polled,
            book=self.book,
            ledger=self.ledger,
            viewer=viewer,
            meter=self.app.meter,
            clock=self._clock,
            store_status=self.store_status,
            publish=self.publisher.publish,
            look_back_seconds=0,
            budget_month=budget(self.app),
            simulated=simulated,
        )


class _Unsaved(Store):
    """A store that forgets: the file with the history is all that is left of a replay."""

    def commit(self, changes: Changes) -> None:
        """Forget."""
        del changes

    def save_intensity(
        self, source: str, points: list[IntensityPoint], *, forget_before: int
    ) -> None:
        """Forget."""
        del source, points, forget_before


class _PastGrids(GridViewer):
    """Leaves out what has no history: forecasts, and the means of a day that rankings show."""

    def __init__(
        self, book: IntensityBook, annual: AnnualIntensities, offered: Sequence[Region]
    ) -> None:
        super().__init__(book, annual, offered)
        self._tables = annual
        self._everywhere = offered

    def look(self, used: Iterable[Region], now: float) -> GridsNow:
        """Return the values in force in the grids of all regions."""
        regions = {(one.provider, one.name): one for one in (*self._everywhere, *used)}
        zones = sorted({region.grid_zone for region in regions.values()})
        priced = {zone: self.book.at(zone, now) for zone in zones}
        return GridsNow(
            in_force=tuple(one for zone in zones for one in (priced[zone], *self._told(zone, now))),
            outlooks=(),
            standings=(),
            regions=tuple(self._view(region, priced) for _, region in sorted(regions.items())),
        )

    def _told(self, zone: str, now: float) -> Iterable[IntensityInForce]:
        signals = (self.book.signal(zone, now, *signal) for signal in _SIGNALS)
        return (one for one in signals if one is not None and one.level <= FallbackLevel.LAST_KNOWN)

    def _view(self, region: Region, priced: Mapping[str, IntensityInForce]) -> RegionIntensityView:
        return RegionIntensityView(
            region=region,
            grid=priced[region.grid_zone],
            mean_24h=None,
            annual=self._tables.annual(region.grid_zone),
        )
