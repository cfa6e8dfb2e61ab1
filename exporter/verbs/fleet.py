"""What is to be estimated: machine types named as arguments, or the lines of a CSV file."""

import csv
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from exporter.app import App
from exporter.core.model import Region
from exporter.core.units import Ratio
from exporter.settings.hints import did_you_mean
from exporter.verbs.choices import all_regions, find_regions, find_types, parse_cpu
from exporter.verbs.errors import UsageError

COLUMNS: Final = ("type", "count", "provider", "region", "cpu", "hours")
"""Columns of a file; all but ``type`` may be left out or left empty."""

_COUNT: Final = re.compile(r"[1-9]\d{0,8}")
_NO_REGION: Final = "no region — add --region (repeat it to compare), or --all-regions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """The options, as they were typed: what holds where a line says nothing."""

    provider: str = ""
    regions: Sequence[str] = ()
    all_regions: bool = False
    cpu: str = "50%"
    hours: str = "730"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Machines of one type at one utilisation for one time span, in each of ``regions``."""

    provider: str
    instance_type: str
    count: int
    regions: tuple[Region, ...]
    utilization: Ratio
    hours: float


def named(app: App, types: Sequence[str], options: Defaults) -> list[Item]:
    """Return one machine of each type named; all are of one cloud.

    Raises:
        UsageError: a type, a region or an option that cannot be used.
    """
    utilization, hours = parse_cpu(options.cpu), parse_hours(options.hours)
    kinds = find_types(app, options.provider, types)
    regions = _regions(app, kinds[0][0], options)
    return [
        Item(
            provider=provider,
            instance_type=name,
            count=1,
            regions=regions,
            utilization=utilization,
            hours=hours,
        )
        for provider, name in kinds
    ]


def listed(app: App, path: Path, options: Defaults) -> list[Item]:
    """Return the machines of a CSV file with a head.

    Raises:
        UsageError: the file cannot be read, or lines cannot be used: all of these, by number.
    """
    items: list[Item] = []
    mistakes: list[str] = []
    for number, line in _lines(path):
        try:
            items.append(_item(app, line, options))
        except UsageError as error:
            mistakes.append(f"{path}, line {number}: {error}")
    if mistakes:
        raise UsageError("\n".join(mistakes))
    if not items:
        message = f"{path} lists no machines — write a line for each type below the head"
        raise UsageError(message)
    return items


def parse_hours(text: str) -> float:
    """Read a time span in hours.

    Raises:
        UsageError: no number, or not above 0.
    """
    try:
        hours = float(text)
    except ValueError:
        hours = math.nan
    if not 0 < hours < math.inf:
        message = f"--hours {text} — write a number above 0; a month is 730"
        raise UsageError(message)
    return hours


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
        message = f"--from {path}: {error} — name a CSV file in UTF-8 with the columns {_EXAMPLE}"
        raise UsageError(message) from error


_EXAMPLE: Final = ", ".join(COLUMNS)


def _check_head(path: Path, head: Sequence[str]) -> None:
    for name in head:
        if name not in COLUMNS:
            hint = did_you_mean(name, COLUMNS)
            message = f"{path}, line 1: no column {name!r} — {hint}one of {_EXAMPLE}"
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
    own = _of_line(line, options)
    [(provider, name)] = find_types(app, own.provider, [line["type"]])
    return Item(
        provider=provider,
        instance_type=name,
        count=_count(line.get("count") or "1"),
        regions=_regions(app, provider, own),
        utilization=parse_cpu(own.cpu),
        hours=parse_hours(own.hours),
    )


def _of_line(line: Mapping[str, str], options: Defaults) -> Defaults:
    region = line.get("region", "")
    if region and (options.all_regions or len(options.regions) > 1):
        message = f"region {region!r} cannot be compared with others — leave the cell empty"
        raise UsageError(message)
    return Defaults(
        provider=line.get("provider") or options.provider,
        regions=(region,) if region else options.regions,
        all_regions=options.all_regions,
        cpu=line.get("cpu") or options.cpu,
        hours=line.get("hours") or options.hours,
    )


def _count(text: str) -> int:
    if not _COUNT.fullmatch(text):
        message = f"count {text!r} — write a whole number above 0"
        raise UsageError(message)
    return int(text)


def _regions(app: App, provider: str, options: Defaults) -> tuple[Region, ...]:
    if options.all_regions:
        return tuple(all_regions(app, provider))
    if not options.regions:
        raise UsageError(_NO_REGION)
    return tuple(find_regions(app, provider, tuple(dict.fromkeys(options.regions))))
