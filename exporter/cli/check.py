"""``check``: would ``serve`` work here, and what will it cost? Asks everything once."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from exporter.app import App, check_state
from exporter.cli._asked import online_app
from exporter.cli._options import Config, Json
from exporter.cli._shown import print_check, print_json, print_line, progress
from exporter.cli.discover import listed
from exporter.core.clock import epoch, floor_to
from exporter.core.durations import format_duration
from exporter.core.errors import CarbonExporterError, CollectorError
from exporter.core.model import Inventory, Machine, RunState
from exporter.core.ports import GridSource, Provider
from exporter.core.units import SECONDS_PER_HOUR
from exporter.exposition.listen import bind

ORDER: Final = 30
SUMMARY: Final = "Try all that `serve` needs, and forecast the API bill."
EXAMPLES: Final = (
    "carbon-exporter check",
    "carbon-exporter check --config staging.yml --json | jq '.findings[] | select(.ok | not)'",
)

_SQLITE_SUFFIXES: Final = ("", "-wal", "-shm")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was tried: what, whether it is well, and the cause with its fix if not."""

    subject: str
    ok: bool
    message: str


def check(config: Config = None, *, as_json: Json = False) -> int:
    """Try all that `serve` needs, and forecast the API bill. Changes nothing.

    Checks the configuration, each provider's credentials and permissions, the machines by region,
    each region's grid zone and PUE, the live grids, the state file and the listen address.
    Each failure comes with its fix; exit code 1 if there is any.
    """
    with online_app(config) as app:
        findings = list(_findings(app))
    failed = sum(not finding.ok for finding in findings)
    if as_json:
        print_json({"ok": not failed, "findings": [asdict(finding) for finding in findings]})
    else:
        for finding in findings:
            print_check(finding.subject, finding.message, ok=finding.ok)
        print_line(f"{failed} of {len(findings)} checks failed" if failed else "all is well")
    return 1 if failed else 0


def _findings(app: App) -> Iterator[Finding]:
    yield Finding(subject="configuration", ok=True, message=_summary(app))
    machines: list[Machine] = []
    for provider in app.providers:
        yield from _permissions(provider)
        inventory = listed(provider)
        machines += inventory.machines
        yield from _machines(provider, inventory)
        yield from _bill(app, provider, inventory)
    zones = _zones(app, machines)
    yield from _regions(app, zones)
    yield from _sources(app, {zone for zone, _ in zones.values()})
    yield _tried("state", str(app.settings.state or "none"), lambda: _state(app.settings.state))
    yield _tried("listen", app.settings.listen, lambda: bind(app.settings.listen).close())


def _summary(app: App) -> str:
    providers = ", ".join(provider.name for provider in app.providers)
    grids = ", ".join(source.name for source in app.sources) or "none"
    return f"providers: {providers}; live grids: {grids}"


def _permissions(provider: Provider) -> Iterator[Finding]:
    with progress(f"trying permissions of {provider.name}"):
        tried = provider.permissions()
    for one in tried:
        yield Finding(subject=f"{provider.name} {one.permission}", ok=one.ok, message=one.message)


def _machines(provider: Provider, inventory: Inventory) -> Iterator[Finding]:
    subject = f"{provider.name} machines"
    for error in inventory.failures:
        warned = f"warning: {error}" if error.minor else str(error)
        yield Finding(subject=subject, ok=error.minor, message=warned)
    counts = Counter(machine.key.cloud_region for machine in inventory.machines)
    by_region = ", ".join(f"{region} {count}" for region, count in sorted(counts.items()))
    if not inventory.unseen_all:
        yield Finding(subject=subject, ok=True, message=by_region or "none found")


def _bill(app: App, provider: Provider, inventory: Inventory) -> Iterator[Finding]:
    if inventory.unseen_all:
        return
    section = app.sections[provider.name]
    interval = section.poll_interval or app.settings.poll_interval
    running = sum(machine.state is RunState.RUNNING for machine in inventory.machines)
    price = provider.monthly_cost(running, interval)
    if price is None:
        return
    message = (
        f"about ${price:,.2f} a month for {running} running machines, "
        f"polled every {format_duration(interval)}; a longer poll_interval costs less"
    )
    yield Finding(subject=f"{provider.name} API bill", ok=True, message=message)


RegionZones = Mapping[tuple[str, str], tuple[str, float]]
"""(provider, region or the zone that stands elsewhere) to (grid zone, PUE)."""


def _zones(app: App, machines: Sequence[Machine]) -> RegionZones:
    zones = {}
    for machine in machines:
        provider, name = machine.key.provider, machine.key.cloud_region
        zone = app.regions.zone(provider, machine.cloud_zone)
        region = zone or app.regions.find(provider, name)
        pue = region.pue if machine.pue is None else machine.pue
        zones[provider, zone.name if zone else name] = (machine.grid_zone or region.grid_zone, pue)
    return zones


def _regions(app: App, zones: RegionZones) -> Iterator[Finding]:
    for (provider, region), (zone, pue) in sorted(zones.items()):
        yield Finding(
            subject=f"{provider} {region}",
            ok=True,
            message=f"grid zone {zone}, PUE {pue:g}, fed by {_feed(app, zone)}",
        )


def _feed(app: App, zone: str) -> str:
    yearly = app.annual.annual(zone)
    behind = f"yearly average {yearly.gco2eq_per_kwh:g} g/kWh ({yearly.year or yearly.source})"
    if not yearly.known:
        behind = f"the world's {behind}; tell the grid by grid_zone, here or under `regions:`"
    live = [source.name for source in app.sources if source.covers(zone)]
    return ", then ".join((*live, behind))


def _sources(app: App, zones: set[str]) -> Iterator[Finding]:
    for source in app.sources:
        covered = sorted(zone for zone in zones if source.covers(zone))
        if covered:
            yield _fetched(app, source, covered)


def _fetched(app: App, source: GridSource, zones: Sequence[str]) -> Finding:
    end = floor_to(epoch(app.clock.now()), int(SECONDS_PER_HOUR)) + int(SECONDS_PER_HOUR)
    subject = f"grid {source.name}"
    try:
        with progress(f"asking {source.name}"):
            reading = source.fetch(zones, end - 2 * int(SECONDS_PER_HOUR), end)
    except CollectorError as error:
        return Finding(subject=subject, ok=False, message=str(error))
    if reading.failures:
        return Finding(subject=subject, ok=False, message=str(reading.failures[0]))
    return Finding(subject=subject, ok=True, message=f"answers for {', '.join(zones)}")


def _state(path: Path | None) -> None:
    """Open the state file; one that was not there before is not left behind."""
    if path is None:
        return
    existed = path.exists()
    try:
        check_state(path)
    finally:
        if not existed:
            for suffix in _SQLITE_SUFFIXES:
                path.with_name(path.name + suffix).unlink(missing_ok=True)


def _tried(subject: str, message: str, attempt: Callable[[], None]) -> Finding:
    try:
        attempt()
    except CarbonExporterError as error:
        return Finding(subject=subject, ok=False, message=str(error))
    return Finding(subject=subject, ok=True, message=message)
