import copy
import json
from contextlib import closing
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from exporter.core.clock import from_epoch
from exporter.core.errors import AuthError, BadPayloadError, NoDataError
from exporter.core.model import GridReading
from exporter.data import rows as table
from exporter.grids._shared.payload import ShapeError
from exporter.grids.eia import (
    DEMO_BURST,
    DEMO_PER_MINUTE,
    FACTS,
    FUELS,
    KEEP_SECONDS,
    MAY_STORE,
    RESPONDENTS,
    STORAGE,
    Config,
    EiaSource,
    build,
    generated,
    read_hours,
    read_page,
    to_points,
)
from exporter.http.client import Endpoint, JsonClient
from exporter.http.documents import Budget, Documents
from exporter.http.secret import Secret
from tests.support.clock import ManualClock
from tests.support.grids import FIXTURES, context, json_values

HOUR = 3600
LATER = 2e9
ENDING_16 = 1_757_260_800
"""2025-09-07T16:00Z: the end of the newest hour of the fixtures."""
KEY = "s3cr3t-key"
PJM = {"US-MIDA-PJM": "PJM"}


def fixture(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((FIXTURES / name).read_text())
    return document


def read(document: object, *, now: float = LATER, wanted: dict[str, str] = PJM) -> GridReading:
    return to_points(read_hours(read_page(document).rows, set(wanted.values())), wanted, now=now)


def row(code: str = "NG", value: object = "100", **other: object) -> dict[str, object]:
    return {
        "period": "2025-09-07T16",
        "respondent": "PJM",
        "fueltype": code,
        "value": value,
        "value-units": "megawatthours",
        **other,
    }


def document(*rows: object) -> dict[str, Any]:
    return {"response": {"total": str(len(rows)), "frequency": "hourly", "data": list(rows)}}


def test_the_documented_shape_gives_each_hour_its_life_cycle_value() -> None:
    """By hand: sum of MWh x factor = 33,895,949.85 g/MWh over 101,390 MWh."""
    reading = read(fixture("eia_fuel_type_data_pjm.json"))
    before, newest = reading.points
    assert (newest.zone, newest.start, newest.end) == (
        "US-MIDA-PJM",
        ENDING_16 - HOUR,
        ENDING_16,
    )
    assert newest.gco2eq_per_kwh == pytest.approx(33_895_949.852791876 / 101_390, rel=1e-9)
    assert (newest.estimated, newest.forecast) == (False, False)
    assert before.end == newest.start
    assert reading.failures == ()


def test_the_recorded_hour_gives_its_value() -> None:
    (point,) = read(fixture("eia_fuel_type_data_aeci.json"), wanted={"US-X": "AECI"}).points
    assert point.gco2eq_per_kwh == pytest.approx((1614 * 820 + 841 * 490 + 65 * 11) / 2520)


def test_a_stamp_is_the_end_of_its_hour() -> None:
    (point,) = read(document(row(period="2026-01-01T00"))).points
    assert from_epoch(point.start).isoformat() == "2025-12-31T23:00:00+00:00"


def test_the_newest_hour_is_dropped_while_only_some_plants_are_reported() -> None:
    (point,) = read(fixture("eia_fuel_type_data_partial_hour.json")).points
    assert point.end == ENDING_16
    grams = 14820 * 820 + 41873 * 490 + 32541 * 12 + 312 * 650
    assert point.gco2eq_per_kwh == pytest.approx(grams / (14820 + 41873 + 32541 + 312))


@pytest.mark.parametrize("value", ["100", 100, "100.0", 100.0])
def test_values_are_texts_or_numbers(value: object) -> None:
    (point,) = read(document(row("NG", value), row("WND", "300"))).points
    assert point.gco2eq_per_kwh == pytest.approx((490 + 3 * 11) / 4)


@pytest.mark.parametrize("value", [None, 0, "0", "-3"])
def test_nothing_generated_is_no_data_and_not_zero_grams(value: object) -> None:
    reading = read(document(row("WAT", value)))
    assert (reading.points, reading.failures) == ((), ())


def test_storage_neither_adds_nor_takes() -> None:
    plain = read(document(row("NG"), row("NUC")))
    stored = [
        row(code, amount) for code, amount in zip(sorted(STORAGE), (-90, 80, -7, 6), strict=True)
    ]
    assert read(document(row("NG"), row("NUC"), *stored)) == plain


@pytest.mark.parametrize("code", sorted(MAY_STORE))
def test_storage_that_is_not_told_apart_counts_as_nothing_while_it_is_charged(code: str) -> None:
    (point,) = read(document(row("NG"), row(code, "-60"))).points
    assert point.gco2eq_per_kwh == 490.0


def test_a_station_at_rest_draws_a_little_and_never_much() -> None:
    (point,) = read(document(row("NG", "100"), row("SUN", "-1"))).points
    assert point.gco2eq_per_kwh == 490.0
    with pytest.raises(BadPayloadError, match="COL generates -60 MWh of 100"):
        read(document(row("NG", "100"), row("COL", "-60")))


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (row("ABC"), "unknown energy source 'ABC'"),
        (row("NG", "12x"), "value"),
        (row("NG", "١٢"), "value"),
        (row("NG", value=True), "value"),
        (row("NG", "1e9"), "value"),
        (row("NG", float("nan")), "value"),
        (row(**{"value-units": "megawatts"}), "value-units"),
    ],
)
def test_an_unreadable_value_spoils_its_hour_and_no_other(bad: dict[str, Any], why: str) -> None:
    good = row("NUC", period="2025-09-07T15")
    reading = read(document(row("WND"), bad, good))
    assert [point.gco2eq_per_kwh for point in reading.points] == [12.0]
    assert [why in str(failure) for failure in reading.failures] == [True]
    with pytest.raises(BadPayloadError, match=why):
        read(document(row("WND"), bad))


@pytest.mark.parametrize(
    "bad",
    [
        row(respondent="MISO"),
        row(respondent=None),
        row(period="2025-09-07T16-05"),
        row(period="2025-09-07T24"),
        row(period="2025-09-07"),
        row(period="2016-12-31T23:59:60"),
        "row",
    ],
)
def test_a_row_of_another_authority_or_no_known_hour_spoils_the_answer(bad: object) -> None:
    with pytest.raises(ShapeError):
        read(document(row(), bad))


@pytest.mark.parametrize(
    "other",
    [
        {},
        [],
        {"response": []},
        {"response": {}},
        {"response": {"data": [], "frequency": "local-hourly"}},
        {"response": {"data": [], "total": "many"}},
        {"error": "the API is down"},
        "eia_error_invalid_key.json",
    ],
)
def test_another_document_is_refused(other: object) -> None:
    with pytest.raises(ShapeError):
        read_page(fixture(other) if isinstance(other, str) else other)


def test_the_running_hour_is_estimated_and_a_later_one_left_out() -> None:
    soon = [row(period="2025-09-07T17"), row(period="2025-09-07T18")]
    (point,) = read(document(*soon), now=ENDING_16 + 60).points
    assert (point.start, point.estimated) == (ENDING_16, True)


@given(document=json_values | st.fixed_dictionaries({"response": json_values}))
def test_any_rubbish_is_a_bad_shape_or_nothing(document: object) -> None:
    try:
        page = read_page(document)
        hours = read_hours(page.rows, {"PJM"})
    except ShapeError:
        return
    assert not hours.amounts


@given(
    amounts=st.dictionaries(
        st.sampled_from(sorted(set(FUELS) | STORAGE)), st.floats(-1e5, 1e5), max_size=12
    )
)
def test_what_was_generated_is_never_negative_nor_stored(amounts: dict[str, float]) -> None:
    try:
        plants = generated(amounts)
    except ShapeError:
        return
    assert all(amount >= 0 for amount in plants.values())
    assert not plants.keys() & STORAGE


class Api:
    """The EIA, answering from rows by page; ``queries`` are what was asked."""

    def __init__(self, rows: list[dict[str, object]], *, page: int = 5000) -> None:
        self.rows = rows
        self.page = page
        self.queries: list[httpx.QueryParams] = []
        self.status = 200

    def __call__(self, request: httpx.Request) -> httpx.Response:
        query = request.url.params
        self.queries.append(query)
        first, last = query["start"], query["end"]
        asked = query.get_list("facets[respondent][]")
        rows = [
            row
            for row in self.rows
            if first <= str(row["period"]) <= last and row["respondent"] in asked
        ]
        offset = int(query["offset"])
        answer = document(*rows[offset : offset + self.page])
        answer["response"]["total"] = str(len(rows))
        answer["request"] = {"params": {"api_key": query["api_key"]}}
        return httpx.Response(self.status, json=answer)


NOW = ENDING_16 + 12 * HOUR


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(from_epoch(NOW))


def hours(*ends: int, respondent: str = "PJM") -> list[dict[str, object]]:
    stamps = [from_epoch(ENDING_16 + end * HOUR).strftime("%Y-%m-%dT%H") for end in ends]
    return [
        row(code, value, period=stamp, respondent=respondent)
        for stamp in stamps
        for code, value in (("NG", "100"), ("NUC", "100"), ("SUN", "5"))
    ]


def source(
    api: Api, clock: ManualClock, key: str = KEY, *, budget: Budget | None = None
) -> EiaSource:
    endpoint = Endpoint(source="eia", base_url="https://api.example.org", auth_fix="check the key")
    client = JsonClient(endpoint, context(clock), transport=httpx.MockTransport(api))
    documents = Documents(client, clock, keep_seconds=KEEP_SECONDS, budget=budget)
    return EiaSource(documents, Secret("eia", SecretStr(key)), clock)


def fetch(
    api: Api, clock: ManualClock, *zones: str, start: int = NOW - HOUR, end: int = NOW
) -> GridReading:
    with closing(source(api, clock)) as eia:
        return eia.fetch(zones or ("US-MIDA-PJM",), start, end)


def test_one_request_serves_all_zones(clock: ManualClock) -> None:
    api = Api([r for code in RESPONDENTS.values() for r in hours(-1, 0, respondent=code)])
    reading = fetch(api, clock, *RESPONDENTS, "FR")
    assert len(api.queries) == 1
    assert {point.zone for point in reading.points} == set(RESPONDENTS)
    assert sorted(api.queries[0].get_list("facets[respondent][]")) == sorted(RESPONDENTS.values())
    assert reading.failures == ()


def test_whichever_zones_are_asked_for_one_request_an_hour_serves_them(
    clock: ManualClock,
) -> None:
    api = Api([r for code in RESPONDENTS.values() for r in hours(-1, 0, respondent=code)])
    clock.advance(120)
    with closing(source(api, clock)) as eia:
        for zone in RESPONDENTS:
            reading = eia.fetch([zone], NOW - HOUR, NOW)
            assert {point.zone for point in reading.points} == {zone}
            clock.advance(60)
        assert len(api.queries) == 1
        clock.advance(eia.refresh_seconds * 0.9)
        eia.fetch(["US-MIDA-PJM"], NOW - HOUR, NOW)
    assert len(api.queries) == 2


def test_the_public_key_is_never_used_for_more_than_30_requests_in_an_hour(
    clock: ManualClock,
) -> None:
    api = Api(hours(*range(-70 * 24, 1)))
    budget = Budget(clock, per_minute=DEMO_PER_MINUTE, burst=DEMO_BURST)
    with closing(source(api, clock, budget=budget)) as eia:
        for minute in range(60):
            day = NOW - (3 + minute) * 24 * HOUR
            reading = eia.fetch(["US-MIDA-PJM"], day, day + HOUR)
            assert reading.failures == ()
            clock.advance(60)
    assert 20 < len(api.queries) <= 30


def test_a_week_of_all_zones_is_within_what_the_public_key_may_ask_at_once(
    clock: ManualClock,
) -> None:
    """Three of nine energy sources and a third of a page make as many pages as in truth."""
    past = range(-8 * 24, 1)
    api = Api(
        [r for code in RESPONDENTS.values() for r in hours(*past, respondent=code)],
        page=5000 // 3,
    )
    with closing(source(api, clock)) as eia:
        reading = eia.fetch(RESPONDENTS, NOW - eia.history_seconds, NOW)
    assert {p.zone for p in reading.points} == set(RESPONDENTS)
    assert min(p.start for p in reading.points) == NOW - eia.history_seconds
    assert len(api.queries) <= DEMO_BURST


def test_a_spent_budget_is_no_data_and_no_failure(clock: ManualClock) -> None:
    api = Api(hours(0))
    with closing(source(api, clock, budget=Budget(clock, per_minute=1, burst=0))) as eia:
        assert eia.fetch(["US-MIDA-PJM"], NOW - HOUR, NOW) == GridReading(points=())
    assert api.queries == []


def test_a_window_that_is_too_recent_yields_the_newest_hours_before_it(clock: ManualClock) -> None:
    reading = fetch(Api(hours(-3, -2, -1, 0)), clock)
    assert [(p.end - ENDING_16) // HOUR for p in reading.points] == [-3, -2, -1, 0]


def test_hours_within_the_window_leave_out_those_before(clock: ManualClock) -> None:
    reading = fetch(Api(hours(-3, -2, -1, 0)), clock, start=ENDING_16 - 2 * HOUR)
    assert [(p.end - ENDING_16) // HOUR for p in reading.points] == [-1, 0]


def test_the_hours_before_a_window_tell_that_its_only_hour_is_partial(clock: ManualClock) -> None:
    partial = [r for r in hours(0) if r["fueltype"] == "SUN"]
    window = {"start": ENDING_16 - HOUR, "end": ENDING_16}
    reading = fetch(Api(hours(-2, -1) + partial), clock, **window)
    assert [(p.end - ENDING_16) // HOUR for p in reading.points] == [-2, -1]


def test_a_zone_without_an_hour_is_a_failure_of_its_own(clock: ManualClock) -> None:
    reading = fetch(Api(hours(0)), clock, "US-MIDA-PJM", "US-TEX-ERCO")
    assert {point.zone for point in reading.points} == {"US-MIDA-PJM"}
    assert [(type(f), f.scope) for f in reading.failures] == [(NoDataError, "US-TEX-ERCO")]


def test_pages_are_read_to_the_end(clock: ManualClock) -> None:
    api = Api(hours(*range(-20, 1)), page=10)
    reading = fetch(api, clock, start=ENDING_16 - 10 * HOUR, end=ENDING_16)
    assert len(reading.points) == 10
    assert [int(query["offset"]) for query in api.queries] == list(range(0, 63, 10))


def test_pages_without_end_are_refused(clock: ManualClock) -> None:
    with pytest.raises(BadPayloadError, match="more than 10 pages"):
        fetch(Api(hours(*range(-20, 1)), page=1), clock, start=ENDING_16 - 20 * HOUR)


def test_a_zone_that_is_not_covered_is_not_asked_for(clock: ManualClock) -> None:
    api = Api([])
    assert fetch(api, clock, "FR").points == ()
    assert api.queries == []


def test_the_key_is_sent_and_never_told(clock: ManualClock) -> None:
    api = Api(copy.deepcopy(hours(0)))
    assert KEY not in repr(fetch(api, clock))
    assert api.queries[0]["api_key"] == KEY
    api.status = 403
    with pytest.raises(AuthError) as caught:
        fetch(api, clock)
    assert KEY not in f"{caught.value} {caught.value!r} {caught.value.__cause__!r}"


def test_without_a_key_the_public_one_is_used(clock: ManualClock) -> None:
    (eia,) = build(Config(kind="eia"), context(clock))
    with closing(eia):
        assert eia._secret.reveal() == "DEMO_KEY"


@pytest.mark.parametrize(
    "section",
    [
        {"token": KEY, "token_file": "/run/secrets/eia"},
        {"base_url": "http://api.eia.gov"},
        {"base_url": f"https://api.eia.gov/?api_key={KEY}"},
        {"api_key": KEY},
    ],
)
def test_a_wrong_section_is_refused(section: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Config.model_validate({"kind": "eia", **section})


def test_the_table_names_a_balancing_authority_for_each_american_zone_of_a_cloud() -> None:
    zones = {line["grid_zone"] for line in table("regions") if line["grid_zone"].startswith("US-")}
    assert set(RESPONDENTS) == zones == set(FACTS.zones)
    assert len(set(RESPONDENTS.values())) == len(RESPONDENTS) == 12
