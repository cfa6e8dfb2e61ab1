"""What no single key can tell: rules between sections, checked on the written document.

They run beside the models' own validation, so that all mistakes are told at once.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any, Final

from pydantic import ValidationError

from exporter.core.durations import parse_duration
from exporter.core.errors import Problem
from exporter.core.plugins import ProviderConfig
from exporter.data.regions import RegionTable
from exporter.settings.environment import Overlay, origin_of
from exporter.settings.mistakes import MISSING, described
from exporter.settings.model import check_poll, check_resolution
from exporter.settings.policies import with_colon
from exporter.settings.schema import Place, key_path
from exporter.settings.sections import on_by_default, section_of

_CHECKS: Final[Mapping[str, Callable[[timedelta], timedelta]]] = {
    "resolution": check_resolution,
    "poll_interval": check_poll,
}
_OWN_COLLECTORS: Final = frozenset({"store"})
"""Collector names that the product itself uses."""


def broken_rules(laid: Overlay) -> list[Problem]:
    """Return every broken rule of a document."""
    rules = (_no_providers, _same_names, _same_grids, _bad_intervals, _unknown_regions, _policies)
    return [problem for rule in rules for problem in rule(laid)]


def _no_providers(laid: Overlay) -> Iterator[Problem]:
    if not laid.document.get("providers"):
        fix = "add one, such as `- kind: host` for this machine, or run: carbon-exporter demo"
        yield Problem(key="providers", value=MISSING, fix=fix)


def _same_names(laid: Overlay) -> Iterator[Problem]:
    taken = {str(s.get("kind")): key_path(p) for p, s in _sections("grids", laid.document)}
    if "grids" not in laid.document:
        taken = dict.fromkeys(on_by_default(), "a grid source that is on by default")
    taken |= dict.fromkeys(_OWN_COLLECTORS, "the product itself")
    for place, section in _sections("providers", laid.document):
        for name in _collectors(section):
            if name in taken:
                fix = f"names the same collector as {taken[name]}: give this entry another `name`"
                yield _at((*place, "name"), name, fix, laid)
            taken.setdefault(name, key_path(place))


def _collectors(section: Mapping[str, Any]) -> tuple[str, ...]:
    """Names that the adapter will use; of a section with mistakes, the one that it was given."""
    try:
        config = section_of("providers")(section)
    except ValidationError:
        config = None
    if isinstance(config, ProviderConfig):
        return config.collectors
    return (str(section.get("name") or section.get("kind")),)


def _same_grids(laid: Overlay) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for place, section in _sections("grids", laid.document):
        kind = str(section.get("kind"))
        if kind in seen:
            yield _at((*place, "kind"), kind, f"already listed as {seen[kind]}: keep one", laid)
        seen.setdefault(kind, key_path(place))


def _bad_intervals(laid: Overlay) -> Iterator[Problem]:
    for place, section in _sections("providers", laid.document):
        for key, check in _CHECKS.items():
            fix = _complaint(section[key], check) if key in section else ""
            if fix:
                yield _at((*place, key), section[key], fix, laid)


def _complaint(text: object, check: Callable[[timedelta], timedelta]) -> str:
    try:
        span = parse_duration(text)
    except ValueError:
        return ""  # the model says so already
    try:
        check(span)
    except ValueError as error:
        return str(error)
    return ""


def _unknown_regions(laid: Overlay) -> Iterator[Problem]:
    """Refuse an override of a region that no table knows, unless it tells the region's grid."""
    table = RegionTable()
    overrides = laid.document.get("regions")
    for name, given in overrides.items() if isinstance(overrides, dict) else ():
        provider, colon, region = str(name).partition(":")
        described_in_full = isinstance(given, dict) and "grid_zone" in given
        known = table.find(provider, region).known or table.zone(provider, region) is not None
        if colon and not described_in_full and not known:
            guess = table.suggest(provider, region)
            hint = f"did you mean {provider}:{guess[0]}? " if guess else ""
            fix = f"no region that the table knows; {hint}For a new one, write its grid_zone too"
            yield _at(("regions", name), name, fix, laid)


def _policies(laid: Overlay) -> Iterator[Problem]:
    """Refuse regions of policies that neither the table nor an override describes."""
    table, policies = RegionTable(), laid.document.get("policies")
    overrides = laid.document.get("regions")
    own = overrides if isinstance(overrides, dict) else {}
    for name, policy in policies.items() if isinstance(policies, dict) else ():
        regions = policy.get("regions") if isinstance(policy, dict) else None
        for i, region in enumerate(regions if isinstance(regions, list) else ()):
            told = str(with_colon(region))
            provider, colon, rest = told.partition(":")
            if colon and told not in own and not table.find(provider, rest).known:
                guess = table.suggest(provider, rest)
                hint = f"did you mean {provider}:{guess[0]}? " if guess else ""
                fix = f"no region that the table knows; {hint}For a new one, write it under regions"
                yield _at(("policies", name, "regions", i), region, fix, laid)


def _sections(key: str, document: Mapping[str, Any]) -> Iterator[tuple[Place, dict[str, Any]]]:
    entries = document.get(key)
    for i, entry in enumerate(entries if isinstance(entries, list) else ()):
        if isinstance(entry, dict):
            yield (key, i), entry


def _at(place: Place, value: object, fix: str, laid: Overlay) -> Problem:
    origin = origin_of(place, laid.origins)
    key = f"{key_path(place)} ({origin})" if origin else key_path(place)
    return Problem(key=key, value=described(place, value, laid.document), fix=fix)
