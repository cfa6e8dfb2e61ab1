"""A built app with its ledger, its intensity book and its daemon around one store."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from exporter import __version__
from exporter.app.build import App
from exporter.core.model import Machine, ResourceKey, RunState
from exporter.core.ports import Provider
from exporter.engine.account import Missing, Terms
from exporter.engine.collector import ProviderCollector
from exporter.engine.daemon import Daemon, Parts, Polled
from exporter.engine.estimate import MachineModel
from exporter.engine.intensity import IntensityBook
from exporter.engine.ledger import Ledger
from exporter.engine.runs import Spec
from exporter.engine.status import CollectorStatus
from exporter.engine.store import Store
from exporter.engine.view import Viewer
from exporter.exposition.publisher import Publisher
from exporter.exposition.render import Renderer

SCRAPES_KEPT: Final = timedelta(minutes=3)
"""A vanished machine's counters stay for the look-back and three scrapes of a minute."""

COARSEST_STEP: Final = 300
"""Seconds between two values of a machine with basic monitoring, the slowest there is."""


class Wired:
    """All parts of a running daemon; ``daemon.start()`` sets it off."""

    def __init__(self, app: App, store: Store, *, simulated: bool = False) -> None:
        self.app = app
        self.store = store
        self.store_status = CollectorStatus("store", app.clock)
        self.book = IntensityBook(app.sources, app.annual, store, app.clock)
        self.ledger = Ledger(store, self._model_of, self.book.over)
        self.polled = [self._polled(provider) for provider in app.providers]
        self.ledger.history.step = max(p.collector.terms.resolution for p in self.polled)
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
        viewer = Viewer(
            self.ledger,
            self.book,
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
            simulated=simulated,
        )

    def _polled(self, provider: Provider) -> Polled:
        section, settings = self.app.sections[provider.name], self.app.settings
        collector = ProviderCollector(
            provider=provider,
            ledger=self.ledger,
            book=self.book,
            terms=terms(self.app, provider),
            clock=self.app.clock,
            store_status=self.store_status,
        )
        poll = _seconds(section.poll_interval or settings.poll_interval)
        return Polled(collector=collector, poll_seconds=poll)

    def _model_of(self, key: ResourceKey, spec: Spec) -> MachineModel:
        machine = Machine(
            key=key,
            name="",
            instance_type=spec.instance_type,
            state=RunState.RUNNING,
            cpu_platform=spec.cpu_platform,
            shape=spec.shape,
        )
        region = self.app.regions.find(key.provider, key.cloud_region)
        return MachineModel(
            profile=self.app.power.profile(machine),
            pue=region.pue if spec.pue is None else spec.pue,
            grid_zone=spec.grid_zone or region.grid_zone,
        )


def terms(app: App, provider: Provider) -> Terms:
    """Say how a provider's buckets are accounted."""
    section, settings = app.sections[provider.name], app.settings
    look_back = _seconds(settings.look_back)
    return Terms(
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
        own = each.collector.terms
        polls = app.settings.stale_after or timedelta(seconds=3 * each.poll_seconds)
        limits[each.collector.name] = (
            polls.total_seconds() + own.settle + max(own.resolution, COARSEST_STEP)
        )
    return limits


def _seconds(span: timedelta) -> int:
    return int(span.total_seconds())
