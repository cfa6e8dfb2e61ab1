"""Life-cycle grams of a generation mix: the factor of each fuel, and their weighted mean.

Sources that tell what was generated rather than what it emitted are turned into grams here, all
with the same factors, so that their zones compare. What a zone imports is not traced: the value is
that of a kilowatt-hour generated in the zone.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from exporter.core.units import GCO2eqPerKwh
from exporter.grids._shared.payload import ShapeError

SIGNIFICANT: Final = 0.01
"""Share of generation below which a missing fuel does not spoil a mix. The error is at most that
share of the difference between the fuel's factor and the mean: 8 g for coal in a clean grid."""
GONE_SECONDS: Final = 12 * 3600
"""Plants that have not been reported for longer do not report late: they no longer do."""

_IPCC: Final = "IPCC AR5 WG3 (2014), Annex III, table A.III.2, median"
_GAS: Final = 490.0
_DIRECT_GAS: Final = 394.0
_DIRECT_OTHER: Final = 300.0
"""NESO's own combustion factors of combined-cycle gas and of "other" (`/intensity/factors`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FuelFactor:
    """Life-cycle grams of CO2eq for each kWh of a fuel, and where the number comes from."""

    gco2eq_per_kwh: float
    source: str


FACTORS: Final[Mapping[str, FuelFactor]] = {
    "gas": FuelFactor(gco2eq_per_kwh=_GAS, source=f"{_IPCC}: gas, combined cycle"),
    "coal": FuelFactor(gco2eq_per_kwh=820.0, source=f"{_IPCC}: coal, pulverised"),
    "oil": FuelFactor(
        gco2eq_per_kwh=650.0,
        source="UK Parliamentary Office of Science and Technology (2014): oil; not in IPCC's table",
    ),
    "biomass": FuelFactor(gco2eq_per_kwh=230.0, source=f"{_IPCC}: biomass, dedicated"),
    "nuclear": FuelFactor(gco2eq_per_kwh=12.0, source=f"{_IPCC}: nuclear"),
    "hydro": FuelFactor(gco2eq_per_kwh=24.0, source=f"{_IPCC}: hydropower"),
    "geothermal": FuelFactor(gco2eq_per_kwh=38.0, source=f"{_IPCC}: geothermal"),
    "marine": FuelFactor(gco2eq_per_kwh=17.0, source=f"{_IPCC}: ocean"),
    "wind": FuelFactor(gco2eq_per_kwh=11.0, source=f"{_IPCC}: wind onshore"),
    "wind offshore": FuelFactor(gco2eq_per_kwh=12.0, source=f"{_IPCC}: wind offshore"),
    "solar": FuelFactor(
        gco2eq_per_kwh=45.0, source=f"{_IPCC}: between utility 48 and rooftop 41, grids have both"
    ),
    "other": FuelFactor(
        gco2eq_per_kwh=_DIRECT_OTHER * _GAS / _DIRECT_GAS,
        source="NESO's direct factor of 300 raised by gas's ratio of life cycle to direct, 490/394",
    ),
}
"""By our own names of fuels."""


def weighted_mean(
    mix: Mapping[str, float], factors: Mapping[str, FuelFactor] = FACTORS
) -> GCO2eqPerKwh:
    """Mean of the factors, weighted by amounts of 0 or more in any one unit.

    Raises:
        ShapeError: an unknown fuel, or nothing is generated.
    """
    for fuel in mix:
        if fuel not in factors:
            message = f"unknown fuel {fuel[:40]!a}"
            raise ShapeError(message)
    total = sum(mix.values())
    if total <= 0:
        message = "nothing is generated"
        raise ShapeError(message)
    grams = sum(amount * factors[fuel].gco2eq_per_kwh for fuel, amount in mix.items())
    return GCO2eqPerKwh(grams / total)


def by_fuel(amounts: Mapping[str, float], fuels: Mapping[str, str]) -> dict[str, float]:
    """Add amounts by code of the source up to amounts by fuel of ours."""
    mix: dict[str, float] = {}
    for code, amount in amounts.items():
        mix[fuels[code]] = mix.get(fuels[code], 0.0) + amount
    return mix


def complete(
    amounts: Mapping[int, Mapping[str, float]], *, ignore: Collection[str] = ()
) -> dict[int, Mapping[str, float]]:
    """Leave out the times at which not all plants have been reported yet.

    ``amounts`` are by epoch second and code of the source. A time counts as complete if no code is
    absent that mattered (``SIGNIFICANT``) at the last complete time before it; the first one has
    none before. A code that has been absent up to the end for longer than ``GONE_SECONDS``
    is not late but gone. Codes to ``ignore`` may come and go.
    """
    last_seen = {code: start for start in sorted(amounts) for code in amounts[start]}
    gone_before = max(amounts, default=0) - GONE_SECONDS
    kept: dict[int, Mapping[str, float]] = {}
    usual: set[str] = set()
    for start in sorted(amounts):
        absent = usual - amounts[start].keys()
        if all(last_seen[code] < min(start, gone_before) for code in absent):
            kept[start] = amounts[start]
            usual = _significant(amounts[start]) - set(ignore)
    return kept


def _significant(amounts: Mapping[str, float]) -> set[str]:
    least = SIGNIFICANT * sum(amounts.values())
    return {code for code, amount in amounts.items() if amount > least}
