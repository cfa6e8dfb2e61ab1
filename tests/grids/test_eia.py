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
from exporter.data.fuels import fuel_factors
from exporter.grids._shared.payload import ShapeError
from exporter.grids.eia import (
    ABROAD,
    AUTHORITIES,
    DEMO_BURST,
    DEMO_PER_MINUTE,
    FACTS,
    FLOW_PATH,
    FUEL_PATH,
    FUELS,
    KEEP_SECONDS,
    MAY_STORE,
    RESPONDENTS,
    STORAGE,
    UNPRICED,
    Config,
    EiaSource,
    build,
    read_flows,
    read_hours,
    read_page,
    to_points,
)
from exporter.http.client import Endpoint, JsonClient
from exporter.http.documents import Budget, Documents
from exporter.http.secret import Secret
from tests.support.clock import ManualClock
from tests.support.grids import FIXTURES, context, json_values
from tests.support.streamed import streamed

HOUR = 3600
LATER = 2e9
ENDING_16 = 1_757_260_800
"""2025-09-07T16:00Z: the end of the newest hour of the fixtures."""
KEY = "s3cr3t-key"
PJM = {"US-MIDA-PJM": "PJM"}


def fixture(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((FIXTURES / name).read_text())
    return document


def read(
    document: object,
    *,
    now: float = LATER,
    wanted: dict[str, str] = PJM,
    flows: list[dict[str, object]] | None = None,
) -> GridReading:
    """Read hours whose interchange is told: PJM sends a trifle, unless ``flows`` say more."""
    hours = read_hours(read_page(document).rows, set(AUTHORITIES))
    stamps = {start for told in hours.amounts.values() for start in told}
    sent = [flow("PJM", "TVA", "1", end=start + HOUR) for start in stamps]
    return to_points(
        hours, read_flows(sent if flows is None else flows, AUTHORITIES), wanted, now=now
    )


def grams(fuel: str, zone: str = "US-MIDA-PJM") -> float:
    return fuel_factors(zone)[fuel].gco2eq_per_kwh


def flow(
    here: str, there: str, value: object = "100", *, end: int = ENDING_16, **other: str
) -> dict[str, object]:
    return {
        "period": from_epoch(end).strftime("%Y-%m-%dT%H"),
        "fromba": here,
        "toba": there,
        "value": value,
        "value-units": "megawatthours",
        **other,
    }


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
    reading = read(fixture("eia_fuel_type_data_pjm.json"))
    before, newest = reading.points
    assert (newest.zone, newest.start, newest.end) == (
        "US-MIDA-PJM",
        ENDING_16 - HOUR,
        ENDING_16,
    )
    rows = fixture("eia_fuel_type_data_pjm.json")["response"]["data"]
    mwh = {r["fueltype"]: float(r["value"]) for r in rows if r["period"] == "2025-09-07T16"}
    total = sum(mwh[code] * grams(FUELS[code]) for code in mwh if code not in STORAGE)
    assert newest.gco2eq_per_kwh == pytest.approx(total / 101_390, rel=1e-9)
    assert (newest.estimated, newest.forecast) == (False, False)
    assert before.end == newest.start
    assert reading.failures == ()


def test_the_recorded_hour_gives_its_value() -> None:
    (point,) = read(fixture("eia_fuel_type_data_aeci.json"), wanted={"US-X": "AECI"}).points
    assert point.gco2eq_per_kwh == pytest.approx((1614 * 1071 + 841 * 528 + 65 * 11) / 2520)


def test_a_stamp_is_the_end_of_its_hour() -> None:
    (point,) = read(document(row(period="2026-01-01T00"))).points
    assert from_epoch(point.start).isoformat() == "2025-12-31T23:00:00+00:00"


def test_the_newest_hour_is_dropped_while_only_some_plants_are_reported() -> None:
    (point,) = read(fixture("eia_fuel_type_data_partial_hour.json")).points
    assert point.end == ENDING_16
    mwh = {"coal": 14820, "gas": 41873, "nuclear": 32541, "oil": 312}
    total = sum(amount * grams(fuel) for fuel, amount in mwh.items())
    assert point.gco2eq_per_kwh == pytest.approx(total / sum(mwh.values()))


@pytest.mark.parametrize("value", ["100", 100, "100.0", 100.0])
def test_values_are_texts_or_numbers(value: object) -> None:
    (point,) = read(document(row("NG", value), row("WND", "300"))).points
    assert point.gco2eq_per_kwh == pytest.approx((grams("gas") + 3 * 11) / 4)


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
    assert point.gco2eq_per_kwh == grams("gas")


def test_a_station_at_rest_draws_a_little_and_a_large_loss_is_no_value_of_that_source() -> None:
    (point,) = read(document(row("NG", "100"), row("SUN", "-1"))).points
    assert point.gco2eq_per_kwh == grams("gas")
    before = [row("NG", "100", period="2025-09-07T15"), row("COL", "100", period="2025-09-07T15")]
    reading = read(document(row("NG", "100"), row("COL", "-60"), *before))
    assert [p.end for p in reading.points] == [ENDING_16 - HOUR]  # coal mattered: the hour waits
    assert reading.failures == ()


def test_an_energy_source_that_nobody_knows_counts_where_it_matters() -> None:
    (without,) = read(document(row("NG", "100"))).points
    (trifle,) = read(document(row("NG", "100"), row("ABC", "0.9"))).points
    (much,) = read(document(row("NG", "100"), row("ABC", "100"))).points
    assert trifle == without
    assert much.gco2eq_per_kwh == pytest.approx((grams("gas") + grams("unknown")) / 2)
    assert much.low is not None
    assert much.high is not None
    assert without.high is not None
    assert much.low < 0.6 * much.gco2eq_per_kwh < 1.6 * much.gco2eq_per_kwh < much.high
    assert without.high < 1.3 * without.gco2eq_per_kwh


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (row("natural gas"), "'natural gas' is no energy source"),
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
        row(respondent="US48"),
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


class Api:
    """The EIA, answering from rows by page; ``queries`` are what was asked.

    The interchange of every hour of an authority is told: a trifle that it sends to TVA.
    """

    def __init__(self, rows: list[dict[str, object]], *, page: int = 5000) -> None:
        told = {(str(row["period"]), str(row["respondent"])) for row in rows}
        pairs = [
            flow(code, "TVA" if code != "TVA" else "SOCO", "1", period=period)
            for period, code in sorted(told)
        ]
        self.rows = {FUEL_PATH: rows, FLOW_PATH: pairs}
        self.page = page
        self.queries: list[httpx.QueryParams] = []
        self.status = 200

    def __call__(self, request: httpx.Request) -> httpx.Response:
        query = request.url.params
        self.queries.append(query)
        first, last = query["start"], query["end"]
        column = "respondent" if request.url.path == FUEL_PATH else "fromba"
        asked = query.get_list(f"facets[{column}][]")
        rows = [
            row
            for row in self.rows[request.url.path]
            if first <= str(row["period"]) <= last and row[column] in asked
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
    client = JsonClient(endpoint, context(clock), transport=streamed(api))
    documents = Documents(client, clock, keep_seconds=KEEP_SECONDS, budget=budget)
    return EiaSource(documents, Secret("eia", SecretStr(key)), clock)


def fetch(
    api: Api, clock: ManualClock, *zones: str, start: int = NOW - HOUR, end: int = NOW
) -> GridReading:
    with closing(source(api, clock)) as eia:
        return eia.fetch(zones or ("US-MIDA-PJM",), start, end)


def test_one_request_for_plants_and_one_for_borders_serve_all_zones(clock: ManualClock) -> None:
    api = Api([r for code in RESPONDENTS.values() for r in hours(-1, 0, respondent=code)])
    reading = fetch(api, clock, *RESPONDENTS, "FR")
    plants, borders = api.queries
    assert {point.zone for point in reading.points} == set(RESPONDENTS)
    assert sorted(plants.get_list("facets[respondent][]")) == sorted(AUTHORITIES)
    assert sorted(borders.get_list("facets[fromba][]")) == sorted(AUTHORITIES)
    assert reading.failures == ()


def test_whichever_zones_are_asked_for_the_same_two_requests_an_hour_serve_them(
    clock: ManualClock,
) -> None:
    api = Api([r for code in RESPONDENTS.values() for r in hours(-1, 0, respondent=code)])
    clock.advance(120)
    with closing(source(api, clock)) as eia:
        for zone in RESPONDENTS:
            reading = eia.fetch([zone], NOW - HOUR, NOW)
            assert {point.zone for point in reading.points} == {zone}
            clock.advance(60)
        assert len(api.queries) == 2
        clock.advance(eia.refresh_seconds * 0.9)
        eia.fetch(["US-MIDA-PJM"], NOW - HOUR, NOW)
    assert len(api.queries) == 4


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


def test_an_hour_costs_ten_requests_at_most(clock: ManualClock) -> None:
    """As many rows as in truth: 280 energy sources and 295 borders of all authorities."""
    api = Api([])
    stamps = [from_epoch(ENDING_16 + n * HOUR).strftime("%Y-%m-%dT%H") for n in range(-80, 13)]
    others = sorted(AUTHORITIES)
    plants = [(code, fuel) for fuel in sorted(FUELS) for code in others][:280]
    borders = [
        (here, others[(place + step) % len(others)])
        for step in (1, -1, 2, -2, 3)
        for place, here in enumerate(others)
    ][:295]
    api.rows = {
        FUEL_PATH: [
            row(fuel, "100", period=stamp, respondent=code)
            for stamp in stamps
            for code, fuel in plants
        ],
        FLOW_PATH: [flow(*pair, period=stamp) for stamp in stamps for pair in borders],
    }
    with closing(source(api, clock)) as eia:
        reading = eia.fetch(RESPONDENTS, NOW - eia.history_seconds, NOW)
        assert {p.zone for p in reading.points} == set(RESPONDENTS)
        eia.fetch(RESPONDENTS, NOW - HOUR, NOW)
    assert len(api.queries) <= DEMO_BURST == 10


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
    plants = [query for query in api.queries if "facets[respondent][]" in query]
    assert [int(query["offset"]) for query in plants] == list(range(0, 63, 10))


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


def test_each_american_zone_of_a_cloud_has_its_authority_or_a_reason_not_to() -> None:
    zones = {line["grid_zone"] for line in table("regions") if line["grid_zone"].startswith("US-")}
    assert zones <= set(RESPONDENTS) | set(UNPRICED.values())
    assert set(RESPONDENTS) == set(FACTS.zones)
    assert not set(RESPONDENTS) & set(UNPRICED.values())
    assert len(set(RESPONDENTS.values())) == len(RESPONDENTS)
    assert set(ABROAD.values()) <= {line["grid_zone"] for line in table("annual")}


def mixed(code: str, fuel: str, amount: str, *, end: int = ENDING_16) -> dict[str, object]:
    stamp = from_epoch(end).strftime("%Y-%m-%dT%H")
    return row(fuel, amount, period=stamp, respondent=code)


BOTH = (mixed("PJM", "NG", "300"), mixed("MISO", "COL", "500"))


def test_what_a_neighbour_sends_counts_as_what_it_generates() -> None:
    (point,) = read(document(*BOTH), flows=[flow("MISO", "PJM", "100")]).points
    coal = grams("coal", "US-MIDW-MISO")
    assert point.gco2eq_per_kwh == pytest.approx((300 * grams("gas") + 100 * coal) / 400)
    assert not point.estimated


def test_a_border_that_both_sides_tell_is_their_mean() -> None:
    sides = [flow("MISO", "PJM", "120"), flow("PJM", "MISO", "-80")]
    assert read(document(*BOTH), flows=sides) == read(
        document(*BOTH), flows=[flow("MISO", "PJM", "100")]
    )


def test_what_a_zone_sends_away_changes_nothing() -> None:
    (point,) = read(document(*BOTH), flows=[flow("PJM", "MISO", "100")]).points
    assert point.gco2eq_per_kwh == grams("gas")


def test_a_neighbour_abroad_has_the_yearly_value_of_its_zone() -> None:
    (point,) = read(document(*BOTH), flows=[flow("PJM", "IESO", "-100")]).points
    ontario = next(float(r["gco2eq_per_kwh"]) for r in table("annual") if r["grid_zone"] == "CA-ON")
    assert point.gco2eq_per_kwh == pytest.approx((300 * grams("gas") + 100 * ontario) / 400)


def test_regions_and_borders_without_a_value_are_no_imports() -> None:
    flows = [flow("PJM", "MIDW", "-900"), flow("PJM", "PJM", "-5"), flow("PJM", "MISO", None)]
    (point,) = read(document(*BOTH), flows=[*flows, flow("PJM", "TVA", "1")]).points
    assert point.gco2eq_per_kwh == grams("gas")


def test_a_late_neighbour_stands_in_with_its_hour_before_and_makes_an_estimate() -> None:
    before = [mixed("PJM", "NG", "300", end=ENDING_16 - HOUR)]
    before += [mixed("MISO", "COL", "500", end=ENDING_16 - HOUR)]
    flows = [flow("MISO", "PJM", "100", end=end) for end in (ENDING_16 - HOUR, ENDING_16)]
    early, late = read(document(mixed("PJM", "NG", "300"), *before), flows=flows).points
    assert late.gco2eq_per_kwh == early.gco2eq_per_kwh
    assert (early.estimated, late.estimated) == (False, True)


def test_late_interchange_is_that_of_the_hour_before_and_makes_an_estimate() -> None:
    rows = [
        mixed(code, fuel, "300", end=end)
        for end in (ENDING_16 - HOUR, ENDING_16)
        for code, fuel in (("PJM", "NG"), ("MISO", "COL"))
    ]
    told = [flow("MISO", "PJM", "100", end=ENDING_16 - HOUR)]
    early, late = read(document(*rows), flows=told).points
    assert late.gco2eq_per_kwh == early.gco2eq_per_kwh
    assert (early.estimated, late.estimated) == (False, True)


def test_a_neighbour_that_never_reports_is_left_out() -> None:
    (point,) = read(document(mixed("PJM", "NG", "300")), flows=[flow("MISO", "PJM")]).points
    assert (point.gco2eq_per_kwh, point.estimated) == (grams("gas"), False)


@pytest.mark.parametrize(
    "bad",
    [
        flow("US48", "PJM"),
        flow("PJM", "MISO", "many"),
        flow("PJM", "MISO", period="yesterday"),
        flow("PJM", "MISO") | {"value-units": "megawatts"},
        "row",
    ],
)
def test_an_unreadable_border_spoils_the_answer(bad: object) -> None:
    with pytest.raises(ShapeError):
        read_flows([bad], AUTHORITIES)
