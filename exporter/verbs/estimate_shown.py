"""The document of ``estimate`` as a table for people."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from exporter.verbs.output import number, print_line, print_table

_NOTE: Final = (
    "Grid: yearly average, life cycle, location-based. Watts include the data centre's overhead "
    "(PUE). Low and high bound the power model's error."
)
_TOTAL: Final = "TOTAL"

Cells = dict[str, str]
"""A line of the table, by column; a column that is empty in all lines is not shown."""


def show(document: Mapping[str, Any]) -> None:
    """Print the estimates of a document, and below them its totals where they say more."""
    found, totals = document["estimates"], document["totals"]
    lines = [_line(one) for one in found]
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
        lines += [_total(one) | _against(one, totals) for one in totals]
    print_table(f"{title}, {whose}", *_fit(lines))
    print_line(_NOTE, style="dim")


def _fit(lines: Sequence[Cells]) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    """Head and rows of the columns in use."""
    head = [name for name in lines[0] if any(line.get(name) for line in lines)]
    return head, [[line.get(name, "") for name in head] for line in lines]


def _line(one: Mapping[str, Any]) -> Cells:
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
        **_amounts(one),
        "vs lowest": "",
    }


def _total(one: Mapping[str, Any]) -> Cells:
    count, region = f"{one['count']:,}", one.get("cloud_region", "")
    return {"TYPE": _TOTAL, "COUNT": count, "REGION": region, **_amounts(one)}


def _amounts(one: Mapping[str, Any]) -> Cells:
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
