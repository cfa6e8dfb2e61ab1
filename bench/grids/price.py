"""Prices an hour in each way under comparison, with the product's own functions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from bench.grids.read import Hour, Mix, Moment
from exporter.core.model import Bounds
from exporter.data import rows
from exporter.data.fuels import fuel_factors
from exporter.grids._shared.mix import priced
from exporter.grids._shared.tracing import Supply, consumed, imports
from exporter.grids.eia import ABROAD, AUTHORITIES

WORLD_BEFORE: Mix = {
    "gas": 490.0,
    "coal": 820.0,
    "oil": 650.0,
    "nuclear": 12.0,
    "hydro": 24.0,
    "wind": 11.0,
    "solar": 45.0,
    "other": 373.1,
}
"""The one set of factors for the world that the table replaced, for comparison."""
NOTHING_KNOWN = 500.0
"""gCO2eq/kWh of an authority that neither generated nor received, in the full tracing."""

Pairs = list[tuple[float, float]]
"""Values with their references, by the hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Error:
    """Mean absolute error and bias as % of the mean reference."""

    mae: float
    bias: float


def error(pairs: Sequence[tuple[float, float]]) -> Error:
    """Measure values against references."""
    mean = fmean(reference for _, reference in pairs)
    off = [value - reference for value, reference in pairs]
    return Error(
        mae=100 * fmean(map(abs, off)) / mean,
        bias=100 * fmean(off) / mean,
    )


def held_out(pairs: Pairs) -> Pairs:
    """Multiply each half of the hours by the ratio reference / value of the other half."""
    halves = pairs[: len(pairs) // 2], pairs[len(pairs) // 2 :]
    scaled: Pairs = []
    for half, other in (halves, halves[::-1]):
        ratio = sum(reference for _, reference in other) / sum(value for value, _ in other)
        scaled += [(value * ratio, reference) for value, reference in half]
    return scaled


def before(mix: Mix) -> float:
    """Price a mix with one set of factors for the world, which knew one coal and few fuels."""
    factors = {"lignite": WORLD_BEFORE["coal"], **WORLD_BEFORE}
    grams = sum(amount * factors.get(f, factors["other"]) for f, amount in mix.items())
    return grams / sum(mix.values())


def production(zone: str, mix: Mix) -> float:
    """Price a mix with the factors of the zone's plants."""
    return priced(mix, fuel_factors(zone)).central


def by_zone(hours: Iterable[Hour]) -> dict[str, dict[str, Pairs]]:
    """Price hours that have a reference: zone to way to pairs."""
    found: dict[str, dict[str, Pairs]] = {}
    for hour in hours:
        ways = found.setdefault(hour.zone, {"before": [], "factors": []})
        ways["before"].append((before(hour.mix), hour.reference))
        ways["factors"].append((production(hour.zone, hour.mix), hour.reference))
    for ways in found.values():
        ways["own ratio"] = held_out(ways["factors"])
    return found


def by_authority(window: Iterable[Moment]) -> dict[str, dict[str, Pairs]]:
    """Price a window against tracing every flow: authority to way to pairs."""
    found: dict[str, dict[str, Pairs]] = {}
    for moment in window:
        at = Traced(moment)
        reference = at.fully()
        for code in sorted(set(AUTHORITIES) & set(at.produced)):
            truth = reference[code]
            ways = found.setdefault(code, {"before": [], "factors": [], "one hop": []})
            ways["before"].append((before(moment.mixes[code]), truth))
            ways["factors"].append((at.produced[code].gco2eq_per_kwh.central, truth))
            ways["one hop"].append((at.one_hop(code), truth))
    for ways in found.values():
        ways["own ratio"] = held_out(ways["factors"])
    return found


class Traced:
    """What all authorities generated and received in one hour."""

    def __init__(self, moment: Moment) -> None:
        self.produced = {
            code: Supply(total, priced(mix, fuel_factors(AUTHORITIES.get(code, "US"))))
            for code, mix in moment.mixes.items()
            if code not in ABROAD and (total := sum(mix.values())) > 0
        }
        self.received = imports(moment.flows)
        self.codes = sorted({*moment.mixes, *(code for pair in moment.flows for code in pair)})

    def one_hop(self, code: str) -> float:
        """Price what an authority consumed, its imports as what the neighbour generated."""
        supplies = [
            Supply(amount, value)
            for neighbour, amount in self.received.get(code, {}).items()
            if (value := self._sent(neighbour)) is not None
        ]
        return consumed(self.produced[code], supplies).central

    def _sent(self, code: str) -> Bounds | None:
        if code in ABROAD:
            grams = _abroad()[ABROAD[code]]
            return Bounds(grams, grams, grams)
        return self.produced[code].gco2eq_per_kwh if code in self.produced else None

    def fully(self) -> dict[str, float]:
        """Trace every flow to the plants: each authority's supply is a mean of all the others'."""
        places = {code: place for place, code in enumerate(self.codes)}
        matrix: list[list[float]] = []
        for code in self.codes:
            row = [0.0] * (len(self.codes) + 1)
            own = self.produced.get(code, Supply(0.0, Bounds(0.0, 0.0, 0.0)))
            received = {} if code in ABROAD else self.received.get(code, {})
            supplied = own.amount + sum(received.values())
            if code in ABROAD or not supplied:
                row[places[code]] = 1.0
                row[-1] = _abroad()[ABROAD[code]] if code in ABROAD else NOTHING_KNOWN
            else:
                row[places[code]] = supplied
                row[-1] = own.amount * own.gco2eq_per_kwh.central
                for neighbour, amount in received.items():
                    row[places[neighbour]] -= amount
            matrix.append(row)
        return dict(zip(self.codes, solved(matrix), strict=True))


def solved(matrix: list[list[float]]) -> list[float]:
    """Solve linear equations, the last column being the right side: Gauss with pivots.

    The matrix is used up.
    """
    size = len(matrix)
    for at in range(size):
        best = max(range(at, size), key=lambda place: abs(matrix[place][at]))
        matrix[at], matrix[best] = matrix[best], matrix[at]
        pivot = matrix[at]
        for row in matrix[at + 1 :]:
            if row[at]:
                share = row[at] / pivot[at]
                for column in range(at, size + 1):
                    if pivot[column]:
                        row[column] -= share * pivot[column]
    found = [0.0] * size
    for at in reversed(range(size)):
        row = matrix[at]
        rest = sum(row[place] * found[place] for place in range(at + 1, size))
        found[at] = (row[-1] - rest) / row[at]
    return found


_YEARLY: dict[str, float] = {}


def _abroad() -> Mapping[str, float]:
    """Return the yearly values by zone."""
    if not _YEARLY:
        _YEARLY.update({r["grid_zone"]: float(r["gco2eq_per_kwh"]) for r in rows("annual")})
    return _YEARLY


yearly = _abroad
