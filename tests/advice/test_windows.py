from dataclasses import replace
from itertools import combinations, pairwise, product

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from exporter.advice.curves import Curve, Place, aligned, coarser, curve_of, curves_of
from exporter.advice.windows import ImpossibleError, Job, Slice, advise, bounds, emitted, plan
from exporter.core.model import (
    Basis,
    FallbackLevel,
    ForecastHour,
    IntensityInForce,
    Method,
    Outlook,
)
from exporter.core.units import GCO2eqPerKwh

HOUR = 3600
GRAMS = st.integers(0, 900).map(float)


def a_curve(values: list[float], place: str = "FR", *, start: int = 0, step: int = HOUR) -> Curve:
    return Curve(place=place, start=start, step=step, central=tuple(values))


def tables(places: int, longest: int) -> st.SearchStrategy[list[Curve]]:
    return st.integers(2, longest).flatmap(
        lambda n: st.lists(
            st.lists(GRAMS, min_size=n, max_size=n), min_size=places, max_size=places
        ).map(lambda rows: [a_curve(row, f"Z{i}") for i, row in enumerate(rows)])
    )


def brute(curves: list[Curve], job: Job, work: int) -> float:
    """Price every way to run: each step idle or in one place, cut to runs in every possible way."""
    truth = {c.place: c for c in curves}
    steps, least = len(curves[0].central), float("inf")
    for hours in combinations(range(steps), work):
        if not job.interruptible and hours[-1] - hours[0] != work - 1:
            continue
        for where in product([c.place for c in curves], repeat=work):
            if not job.interruptible and len(set(where)) > 1:
                continue
            slices: list[Slice] = []
            for hour, place in zip(hours, where, strict=True):
                if slices and slices[-1][::2] == (place, hour * HOUR):
                    slices[-1] = slices[-1]._replace(end=(hour + 1) * HOUR)
                else:
                    slices.append(Slice(place, hour * HOUR, (hour + 1) * HOUR))
            short = [s for s in slices[:-1] if s.end - s.start < job.min_slice]
            if not short and (
                slices[-1].end - slices[-1].start >= min(job.min_slice, work * HOUR)
                or len(slices) > 1
            ):
                least = min(least, emitted(slices, job, truth))
    return least


@given(tables(3, 9), st.integers(1, 4), st.sampled_from(["", "Z1", "elsewhere"]), st.floats(0, 2))
def test_a_contiguous_plan_costs_what_the_best_of_all_costs(
    curves: list[Curve], work: int, home: str, transfer: float
) -> None:
    assume(work <= len(curves[0].central))
    job = Job(duration=work * HOUR, home=home, transfer_kwh=transfer)
    found = plan(curves, job)
    assert found.grams == pytest.approx(brute(curves, job, work))
    assert len(found.slices) == 1
    assert found.end - found.start == work * HOUR


@given(tables(2, 6), st.integers(1, 4))
def test_a_free_interruptible_plan_costs_what_the_best_of_all_costs(
    curves: list[Curve], work: int
) -> None:
    assume(work <= len(curves[0].central))
    job = Job(duration=work * HOUR, interruptible=True)
    assert plan(curves, job).grams == pytest.approx(brute(curves, job, work))


@settings(max_examples=60, deadline=None)
@given(
    tables(2, 6),
    st.integers(1, 4),
    st.integers(0, HOUR),
    st.floats(0, 2),
    st.sampled_from(["", "Z0", "elsewhere"]),
)
def test_what_pausing_and_moving_cost_is_part_of_the_plan(
    curves: list[Curve], work: int, resume: int, transfer: float, home: str
) -> None:
    assume(work <= len(curves[0].central))
    job = Job(
        duration=work * HOUR, interruptible=True, resume=resume, transfer_kwh=transfer, home=home
    )
    found = plan(curves, job)
    assert found.grams == pytest.approx(brute(curves, job, work))
    assert sum(s.end - s.start for s in found.slices) == work * HOUR


@settings(max_examples=60, deadline=None)
@given(tables(1, 8), st.integers(1, 5), st.integers(0, HOUR))
def test_no_run_but_the_last_is_shorter_than_the_least_slice(
    curves: list[Curve], work: int, resume: int
) -> None:
    assume(work <= len(curves[0].central))
    job = Job(duration=work * HOUR, interruptible=True, resume=resume, min_slice=2 * HOUR)
    found = plan(curves, job)
    assert all(s.end - s.start >= 2 * HOUR for s in found.slices[:-1])
    assert found.grams == pytest.approx(brute(curves, job, work))


def uneven(places: int, longest: int) -> st.SearchStrategy[list[Curve]]:
    rows = st.lists(GRAMS, min_size=1, max_size=longest)
    return st.lists(rows, min_size=places, max_size=places).map(
        lambda found: [a_curve(row, f"Z{i}") for i, row in enumerate(found)]
    )


def brute_uneven(curves: list[Curve], job: Job, work: int) -> float:
    """The same where places are known for different times: no slice lies in the unknown."""
    longest = max(len(c.central) for c in curves)
    marked = [
        a_curve([*c.central, *[c.central[-1]] * (longest - len(c.central))], c.place)
        for c in curves
    ]
    known = {c.place: len(c.central) for c in curves}
    truth, least = {c.place: c for c in marked}, float("inf")
    for hours in combinations(range(longest), work):
        if not job.interruptible and hours[-1] - hours[0] != work - 1:
            continue
        for where in product(known, repeat=work):
            if any(h >= known[p] for h, p in zip(hours, where, strict=True)):
                continue
            if not job.interruptible and len(set(where)) > 1:
                continue
            slices: list[Slice] = []
            for hour, place in zip(hours, where, strict=True):
                if slices and slices[-1][::2] == (place, hour * HOUR):
                    slices[-1] = slices[-1]._replace(end=(hour + 1) * HOUR)
                else:
                    slices.append(Slice(place, hour * HOUR, (hour + 1) * HOUR))
            least = min(least, emitted(slices, job, truth))
    return least


@settings(max_examples=150, deadline=None)
@given(
    uneven(2, 6),
    st.integers(1, 3),
    st.sampled_from([0, 600]),
    st.sampled_from([0.0, 1.5]),
    st.sampled_from(["", "Z0"]),
    st.booleans(),
)
def test_each_place_is_used_as_far_as_it_is_known(  # noqa: PLR0913, PLR0917
    curves: list[Curve], work: int, resume: int, transfer: float, home: str, pauses: bool
) -> None:
    job = Job(
        duration=work * HOUR,
        interruptible=pauses,
        resume=resume if pauses else 0,
        transfer_kwh=transfer,
        home=home,
    )
    least = brute_uneven(curves, job, work)
    if least == float("inf"):
        with pytest.raises(ImpossibleError):
            plan(curves, job)
        return
    found = plan(curves, job)
    assert found.grams == pytest.approx(least)
    known = {c.place: c.end for c in curves}
    assert all(one.end <= known[one.place] for one in found.slices)


@given(tables(2, 10), st.integers(1, 3), st.booleans())
def test_more_slack_never_costs_more_where_the_future_is_known(
    curves: list[Curve], work: int, interruptible: bool
) -> None:
    job = Job(duration=work * HOUR, interruptible=interruptible)
    hours = len(curves[0].central)
    costs = [
        told.best.grams
        for deadline in range(work, hours + 1)
        if (told := advise(curves, job, deadline=deadline * HOUR))
    ]
    assert all(later <= earlier + 1e-6 for earlier, later in pairwise(costs))


@given(tables(3, 8), st.integers(1, 3))
def test_another_place_never_costs_more(curves: list[Curve], work: int) -> None:
    assume(work <= len(curves[0].central))
    job = Job(duration=work * HOUR)
    assert plan(curves, job).grams <= plan(curves[:1], job).grams + 1e-6


def test_of_equal_plans_the_earliest_is_taken() -> None:
    flat = [a_curve([50.0] * 6)]
    assert plan(flat, Job(duration=2 * HOUR)).start == 0
    paused = plan(flat, Job(duration=2 * HOUR, interruptible=True))
    assert paused.slices == (Slice("FR", 0, 2 * HOUR),)


def test_a_plan_beside_what_one_would_do_without_it() -> None:
    curves = [a_curve([90.0, 80.0, 10.0, 80.0], "home"), a_curve([60.0] * 4, "steady")]
    told = advise(curves, Job(duration=HOUR), deadline=4 * HOUR)
    assert told is not None
    assert told.best.slices == (Slice("home", 2 * HOUR, 3 * HOUR),)
    assert (told.best.grams, told.now.grams, told.static.grams) == (10.0, 90.0, 60.0)
    assert (told.now.place, told.static.place) == ("home", "steady")
    assert told.latest.start == 3 * HOUR
    assert told.saving == pytest.approx(8 / 9)


def test_half_hours_and_five_minutes_are_grids_as_good_as_hours() -> None:
    for step in (300, 1800):
        values = [100.0] * (4 * HOUR // step)
        values[HOUR // step] = 10.0
        found = plan([a_curve(values, step=step)], Job(duration=step))
        assert found.start == HOUR


def test_a_job_longer_than_its_time_is_impossible() -> None:
    with pytest.raises(ImpossibleError, match="do not fit into 7200 s"):
        advise([a_curve([1.0] * 9)], Job(duration=3 * HOUR), deadline=2 * HOUR)


def test_where_too_little_is_known_there_is_no_advice() -> None:
    assert advise([], Job(duration=HOUR), deadline=9 * HOUR) is None
    assert advise([a_curve([1.0])], Job(duration=2 * HOUR), deadline=9 * HOUR) is None


def test_caution_prefers_what_is_sure() -> None:
    curve = Curve(
        place="FR",
        start=0,
        step=HOUR,
        central=(50.0, 40.0),
        low=(50.0, 5.0),
        high=(50.0, 90.0),
    )
    assert plan([curve], Job(duration=HOUR)).start == HOUR
    assert plan([curve], Job(duration=HOUR), caution=0.5).start == 0


def test_curves_of_different_grids_are_not_planned_together() -> None:
    other = a_curve([1.0] * 4, "DE", step=1800)
    with pytest.raises(ValueError, match="need one grid"):
        plan([a_curve([1.0] * 4), other], Job(duration=HOUR))
    assert coarser(other, HOUR).central == (1.0, 1.0)
    ahead = a_curve([1.0] * 4, "DE", start=HOUR)
    assert {c.start for c in aligned([a_curve([1.0] * 4), ahead])} == {HOUR}


@pytest.mark.parametrize("bad", [(), (-1.0,), (float("nan"),), (float("inf"),)])
def test_a_curve_holds_numbers_of_grams(bad: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="FR"):
        Curve(place="FR", start=0, step=HOUR, central=bad)


# --- curves of what the exporter knows ------------------------------------------------------------

TEN_PAST = 10 * HOUR + 600


def in_force(level: FallbackLevel, grams: float = 50.0) -> IntensityInForce:
    return IntensityInForce(
        zone="FR",
        gco2eq_per_kwh=GCO2eqPerKwh(grams),
        source="breeze",
        method=Method.AVERAGE,
        basis=Basis.LIFECYCLE,
        level=level,
        valid_from=10 * HOUR,
        low=GCO2eqPerKwh(grams * 0.9),
        high=GCO2eqPerKwh(grams * 1.1),
    )


def outlook(*hours: tuple[int, float]) -> Outlook:
    told = tuple(
        ForecastHour(
            start=h * HOUR,
            end=(h + 1) * HOUR,
            gco2eq_per_kwh=GCO2eqPerKwh(g),
            low=GCO2eqPerKwh(g / 2),
            high=GCO2eqPerKwh(g * 2),
        )
        for h, g in hours
    )
    return Outlook(zone="FR", method=Method.AVERAGE, source="seasonal", hours=told)


def test_a_curve_begins_now_and_ends_at_the_first_gap() -> None:
    known = in_force(FallbackLevel.LIVE)
    curve = curve_of("FR", known, outlook((11, 40), (12, 30), (14, 1)), moment=TEN_PAST, pue=1.5)
    assert curve is not None
    assert (curve.start, curve.end) == (TEN_PAST, 13 * HOUR)
    assert (curve.central[0], curve.central[10], curve.central[-1]) == (75.0, 60.0, 45.0)
    assert (curve.low[0], curve.low[10], curve.high[10]) == (75.0, 30.0, 120.0)
    assert curve.observed == 10
    assert (curve.source, curve.forecaster, curve.age) == ("breeze", "seasonal", 600)
    assert curve.error == pytest.approx(0.1)


def test_a_present_that_is_expected_has_its_bounds() -> None:
    curve = curve_of("FR", in_force(FallbackLevel.FORECAST), outlook((11, 40)), moment=TEN_PAST)
    assert curve is not None
    assert curve.observed == 0
    assert (curve.low[0], curve.high[0]) == pytest.approx((45, 55))


def test_what_is_not_known_is_no_curve_and_never_a_clean_one() -> None:
    known, told = in_force(FallbackLevel.LIVE), outlook((11, 1))
    assert curve_of("FR", known, None, moment=TEN_PAST) is None
    assert curve_of("FR", None, told, moment=TEN_PAST) is None
    assert curve_of("FR", in_force(FallbackLevel.ANNUAL), told, moment=TEN_PAST) is None


def test_the_curves_of_regions_are_those_of_their_grids_times_pue() -> None:
    places = [Place("aws:eu-west-3", "FR", 1.2), Place("FR", "FR"), Place("XX", "XX")]
    direct = replace(in_force(FallbackLevel.LIVE, 1.0), basis=Basis.DIRECT)
    grids = [in_force(FallbackLevel.LIVE), direct]
    found = curves_of(places, grids, [outlook((11, 40))], moment=TEN_PAST)
    assert {c.place: (c.central[0], c.central[-1]) for c in found} == {
        "aws:eu-west-3": (60.0, 48.0),
        "FR": (50.0, 40.0),
    }


def test_the_bounds_of_a_plan_are_those_of_its_hours() -> None:
    curve = Curve(
        place="FR", start=0, step=HOUR, central=(9.0, 5.0), low=(9.0, 2.0), high=(9.0, 8.0)
    )
    job = Job(duration=HOUR)
    assert bounds(plan([curve], job), job, [curve]) == (2.0, 8.0)
