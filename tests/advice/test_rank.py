import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.advice.rank import Candidate, rank
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
