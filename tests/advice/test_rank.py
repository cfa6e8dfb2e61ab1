from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.advice.rank import Candidate, Policy, Refusal, choose, distance_km, rank
from exporter.core.model import Basis, FallbackLevel, IntensityInForce, Method, Region
from exporter.core.units import GCO2eqPerKwh


def a_grid(
    grams: float,
    *,
    method: Method = Method.AVERAGE,
    basis: Basis = Basis.LIFECYCLE,
    level: FallbackLevel = FallbackLevel.LIVE,
) -> IntensityInForce:
    return IntensityInForce(
        zone="XX",
        gco2eq_per_kwh=GCO2eqPerKwh(grams),
        source="breeze",
        method=method,
        basis=basis,
        level=level,
        valid_from=0,
    )


def a_candidate(
    name: str, grams: float, pue: float = 1.0, *, provider: str = "aws", weaker: bool = False
) -> Candidate:
    region = Region(provider=provider, name=name, grid_zone="XX", pue=pue, pue_source="")
    return Candidate(region=region, grid=a_grid(grams), weaker=weaker)


def test_the_key_is_grid_times_pue() -> None:
    ranked = rank([a_candidate("clean-but-wasteful", 100, 1.5), a_candidate("thrifty", 120, 1.1)])
    assert [one.candidate.region.name for one in ranked] == ["thrifty", "clean-but-wasteful"]
    assert [one.gco2eq_per_kwh_it for one in ranked] == pytest.approx([132, 150])


def test_equals_share_a_rank_and_the_next_is_counted_behind_them() -> None:
    ranked = rank(
        [
            a_candidate("d", 300),
            a_candidate("b", 200),
            a_candidate("a", 200),
            a_candidate("a", 200, provider="azure"),
            a_candidate("c", 50),
        ]
    )
    places = [
        (one.rank, one.candidate.region.provider, one.candidate.region.name) for one in ranked
    ]
    assert places == [
        (1, "aws", "c"),
        (2, "aws", "a"),
        (2, "aws", "b"),
        (2, "azure", "a"),
        (5, "aws", "d"),
    ]


def test_savings_relate_to_the_reference() -> None:
    ranked = rank([a_candidate("a", 50), a_candidate("b", 300)], reference=GCO2eqPerKwh(200))
    assert [one.saving for one in ranked] == pytest.approx([0.75, -0.5])


@pytest.mark.parametrize("reference", [None, GCO2eqPerKwh(0)])
def test_without_a_reference_there_is_no_saving(reference: GCO2eqPerKwh | None) -> None:
    [one] = rank([a_candidate("a", 50)], reference=reference)
    assert one.saving is None


def test_nothing_ranks_as_nothing() -> None:
    assert rank([]) == ()


@pytest.mark.parametrize(
    ("odd", "named"),
    [
        (a_grid(20, basis=Basis.DIRECT), "average direct and average lifecycle"),
        (a_grid(20, method=Method.MARGINAL), "average lifecycle and marginal lifecycle"),
    ],
)
def test_methods_and_bases_are_never_mixed(odd: IntensityInForce, named: str) -> None:
    good = a_candidate("a", 50)
    with pytest.raises(ValueError, match=named):
        rank([good, Candidate(region=good.region, grid=odd)])


def test_one_other_method_or_basis_ranks_among_its_own() -> None:
    region = a_candidate("a", 50).region
    grid = a_grid(20, method=Method.MARGINAL, basis=Basis.DIRECT)
    assert [one.rank for one in rank([Candidate(region=region, grid=grid)])] == [1]


def test_the_flag_of_a_candidate_stays_with_it() -> None:
    ranked = rank([a_candidate("a", 90, weaker=True), a_candidate("b", 50)])
    assert [(one.candidate.region.name, one.weaker) for one in ranked] == [
        ("b", False),
        ("a", True),
    ]


@pytest.mark.parametrize("level", FallbackLevel)
def test_live_is_of_its_own_time_from_whichever_source(level: FallbackLevel) -> None:
    assert a_grid(1, level=level).live == (
        level in (FallbackLevel.LIVE, FallbackLevel.SECOND_SOURCE)
    )


@given(
    st.lists(
        st.tuples(st.floats(0, 2000), st.floats(1, 2), st.sampled_from("abcdef")),
        unique_by=lambda each: each[2],
    )
)
def test_ranks_agree_with_the_grams(drawn: list[tuple[float, float, str]]) -> None:
    ranked = rank([a_candidate(name, grams, pue) for grams, pue, name in drawn])
    assert {one.candidate.region.name for one in ranked} == {name for _, _, name in drawn}
    keys = [one.gco2eq_per_kwh_it for one in ranked]
    assert keys == sorted(keys)
    assert [one.rank for one in ranked] == [1 + sum(k < key for k in keys) for key in keys]


# --- with a policy --------------------------------------------------------------------------------


def placed(name: str, grams: float, latitude: float | None, longitude: float | None) -> Candidate:
    one = a_candidate(name, grams)
    return replace(one, region=replace(one.region, latitude=latitude, longitude=longitude))


def test_residency_is_a_list_and_denial_goes_before_it() -> None:
    candidates = [a_candidate("a", 1), a_candidate("b", 2), a_candidate("c", 3, provider="gcp")]
    policy = Policy(allow=frozenset({"aws"}), deny=frozenset({"aws:a"}))
    choices, refused = choose(candidates, policy)
    assert [one.ranked.candidate.region.name for one in choices] == ["b"]
    assert {one.candidate.region.name: one.refusal for one in refused} == {
        "a": Refusal.DENIED,
        "c": Refusal.NOT_ALLOWED,
    }


def test_what_is_too_far_or_nobody_knows_where_is_left_out() -> None:
    paris, dublin, sydney = (48.86, 2.35), (53.35, -6.26), (-33.87, 151.21)
    policy = Policy(near=paris, max_round_trip_ms=20.0)
    choices, refused = choose(
        [placed("dublin", 9, *dublin), placed("sydney", 1, *sydney), placed("x", 1, None, None)],
        policy,
    )
    [near] = choices
    assert near.ranked.candidate.region.name == "dublin"
    assert near.round_trip_ms == pytest.approx(11.5, abs=0.3)
    assert [one.refusal for one in refused] == [Refusal.TOO_FAR, Refusal.PLACE_UNKNOWN]
    assert distance_km(paris, dublin) == pytest.approx(781, abs=5)


def test_the_price_of_carbon_weighs_it_against_money() -> None:
    candidates = [a_candidate("clean", 50), a_candidate("cheap", 600)]
    prices = {"aws:clean": 0.20, "aws:cheap": 0.15}

    def order(dollars: float) -> list[str]:
        policy = Policy(dollars_per_tonne=dollars, dollars_per_hour=prices)
        return [one.ranked.candidate.region.name for one in choose(candidates, policy)[0]]

    assert order(50) == ["cheap", "clean"]
    assert order(100) == ["clean", "cheap"]


def test_a_region_without_a_price_comes_behind_those_that_have_one() -> None:
    candidates = [a_candidate("unpriced", 1), a_candidate("priced", 900)]
    choices, _ = choose(candidates, Policy(dollars_per_hour={"aws:priced": 1.0}))
    assert [(c.ranked.candidate.region.name, c.rank) for c in choices] == [
        ("priced", 1),
        ("unpriced", 2),
    ]


@given(
    st.lists(
        st.tuples(st.floats(0, 2000), st.floats(0, 9), st.sampled_from("abcdef")),
        unique_by=lambda each: each[2],
    ),
    st.floats(0, 1000),
)
def test_a_dominated_region_never_ranks_above(
    drawn: list[tuple[float, float, str]], dollars: float
) -> None:
    prices = {f"aws:{name}": price for _, price, name in drawn}
    policy = Policy(dollars_per_tonne=dollars, dollars_per_hour=prices)
    choices, _ = choose([a_candidate(name, grams) for grams, _, name in drawn], policy)
    place = {c.ranked.candidate.region.name: c.rank for c in choices}
    for grams, price, name in drawn:
        for other_grams, other_price, other in drawn:
            if grams <= other_grams and price <= other_price:
                assert place[name] <= place[other]
