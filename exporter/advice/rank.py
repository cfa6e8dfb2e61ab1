"""Which region is the cleanest now: grid × PUE, within one method and one basis. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from exporter.core.model import IntensityInForce, Region
from exporter.core.units import GCO2eqPerKwh


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A cloud region with the intensity in force of its grid.

    ``weaker`` says that something better is known of the grid which must not be ranked with the
    others.
    """

    region: Region
    grid: IntensityInForce
    weaker: bool = False

    @property
    def gco2eq_per_kwh_it(self) -> GCO2eqPerKwh:
        """Grams per kWh of IT energy: the ranking key."""
        return GCO2eqPerKwh(self.grid.gco2eq_per_kwh * self.region.pue)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """A candidate in its place.

    ``rank`` starts at 1 with the lowest grams; equals share a rank, and the next one is counted
    behind all of them. ``saving`` is the share of the reference's grams that this region would
    save, negative where it would emit more, None without a reference above 0.
    """

    candidate: Candidate
    rank: int
    gco2eq_per_kwh_it: GCO2eqPerKwh
    saving: float | None = None

    @property
    def weaker(self) -> bool:
        """Whether the ranking had to leave a live value of another basis aside."""
        return self.candidate.weaker


def rank(
    candidates: Iterable[Candidate], *, reference: GCO2eqPerKwh | None = None
) -> tuple[Ranked, ...]:
    """Order regions by grams per kWh of IT energy, the lowest first; equals by name.

    ``reference`` is what savings relate to, in grams per kWh of IT energy.

    Raises:
        ValueError: the intensities are of several methods or bases, which do not compare.
    """
    ordered = sorted(candidates, key=_place)
    _check_comparable(ordered)
    ranked: list[Ranked] = []
    for number, candidate in enumerate(ordered, start=1):
        grams = candidate.gco2eq_per_kwh_it
        equal = ranked and ranked[-1].gco2eq_per_kwh_it == grams
        ranked.append(
            Ranked(
                candidate=candidate,
                rank=ranked[-1].rank if equal else number,
                gco2eq_per_kwh_it=grams,
                saving=1.0 - grams / reference if reference else None,
            )
        )
    return tuple(ranked)


def _place(candidate: Candidate) -> tuple[float, str, str]:
    return candidate.gco2eq_per_kwh_it, candidate.region.provider, candidate.region.name


def _check_comparable(candidates: Sequence[Candidate]) -> None:
    kinds = {f"{c.grid.method} {c.grid.basis}" for c in candidates}
    if len(kinds) > 1:
        message = f"{' and '.join(sorted(kinds))} intensities do not compare: rank them apart"
        raise ValueError(message)
