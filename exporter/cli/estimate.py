"""``estimate``: watts, energy and emissions of machine types, before anything is started."""

import csv
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from exporter.app import App
from exporter.app.explain import imagined
from exporter.cli._asked import all_regions, find_regions, find_types, offline_app
from exporter.cli._options import Cloud, Cpu, Json, Model, Overrides, UsageError, parse_cpu
from exporter.cli._shown import bounds_document, number, print_json, print_line, print_table
from exporter.core.clock import epoch
from exporter.core.model import (
    Bounds,
    Confidence,
    IntensityInForce,
    Region,
    Uncertain,
    Usage,
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
from exporter.engine.estimate import (
    Explanation,
    add,
    bounds_of,
    explain,
    plus_embodied,
    scaled,
    total,
)
from exporter.engine.intensity import annual_in_force
from exporter.settings.hints import did_you_mean

ORDER: Final = 50
SUMMARY: Final = "Estimate watts, kWh and grams of machine types."
EXAMPLES: Final = (
    "carbon-exporter estimate m5.large --region eu-west-3 --cpu 40% --hours 730",
    "carbon-exporter estimate m5.large m6g.large -r eu-west-1 -r eu-north-1",
    "carbon-exporter estimate c7g.xlarge --provider aws --all-regions --json",
    "carbon-exporter estimate --from fleet.csv --region eu-west-3",
)

COLUMNS: Final = ("type", "count", "provider", "region", "cpu", "hours")
"""Columns of a file; all but ``type`` may be left out or left empty."""

_COLUMNS: Final = ", ".join(COLUMNS)
_COUNT: Final = re.compile(r"[1-9]\d{0,8}")
_NO_REGION: Final = "no region — add --region (repeat it to compare), or --all-regions"
_TOTAL: Final = "TOTAL"
_NOTE: Final = (
    "Grid: yearly average, life cycle, location-based. Watts include the data centre's overhead "
    "(PUE). Low and high hold about 90 %: power, grid and embodied."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What the options say: it holds where a line of a file says nothing."""

    provider: str
    regions: Sequence[str]
    all_regions: bool
    utilization: Ratio
    hours: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Machines of one type at one utilisation for one time span, in each of ``regions``."""

    provider: str
    instance_type: str
    count: int
    regions: tuple[Region, ...]
    utilization: Ratio
    hours: float


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
    watts_known: Uncertain
    operational_known: Uncertain
    """Watts and grams with their errors by cause, to be summed up."""

    @property
    def total(self) -> Bounds:
        """Both scopes."""
        return bounds_of(self.total_known)

    @property
    def total_known(self) -> Uncertain:
        """Both scopes, with their errors by cause."""
        return plus_embodied(self.operational_known, self.embodied)


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
    total: Bounds
    """Both scopes."""


def estimate(  # noqa: PLR0913 -- a verb's options are its parameters
    types: Annotated[
        list[str] | None, typer.Argument(metavar="TYPE", help="Machine types.")
    ] = None,
    *,
    fleet: Annotated[
        Path | None,
        typer.Option(
            "--from",
            "-f",
            metavar="FILE",
            help="CSV with the columns type, count, provider, region, cpu, hours. Only type is "
            "needed; the options stand for what a line leaves out.",
        ),
    ] = None,
    provider: Cloud = "",
    region: Annotated[
        list[str] | None,
        typer.Option("--region", "-r", metavar="REGION", help="Repeat it to compare regions."),
    ] = None,
    cpu: Cpu = "50%",
    hours: Annotated[float, typer.Option(help="How long; a month is 730 hours.")] = 730.0,
    model: Model = None,
    config: Overrides = None,
    every_region: Annotated[
        bool, typer.Option("--all-regions", help="Compare all regions of the cloud.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Estimate watts, kWh and grams of CO2eq of machine types. Asks nobody: tables alone.

    The grid is the yearly average of the region's zone; the lowest emissions come first, the totals
    last: of everything, or of each region where several are compared.
    """
    if types and fleet is not None:
        message = "types and --from together — add the types to the file, or leave --from out"
        raise UsageError(message)
    options = Defaults(
        provider=provider,
        regions=region or (),
        all_regions=every_region,
        utilization=parse_cpu(cpu),
        hours=_checked_hours(hours, f"{hours:.12g}"),
    )
    app = offline_app(config, model)
    items = _named(app, types or (), options) if fleet is None else _listed(app, fleet, options)
    found = sorted(
        (estimate_one(app, item, region) for item in items for region in item.regions),
        key=lambda one: one.total.central,
    )
    document = {
        "utilization": options.utilization,
        "hours": options.hours,
        "estimates": [_object(one) for one in found],
        "totals": [_total_object(one) for one in _totals(items, found)],
    }
    if as_json:
        print_json(document)
    else:
        _show(document)
    return 0


def _named(app: App, types: Sequence[str], options: Defaults) -> list[Item]:
    """Return one machine of each type named; all are of one cloud.

    Raises:
        UsageError: a type or a region that cannot be used.
    """
    if not types:
        message = "nothing to estimate — name a machine type, or a CSV file of them with --from"
        raise UsageError(message)
    kinds = find_types(app, options.provider, types)
    regions = _regions(app, kinds[0][0], options.regions, everywhere=options.all_regions)
    return [
        Item(
            provider=provider,
            instance_type=name,
            count=1,
            regions=regions,
            utilization=options.utilization,
            hours=options.hours,
        )
        for provider, name in kinds
    ]


def _listed(app: App, path: Path, options: Defaults) -> list[Item]:
    """Return the machines of a CSV file with a head.

    Raises:
        UsageError: the file cannot be read, or lines cannot be used: all of these, by number.
    """
    items: list[Item] = []
    mistakes: list[str] = []
    for place, line in _lines(path):
        try:
            items.append(_item(app, line, options))
        except UsageError as error:
            mistakes.append(f"{path}, line {place}: {error}")
    if mistakes:
        raise UsageError("\n".join(mistakes))
    if not items:
        message = f"{path} lists no machines — write a line for each type below the head"
        raise UsageError(message)
    return items


def _lines(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield each line with its number; blank ones are skipped, a byte order mark is not read."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as text:
            reader = csv.reader(text, strict=True)
            head = [name.strip().lower() for name in next(reader, [])]
            _check_head(path, head)
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    yield reader.line_num, _cells(head, cells)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        message = f"--from {path}: {error} — name a CSV file in UTF-8 with the columns {_COLUMNS}"
        raise UsageError(message) from error


def _check_head(path: Path, head: Sequence[str]) -> None:
    for name in head:
        if name not in COLUMNS:
            hint = did_you_mean(name, COLUMNS)
            message = f"{path}, line 1: no column {name!r} — {hint}one of {_COLUMNS}"
            raise UsageError(message)
    if "type" not in head or len(set(head)) != len(head):
        message = f"{path}, line 1: the head must name the column type, and each only once"
        raise UsageError(message)


def _cells(head: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    """Cells by column; those beyond the head are under an empty name."""
    found = {name: cell.strip() for name, cell in zip(head, cells, strict=False)}
    extra = ",".join(cells[len(head) :]).strip(" ,")
    return found | ({"": extra} if extra else {})


def _item(app: App, line: Mapping[str, str], options: Defaults) -> Item:
    if line.get(""):
        message = f"{line['']!r} is in no column — quote a cell that holds a comma"
        raise UsageError(message)
    if not line.get("type"):
        message = "no type — write a machine type such as m5.large"
        raise UsageError(message)
    region, cpu, hours = (line.get(name, "") for name in ("region", "cpu", "hours"))
    if region and (options.all_regions or len(options.regions) > 1):
        message = f"region {region!r} cannot be compared with others — leave the cell empty"
        raise UsageError(message)
    [(provider, name)] = find_types(app, line.get("provider") or options.provider, [line["type"]])
    return Item(
        provider=provider,
        instance_type=name,
        count=_count(line.get("count") or "1"),
        regions=_regions(
            app, provider, (region,) if region else options.regions, everywhere=options.all_regions
        ),
        utilization=parse_cpu(cpu) if cpu else options.utilization,
        hours=_hours_of(hours) if hours else options.hours,
    )


def _count(text: str) -> int:
    if not _COUNT.fullmatch(text):
        message = f"count {text!r} — write a whole number above 0"
        raise UsageError(message)
    return int(text)


def _hours_of(text: str) -> float:
    try:
        hours = float(text)
    except ValueError:
        hours = math.nan
    return _checked_hours(hours, text)


def _checked_hours(hours: float, text: str) -> float:
    if not 0 < hours < math.inf:
        message = f"--hours {text} — write a number above 0; a month is 730"
        raise UsageError(message)
    return hours


def _regions(
    app: App, provider: str, names: Sequence[str], *, everywhere: bool
) -> tuple[Region, ...]:
    if everywhere:
        return tuple(all_regions(app, provider))
    if not names:
        raise UsageError(_NO_REGION)
    return tuple(find_regions(app, provider, tuple(dict.fromkeys(names))))


def estimate_one(app: App, item: Item, region: Region) -> Estimate:
    """Estimate machines of one type in one region with the grid's yearly average."""
    profile = app.power.profile(imagined(item.provider, item.instance_type, region.name))
    now = epoch(app.clock.now())
    intensity = annual_in_force(app.annual, region.grid_zone, now, item.hours)
    rates = explain(profile, region, intensity, Usage(item.utilization))
    return Estimate(
        item=item,
        region=region,
        intensity=intensity,
        confidence=profile.confidence,
        **_over(rates, item.hours, item.count),
        watts_known=scaled(rates.power_known, item.count),
        operational_known=scaled(rates.operational_known, item.count * item.hours),
    )


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
        watts=_bounds(one.watts_known for one in found),
        kwh=_bounds(_kwh(one) for one in found),
        operational=_bounds(one.operational_known for one in found),
        embodied=reduce(add, (one.embodied for one in found)),
        total=_bounds(one.total_known for one in found),
    )


def _bounds(parts: Iterable[Uncertain]) -> Bounds:
    return bounds_of(total(parts) or Uncertain(0.0, ()))


def _kwh(one: Estimate) -> Uncertain:
    """Turn an estimate's watts into its kWh: each of its machines runs for its hours."""
    return scaled(one.watts_known, kwh(energy(Watts(1.0), one.item.hours * SECONDS_PER_HOUR)))


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
        "grid_gco2eq_per_kwh_low": one.intensity.low,
        "grid_gco2eq_per_kwh_high": one.intensity.high,
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


Cells = dict[str, str]
"""A line of the table, by column; a column that is empty in all lines is not shown."""


def _show(document: Mapping[str, Any]) -> None:
    """Print the estimates of a document, and below them its totals where they say more."""
    found, totals = document["estimates"], document["totals"]
    lines = [_cells_of(one) for one in found]
    if len({(one["hours"], one["utilization"]) for one in found}) == 1:
        lines = [line | {"CPU": "", "HOURS": ""} for line in lines]
        title = f"{found[0]['hours']:g} h at {found[0]['utilization']:.0%} CPU"
    else:
        title = "Each line at its own load and time"
    alone = all(one["count"] == 1 for one in found)
    whose = "one machine each" if alone else "all machines of a line"
    if alone:
        lines = [line | _against(one, found) for line, one in zip(lines, found, strict=True)]
    if len(found) > len(totals):
        lines += [_total_cells(one) | _against(one, totals) for one in totals]
    print_table(f"{title}, {whose}", *_fit(lines))
    print_line(_NOTE, style="dim")


def _fit(lines: Sequence[Cells]) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    """Head and rows of the columns in use."""
    head = [name for name in lines[0] if any(line.get(name) for line in lines)]
    return head, [[line.get(name, "") for name in head] for line in lines]


def _cells_of(one: Mapping[str, Any]) -> Cells:
    return {
        "TYPE": one["instance_type"],
        "COUNT": f"{one['count']:,}",
        "REGION": one["cloud_region"],
        "LOCATION": one["location"],
        "GRID": one["grid_zone"],
        "g/kWh": number(one["grid_gco2eq_per_kwh"]),
        "CPU": f"{one['utilization']:.0%}",
        "HOURS": f"{one['hours']:g}",
        "CONFIDENCE": one["confidence"],
        **_amount_cells(one),
        "vs lowest": "",
    }


def _total_cells(one: Mapping[str, Any]) -> Cells:
    count, region = f"{one['count']:,}", one.get("cloud_region", "")
    return {"TYPE": _TOTAL, "COUNT": count, "REGION": region, **_amount_cells(one)}


def _amount_cells(one: Mapping[str, Any]) -> Cells:
    watts = one["watts"]
    return {
        "W low": number(watts["low"]),
        "W": number(watts["central"]),
        "W high": number(watts["high"]),
        "kWh": number(one["kwh"]["central"]),
        "operational g": number(one["operational_gco2eq"]["central"]),
        "embodied g": number(one["embodied_gco2eq"]["central"]),
        "total g": number(one["total_gco2eq"]["central"]),
    }


def _against(one: Mapping[str, Any], all_of_them: Sequence[Mapping[str, Any]]) -> Cells:
    """How much more than the first, which is the lowest; nothing where there is only one."""
    grams, least = one["total_gco2eq"]["central"], all_of_them[0]["total_gco2eq"]["central"]
    compared = least and len(all_of_them) > 1
    return {"vs lowest": f"{grams / least - 1:+.0%}" if compared else ""}
