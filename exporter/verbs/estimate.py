"""``estimate``: watts, energy and emissions of machine types, before anything is started."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import groupby
from pathlib import Path

from exporter.app import App
from exporter.app.explain import imagined
from exporter.core.clock import epoch
from exporter.core.model import (
    Bounds,
    Confidence,
    IntensityInForce,
    Region,
    Usage,
)
from exporter.core.units import (
    SECONDS_PER_HOUR,
    GCO2eqPerHour,
    Watts,
    accrued,
    energy,
    kwh,
)
from exporter.engine.estimate import Explanation, add, explain
from exporter.engine.intensity import annual_in_force
from exporter.verbs.choices import parse_cpu
from exporter.verbs.errors import UsageError
from exporter.verbs.estimate_shown import show
from exporter.verbs.fleet import Defaults, Item, listed, named
from exporter.verbs.offline import offline_app
from exporter.verbs.output import bounds_document, print_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What was asked, as it was typed. ``types`` or ``fleet`` names the machines."""

    types: Sequence[str] = ()
    fleet: Path | None = None
    provider: str = ""
    regions: Sequence[str] = ()
    all_regions: bool = False
    cpu: str = "50%"
    hours: float = 730.0
    model: str = ""
    config: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Machines of one type in a region over a time span, all together; grams of CO2eq."""

    item: Item
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """Several estimates together: all of them, or in a comparison those of one region."""

    provider: str
    """Empty where the estimates are not compared, as is ``region``."""
    region: str
    count: int
    watts: Bounds
    kwh: Bounds
    operational: Bounds
    embodied: Bounds

    @property
    def total(self) -> Bounds:
        """Both scopes."""
        return add(self.operational, self.embodied)


def estimate(question: Question, *, as_json: bool) -> int:
    """Print estimates, lowest emissions first, and their totals; return the exit code.

    Raises:
        UsageError: an argument, or a line of the file, that cannot be used.
        ConfigError: the configuration file that was named is wrong.
    """
    app = offline_app(question.config, question.model)
    items = _items(app, question)
    found = sorted(
        (estimate_one(app, item, region) for item in items for region in item.regions),
        key=lambda one: one.total.central,
    )
    totals = _totals(items, found)
    document = {
        "utilization": parse_cpu(question.cpu),
        "hours": question.hours,
        "estimates": [_object(one) for one in found],
        "totals": [_total_object(one) for one in totals],
    }
    if as_json:
        print_json(document)
    else:
        show(document)
    return 0


def estimate_one(app: App, item: Item, region: Region) -> Estimate:
    """Estimate machines of one type in one region with the grid's yearly average."""
    profile = app.power.profile(imagined(item.provider, item.instance_type, region.name))
    intensity = annual_in_force(app.annual, region.grid_zone, epoch(app.clock.now()))
    rates = explain(profile, region, intensity, Usage(item.utilization))
    return Estimate(
        item=item,
        region=region,
        intensity=intensity,
        confidence=profile.confidence,
        **_over(rates, item.hours, item.count),
    )


def _items(app: App, question: Question) -> list[Item]:
    options = Defaults(
        provider=question.provider,
        regions=question.regions,
        all_regions=question.all_regions,
        cpu=question.cpu,
        hours=f"{question.hours:.12g}",
    )
    if question.types and question.fleet is not None:
        message = "types and --from together — add the types to the file, or leave --from out"
        raise UsageError(message)
    if question.fleet is not None:
        return listed(app, question.fleet, options)
    if not question.types:
        message = "nothing to estimate — name a machine type, or a CSV file of them with --from"
        raise UsageError(message)
    return named(app, question.types, options)


def _over(rates: Explanation, hours: float, count: int) -> dict[str, Bounds]:
    seconds = count * hours * SECONDS_PER_HOUR
    return {
        "watts": Bounds(*(count * w for w in rates.facility_watts)),
        "kwh": Bounds(*(kwh(energy(Watts(w), seconds)) for w in rates.facility_watts)),
        "operational": _grams(rates.operational, seconds),
        "embodied": _grams(rates.embodied, seconds),
    }


def _grams(per_hour: Bounds, seconds: float) -> Bounds:
    return Bounds(*(accrued(GCO2eqPerHour(rate), seconds) for rate in per_hour))


def _totals(items: Sequence[Item], found: Sequence[Estimate]) -> list[Total]:
    """Sum up what stands together: everything, or what a comparison puts into each region."""
    if all(len(item.regions) == 1 for item in items):
        return [_sum("", "", found)]
    ordered = sorted(found, key=_place)
    totals = [_sum(*place, tuple(group)) for place, group in groupby(ordered, key=_place)]
    return sorted(totals, key=lambda one: one.total.central)


def _place(one: Estimate) -> tuple[str, str]:
    return one.item.provider, one.region.name


def _sum(provider: str, region: str, found: Sequence[Estimate]) -> Total:
    return Total(
        provider=provider,
        region=region,
        count=sum(one.item.count for one in found),
        watts=reduce(add, (one.watts for one in found)),
        kwh=reduce(add, (one.kwh for one in found)),
        operational=reduce(add, (one.operational for one in found)),
        embodied=reduce(add, (one.embodied for one in found)),
    )


def _object(one: Estimate) -> Mapping[str, object]:
    return {
        "provider": one.item.provider,
        "instance_type": one.item.instance_type,
        "count": one.item.count,
        "utilization": one.item.utilization,
        "hours": one.item.hours,
        "cloud_region": one.region.name,
        "location": one.region.location,
        "grid_zone": one.region.grid_zone,
        "pue": one.region.pue,
        "grid_gco2eq_per_kwh": one.intensity.gco2eq_per_kwh,
        "grid_source": one.intensity.source,
        "confidence": one.confidence.value,
        **_amounts(one),
    }


def _total_object(one: Total) -> Mapping[str, object]:
    places = {"provider": one.provider, "cloud_region": one.region} if one.region else {}
    return {**places, "count": one.count, **_amounts(one)}


def _amounts(one: Estimate | Total) -> Mapping[str, object]:
    return {
        "watts": bounds_document(one.watts),
        "kwh": bounds_document(one.kwh),
        "operational_gco2eq": bounds_document(one.operational),
        "embodied_gco2eq": bounds_document(one.embodied),
        "total_gco2eq": bounds_document(one.total),
    }
