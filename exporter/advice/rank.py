"""Which region is the cleanest now: grid × PUE, within one method and one basis. Pure.

A policy narrows the choice to where work may run (residency), to what is near enough, and weighs
carbon against money where both have a price.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import asin, cos, inf, radians, sin, sqrt
from typing import Final

from exporter.core.model import IntensityInForce, Region
from exporter.core.units import GRAMS_PER_KILOGRAM, WATTS_PER_KILOWATT, GCO2eqPerKwh

EARTH_RADIUS_KM: Final = 6371.0
"""Mean radius (IUGG)."""
FIBRE_KM_PER_MS: Final = 204.0
"""Light in vacuum, 299.79 km/ms, by the refractive index of silica fibre, 1.468 at 1550 nm."""
DETOUR: Final = 1.5
"""Assumed: how much longer cables are than the great circle. A round trip that is estimated with it
is a guide to what is near, and no measurement."""


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


# --- with a policy --------------------------------------------------------------------------------


class Refusal(StrEnum):
    """Why a policy leaves a region out."""

    NOT_ALLOWED = "not_allowed"
    DENIED = "denied"
    TOO_FAR = "too_far"
    PLACE_UNKNOWN = "place_unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Where work may run, and what carbon is worth.

    ``allow`` and ``deny`` hold ``provider:region``, or ``provider`` for all of a cloud; an empty
    ``allow`` is everything, and ``deny`` goes before it. ``near`` is a latitude and longitude in
    degrees from which a round trip may take ``max_round_trip_ms`` at most, estimated by distance.
    ``dollars_per_tonne`` prices carbon, and ``dollars_per_hour`` what the machine costs by
    ``provider:region``: with both, regions are ordered by money, carbon among it.
    """

    allow: frozenset[str] = frozenset()
    deny: frozenset[str] = frozenset()
    near: tuple[float, float] | None = None
    max_round_trip_ms: float = inf
    dollars_per_tonne: float = 0.0
    dollars_per_hour: Mapping[str, float] = field(default_factory=dict)
    watts: float = WATTS_PER_KILOWATT
    """IT power of the machine whose price is compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A region that a policy lets pass, in its place.

    ``dollars_per_hour`` is the machine's price with that of its carbon, None where the machine's
    is not known; such regions come behind those that have one. ``round_trip_ms`` is estimated.
    """

    ranked: Ranked
    rank: int
    dollars_per_hour: float | None = None
    round_trip_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A region that a policy leaves out, and why."""

    candidate: Candidate
    refusal: Refusal


def choose(
    candidates: Iterable[Candidate], policy: Policy, *, reference: GCO2eqPerKwh | None = None
) -> tuple[tuple[Choice, ...], tuple[Refused, ...]]:
    """Order the regions that a policy allows, and tell why each other one is left out.

    Without prices the order is that of ``rank``. With them it is by dollars per hour, so that a
    region that is both dearer and dirtier than another is never above it.

    Raises:
        ValueError: the intensities are of several methods or bases, which do not compare.
    """
    allowed, refused = [], []
    for candidate in candidates:
        refusal = _refusal(candidate.region, policy)
        if refusal is None:
            allowed.append(candidate)
        else:
            refused.append(Refused(candidate=candidate, refusal=refusal))
    choices = [
        Choice(
            ranked=one,
            rank=one.rank,
            dollars_per_hour=_dollars(one.candidate, policy),
            round_trip_ms=_round_trip(one.candidate.region, policy),
        )
        for one in rank(allowed, reference=reference)
    ]
    if policy.dollars_per_hour:
        choices.sort(key=_money)  # stable: equals stay by their grams
        choices = [
            Choice(
                ranked=one.ranked,
                rank=1 + sum(_money(other) < _money(one) for other in choices),
                dollars_per_hour=one.dollars_per_hour,
                round_trip_ms=one.round_trip_ms,
            )
            for one in choices
        ]
    return tuple(choices), tuple(refused)


def _money(choice: Choice) -> float:
    return inf if choice.dollars_per_hour is None else choice.dollars_per_hour


def _refusal(region: Region, policy: Policy) -> Refusal | None:
    names = {region.provider, f"{region.provider}:{region.name}"}
    if names & policy.deny:
        return Refusal.DENIED
    if policy.allow and not names & policy.allow:
        return Refusal.NOT_ALLOWED
    if policy.near is None or policy.max_round_trip_ms == inf:
        return None
    trip = _round_trip(region, policy)
    if trip is None:
        return Refusal.PLACE_UNKNOWN
    return Refusal.TOO_FAR if trip > policy.max_round_trip_ms else None


def _dollars(candidate: Candidate, policy: Policy) -> float | None:
    name = f"{candidate.region.provider}:{candidate.region.name}"
    if name not in policy.dollars_per_hour:
        return None
    kilograms = candidate.gco2eq_per_kwh_it * policy.watts / WATTS_PER_KILOWATT / GRAMS_PER_KILOGRAM
    return policy.dollars_per_hour[name] + kilograms * policy.dollars_per_tonne / GRAMS_PER_KILOGRAM


def _round_trip(region: Region, policy: Policy) -> float | None:
    if policy.near is None or region.latitude is None or region.longitude is None:
        return None
    there = (region.latitude, region.longitude)
    return 2.0 * DETOUR * distance_km(policy.near, there) / FIBRE_KM_PER_MS


def distance_km(here: tuple[float, float], there: tuple[float, float]) -> float:
    """Great-circle distance of two points in degrees, by the haversine formula."""
    (lat, lon), (lat2, lon2) = (tuple(map(radians, point)) for point in (here, there))
    half = sin((lat2 - lat) / 2) ** 2 + cos(lat) * cos(lat2) * sin((lon2 - lon) / 2) ** 2
    return 2.0 * EARTH_RADIUS_KM * asin(sqrt(min(1.0, half)))
