"""A built app with its ledger, its intensity book and its daemon around one store."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

import structlog

from exporter import __version__
from exporter.app.build import App
from exporter.core.model import HOST, Machine, Region, ResourceKey, RunState
from exporter.core.ports import Provider
from exporter.core.units import GRAMS_PER_KILOGRAM, GramsCO2eq
from exporter.engine.collector import ProviderCollector
from exporter.engine.daemon import Daemon, Parts, Polled
from exporter.engine.estimate import MachineModel
from exporter.engine.forecast import SeasonalForecaster
from exporter.engine.grid_view import GridViewer
from exporter.engine.intensity import IntensityBook
from exporter.engine.ledger import Ledger
from exporter.engine.resource_account import BucketRules, Missing
from exporter.engine.running_spans import Spec
from exporter.engine.status import CollectorStatus
from exporter.engine.store import Store
from exporter.engine.view import Viewer
from exporter.exposition.publisher import Publisher
from exporter.exposition.render import Renderer

log = structlog.get_logger()

SCRAPES_KEPT: Final = timedelta(minutes=3)
"""A vanished machine's counters stay for the look-back and three scrapes of a minute."""

COARSEST_STEP: Final = 300
"""Seconds between two values of a machine with basic monitoring, the slowest there is."""


class Wired:
    """All parts of a running daemon; ``daemon.start()`` sets it off."""

    def __init__(self, app: App, store: Store, *, simulated: bool = False) -> None:
        self.app = app
        self.store = store
        self._warned: set[tuple[str, str]] = set()
        self.store_status = CollectorStatus("store", app.clock)
        self.book = IntensityBook(app.sources, app.annual, store, app.clock, SeasonalForecaster())
        self.ledger = Ledger(store, self._model_of, self.book.over)
        self.polled = [self._polled(provider) for provider in app.providers]
        self.ledger.chart.step = max(p.collector.rules.resolution for p in self.polled)
        self._restore()
        self.publisher = Publisher(
            Renderer(
                version=__version__, tags=app.settings.tags, max_series=app.settings.max_series
            )
        )
        self.daemon = Daemon(self._parts(simulated=simulated))

    def _restore(self) -> None:
        state = self.store.load()
        self.book.restore(state.intensity)
        self.ledger.restore(state, {provider.name for provider in self.app.providers})

    def _parts(self, *, simulated: bool) -> Parts:
        grids = GridViewer(self.book, self.app.annual, offered_regions(self.app))
        viewer = Viewer(
            self.ledger,
            grids,
            self.app.regions.find,
            [each.collector for each in self.polled],
            stale_limits(self.app, self.polled),
        )
        return Parts(
            polled=self.polled,
            book=self.book,
            ledger=self.ledger,
            viewer=viewer,
            meter=self.app.meter,
            clock=self.app.clock,
            store_status=self.store_status,
            publish=self.publisher.publish,
            look_back_seconds=_seconds(self.app.settings.look_back),
            zones=grids.zones,
            budget_month=budget(self.app),
            simulated=simulated,
        )

    def _polled(self, provider: Provider) -> Polled:
        section, settings = self.app.sections[provider.name], self.app.settings
        collector = ProviderCollector(
            provider=provider,
            ledger=self.ledger,
            book=self.book,
            rules=bucket_rules(self.app, provider),
            clock=self.app.clock,
            store_status=self.store_status,
        )
        poll = _seconds(section.poll_interval or settings.poll_interval)
        return Polled(collector=collector, poll_seconds=poll)

    def _region_of(self, provider: str, name: str) -> Region:
        region = self.app.regions.find(provider, name)
        if not region.known and provider != HOST and (provider, name) not in self._warned:
            self._warned.add((provider, name))
            log.warning(
                "unknown region: its machines are priced with the world's average grid",
                region=f"{provider}:{name}",
                fix=f"set grid_zone under regions: {provider}:{name}",
            )
        return region

    def _model_of(self, key: ResourceKey, spec: Spec) -> MachineModel:
        machine = Machine(
            key=key,
            name="",
            instance_type=spec.instance_type,
            state=RunState.RUNNING,
            cpu_platform=spec.cpu_platform,
            shape=spec.shape,
            disks=spec.disks,
        )
        region = self._region_of(key.provider, key.cloud_region)
        shape = spec.shape or self.app.types.find(key.provider, spec.instance_type)
        return MachineModel(
            vcpus=shape.vcpus if shape else None,
            profile=self.app.power.profile(machine),
            pue=region.pue if spec.pue is None else spec.pue,
            grid_zone=spec.grid_zone or region.grid_zone,
        )


def budget(app: App) -> GramsCO2eq | None:
    """Return the grams of the month's budget, None where none was set."""
    kilograms = app.settings.budget_kgco2eq_per_month
    return None if kilograms is None else GramsCO2eq(kilograms * GRAMS_PER_KILOGRAM)


def offered_regions(app: App) -> tuple[Region, ...]:
    """Return all regions of the clouds that are watched: where else their machines could be."""
    watched = {provider.kind for provider in app.providers}
    return tuple(region for region in app.regions.all() if region.provider in watched)


def bucket_rules(app: App, provider: Provider) -> BucketRules:
    """Say how a provider's buckets are accounted."""
    section, settings = app.sections[provider.name], app.settings
    look_back = _seconds(settings.look_back)
    return BucketRules(
        resolution=_seconds(section.resolution or settings.resolution),
        settle=provider.settle,
        look_back=look_back,
        max_catch_up=_seconds(settings.max_catch_up),
        keep_gone=look_back + provider.settle + _seconds(SCRAPES_KEPT),
        missing=Missing(settings.missing.value),
    )


def stale_limits(app: App, polled: Sequence[Polled]) -> Mapping[str, float]:
    """Age of a bucket's end at which a machine's gauges are withdrawn, by collector.

    Data is never younger than ``settle`` and one bucket, and some machines deliver only means of
    five minutes; the user's limit comes on top.
    """
    limits = {}
    for each in polled:
        own = each.collector.rules
        polls = app.settings.stale_after or timedelta(seconds=3 * each.poll_seconds)
        limits[each.collector.name] = (
            polls.total_seconds() + own.settle + max(own.resolution, COARSEST_STEP)
        )
    return limits


def _seconds(span: timedelta) -> int:
    return int(span.total_seconds())
