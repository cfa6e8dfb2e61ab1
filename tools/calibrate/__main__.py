"""``python -m tools.calibrate SERIES [--zone Z …]``: makes ``calibration:`` of one's own series.

SERIES is a state file of the daemon, which holds its last two weeks, or a CSV file with the columns
``zone,timestamp,gco2_per_kwh`` by the hour: a year of ``carbon_grid_intensity_gco2eq_per_kwh`` from
Prometheus, say. Only values that the source computed from a mix belong in it: yearly averages and
forecasts, which the same metric shows when nothing is live, would calibrate a thing with itself. A
zone with less than 300 days is told and left out: seasons would pass for a fault of the source.
"""

import argparse
import csv
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from exporter import grids
from exporter.core.clock import epoch
from exporter.data import rows

DAY: Final = 86400
LEAST_DAYS: Final = 300
HOUR: Final = 3600
STRUCTURAL: Final = 0.25
"""A factor further from 1 than this is a fault of the source, not an error of its factors."""
FACTORS: Final = (0.2, 5.0)
"""What the configuration accepts."""
_SQLITE: Final = b"SQLite format 3\0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The time-weighted mean of a zone's series and how many days it holds."""

    zone: str
    mean: float
    days: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the factors; return 1 where no zone has enough of a year, 2 where nothing is read."""
    options = _parser().parse_args(arguments)
    try:
        seen = list(means(options.series, options.source))
    except (OSError, ValueError, sqlite3.Error) as error:
        sys.stderr.write(f"{options.series}: {error} — give a state file or a CSV of hours\n")
        return 2
    annual = {line["grid_zone"]: float(line["gco2eq_per_kwh"]) for line in rows("annual")}
    wanted = [one for one in seen if not options.zone or one.zone in options.zone]
    lines = list(_factors(wanted, annual, options.least_days))
    if lines:
        sys.stdout.write("calibration:\n" + "".join(f"  {line}\n" for line in lines))
    return 0 if lines else 1


def _factors(seen: Iterable[Seen], annual: Mapping[str, float], least: float) -> Iterator[str]:
    for one in sorted(seen, key=lambda one: one.zone):
        told = f"{one.zone}: mean {one.mean:.1f} g/kWh over {one.days:.0f} days"
        if one.zone not in annual:
            sys.stderr.write(f"{told}; the table has no yearly value of it\n")
            continue
        if one.days < least:
            sys.stderr.write(f"{told}; {least:g} days are needed, as seasons differ\n")
            continue
        factor = annual[one.zone] / one.mean
        low, high = FACTORS
        if not low <= factor <= high:
            sys.stderr.write(f"{told}; the yearly value is {factor:.2f} times it: not usable\n")
            continue
        far = abs(factor - 1) > STRUCTURAL
        note = "  # far off: the source misses something" if far else ""
        yield f"{one.zone}: {factor:.3f}{note}"


def means(path: Path, source: str = "") -> Iterator[Seen]:
    """Read the mean of each zone.

    Raises:
        OSError, ValueError, sqlite3.Error: the file is not readable, or neither of the two kinds.
    """
    with path.open("rb") as file:
        state = file.read(len(_SQLITE)) == _SQLITE
    sums: dict[str, tuple[float, float]] = {}
    for zone, seconds, grams in _stored(path, source) if state else _listed(path):
        amount, length = sums.get(zone, (0.0, 0.0))
        sums[zone] = (amount + grams * seconds, length + seconds)
    for zone, (amount, length) in sums.items():
        if amount > 0:
            yield Seen(zone=zone, mean=amount / length, days=length / DAY)


def _stored(path: Path, source: str) -> Iterator[tuple[str, float, float]]:
    """Read observed values of sources that compute from a mix; the file is not changed."""
    kinds = [facts.kind for facts in grids.facts() if facts.from_mix]
    if source and source not in kinds:
        message = f"{source} computes nothing from a mix: {', '.join(kinds)} do"
        raise ValueError(message)
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        for kind in [source] if source else kinds:
            query = (
                "SELECT zone, end - start, gco2eq_per_kwh FROM intensity "
                "WHERE source = ? AND NOT forecast AND NOT estimated"
            )
            yield from connection.execute(query, (kind,))


def _listed(path: Path) -> Iterator[tuple[str, float, float]]:
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        missing = {"zone", "timestamp", "gco2_per_kwh"} - set(reader.fieldnames or ())
        if missing:
            message = f"column {', '.join(sorted(missing))} is missing"
            raise ValueError(message)
        hours: set[tuple[str, int]] = set()
        for line in reader:
            hour = (line["zone"], int(epoch(datetime.fromisoformat(line["timestamp"]))) // HOUR)
            if line["gco2_per_kwh"] and hour not in hours:
                hours.add(hour)
                yield line["zone"], float(HOUR), float(line["gco2_per_kwh"])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.calibrate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("series", type=Path, metavar="SERIES")
    parser.add_argument("--zone", action="append", help="only this zone; may be repeated")
    parser.add_argument("--source", default="", help="of a state file: only this kind of source")
    parser.add_argument(
        "--least-days", type=float, default=LEAST_DAYS, help=f"days that are enough ({LEAST_DAYS})"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
