"""``estimate``: watts, energy and emissions of machine types, before anything is started."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from exporter.app import App
from exporter.core.clock import epoch
from exporter.core.model import (
    Bounds,
    Confidence,
    IntensityInForce,
    Machine,
    Region,
    ResourceKey,
    RunState,
)
from exporter.core.units import (
    SECONDS_PER_HOUR,
    GCO2eqPerHour,
    Ratio,
    Watts,
    accrued,
    energy,
    kwh,
)
from exporter.engine.estimate import Explanation, add, explain
from exporter.engine.intensity import annual_in_force
from exporter.verbs.choices import all_regions, find_regions, find_types, parse_cpu
from exporter.verbs.errors import UsageError
from exporter.verbs.offline import offline_app
from exporter.verbs.output import bounds_document, number, print_json, print_line, print_table

_NOTE = (
    "Grid: yearly average, life cycle, location-based. Watts include the data centre's overhead "
    "(PUE). Low and high bound the power model's error."
)
_HEAD = (
    "TYPE",
    "REGION",
    "LOCATION",
    "GRID",
    "g/kWh",
    "W low",
    "W",
    "W high",
    "kWh",
    "operational g",
    "embodied g",
    "total g",
    "vs lowest",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What was asked, as it was typed."""

    types: Sequence[str]
    provider: str = ""
    regions: Sequence[str] = ()
    all_regions: bool = False
    cpu: str = "50%"
    hours: float = 730.0
    config: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """One machine of a type in a region over a time span; grams of CO2eq."""

    provider: str
    instance_type: str
    region: Region
    intensity: IntensityInForce
    confidence: Confidence
    watts: Bounds
    """Facility power."""
    kwh: Bounds
    operational: Bounds
    embodied: Bounds

    @property
    def total(self) -> Bounds:
        """Both scopes."""
        return add(self.operational, self.embodied)


def estimate(question: Question, *, as_json: bool) -> int:
    """Print estimates, lowest emissions first; return the exit code.

    Raises:
        UsageError: an argument that cannot be used.
        ConfigError: the configuration file that was named is wrong.
    """
    utilization = parse_cpu(question.cpu)
    app = offline_app(question.config)
    found = sorted(_estimates(app, question, utilization), key=lambda e: e.total.central)
    if as_json:
        print_json(_document(question, utilization, found))
    else:
        _print(question, utilization, found)
    return 0


def estimate_one(
    app: App, kind: tuple[str, str], region: Region, utilization: Ratio, hours: float
) -> Estimate:
    """Estimate one machine type in one region with the grid's yearly average."""
    provider, name = kind
    profile = app.power.profile(imagined(provider, name, region.name))
    intensity = annual_in_force(app.annual, region.grid_zone, epoch(app.clock.now()))
    rates = explain(profile, region, intensity, utilization)
    return Estimate(
        provider=provider,
        instance_type=name,
        region=region,
        intensity=intensity,
        confidence=profile.confidence,
        **_over(rates, hours),
    )


def imagined(provider: str, instance_type: str, region: str) -> Machine:
    """Return a running machine of a type that stands nowhere."""
    key = ResourceKey(provider, "", region, "", instance_type)
    return Machine(key=key, name="", instance_type=instance_type, state=RunState.RUNNING)


def _estimates(app: App, question: Question, utilization: Ratio) -> list[Estimate]:
    if not 0 < question.hours < math.inf:
        message = f"--hours {question.hours:g} — write a number above 0; a month is 730"
        raise UsageError(message)
    kinds = find_types(app, question.provider, question.types)
    regions = _regions(app, question, kinds[0][0])
    return [
        estimate_one(app, kind, region, utilization, question.hours)
        for kind in kinds
        for region in regions
    ]


def _regions(app: App, question: Question, provider: str) -> list[Region]:
    if question.all_regions:
        return all_regions(app, provider)
    if not question.regions:
        message = "no region — add --region (repeat it to compare), or --all-regions"
        raise UsageError(message)
    return find_regions(app, provider, question.regions)


def _over(rates: Explanation, hours: float) -> dict[str, Bounds]:
    seconds = hours * SECONDS_PER_HOUR
    return {
        "watts": rates.facility_watts,
        "kwh": Bounds(*(kwh(energy(Watts(w), seconds)) for w in rates.facility_watts)),
        "operational": _grams(rates.operational, seconds),
        "embodied": _grams(rates.embodied, seconds),
    }


def _grams(per_hour: Bounds, seconds: float) -> Bounds:
    return Bounds(*(accrued(GCO2eqPerHour(rate), seconds) for rate in per_hour))


def _document(question: Question, utilization: Ratio, found: Sequence[Estimate]) -> object:
    return {
        "utilization": utilization,
        "hours": question.hours,
        "estimates": [_object(one) for one in found],
    }


def _object(one: Estimate) -> Mapping[str, object]:
    return {
        "provider": one.provider,
        "instance_type": one.instance_type,
        "cloud_region": one.region.name,
        "location": one.region.location,
        "grid_zone": one.region.grid_zone,
        "pue": one.region.pue,
        "grid_gco2eq_per_kwh": one.intensity.gco2eq_per_kwh,
        "grid_source": one.intensity.source,
        "confidence": one.confidence.value,
        "watts": bounds_document(one.watts),
        "kwh": bounds_document(one.kwh),
        "operational_gco2eq": bounds_document(one.operational),
        "embodied_gco2eq": bounds_document(one.embodied),
        "total_gco2eq": bounds_document(one.total),
    }


def _print(question: Question, utilization: Ratio, found: Sequence[Estimate]) -> None:
    title = f"{question.hours:g} h at {utilization:.0%} CPU, one machine each"
    lowest = found[0].total.central
    print_table(title, _HEAD, [_row(one, lowest) for one in found])
    print_line(_NOTE, style="dim")


def _row(one: Estimate, lowest: float) -> Sequence[str]:
    return (
        one.instance_type,
        one.region.name,
        one.region.location,
        one.region.grid_zone,
        number(one.intensity.gco2eq_per_kwh),
        *(number(watts) for watts in one.watts),
        number(one.kwh.central),
        number(one.operational.central),
        number(one.embodied.central),
        number(one.total.central),
        f"{one.total.central / lowest - 1:+.0%}" if lowest else "",
    )
