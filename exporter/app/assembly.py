"""Assembles the daemon: a built app, its ledger and its intensity book around one store."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from exporter import __version__
from exporter.app.build import App
from exporter.core.model import HOST, Machine, Region, ResourceKey, RunState
from exporter.core.ports import AnnualIntensities, Provider
from exporter.core.units import GRAMS_PER_KILOGRAM, GramsCO2eq
from exporter.engine.collector import ProviderCollector
from exporter.engine.daemon import Daemon, Parts, Polled
from exporter.engine.estimate import MachineModel
from exporter.engine.forecast import SeasonalForecaster
from exporter.engine.grid_view import Grids, GridViewer
from exporter.engine.intensity import IntensityBook
from exporter.engine.ledger import Ledger
from exporter.engine.resource_account import BucketRules, Missing
from exporter.engine.running_spans import Spec
from exporter.engine.saving import Saver
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """How a provider is accounted, and how often it is polled."""

    rules: BucketRules
    poll_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    """All parts of a daemon around one store; ``daemon.start()`` sets it off."""

    app: App
    store: Store
    book: IntensityBook
    ledger: Ledger
    polled: tuple[Polled, ...]
    publisher: Publisher
    daemon: Daemon


def live_rhythm(app: App, provider: Provider) -> Rhythm:
    """Return how the settings say that a provider is accounted and polled."""
    interval = app.sections[provider.name].poll_interval or app.settings.poll_interval
    return Rhythm(rules=bucket_rules(app, provider), poll_seconds=_seconds(interval))


def assemble(
    app: App,
    store: Store,
    *,
    simulated: bool = False,
    rhythm_of: Callable[[App, Provider], Rhythm] = live_rhythm,
    grids_of: Callable[[IntensityBook, AnnualIntensities, Sequence[Region]], Grids] = GridViewer,
) -> Assembly:
    """Put the parts of a daemon together, and restore what the store holds.

    Where it cannot be used, that is told, and the daemon tries again.

    ``rhythm_of`` and ``grids_of`` are what differs where the same parts count the past.
    """
    rhythms = [rhythm_of(app, provider) for provider in app.providers]
    store_status = CollectorStatus("store", app.clock)
    book = IntensityBook(app.sources, app.annual, store, app.clock, SeasonalForecaster())
    ledger = Ledger(
        store,
        _Models(app).of,
        book.over,
        chart_step=max((each.rules.resolution for each in rhythms), default=COARSEST_STEP),
    )
    collectors = [
        ProviderCollector(
            provider=provider,
            ledger=ledger,
            rules=rhythm.rules,
            clock=app.clock,
            store_status=store_status,
        )
        for provider, rhythm in zip(app.providers, rhythms, strict=True)
    ]
    polled = tuple(
        Polled(collector=collector, poll_seconds=rhythm.poll_seconds)
        for collector, rhythm in zip(collectors, rhythms, strict=True)
    )
    keep_gone = {
        provider.name: float(rhythm.rules.keep_gone)
        for provider, rhythm in zip(app.providers, rhythms, strict=True)
    }
    saver = Saver(
        store=store,
        ledger=ledger,
        book=book,
        status=store_status,
        clock=app.clock,
        keep_gone=keep_gone,
    )
    saver.take_up()
    grids = grids_of(book, app.annual, offered_regions(app))
    publisher = Publisher(
        Renderer(version=__version__, tags=app.settings.tags, max_series=app.settings.max_series)
    )
    parts = Parts(
        polled=polled,
        book=book,
        ledger=ledger,
        viewer=Viewer(ledger, grids, app.regions.find, collectors, stale_limits(app, polled)),
        meter=app.meter,
        clock=app.clock,
        saver=saver,
        publish=publisher.publish,
        look_back_seconds=max((each.rules.look_back for each in rhythms), default=0),
        zones=grids.zones,
        budget_month=budget(app),
        simulated=simulated,
    )
    return Assembly(
        app=app,
        store=store,
        book=book,
        ledger=ledger,
        polled=polled,
        publisher=publisher,
        daemon=Daemon(parts),
    )


class _Models:
    """Finds the power model and the grid of a machine; an unknown region is told once."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._warned: set[tuple[str, str]] = set()

    def of(self, key: ResourceKey, spec: Spec) -> MachineModel:
        """Return how a machine's utilisation becomes watts and grams."""
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
        shape = spec.shape or self._app.types.find(key.provider, spec.instance_type)
        return MachineModel(
            vcpus=shape.vcpus if shape else None,
            profile=self._app.power.profile(machine),
            pue=region.pue if spec.pue is None else spec.pue,
            grid_zone=spec.grid_zone or region.grid_zone,
            grid_low=1.0 if spec.grid_zone else region.grid_low,
            grid_high=1.0 if spec.grid_zone else region.grid_high,
        )

    def _region_of(self, provider: str, name: str) -> Region:
        region = self._app.regions.find(provider, name)
        if not region.known and provider != HOST and (provider, name) not in self._warned:
            self._warned.add((provider, name))
            log.warning(
                "unknown region: its machines are priced with the world's average grid",
                region=f"{provider}:{name}",
                fix=f"set grid_zone under regions: {provider}:{name}",
            )
        return region


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
