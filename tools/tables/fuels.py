"""Rebuilds ``fuel_factors.csv``: grams of a kWh by fuel, of the plants of each zone.

The compiled table has every fuel of a zone on a line; here a line is left out where it says no more
than the default behind it (its continent's, else the world's), so that what stands in a zone was
found for that zone.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from exporter.data.fuels import WORLD, continent
from tools.tables.rows import Row, plain
from tools.tables.sources import Sources

_FOSSIL: Final = frozenset(
    {"coal", "hard coal", "lignite", "gas", "oil", "oil-shale", "peat", "coal-gas"}
)
_OWN: Final = 0.08
"""Relative width of a zone's own fossil factor: how far the EU's and the EPA's figures of one zone
and fuel move between years and editions (coal of Germany 848 to 894, gas 373 to 449)."""
_DEFAULT: Final = 0.15
"""The same of a default: how far the fleets of single zones lie from their mean."""
_OWN_WIDTH: Final[dict[str, tuple[float, float]]] = {
    "biomass": (130, 420),
    "biogas": (50, 230),
    "waste": (250, 700),
    "other": (100, 700),
    "unknown": (20, 1100),
    "coal-gas": (1000, 2000),
    "hydro": (5, 40),
    "nuclear": (4, 20),
    "wind": (8, 20),
    "wind offshore": (8, 23),
    "solar": (25, 50),
    "geothermal": (6, 79),
    "marine": (6, 28),
}
"""Grams of the rest: the ranges of IPCC AR5 and UNECE without their extremes; of waste by how much
heat is counted beside; of ``other`` from burnt wood to any thermal plant; ``unknown`` may be
anything."""

_MEANS: Final = {
    "EU": ("coal", "hard coal", "gas", "oil", "hydro", "nuclear", "wind"),
    "US": ("biomass",),
}
"""Fuels whose default for a continent stands only in the lines of its zones."""
_SOURCES: Final = (
    ("EPA eGRID 2023 balancing", "EPA eGRID 2023 by balancing authority; upstream IPCC AR5"),
    ("EPA eGRID2023 rev2", "EPA eGRID 2023, United States by fuel; upstream IPCC AR5"),
    ("EPA eGRID 2023, US biomass", "EPA eGRID 2023, United States: biomass with CH4 and N2O"),
    ("EPA eGRID 2023; upstream: see", "EPA eGRID 2023 by balancing authority; upstream DESNZ"),
    ("EPA eGRID2023 US mean", "EPA eGRID 2023, United States: oil; upstream DESNZ"),
    ("EU mean of w-flo", "EU mean of plants: EU-ETS over ENTSO-E output; upstream IPCC AR5"),
    ("EU fleet", "EU fleet: EU-ETS over ENTSO-E output; upstream at the mine 20 g, assumed"),
    ("w-flo", "plants of the country: EU-ETS over ENTSO-E output; upstream IPCC AR5"),
    ("EU median and US", "EU-ETS median and EPA eGRID mean; upstream IPCC AR5"),
    ("UNECE 2022 LCA, run", "UNECE 2022: hydropower, run of river and 360 MW reservoir, Europe"),
    ("UNECE 2022 LCA, average", "UNECE 2022: nuclear, average of reactors"),
    ("UNECE 2022 LCA, on-", "UNECE 2022: wind, on and off shore by WindEurope's shares"),
    ("UNECE 2022 LCA", "UNECE 2022"),
    ("between UNECE", "UNECE 2022: photovoltaics between CdTe 12 and poly-Si 37"),
    ("IPCC AR5", "IPCC AR5 WG3 (2014), Annex III, table A.III.2, median"),
    ("IPCC 2006", "IPCC 2006 guidelines, table 2.2, over a usual efficiency; upstream IPCC AR5"),
    ("blast-furnace", "IPCC 2006 guidelines: blast-furnace and coke-oven gas"),
    ("own estimate", "own estimate within the range of IPCC AR5"),
    ("NESO /intensity", "NESO, factors of the Carbon Intensity API; upstream DESNZ"),
    ("NESO factor of other", "NESO's direct factor of 300, raised as that of gas is by upstream"),
    ("Mallia", "Mallia and Lewis (2013), electricity of Ontario"),
)
"""How a source is named in the shipped table, by how the compiled one begins."""
_NOISE: Final = "use the US mean", "prefer the US mean"
_NOT_OPEN: Final = "INCER-ACV", "Electricity Maps"
"""Results of which no licence is told: the default stands in."""


def rebuild_fuels(sources: Sources) -> list[Row]:
    """Return the factors of every zone, then the defaults of Europe, the US and the world."""
    compiled = [row for row in sources.table("fuel_factors") if _kept(row)]
    lines = [line for row in compiled for line in _lines(row, compiled)]
    lines += [*_means("EU", lines), *_means("US", lines)]
    found = {(line["zone"], line["fuel"]): line for line in lines}
    return [line for line in found.values() if not _repeats(line, found)]


def _kept(row: Row) -> bool:
    noise = any(words in row["note"] for words in _NOISE)
    small = "hardly any coal" in row["note"] or "CHP only" in row["note"]
    told = not row["source"].startswith(_NOT_OPEN) and row["fuel"] != "unknown"
    return told and not noise and not small and not row["source"].startswith("as WORLD")


def _lines(row: Row, compiled: Iterable[Row]) -> Iterator[Row]:
    """In Europe coal and lignite are told apart; ``coal`` is then what a source lumps together."""
    zone, fuel = row["zone"], row["fuel"]
    if fuel == "coal+lignite":
        yield _line(row, "coal")
    elif fuel == "coal" and continent(zone) == "EU" and zone != "GB":
        yield _line(row, "hard coal")
        lumped = any(one["zone"] == zone and one["fuel"] == "coal+lignite" for one in compiled)
        if not lumped:
            yield _line(row, "coal")
    else:
        yield _line(row, fuel)


def _line(row: Row, fuel: str) -> Row:
    grams = float(row["lifecycle_g_per_kwh"])
    mean = row["zone"] in {"US", WORLD} or row["source"].startswith("EU mean")
    low, high = _OWN_WIDTH.get(fuel, (0.0, 0.0))
    if fuel in _FOSSIL and fuel != "coal-gas":
        width = _DEFAULT if mean else _OWN
        low, high = grams * (1 - width), grams * (1 + width)
    return {
        "zone": row["zone"],
        "fuel": fuel,
        "gco2eq_per_kwh": plain(grams),
        "low": plain(min(low, grams), 4),
        "high": plain(max(high, grams), 4),
        "direct_gco2eq_per_kwh": row["direct_g_per_kwh"],
        "year": row["year"],
        "source": next(ours for theirs, ours in _SOURCES if row["source"].startswith(theirs)),
    }


def _means(zone: str, lines: Iterable[Row]) -> list[Row]:
    """Make a continent's default from what its zones without own figures carry."""
    means = {
        line["fuel"]: line | {"zone": zone}
        for line in lines
        if continent(line["zone"]) == zone
        and line["fuel"] in _MEANS[zone]
        and not line["source"].startswith(("plants", "NESO"))
    }
    return [means[fuel] for fuel in _MEANS[zone] if fuel in means]


def _repeats(line: Row, found: dict[tuple[str, str], Row]) -> bool:
    if line["zone"] in {"EU", "US", WORLD}:
        return False
    default = next(
        (
            found[zone, line["fuel"]]
            for zone in (continent(line["zone"]), WORLD)
            if (zone, line["fuel"]) in found
        ),
        None,
    )
    return default is not None and default["gco2eq_per_kwh"] == line["gco2eq_per_kwh"]
