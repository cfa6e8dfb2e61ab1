"""Rebuilds ``regions.csv``, ``zone_codes.csv`` and ``annual.csv``: regions and their grids."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from tools.tables.rows import Row
from tools.tables.sources import Sources

_NEWEST_OF: Final = {"aws": "AWS", "gcp": "Google", "azure": "Microsoft"}
_OLDEST_YEAR: Final = 2023
"""Older disclosures of a region say less than its provider's average of today."""

_AWS_PARTS: Final = {
    "ap": "Asia Pacific",
    "cn": "China",
    "eu": "Europe",
    "me": "Middle East",
    "mx": "United States",
    "us": "United States",
}
_THEATRES: Final = "FY25 page (theatre averages)"
_ASIA: Final = "1.28"
"""Microsoft's average of Asia Pacific, which sets it apart from the two others (both 1.16)."""

_ATLANTIC: Final = -30.0
"""A longitude with the Americas to the west of it, Europe and Africa to the east."""

_GOOGLE_FLEET: Final = ("1.10", "Google fleet average, 2024")
_YEARLY: Final = (
    "Electricity Maps yearly average (life-cycle, flow-traced) via CO2.js 0.19, ODbL 1.0"
)
_CONTESTED: Final = "contested"
_MOVED: Final = frozenset({"zone wrong", _CONTESTED})
_NOTES: Final = (
    ("not in service yet", "Not yet in service in April 2026."),
    ("modelled/estimated only", "The grid value is modelled, not metered."),
)


def rebuild_regions(sources: Sources) -> list[Row]:
    """Return the regions.

    PUE is the region's own newest disclosure of 2023 or later, else the provider's average for its
    part of the world, else Google's fleet average.
    """
    pues = sources.table("pue")
    found = sources.table("regions_corrections")
    corrected = {(row["provider"], row["region"]): row for row in found if row["kind"] in _MOVED}
    regions = sources.table("regions")
    return [_region(row, pues) | _moved(row, corrected) for row in regions]


def _moved(row: Row, corrected: Mapping[tuple[str, str], Row]) -> Row:
    """A region whose grid was wrong; a contested one has the grids that may feed it as bounds."""
    found = corrected.get((row["provider"], row["region"]))
    if found is None:
        return {}
    contested = found["kind"] == _CONTESTED
    low, high = (found[end].partition(" ")[0] for end in ("bound_low", "bound_high"))
    return {
        "grid_zone": found["new_zone"],
        "low_zone": low if contested else "",
        "high_zone": high if contested else "",
    }


def _region(row: Row, pues: Sequence[Row]) -> Row:
    pue, source = _pue(row, [one for one in pues if one["provider"] == row["provider"]])
    return {
        "provider": row["provider"],
        "region": row["region"],
        "location": row["location"],
        "latitude": row["lat"],
        "longitude": row["lon"],
        "grid_zone": row["em_zone"],
        "low_zone": "",
        "high_zone": "",
        "pue": f"{float(pue):.2f}",
        "pue_source": source,
        "note": " ".join(ours for theirs, ours in _NOTES if theirs in row["note"]),
    }


def _pue(row: Row, pues: Sequence[Row]) -> tuple[str, str]:
    own = [one for one in pues if one["region"] == row["region"] and one["year"].isdigit()]
    newest = max(own, key=lambda one: one["year"], default=None)
    if newest is not None and int(newest["year"]) >= _OLDEST_YEAR:
        provider = _NEWEST_OF[row["provider"]]
        return newest["pue"], f"{provider} disclosure by region, {newest['year']}"
    average = {"aws": _aws_average, "azure": _azure_average}.get(row["provider"])
    return average(row, pues) if average else _GOOGLE_FLEET


def _aws_average(row: Row, pues: Sequence[Row]) -> tuple[str, str]:
    part = row["region"][:2]
    found = next((one for one in pues if one["region"] == f"{part}-.+"), None)
    if found is None:
        return row["pue"], row["pue_source"]
    return found["pue"], f"AWS average {_AWS_PARTS[part]}, {found['year']}"


def _azure_average(row: Row, pues: Sequence[Row]) -> tuple[str, str]:
    theatre = (p["pue"] for p in pues if p["region"] == row["region"] and p["year"] == _THEATRES)
    pue = next(theatre, "")
    if not pue:
        return row["pue"], row["pue_source"]
    return pue, f"Microsoft average {_theatre(row, pue)}, fiscal year 2025"


def _theatre(row: Row, pue: str) -> str:
    if pue == _ASIA:
        return "Asia Pacific"
    west = float(row["lon"]) < _ATLANTIC
    return "Americas" if west else "Europe, Middle East, Africa"


def rebuild_annual(sources: Sources) -> list[Row]:
    """Return the yearly averages of the zones that feed a region."""
    return [
        {
            "grid_zone": row["em_zone"],
            "gco2eq_per_kwh": row["annual_2025_gco2"],
            "year": "2025",
            "source": _YEARLY,
        }
        for row in sources.table("zone_sources")
        if row["annual_2025_gco2"]
    ]


def rebuild_zone_codes(sources: Sources) -> list[Row]:
    """Return the zones that another source names: EIA, ENTSO-E or WattTime."""
    found = (_codes(row, sources.table("regions")) for row in sources.table("zone_sources"))
    return [row for row in found if any(row[c] for c in row if c not in {"grid_zone", "note"})]


def _codes(row: Row, regions: Iterable[Row]) -> Row:
    told = Counter(one["wt_region"] for one in regions if one["em_zone"] == row["em_zone"])
    del told[""]
    return {
        "grid_zone": row["em_zone"],
        "eia_respondent": row["eia_respondent"],
        "entsoe_area": row["entsoe_eic"],
        "watttime_region": told.most_common(1)[0][0] if told else "",
        "note": "",
    }
