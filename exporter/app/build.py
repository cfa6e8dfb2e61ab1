"""From settings to adapters, tables and models. No I/O beyond reading the shipped tables."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from exporter import __version__
from exporter.core import plugins
from exporter.core.clock import SystemClock
from exporter.core.meter import ApiMeter
from exporter.core.plugins import ProviderConfig
from exporter.core.ports import (
    AdapterContext,
    AnnualIntensities,
    Clock,
    GridSource,
    PowerModel,
    Provider,
    Regions,
    TypeNames,
)
from exporter.data.regions import RegionOverride, RegionTable
from exporter.grids._shared.calibrated import Calibrated
from exporter.grids.annual import AnnualTable
from exporter.power.catalogue import Types
from exporter.power.selection import power_model
from exporter.power.storage import WithStorage
from exporter.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """Everything that the settings name, built and not yet running."""

    settings: Settings
    providers: tuple[Provider, ...]
    sections: Mapping[str, ProviderConfig]
    """Collector name to the section of the settings that it came from."""
    sources: tuple[GridSource, ...]
    power: PowerModel
    regions: Regions
    annual: AnnualIntensities
    types: TypeNames
    clock: Clock
    meter: ApiMeter

    def close(self) -> None:
        """Release what the adapters hold."""
        for provider in self.providers:
            provider.close()
        for source in self.sources:
            source.close()


def build(settings: Settings, *, clock: Clock | None = None) -> App:
    """Build all parts of a daemon, ready to be wired or asked."""
    clock = clock or SystemClock()
    types = Types()
    regions = RegionTable(_overrides(settings))
    context = AdapterContext(
        clock=clock,
        meter=ApiMeter(),
        types=types,
        user_agent=f"carbon-exporter/{__version__}",
        regions=regions,
    )
    providers = _providers(settings, context)
    return App(
        settings=settings,
        providers=tuple(provider for provider, _ in providers),
        sections={provider.name: section for provider, section in providers},
        sources=_sources(settings, context),
        power=WithStorage(power_model(settings.power_model, types)),
        regions=regions,
        annual=AnnualTable(settings.annual),
        types=types,
        clock=clock,
        meter=context.meter,
    )


def _providers(
    settings: Settings, context: AdapterContext
) -> list[tuple[Provider, ProviderConfig]]:
    return [
        (provider, section)
        for section in settings.providers
        for provider in plugins.load("exporter.providers", section.kind).build(section, context)
    ]


def _sources(settings: Settings, context: AdapterContext) -> tuple[GridSource, ...]:
    return tuple(_built(settings, context))


def _built(settings: Settings, context: AdapterContext) -> Iterator[GridSource]:
    for section in settings.grids:
        module = plugins.load("exporter.grids", section.kind)
        for source in module.build(section, context):
            mixes = settings.calibration and module.FACTS.from_mix
            yield Calibrated(source, settings.calibration) if mixes else source


def _overrides(settings: Settings) -> dict[tuple[str, str], RegionOverride]:
    overrides = {}
    for name, own in settings.regions.items():
        provider, region = name.split(":", 1)
        overrides[provider, region] = RegionOverride(grid_zone=own.grid_zone, pue=own.pue)
    return overrides
