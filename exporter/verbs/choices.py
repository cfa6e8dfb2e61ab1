"""Arguments of verbs, checked against the shipped tables: what does not exist is named."""

import re
from collections.abc import Collection
from functools import cache
from itertools import chain
from typing import Final

from exporter.app import App
from exporter.core.model import Region
from exporter.core.units import Ratio, ratio_from_percent
from exporter.data import rows
from exporter.settings.hints import did_you_mean
from exporter.verbs.errors import UsageError

_NUMBER: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(%?)")

_DISCOVER: Final = "run `carbon-exporter discover` to see your own"


def parse_cpu(text: str) -> Ratio:
    """Read a mean CPU utilisation: ``40%``, ``40`` or ``0.4``; a bare number up to 1 is a ratio.

    Raises:
        UsageError: not a number, or not within 0 and 100 %.
    """
    found = _NUMBER.fullmatch(text.strip())
    amount = float(found[1]) if found else -1.0
    as_ratio = found is not None and not found[2] and amount <= 1
    utilization = Ratio(amount) if as_ratio else ratio_from_percent(amount)
    if not 0 <= utilization <= 1:
        message = f"--cpu {text!r} — write a mean utilisation such as 40%, or 0.4"
        raise UsageError(message)
    return utilization


def find_types(app: App, provider: str, names: Collection[str]) -> list[tuple[str, str]]:
    """Return (provider, type) for each name; an empty provider is the one that has all of them.

    Raises:
        UsageError: a provider or a type that the tables lack.
    """
    chosen = provider or _provider_of(app, names)
    check_provider(chosen)
    for name in names:
        if app.types.find(chosen, name) is None:
            others = set(_column("instances", "instance_type")[chosen]) - {name}
            guess = did_you_mean(name, others)
            message = f"no {chosen} machine type {name!r} — {guess or _DISCOVER}".rstrip()
            raise UsageError(message)
    return [(chosen, name) for name in names]


def providers_with(app: App, name: str) -> list[str]:
    """Return the clouds that have a machine type of this name."""
    return [p for p in clouds() if app.types.find(p, name) is not None]


def find_regions(app: App, provider: str, names: Collection[str]) -> list[Region]:
    """Return the regions named.

    Raises:
        UsageError: a region that the table lacks.
    """
    return [_region(app, provider, name) for name in names]


def all_regions(app: App, provider: str) -> list[Region]:
    """Return every region of a cloud that the table has."""
    return [app.regions.find(provider, name) for name in _column("regions", "region")[provider]]


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


def _region(app: App, provider: str, name: str) -> Region:
    region = app.regions.find(provider, name)
    if region.known:
        return region
    guess = did_you_mean(name, _column("regions", "region")[provider])
    message = f"no {provider} region {name!r} — {guess or 'see --all-regions'}".rstrip()
    raise UsageError(message)


def _provider_of(app: App, names: Collection[str]) -> str:
    table = _column("instances", "instance_type")
    having = [cloud for cloud in clouds() if all(app.types.find(cloud, name) for name in names)]
    if len(having) == 1:
        return having[0]
    for name in names:
        if not providers_with(app, name):
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
