import base64
import json
from contextlib import closing
from datetime import datetime
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from exporter.core.clock import epoch, from_epoch
from exporter.core.errors import (
    AuthError,
    BadPayloadError,
    CollectorError,
    NoDataError,
    UnreachableError,
)
from exporter.core.model import Basis, GridReading, Method, Standing
from exporter.data import rows as table
from exporter.grids._shared.payload import ShapeError
from exporter.grids.watttime import (
    INDEX,
    PLAN_SECONDS,
    REGIONS,
    RENEW_SECONDS,
    STEP,
    Config,
    LoggedInClient,
    PlanError,
    WattTimeSource,
    build,
    grams_per_kwh,
    parse_points,
    parse_standing,
)
from exporter.http.client import Endpoint, JsonClient
from exporter.http.secret import Secret
from tests.support.clock import ManualClock
from tests.support.grids import FIXTURES, context, json_values
from tests.support.streamed import streamed

LATER = 2e9
MIDNIGHT = 1_657_843_200
"""2022-07-15T00:00Z, the first point of the examples."""
PASSWORD = "s3cr3t-password"
TOKEN = "s3cr3t-token"


def fixture(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((FIXTURES / name).read_text())
    return document


def historical(*rows: object, **meta: object) -> dict[str, Any]:
    document = fixture("watttime_v3_historical.json")
    document["meta"] |= meta
    return document | ({"data": list(rows)} if rows else {})


def row(value: object = 870, when: object = "2022-07-15T00:00:00+00:00") -> dict[str, object]:
    return {"point_time": when, "value": value}


def read(
    document: object, *, forecast: bool = False, now: float = LATER, region: str = "CAISO_NORTH"
) -> GridReading:
    return parse_points(document, region, forecast=forecast, now=now)


def test_the_documented_example_gives_grams_per_kwh_marked_as_imputed() -> None:
    """870 lb/MWh are 870 x 0.45359237 = 394.6 g/kWh."""
    first, second = read(historical()).points
    assert (first.start, first.end) == (MIDNIGHT, MIDNIGHT + STEP)
    assert first.gco2eq_per_kwh == pytest.approx(394.6253619)
    assert second.start == first.end
    assert (first.estimated, first.forecast) == (True, False)


@given(pounds=st.floats(0, 4000))
def test_pounds_per_megawatt_hour_become_grams_per_kilowatt_hour(pounds: float) -> None:
    grams, kilowatt_hours = pounds * 453.59237, 1000.0
    assert grams_per_kwh(pounds) == pytest.approx(grams / kilowatt_hours, rel=1e-12)


def test_a_forecast_is_marked_and_leaves_out_what_has_ended() -> None:
    document = fixture("watttime_v3_forecast.json")
    points = read(document, forecast=True, now=MIDNIGHT + STEP).points
    assert [p.start for p in points] == [MIDNIGHT + i * STEP for i in range(1, 6)]
    assert {(p.forecast, p.estimated) for p in points} == {(True, False)}


def test_observed_values_of_the_future_are_left_out_and_the_running_one_is_estimated() -> None:
    rows = [row(1), row(2, "2022-07-15T00:05:00+00:00")]
    (point,) = read(historical(*rows), now=MIDNIGHT + 10).points
    assert (point.start, point.estimated) == (MIDNIGHT, True)


def test_a_null_is_no_data_and_not_zero() -> None:
    reading = read(historical(row(None)))
    assert (reading.points, reading.failures) == ((), ())


@pytest.mark.parametrize(
    "document",
    [
        historical(units="percentile"),
        historical(units="gco2_per_kwh"),
        historical(units=None),
        historical(signal_type="co2_aoer"),
        historical(region="PSCO"),
        historical(data_point_period_seconds=3600),
        {"data": []},
        {"meta": {}},
        [],
        fixture("watttime_v3_signal_index.json"),
        fixture("watttime_v3_region_not_found.json"),
        fixture("watttime_v3_invalid_scope_403.json"),
        fixture("watttime_login.json"),
    ],
)
def test_another_unit_signal_region_step_or_document_is_refused(document: object) -> None:
    with pytest.raises(ShapeError):
        read(document)


def test_a_series_of_forecasts_is_no_series_of_values() -> None:
    with pytest.raises(BadPayloadError):
        read(fixture("watttime_v3_forecast_historical.json"))


@pytest.mark.parametrize(
    "bad",
    [
        row(-1),
        row("870"),
        row(1e9),
        row(value=True),
        {"point_time": "2022-07-15T00:00:00+00:00"},
        row(1, "2022-07-15T00:00:00"),
        row(1, "2022-07-15T00:01:00+00:00"),
        row(1, "2016-12-31T23:59:60+00:00"),
        "row",
    ],
)
def test_an_unreadable_value_is_a_failure_beside_the_others(bad: object) -> None:
    reading = read(historical(bad, row(10, "2022-07-15T00:05:00+00:00")))
    assert len(reading.points) == 1
    assert [type(failure) for failure in reading.failures] == [BadPayloadError]
    with pytest.raises(BadPayloadError):
        read(historical(bad))


@given(document=json_values, data=json_values)
def test_any_rubbish_is_an_error_or_nothing(document: object, data: object) -> None:
    for rubbish in (document, historical() | {"data": data}):
        try:
            reading = read(rubbish)
        except (ShapeError, BadPayloadError):
            continue
        assert reading.points == ()


INDEXED = 1_718_736_000
"""2024-06-18T18:40Z, the moment of the example."""


def index(*rows: object, **meta: object) -> dict[str, Any]:
    document = fixture("watttime_v3_signal_index.json")
    document["meta"] |= meta
    return document | ({"data": list(rows)} if rows else {})


def stood(document: object, *, now: float = INDEXED) -> Standing:
    (standing,) = parse_standing(document, "PSCO", now=now).standings
    return standing


def test_the_documented_index_is_a_percentile_of_its_region() -> None:
    told = Standing(zone="PSCO", source="watttime", moment=INDEXED, percentile=96.0)
    assert stood(fixture("watttime_v3_signal_index.json")) == told


@pytest.mark.parametrize("percentile", [0, 0.0, 99.5, 100])
def test_the_cleanest_and_the_dirtiest_are_percentiles(percentile: float) -> None:
    assert stood(index(row(percentile))).percentile == percentile


@pytest.mark.parametrize(
    "document",
    [
        index(units="lbs_co2_per_mwh"),
        index(units=None),
        index(signal_type="health_damage"),
        index(region="CAISO_NORTH"),
        index(row(100.1)),
        index(row(-1)),
        index(row("96")),
        index(row(value=True)),
        index({"point_time": "2022-07-15T00:00:00+00:00"}),
        index(row(96, "2022-07-15T00:00:00")),
        index(row(96), row(97)),
        index("row"),
        {"data": [row(96)]},
        historical(region="PSCO"),
        fixture("watttime_v3_region_not_found.json"),
    ],
)
def test_what_is_no_percentile_of_the_region_is_refused(document: object) -> None:
    with pytest.raises(ShapeError):
        stood(document)


@pytest.mark.parametrize("document", [index() | {"data": []}, index(row(None))])
def test_an_index_without_a_value_is_no_data_and_not_the_cleanest(document: object) -> None:
    with pytest.raises(NoDataError, match="no percentile of PSCO"):
        stood(document)


def test_an_index_may_be_of_the_next_interval_and_no_later() -> None:
    assert stood(index(), now=INDEXED - STEP).moment == INDEXED
    with pytest.raises(ShapeError, match="still to come"):
        stood(index(), now=INDEXED - STEP - 1)


@given(document=json_values, data=json_values)
def test_any_rubbish_is_no_percentile(document: object, data: object) -> None:
    for rubbish in (document, index() | {"data": data}):
        with pytest.raises((ShapeError, NoDataError)):
            stood(rubbish)


class Api:
    """WattTime: tokens by login, data for some regions, the plan's refusal for the others."""

    def __init__(self, *allowed: str) -> None:
        self.allowed = set(allowed)
        self.forecasts = set(allowed)
        self.indexed = set(allowed)
        self.percentile: float | None = 70.0
        self.password = PASSWORD
        self.good_token = ""
        self.logins = 0
        self.lag = 0
        self.asked: list[tuple[str, str]] = []
        self.broken: httpx.Response | None = None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        authorization = request.headers["authorization"]
        if request.url.path == "/login":
            return self._login(authorization)
        query = request.url.params
        api, region = request.url.path.rpartition("/")[2], query["region"]
        self.asked.append((api, region))
        if self.broken is not None:
            return self.broken
        if authorization != f"Bearer {self.good_token}":
            return httpx.Response(401, json={"error": "token expired"})
        plan = {"forecast": self.forecasts, INDEX: self.indexed, "historical": self.allowed}
        if region not in plan[api]:
            return httpx.Response(403, json=fixture("watttime_v3_invalid_scope_403.json"))
        document = self._document(api, query)
        document["meta"]["region"] = region
        return httpx.Response(200, json=document)

    def _login(self, authorization: str) -> httpx.Response:
        self.logins += 1
        _, _, password = base64.b64decode(authorization.removeprefix("Basic ")).partition(b":")
        if password.decode() != self.password:
            html = (FIXTURES / "watttime_error_403.html").read_bytes()
            return httpx.Response(403, content=html, headers={"content-type": "text/html"})
        self.good_token = f"{TOKEN}-{self.logins}"
        return httpx.Response(200, json={"token": self.good_token})

    def _document(self, api: str, query: httpx.QueryParams) -> dict[str, Any]:
        if api == INDEX:
            return index(row(self.percentile, from_epoch(NOW).isoformat()))
        return self._forecast() if api == "forecast" else self._historical(query)

    def _historical(self, query: httpx.QueryParams) -> dict[str, Any]:
        last = min(_seconds(query["end"]), NOW - self.lag)
        times = range(_seconds(query["start"]), last, STEP)
        rows = [row(800, from_epoch(t).isoformat()) for t in times]
        return historical() | {"data": rows}

    def _forecast(self) -> dict[str, Any]:
        times = range(NOW, NOW + 24 * 3600, STEP)
        return historical() | {"data": [row(900, from_epoch(t).isoformat()) for t in times]}


NOW = MIDNIGHT + 12 * 3600


def _seconds(text: str) -> int:
    return int(epoch(datetime.fromisoformat(text)))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(from_epoch(NOW))


def source(api: Api, clock: ManualClock, regions: dict[str, str] | None = None) -> WattTimeSource:
    endpoint = Endpoint(source="watttime", base_url="https://api.example.org", auth_fix="check it")
    client = JsonClient(endpoint, context(clock), transport=streamed(api))
    password = Secret("watttime", SecretStr(PASSWORD), setting="password")
    logged_in = LoggedInClient(client, "someone", password, clock)
    return WattTimeSource(logged_in, regions or dict(REGIONS), clock)


def last_hour(watttime: WattTimeSource, *zones: str) -> GridReading:
    return watttime.fetch(zones or ("US-CAL-CISO",), NOW - 3600, NOW + 1)


def test_values_and_forecast_come_together(clock: ManualClock) -> None:
    with closing(source(Api("CAISO_NORTH"), clock)) as watttime:
        reading = last_hour(watttime)
    assert {point.zone for point in reading.points} == {"US-CAL-CISO"}
    observed = [p for p in reading.points if not p.forecast]
    assert [p.start for p in observed] == list(range(NOW - 3600, NOW, STEP))
    ahead = [p for p in reading.points if p.forecast]
    assert (ahead[0].start, ahead[-1].end) == (NOW, NOW + 24 * 3600)
    assert (watttime.method, watttime.basis) == (Method.MARGINAL, Basis.DIRECT)


def test_the_percentile_comes_beside_them(clock: ManualClock) -> None:
    with closing(source(Api("CAISO_NORTH"), clock)) as watttime:
        reading = last_hour(watttime)
    told = Standing(zone="US-CAL-CISO", source="watttime", moment=NOW, percentile=70.0)
    assert reading.standings == (told,)
    assert 70.0 not in {point.gco2eq_per_kwh for point in reading.points}


def test_a_window_of_the_past_asks_for_values_alone(clock: ManualClock) -> None:
    api = Api("CAISO_NORTH")
    with closing(source(api, clock)) as watttime:
        watttime.fetch(["US-CAL-CISO"], NOW - 7200, NOW - 3600)
    assert api.asked == [("historical", "CAISO_NORTH")]


def test_a_late_region_still_has_its_newest_value(clock: ManualClock) -> None:
    api = Api("CAISO_NORTH")
    api.lag = 1800
    with closing(source(api, clock)) as watttime:
        reading = watttime.fetch(["US-CAL-CISO"], NOW - 600, NOW)
    assert [p.end for p in reading.points if not p.forecast] == [NOW - 1800]


def test_zones_of_one_region_share_its_requests(clock: ManualClock) -> None:
    api = Api("IND")
    with closing(source(api, clock)) as watttime:
        reading = last_hour(watttime, "IN-NO", "IN-WE")
    assert sorted(api.asked) == [("forecast", "IND"), ("historical", "IND"), (INDEX, "IND")]
    assert {point.zone for point in reading.points} == {"IN-NO", "IN-WE"}
    assert {one.zone for one in reading.standings} == {"IN-NO", "IN-WE"}


def test_one_login_serves_many_requests_and_is_renewed_before_it_ends(clock: ManualClock) -> None:
    api = Api("CAISO_NORTH")
    with closing(source(api, clock)) as watttime:
        last_hour(watttime)
        last_hour(watttime)
        assert api.logins == 1
        clock.advance(RENEW_SECONDS)
        last_hour(watttime)
    assert api.logins == 2


def test_a_token_that_is_refused_is_renewed_at_once(clock: ManualClock) -> None:
    api = Api("CAISO_NORTH")
    with closing(source(api, clock)) as watttime:
        last_hour(watttime)
        api.good_token = "another"
        reading = last_hour(watttime)
    assert api.logins == 2
    assert reading.failures == ()


def test_a_new_token_that_is_refused_as_well_is_an_auth_error(clock: ManualClock) -> None:
    api = Api("CAISO_NORTH")
    api.broken = httpx.Response(401, json={})
    with closing(source(api, clock)) as watttime, pytest.raises(AuthError):
        last_hour(watttime)
    assert api.logins == 2


def test_a_bad_login_is_an_auth_error_that_asks_for_no_data(clock: ManualClock) -> None:
    api = Api("CAISO_NORTH")
    api.password = "another"
    with closing(source(api, clock)) as watttime:
        with pytest.raises(AuthError, match="check it"):
            last_hour(watttime)
        assert (api.logins, api.asked) == (1, [])
        api.password = PASSWORD
        assert last_hour(watttime).points


@pytest.mark.parametrize("body", [{}, [], {"token": 1}, {"token": ""}, {"token": "a\r\nb: c"}])
def test_a_login_without_a_token_is_a_bad_payload(clock: ManualClock, body: object) -> None:
    endpoint = Endpoint(source="watttime", base_url="https://api.example.org", auth_fix="-")
    transport = streamed(lambda _request: httpx.Response(200, json=body))
    client = JsonClient(endpoint, context(clock), transport=transport)
    password = Secret("watttime", SecretStr(PASSWORD), setting="password")
    with (
        closing(LoggedInClient(client, "someone", password, clock)) as logged_in,
        pytest.raises(BadPayloadError, match="no token"),
    ):
        logged_in.get("/v3/historical", api="historical", params=())


def test_what_the_plan_lacks_is_told_once_and_asked_for_again_after_a_day(
    clock: ManualClock,
) -> None:
    api = Api("CAISO_NORTH")
    with closing(source(api, clock)) as watttime:
        reading = last_hour(watttime, "US-CAL-CISO", "FR")
        assert {point.zone for point in reading.points} == {"US-CAL-CISO"}
        assert [(type(f), f.scope) for f in reading.failures] == [(PlanError, "FR")] * 3
        assert not watttime.covers("FR")
        api.asked.clear()
        assert last_hour(watttime, "US-CAL-CISO", "FR").failures == ()
        assert {region for _, region in api.asked} == {"CAISO_NORTH"}
        clock.advance(PLAN_SECONDS)
        api.allowed.add("FR")
        assert watttime.covers("FR")


def test_a_region_without_forecast_still_has_its_values(clock: ManualClock) -> None:
    api = Api("CAISO_NORTH")
    api.forecasts.clear()
    with closing(source(api, clock)) as watttime:
        assert [type(f) for f in last_hour(watttime).failures] == [PlanError]
        assert watttime.covers("US-CAL-CISO")
        reading = last_hour(watttime)
    assert reading.failures == ()
    assert not [point for point in reading.points if point.forecast]


def test_the_free_plan_tells_the_percentile_of_every_region(clock: ManualClock) -> None:
    """Values and forecast are refused, which is told once, and asked for again after a day."""
    api = Api("CAISO_NORTH")
    api.indexed |= {"FR", "DE"}
    with closing(source(api, clock)) as watttime:
        reading = last_hour(watttime, "FR", "DE")
        assert {one.zone: one.percentile for one in reading.standings} == {"FR": 70.0, "DE": 70.0}
        assert (reading.points, {type(f) for f in reading.failures}) == ((), {PlanError})
        assert len(reading.failures) == 4
        assert watttime.covers("FR")
        api.asked.clear()
        again = last_hour(watttime, "FR", "DE")
        assert (again.failures, len(again.standings)) == ((), 2)
        assert sorted(api.asked) == [(INDEX, "DE"), (INDEX, "FR")]
        past = watttime.fetch(["FR"], NOW - 7200, NOW - 3600)
        assert past == GridReading(points=()), "what the plan lacks is no failure of its own"
        clock.advance(PLAN_SECONDS)
        api.asked.clear()
        assert len(watttime.fetch(["FR"], NOW, NOW + int(PLAN_SECONDS) + 1).failures) == 2
        assert {name for name, _ in api.asked} == {"historical", INDEX, "forecast"}


def test_a_plan_without_the_percentile_still_has_its_values(clock: ManualClock) -> None:
    api = Api("CAISO_NORTH")
    api.indexed.clear()
    with closing(source(api, clock)) as watttime:
        assert [type(f) for f in last_hour(watttime).failures] == [PlanError]
        reading = last_hour(watttime)
    assert (reading.failures, reading.standings) == ((), ())
    assert reading.points


def test_a_percentile_that_is_missing_is_a_failure_beside_the_values(clock: ManualClock) -> None:
    api = Api("CAISO_NORTH")
    api.percentile = None
    with closing(source(api, clock)) as watttime:
        reading = last_hour(watttime)
    assert [(type(f), f.scope) for f in reading.failures] == [(NoDataError, "CAISO_NORTH")]
    assert (bool(reading.points), reading.standings) == (True, ())


def test_a_plan_without_any_zone_is_an_auth_error(clock: ManualClock) -> None:
    with closing(source(Api(), clock)) as watttime, pytest.raises(PlanError, match="the plan"):
        last_hour(watttime, "FR")


def test_an_empty_answer_is_no_data(clock: ManualClock) -> None:
    api = Api("CAISO_NORTH")
    api.lag = 100 * 3600
    with closing(source(api, clock)) as watttime, pytest.raises(NoDataError, match="no value"):
        watttime.fetch(["US-CAL-CISO"], NOW - 7200, NOW - 3600)


@pytest.mark.parametrize(
    ("broken", "error"),
    [
        (httpx.Response(403, content=b"<html>403 Forbidden</html>"), AuthError),
        (httpx.Response(404, json={"error": "Invalid region"}), BadPayloadError),
        (httpx.Response(500, content=TOKEN.encode()), UnreachableError),
        (httpx.Response(200, content=b"<html>" + TOKEN.encode()), BadPayloadError),
        (httpx.Response(200, json={"token": TOKEN}), BadPayloadError),
    ],
)
def test_no_password_or_token_is_in_a_message(
    clock: ManualClock, broken: httpx.Response, error: type[CollectorError]
) -> None:
    api = Api("CAISO_NORTH")
    api.broken = broken
    with closing(source(api, clock)) as watttime, pytest.raises(error) as caught:
        last_hour(watttime)
    told = (
        f"{caught.value} {caught.value!r} {caught.value.__cause__!r} {caught.value.__context__!r}"
    )
    assert PASSWORD not in told
    assert TOKEN not in told


def test_a_user_may_choose_another_region_and_add_a_zone(clock: ManualClock) -> None:
    config = Config.model_validate(
        {
            "kind": "watttime",
            "username": "someone",
            "password": PASSWORD,
            "regions": {"US-MIDA-PJM": "PJM_SOUTHWEST_OH", "US-NY-NYIS": "NYISO_NYC"},
        }
    )
    (watttime,) = build(config, context(clock))
    with closing(watttime):
        assert watttime._regions["US-MIDA-PJM"] == "PJM_SOUTHWEST_OH"
        assert watttime.covers("US-NY-NYIS")
        assert not watttime.covers("NO-NO1")
    assert PASSWORD not in repr(config)


@pytest.mark.parametrize(
    "section",
    [
        {},
        {"username": "someone"},
        {"username": "some:one", "password": PASSWORD},
        {"username": "someone", "password": PASSWORD, "password_file": "/run/secrets/watttime"},
        {"username": "someone", "password": PASSWORD, "regions": {"FR": "F R"}},
        {"username": "someone", "password": PASSWORD, "base_url": "http://api.watttime.org"},
    ],
)
def test_a_wrong_section_is_refused(section: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Config.model_validate({"kind": "watttime", **section})


def test_every_zone_of_the_table_is_one_of_a_cloud_region() -> None:
    assert set(REGIONS) <= {line["grid_zone"] for line in table("regions")}
    assert REGIONS
