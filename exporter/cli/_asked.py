"""Whom a verb asks: the configured clouds, the shipped tables, the grids once, a running daemon."""

import os
import re
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Final

import httpx

from exporter import app, logs
from exporter.cli._options import UsageError
from exporter.cli._shown import DAY
from exporter.core.clock import epoch
from exporter.core.errors import CarbonExporterError, ConfigError
from exporter.core.model import Basis, IntensityInForce, Method, Region
from exporter.core.ports import GridSource
from exporter.data import rows
from exporter.engine.intensity import IntensityBook
from exporter.settings import Settings, check_proxies, load
from exporter.settings.hints import did_you_mean
from exporter.settings.mistakes import MISSING, without_credentials
from exporter.settings.model import PowerModelName

DEFAULT_URL: Final = "http://127.0.0.1:9180"
"""Where `serve` listens unless told otherwise."""

RANKED_BASIS: Final[Mapping[Method, Basis]] = {
    Method.AVERAGE: Basis.LIFECYCLE,
    Method.MARGINAL: Basis.DIRECT,
}
"""The only basis of a method that is shown and ranked: the one in which most grids are known."""

MARGINAL_SOURCE: Final = "watttime"
"""The adapter that tells marginal intensities."""

_PROVIDERLESS: Final = {"CARBON_PROVIDERS": "host"}
"""Makes a configuration complete that names no machines: grids need none."""

_DAEMON_SECONDS: Final = 10.0
"""How long a daemon may take for an answer: it has it in memory."""

_ZONE_OF_REGION: Final = re.compile(r"(.*\d)-?[a-z]")
"""An availability zone and its region: ``eu-west-1a``, ``europe-west1-b``."""

_DISCOVER: Final = "run `carbon-exporter discover` to see your own"


class NothingKnownError(CarbonExporterError):
    """No source tells what was asked for, and no table stands behind it."""


class DaemonError(CarbonExporterError):
    """The running daemon could not be asked, or does not know what was asked for."""


@contextmanager
def online_app(config: Path | None) -> Iterator[app.App]:
    """Build the adapters of the configuration, and release them at the end.

    Raises:
        ConfigError: the configuration is wrong; carries every problem.
    """
    settings = load(config, os.environ)
    logs.configure("error", settings.log_format)
    with built_app(settings) as built:
        yield built


@contextmanager
def grid_app(config: Path | None) -> Iterator[app.App]:
    """Build the grid sources of the configuration, and release them at the end.

    Without a configuration these are the sources that are on by default. No cloud is asked.

    Raises:
        ConfigError: the configuration is wrong; carries every problem.
    """
    settings = _grid_settings(config).model_copy(update={"providers": ()})
    logs.configure("error", settings.log_format)
    with built_app(settings) as built:
        yield built


@contextmanager
def built_app(settings: Settings) -> Iterator[app.App]:
    """Build adapters and models, and release at the end what the adapters hold."""
    built = app.build(settings)
    try:
        yield built
    finally:
        built.close()


def _grid_settings(config: Path | None) -> Settings:
    """Load a configuration that may lack providers, which nobody needs who asks grids."""
    try:
        return load(config, os.environ)
    except ConfigError as error:
        if [(problem.key, problem.value) for problem in error.problems] != [("providers", MISSING)]:
            raise
    return load(config, {**os.environ, **_PROVIDERLESS})


def offline_app(config: Path | None, power_model: PowerModelName | None = None) -> app.App:
    """Build the models, with the overrides of a configuration file if one is named.

    ``power_model`` goes before that of the file; without, the file's or the default holds.

    Raises:
        ConfigError: the file is wrong.
    """
    chosen = {"power_model": power_model} if power_model else {}
    if config is None:
        return app.build(Settings.model_validate({"grids": (), **chosen}))
    own = load(config, os.environ)
    return app.build(own.model_copy(update={"providers": (), "grids": (), **chosen}))


def find_types(built: app.App, provider: str, names: Collection[str]) -> list[tuple[str, str]]:
    """Return (provider, type) for each name; an empty provider is the one that has all of them.

    A type that the table lacks passes where its name tells a size, as the daemon takes it; names
    come back as the table spells them.

    Raises:
        UsageError: a provider that the tables lack, or a type of which nothing tells.
    """
    chosen = provider or _provider_of(built, names)
    check_provider(chosen)
    found = []
    for name in names:
        found.append((chosen, built.types.canonical(chosen, name)))
        if not found[-1][1]:
            others = set(_column("instances", "instance_type")[chosen]) - {name}
            guess = did_you_mean(name, others)
            message = f"no {chosen} machine type {name!r} — {guess or _DISCOVER}".rstrip()
            raise UsageError(message)
    return found


def providers_with(built: app.App, name: str) -> list[str]:
    """Return the clouds that have a machine type of this name."""
    return [p for p in clouds() if built.types.canonical(p, name)]


def find_regions(built: app.App, provider: str, names: Collection[str]) -> list[Region]:
    """Return the regions named.

    Raises:
        UsageError: a region that the table lacks.
    """
    return [_region(built, provider, name) for name in names]


def all_regions(built: app.App, provider: str) -> list[Region]:
    """Return every region of a cloud that the table has."""
    return [built.regions.find(provider, name) for name in _column("regions", "region")[provider]]


def clouds() -> tuple[str, ...]:
    """Providers whose machine types and regions the tables have."""
    return tuple(sorted(_column("instances", "instance_type")))


def check_provider(provider: str) -> None:
    """Let a cloud pass that the tables have.

    Raises:
        UsageError: they have it not.
    """
    if provider not in clouds():
        guess = did_you_mean(provider, clouds())
        message = f"no provider {provider!r} — {guess}one of {', '.join(clouds())}"
        raise UsageError(message)


def _region(built: app.App, provider: str, name: str) -> Region:
    """Return a region, or a zone as the daemon sees it: where it stands, else its region."""
    zone = built.regions.zone(provider, name)
    if zone is not None:
        return zone
    inside = _ZONE_OF_REGION.fullmatch(name)
    for one in (name, inside[1] if inside else name):
        region = built.regions.find(provider, one)
        if region.known:
            return region
    guess = did_you_mean(name, _column("regions", "region")[provider])
    message = f"no {provider} region {name!r} — {guess or 'see --all-regions'}".rstrip()
    raise UsageError(message)


def _provider_of(built: app.App, names: Collection[str]) -> str:
    table = _column("instances", "instance_type")
    having = [
        cloud for cloud in clouds() if all(built.types.canonical(cloud, name) for name in names)
    ]
    if len(having) == 1:
        return having[0]
    for name in names:
        if not providers_with(built, name):
            guess = did_you_mean(name, chain.from_iterable(table.values()))
            message = f"no machine type {name!r} — {guess or _DISCOVER}".rstrip()
            raise UsageError(message)
    whose = f"{' and '.join(having)} all have" if having else "no single cloud has"
    message = f"{whose} {', '.join(names)} — name the cloud with --provider"
    raise UsageError(message)


@cache
def _column(table: str, name: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for row in rows(table):
        found.setdefault(row["provider"], []).append(row[name])
    return {provider: tuple(values) for provider, values in found.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A source that was asked and failed, wholly or in part."""

    collector: str
    message: str

    def __str__(self) -> str:
        named = self.message.startswith(self.collector)
        return self.message if named else f"{self.collector}: {self.message}"


def ask(built: app.App, book: IntensityBook, zones: Collection[str], *methods: Method) -> None:
    """Ask each source of the methods for the last day of its zones; never raises.

    The sources are asked side by side; one that was just asked is left alone.
    """
    asked = [s for s in built.sources if s.method in methods and any(map(s.covers, zones))]
    end = int(epoch(built.clock.now())) + 1

    def one(source: GridSource) -> None:
        own = [zone for zone in zones if source.covers(zone)]
        book.refresh(source.name, own, end - DAY, end)

    if asked:
        with ThreadPoolExecutor(len(asked)) as pool:
            list(pool.map(one, asked))


def troubles(book: IntensityBook) -> list[Trouble]:
    """Return the sources whose last answer was an error, or had one in it."""
    views = [status.view() for status in book.statuses]
    return [Trouble(collector=v.name, message=v.last_error) for v in views if v.success is False]


def in_force(
    book: IntensityBook, zone: str, moment: float, method: Method
) -> IntensityInForce | None:
    """Return the value of a method: the average is always known, the marginal one is not."""
    if method is Method.AVERAGE:
        return book.at(zone, moment)
    return book.signal(zone, moment, method, RANKED_BASIS[method])


def no_signal(sources: Collection[GridSource], zones: Collection[str], method: Method) -> str:
    """Say why nothing is known of a signal, and what would tell it."""
    where = next(iter(zones)) if len(zones) == 1 else "any region"
    asked = [s.name for s in sources if s.method is method and any(map(s.covers, zones))]
    if asked:
        return f"no {method} intensity of {where} is known: {', '.join(asked)} told none"
    fix = f"list `- kind: {MARGINAL_SOURCE}` under `grids:`; docs/configuration.md tells its keys"
    return f"no {method} intensity of {where} is known: no source in use tells it — {fix}"


def over(
    book: IntensityBook, zone: str, span: tuple[int, int], method: Method
) -> IntensityInForce | None:
    """Return the mean of a short span; of a signal, which is not averaged, that of its middle."""
    if method is Method.AVERAGE:
        return book.over(zone, *span)
    return book.signal(zone, sum(span) / 2, method, RANKED_BASIS[method])


def ask_daemon(url: str, path: str, *, silent: str) -> tuple[int, object]:
    """Ask a running daemon; returns the status and the document, None where it is no JSON.

    Raises:
        UsageError: ``url`` is not an address.
        DaemonError: nobody answers, which ``silent`` says.
        ConfigError: a proxy of the environment cannot be used.
    """
    check_proxies(os.environ)
    try:
        answer = httpx.get(f"{url.rstrip('/')}{path}", timeout=_DAEMON_SECONDS)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        message = f"--url {without_credentials(url)!r} — write an address such as {DEFAULT_URL}"
        raise UsageError(message) from error
    except httpx.HTTPError as error:
        raise DaemonError(silent) from error
    try:
        return answer.status_code, answer.json()
    except ValueError:
        return answer.status_code, None
