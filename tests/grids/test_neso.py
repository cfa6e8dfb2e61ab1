import json
from contextlib import closing
from datetime import datetime
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from exporter.core.clock import from_epoch
from exporter.core.errors import BadPayloadError
from exporter.core.model import GridReading
from exporter.demo.grid.documents import lifecycle_mix
from exporter.grids.neso import (
    FACTORS,
    STEP,
    Config,
    NesoSource,
    lifecycle_intensity,
    parse_generation,
    parse_regional,
)
from exporter.http.client import Endpoint, JsonClient, StatusError
from tests.support.clock import ManualClock
from tests.support.grids import FIXTURES, context, json_values
from tests.support.streamed import streamed

NOON = 1_516_449_600
"""2018-01-20T12:00Z, the half-hour of the documented example."""
LATER = float(NOON + 10 * STEP)


def fixture(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((FIXTURES / name).read_text())
    return document


def row(
    start: str = "2018-01-20T12:00Z", end: str = "2018-01-20T12:30Z", **mix: object
) -> dict[str, Any]:
    entries = [{"fuel": fuel, "perc": percent} for fuel, percent in mix.items()]
    return {"from": start, "to": end, "generationmix": entries}


def test_the_documented_example_gives_its_life_cycle_value() -> None:
    """Σ percent × factor is 24222.6 by hand, over the example's sum of 98.9 %."""
    (point,) = parse_generation(fixture("neso_generation.json"), now=LATER).points
    assert (point.zone, point.start, point.end) == ("GB", NOON, NOON + STEP)
    assert point.gco2eq_per_kwh == pytest.approx(24222.6 / 98.9, abs=0.01)
    assert (point.estimated, point.forecast) == (False, False)


def test_data_may_be_one_object_instead_of_a_list() -> None:
    listed = fixture("neso_generation.json")
    single = {"data": listed["data"][0]}
    assert parse_generation(single, now=LATER) == parse_generation(listed, now=LATER)


@pytest.mark.parametrize(
    "name",
    ["neso_error_400.json", "neso_error_500.json", "neso_intensity.json", "neso_factors.json"],
)
def test_another_document_of_the_api_is_a_bad_payload(name: str) -> None:
    with pytest.raises(BadPayloadError, match="neso: "):
        parse_generation(fixture(name), now=LATER)


def test_the_running_half_hour_is_estimated_and_the_next_is_not_given() -> None:
    rows = [row(wind=100), row("2018-01-20T12:30Z", "2018-01-20T13:00Z", wind=100)]
    (point,) = parse_generation({"data": rows}, now=NOON + 1.0).points
    assert point.start == NOON
    assert point.estimated


@pytest.mark.parametrize("mix", [None, [], [{"fuel": "gas", "perc": None}]])
def test_a_mix_without_values_is_no_data_not_zero(mix: object) -> None:
    without = {"from": "2018-01-20T12:00Z", "to": "2018-01-20T12:30Z", "generationmix": mix}
    reading = parse_generation({"data": [without]}, now=LATER)
    assert not reading.points
    assert not reading.failures


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (row(gas=50), "adds up to 50 %"),
        (row(gas=100, coal=100), "adds up to 200 %"),
        (row(gas=0), "adds up to 0 %"),
        (row(gas=110, coal=-10), "perc"),
        (row(gas="100"), "perc"),
        (row(gas=True), "perc"),
        (row(end="2018-01-20T13:00Z", gas=100), "not a half-hour"),
        (row("2018-01-20T12:10Z", "2018-01-20T12:40Z", gas=100), "not a half-hour"),
        (row("2018-01-20T12:00", gas=100), "from"),
        ({"from": "2018-01-20T12:00Z", "to": "2018-01-20T12:30Z"}, "generationmix"),
        ("row", "half-hour"),
    ],
)
def test_an_unreadable_half_hour_is_refused_with_the_cause(bad: object, why: str) -> None:
    with pytest.raises(BadPayloadError, match=why):
        parse_generation({"data": [bad]}, now=LATER)


def test_a_fuel_that_is_listed_twice_is_refused() -> None:
    twice = row(gas=50)
    twice["generationmix"] *= 2
    with pytest.raises(BadPayloadError, match="repeated"):
        parse_generation({"data": [twice]}, now=LATER)


def test_an_unreadable_half_hour_does_not_lose_the_readable_ones() -> None:
    rows = [row("2018-01-20T11:30Z", "2018-01-20T12:00Z", gas=50), row(wind=100)]
    reading = parse_generation({"data": rows}, now=LATER)
    assert [point.gco2eq_per_kwh for point in reading.points] == [12.6]
    assert ["1 unreadable" in str(failure) for failure in reading.failures] == [True]


def test_the_later_of_two_answers_for_a_half_hour_counts() -> None:
    (point,) = parse_generation({"data": [row(gas=100), row(coal=100)]}, now=LATER).points
    assert point.gco2eq_per_kwh == 997.0


@given(document=json_values | st.fixed_dictionaries({"data": json_values}))
def test_any_rubbish_is_a_bad_payload_or_nothing(document: object) -> None:
    try:
        reading = parse_generation(document, now=LATER)
    except BadPayloadError:
        return
    assert reading.points == ()


rubbish_rows = st.fixed_dictionaries(
    {},
    optional={
        "from": st.just("2018-01-20T12:00Z") | json_values,
        "to": st.just("2018-01-20T12:30Z") | json_values,
        "generationmix": json_values
        | st.lists(
            st.fixed_dictionaries(
                {},
                optional={
                    "fuel": st.sampled_from(sorted(FACTORS)) | json_values,
                    "perc": st.floats(0, 100) | json_values,
                },
            )
        ),
    },
)


@given(rows=st.lists(rubbish_rows, max_size=4))
def test_rows_of_half_right_fields_give_physical_values_or_a_bad_payload(
    rows: list[object],
) -> None:
    try:
        reading = parse_generation({"data": rows}, now=LATER)
    except BadPayloadError:
        return
    assert all(5 <= point.gco2eq_per_kwh <= 1125 for point in reading.points)


@st.composite
def mixes(draw: st.DrawFn) -> dict[str, float]:
    parts = draw(st.dictionaries(st.sampled_from(sorted(FACTORS)), st.floats(0.1, 100), min_size=1))
    total = sum(parts.values())
    return {fuel: part / total * 100 for fuel, part in parts.items()}


@given(mix=mixes())
def test_a_mix_lies_between_its_cleanest_and_its_dirtiest_fuel(mix: dict[str, float]) -> None:
    used = [FACTORS[fuel].gco2eq_per_kwh for fuel in mix]
    assert min(used) - 1e-9 <= lifecycle_intensity(mix).central <= max(used) + 1e-9


@given(one=mixes(), other=mixes(), share=st.floats(0, 1))
def test_the_mean_of_two_mixes_has_the_mean_intensity(
    one: dict[str, float], other: dict[str, float], share: float
) -> None:
    both = {
        fuel: share * one.get(fuel, 0.0) + (1 - share) * other.get(fuel, 0.0)
        for fuel in one.keys() | other.keys()
    }
    expected = (
        share * lifecycle_intensity(one).central + (1 - share) * lifecycle_intensity(other).central
    )
    assert lifecycle_intensity(both).central == pytest.approx(expected, rel=1e-9)


@given(scale=st.floats(0.99, 1.01), mix=mixes())
def test_rounding_of_the_sum_does_not_move_the_value(scale: float, mix: dict[str, float]) -> None:
    scaled = {fuel: percent * scale for fuel, percent in mix.items()}
    assert lifecycle_intensity(scaled) == pytest.approx(lifecycle_intensity(mix), rel=1e-9)


@given(value=st.floats(12.6, 997))
def test_the_simulated_mix_has_exactly_the_simulated_intensity(value: float) -> None:
    assert lifecycle_intensity(lifecycle_mix(value)).central == pytest.approx(value, rel=1e-12)


def test_an_unknown_fuel_counts_with_wide_bounds_where_it_matters() -> None:
    plain = lifecycle_intensity({"wind": 100.0})
    assert lifecycle_intensity({"wind": 99.5, "fusion": 0.5}) == plain
    half = lifecycle_intensity({"wind": 50.0, "fusion": 50.0})
    assert half.central == pytest.approx((12.6 + FACTORS["unknown"].gco2eq_per_kwh) / 2)
    assert half.low < 0.1 * half.central
    assert half.high > 2.5 * half.central


def test_every_factor_has_its_source_and_the_fuels_are_those_documented() -> None:
    documented = fixture("neso_generation.json")["data"][0]["generationmix"]
    assert set(FACTORS) - {"unknown"} == {entry["fuel"] for entry in documented}
    assert all(factor.source for factor in FACTORS.values())


def test_factors_of_the_plants_are_the_operators_raised_by_upstream_and_imports_by_hand() -> None:
    (direct,) = fixture("neso_factors.json")["data"]
    assert FACTORS["gas"].gco2eq_per_kwh == direct["Gas (Combined Cycle)"] + 90
    assert FACTORS["coal"].gco2eq_per_kwh == direct["Coal"] + 60
    assert FACTORS["other"].gco2eq_per_kwh == direct["Other"] + 100
    assert FACTORS["imports"].gco2eq_per_kwh == pytest.approx(79.32, abs=0.01)


@pytest.mark.parametrize(
    "section",
    [
        {"base_url": "ftp://x"},
        {"base_url": "https://u:p@x.org"},
        {"region": 0},
        {"region": 18},
        {"region": "London"},
    ],
)
def test_a_wrong_section_is_refused(section: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Config.model_validate({"kind": "neso", **section})


def test_a_region_number_may_be_a_text_as_in_the_environment() -> None:
    assert Config.model_validate({"kind": "neso", "region": "13"}).region == 13


LONDON_START = 1_701_599_400
"""2023-12-03T10:30Z, the first half-hour of the recording."""
LONDON_GRAMS = 32.1 * 79.32 + 23.1 * 484 + 9.4 * 5.1 + 0.5 * 10.7 + 0.6 * 35 + 34.2 * 12.6
"""By hand for the first half-hour; its mix adds up to 99.9 %."""


def london(**changes: object) -> dict[str, Any]:
    document = fixture("neso_regional_fw48h_regionid13.json")
    document["data"] |= changes
    return document


def test_a_recorded_regional_forecast_gives_life_cycle_values() -> None:
    reading = parse_regional(london(), 13, now=LONDON_START - 1)
    first = reading.points[0]
    assert (first.zone, first.start, first.end) == ("GB", LONDON_START, LONDON_START + STEP)
    assert first.gco2eq_per_kwh == pytest.approx(LONDON_GRAMS / 99.9, rel=1e-4)
    assert len(reading.points) == 12
    assert {(point.forecast, point.estimated) for point in reading.points} == {(True, False)}


def test_a_region_has_estimates_where_the_country_has_values() -> None:
    points = parse_regional(london(), 13, now=LONDON_START + 3 * STEP).points
    assert [point.estimated for point in points] == [True] * 4 + [False] * 8
    assert [point.forecast for point in points] == [False] * 4 + [True] * 8


def test_regional_data_may_be_a_list_of_one() -> None:
    (point,) = parse_regional(fixture("neso_regional_regionid.json"), 3, now=LATER).points
    assert point.start == NOON
    document = london()
    assert parse_regional({"data": [document["data"]]}, 13, now=0.0) == parse_regional(
        document, 13, now=0.0
    )


@pytest.mark.parametrize(
    "document",
    [
        london(regionid=7),
        london(data=None),
        {"data": []},
        {"data": [london()["data"]] * 2},
        fixture("neso_generation.json"),
        fixture("neso_error_400.json"),
    ],
)
def test_another_region_or_document_is_a_bad_payload(document: object) -> None:
    with pytest.raises(BadPayloadError, match="neso: "):
        parse_regional(document, 13, now=0.0)


@given(document=json_values | st.fixed_dictionaries({"data": json_values}))
def test_any_rubbish_of_a_region_is_a_bad_payload(document: object) -> None:
    with pytest.raises(BadPayloadError):
        parse_regional(document, 13, now=LATER)


class Api:
    """NESO, answering one mix for every half-hour; ``broken`` paths answer otherwise."""

    def __init__(self, **broken: httpx.Response) -> None:
        self.paths: list[str] = []
        self.broken = broken

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.paths.append(request.url.path)
        _, kind, *rest = request.url.path.split("/")
        if kind in self.broken:
            return self.broken[kind]
        rows = [row(start, end, gas=100) for start, end in HALF_HOURS]
        if kind == "generation":
            return httpx.Response(200, json={"data": rows})
        return httpx.Response(200, json={"data": {"regionid": int(rest[-1]), "data": rows}})


HALF_HOURS = [
    ("2018-01-20T12:00Z", "2018-01-20T12:30Z"),
    ("2018-01-20T12:30Z", "2018-01-20T13:00Z"),
    ("2018-01-20T13:00Z", "2018-01-20T13:30Z"),
]


def fetch(api: "Api | CutShort", start: int, end: int, region: int | None = None) -> GridReading:
    clock = ManualClock(from_epoch(NOON + STEP + 60))
    endpoint = Endpoint(source="neso", base_url="https://api.example.org", auth_fix="-")
    client = JsonClient(endpoint, context(clock), transport=streamed(api))
    with closing(NesoSource(client, clock, region=region)) as neso:
        return neso.fetch(["GB"], start, end)


@pytest.mark.parametrize(
    ("region", "observed", "number"),
    [(None, "/generation/", 18), (13, "/regional/intensity/", 13)],
)
def test_a_window_that_reaches_now_comes_with_the_forecast(
    region: int | None, observed: str, number: int
) -> None:
    api = Api()
    reading = fetch(api, NOON, NOON + 2 * STEP, region)
    assert [(p.start - NOON) // STEP for p in reading.points] == [0, 1, 2]
    assert [p.forecast for p in reading.points] == [False, False, True]
    assert api.paths[0].startswith(observed)
    assert api.paths[1] == f"/regional/intensity/2018-01-20T13:00Z/fw48h/regionid/{number}"


def test_a_window_of_the_past_asks_for_no_forecast() -> None:
    api = Api()
    fetch(api, NOON, NOON + STEP)
    assert api.paths == ["/generation/2018-01-20T12:00Z/2018-01-20T12:30Z"]


def test_values_stand_without_a_forecast_and_a_forecast_without_values() -> None:
    without = fetch(Api(regional=httpx.Response(400, json={})), NOON, NOON + 2 * STEP)
    assert [p.forecast for p in without.points] == [False, False]
    alone = fetch(Api(generation=httpx.Response(400, json={})), NOON, NOON + 2 * STEP)
    assert [p.forecast for p in alone.points] == [True]
    for reading in (without, alone):
        assert [type(failure) for failure in reading.failures] == [StatusError]


def test_an_empty_forecast_mix_is_no_forecast_and_no_failure() -> None:
    empty = {"data": {"regionid": 18, "data": [row("2018-01-20T13:00Z", "2018-01-20T13:30Z")]}}
    reading = fetch(Api(regional=httpx.Response(200, json=empty)), NOON, NOON + 2 * STEP)
    assert [p.forecast for p in reading.points] == [False, False]
    assert reading.failures == ()


NEW_YEAR = 1_514_764_800
"""2018-01-01T00:00Z."""


class CutShort:
    """NESO, whose answers end with the year that they begin in, or after ``longest`` half-hours."""

    def __init__(self, longest: int = 10**6) -> None:
        self.longest = longest
        self.paths: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.paths.append(request.url.path)
        first, last = (
            int(datetime.fromisoformat(text).timestamp())
            for text in request.url.path.split("/")[2:4]
        )
        if first < NEW_YEAR:
            last = min(last, NEW_YEAR)
        starts = range(first, last, STEP)[: self.longest]
        rows = [row(_iso(at), _iso(at + STEP), gas=100) for at in starts]
        return httpx.Response(200, json={"data": rows})


def _iso(moment: int) -> str:
    return from_epoch(moment).strftime("%Y-%m-%dT%H:%MZ")


@pytest.mark.parametrize("longest", [10**6, 20])
def test_a_window_over_new_year_or_an_answer_cut_short_has_every_half_hour(longest: int) -> None:
    start, end = NEW_YEAR - 40 * STEP, NEW_YEAR + 40 * STEP
    api = CutShort(longest)
    reading = fetch(api, start, end)
    assert [point.start for point in reading.points] == list(range(start, end, STEP))
    assert reading.failures == ()
    assert len(api.paths) == 2 if longest > 100 else 4


def test_half_hours_that_nobody_has_are_told_and_no_failure() -> None:
    class Gone(CutShort):
        def __call__(self, request: httpx.Request) -> httpx.Response:
            answer = super().__call__(request)
            return answer if len(self.paths) == 1 else httpx.Response(200, json={"data": []})

    reading = fetch(Gone(longest=4), NEW_YEAR, NEW_YEAR + 40 * STEP)
    assert len(reading.points) == 4
    assert [failure.minor for failure in reading.failures] == [True]
