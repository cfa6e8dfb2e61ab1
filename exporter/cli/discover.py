"""``discover``: the machines that the configured providers list, and what they would draw."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from exporter.app import App
from exporter.cli._asked import online_app
from exporter.cli._options import Config, Json
from exporter.cli._shown import (
    number,
    print_failure,
    print_json,
    print_line,
    print_table,
    progress,
)
from exporter.core.errors import CollectorError
from exporter.core.model import Confidence, Inventory, Machine, RunState
from exporter.core.ports import Provider
from exporter.core.units import Ratio

ORDER: Final = 40
SUMMARY: Final = "List the machines of all configured providers."
EXAMPLES: Final = (
    "carbon-exporter discover",
    "CARBON_PROVIDERS=host carbon-exporter discover --json",
)

_IDLE, _HALF, _FULL = Ratio(0.0), Ratio(0.5), Ratio(1.0)
_HEAD = (
    "PROVIDER",
    "ACCOUNT",
    "REGION",
    "ZONE",
    "ID",
    "NAME",
    "TYPE",
    "STATE",
    "CONFIDENCE",
    "W idle",
    "W 50%",
    "W full",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One machine with its facility watts, overhead included, if it runs."""

    machine: Machine
    grid_zone: str
    confidence: Confidence
    idle: float
    half: float
    full: float


def discover(config: Config = None, *, as_json: Json = False) -> int:
    """List the machines of all configured providers, with the watts that each would draw.

    CONFIDENCE says how the CPU is known: sku (exactly), family, multi-family (one of several),
    proxy (a similar one), unknown-type (from vCPUs and memory alone).
    """
    with online_app(config) as app:
        inventories = [(provider, listed(provider)) for provider in app.providers]
        found = [_found(app, machine) for _, inv in inventories for machine in inv.machines]
    failures = [(provider.name, error) for provider, inv in inventories for error in inv.failures]
    if as_json:
        print_json(_document(found, failures))
    else:
        _print(found)
    for name, error in failures:
        print_failure(f"{name}: {error}")
    return 1 if failures else 0


def listed(provider: Provider) -> Inventory:
    """List a provider's machines; a provider that fails as a whole has none, and its error."""
    try:
        with progress(f"listing machines of {provider.name}"):
            return provider.discover()
    except CollectorError as error:
        return Inventory(machines=(), unseen_all=True, failures=(error,))


def _found(app: App, machine: Machine) -> Found:
    profile = app.power.profile(machine)
    region = app.regions.find(machine.key.provider, machine.key.cloud_region)
    pue = region.pue if machine.pue is None else machine.pue
    idle, half, full = (profile.power(load).it * pue for load in (_IDLE, _HALF, _FULL))
    return Found(
        machine=machine,
        grid_zone=machine.grid_zone or region.grid_zone,
        confidence=profile.confidence,
        idle=idle,
        half=half,
        full=full,
    )


def _document(
    found: Sequence[Found], failures: Iterable[tuple[str, CollectorError]]
) -> Mapping[str, object]:
    return {
        "machines": [_object(one) for one in found],
        "failures": [
            {"collector": name, "reason": error.reason.value, "message": str(error)}
            for name, error in failures
        ],
    }


def _object(one: Found) -> Mapping[str, object]:
    machine = one.machine
    return {
        **machine.key._asdict(),
        "name": machine.name,
        "instance_type": machine.instance_type,
        "cloud_zone": machine.cloud_zone,
        "grid_zone": one.grid_zone,
        "state": machine.state.value,
        "confidence": one.confidence.value,
        "watts_idle": one.idle,
        "watts_half": one.half,
        "watts_full": one.full,
    }


def _print(found: Sequence[Found]) -> None:
    running = sum(one.machine.state is RunState.RUNNING for one in found)
    if found:
        print_table("", _HEAD, list(_rows(found)))
    print_line(f"machines: {len(found)}, running: {running}. Watts include the overhead (PUE).")


def _rows(found: Iterable[Found]) -> Iterator[Sequence[str]]:
    for one in sorted(found, key=lambda one: one.machine.key):
        machine = one.machine
        yield (
            machine.key.provider,
            machine.key.account,
            machine.key.cloud_region,
            machine.cloud_zone,
            machine.key.resource_id,
            machine.name,
            machine.instance_type,
            machine.state.value,
            one.confidence.value,
            *(number(watts) for watts in (one.idle, one.half, one.full)),
        )
