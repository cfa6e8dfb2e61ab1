import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from structlog.testing import capture_logs

from exporter.core.clock import epoch
from exporter.core.errors import AuthError, BadPayloadError, CollectorError, NoDataError
from exporter.core.model import GridReading
from exporter.demo._http import HttpRequest
from exporter.grids.electricity_maps import Config, ElectricityMapsSource, build
from exporter.grids.electricity_maps.api import KEEP_RIGHTS_SECONDS, _is_about_a_zone
from exporter.grids.electricity_maps.parse import STEP, parse_values, parse_zones
from exporter.http.client import RefusedError
from tests.support.clock import ManualClock
from tests.support.grid_bodies import bodies_but, body
from tests.support.grid_script import GridScript
from tests.support.grids import FIXTURES, context, json_values, now

SECRET = "hunter2hunter2"
NOON = datetime(2026, 6, 13, 12, tzinfo=UTC)
AT_NOON = int(epoch(NOON))
FOREVER = float(2**40)
ROW = body("electricitymaps_v4_latest.json")


def parse(document: object, zone: str = "SE-SE3", at: float = FOREVER) -> GridReading:
    return parse_values(document, zone, now=at, forecast=False)


def test_the_latest_value_is_that_of_its_hour() -> None:
    (point,) = parse(ROW).points
    assert (point.zone, point.start, point.end) == ("SE-SE3", AT_NOON, AT_NOON + STEP)
    assert (point.gco2eq_per_kwh, point.estimated, point.forecast) == (42.5, False, False)


def test_the_past_has_its_hours_and_says_which_are_estimated() -> None:
    points = parse(body("electricitymaps_v4_past_range.json"), "DE").points
    midnight = AT_NOON - 12 * STEP
    assert [(p.start, p.gco2eq_per_kwh, p.estimated) for p in points] == [
        (midnight, 401.0, False),
        (midnight + STEP, 395.0, False),
        (midnight + 2 * STEP, 388.0, False),
        (midnight + 3 * STEP, 380.0, True),
    ]


def test_the_forecast_has_25_hours_from_the_running_one_on() -> None:
    document = body("electricitymaps_v4_forecast.json")
    points = parse_values(document, "DE", now=float(AT_NOON), forecast=True).points
    assert [p.start for p in points] == [AT_NOON + STEP * i for i in range(25)]
    assert points[0].gco2eq_per_kwh == 249.0
    assert all(p.forecast and not p.estimated for p in points)


def test_the_running_hour_is_an_estimate_and_the_next_is_left_out() -> None:
    rows = [ROW, {**ROW, "datetime": "2026-06-13T13:00:00.000Z"}]
    (point,) = parse({"zone": "SE-SE3", "history": rows}, at=AT_NOON + 60.0).points
    assert (point.start, point.estimated) == (AT_NOON, True)


def test_null_is_no_data_not_zero() -> None:
    assert parse({**ROW, "carbonIntensity": None}) == GridReading(points=())


def test_a_sandbox_key_is_refused_by_name() -> None:
    with pytest.raises(BadPayloadError, match="sandbox key gives invented numbers"):
        parse(body("electricitymaps_v4_latest_sandbox.json"), "FR")


@pytest.mark.parametrize("mark", [{"estimationMethod": "SANDBOX_MODE_DATA"}, {"_disclaimer": "x"}])
def test_invented_numbers_are_refused_wherever_they_are_marked(mark: dict[str, str]) -> None:
    with pytest.raises(BadPayloadError, match="sandbox"):
        parse({"zone": "SE-SE3", "history": [ROW, {**ROW, **mark}]})


@pytest.mark.parametrize(
    "document",
    [
        {**ROW, "zone": "SE"},
        {"carbonIntensity": 42.5, "datetime": "2026-06-13T12:00:00Z"},
        {"zone": "SE-SE3", "history": [{**ROW, "zone": "DE"}]},
        {"zone": "DE", "history": [ROW]},
    ],
)
def test_the_number_of_another_zone_is_refused(document: object) -> None:
    with pytest.raises(BadPayloadError, match="not for zone SE-SE3"):
        parse(document)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"emissionFactorType": "direct"}, "emissionFactorType"),
        ({"temporalGranularity": "5_minutes"}, "temporalGranularity"),
        ({"datetime": "2026-06-13T12:15:00.000Z"}, "full hour"),
        ({"datetime": "2016-12-31T23:59:60Z"}, "datetime"),
        ({"datetime": "2026-06-13T12:00:00"}, "datetime"),
        ({"datetime": None}, "datetime"),
        ({"carbonIntensity": -1}, "carbonIntensity"),
        ({"carbonIntensity": 0}, "no lifecycle intensity"),
        ({"carbonIntensity": 2001}, "no lifecycle intensity"),
        ({"carbonIntensity": "many"}, "carbonIntensity"),
        ({"history": {}}, "history is not a list"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_cause(change: dict[str, Any], why: str) -> None:
    with pytest.raises(BadPayloadError, match=why):
        parse({**ROW, **change})


def test_an_error_in_words_is_no_data() -> None:
    with pytest.raises(NoDataError, match="no recent data for zone AE"):
        parse(body("electricitymaps_error_404_no_data.json"), "AE")


@pytest.mark.parametrize("name", bodies_but("electricitymaps_v4", "electricitymaps_error_404"))
def test_another_document_is_a_bad_payload(name: str) -> None:
    with pytest.raises(BadPayloadError):
        parse(body(name))


fields = st.fixed_dictionaries(
    {},
    optional={
        "zone": st.just("SE-SE3") | json_values,
        "datetime": st.just("2026-06-13T12:00:00Z") | json_values,
        "carbonIntensity": st.floats(0, 3000) | json_values,
        "isEstimated": st.booleans() | json_values,
        "history": json_values,
    },
)


@given(document=json_values | fields | st.fixed_dictionaries({"history": st.lists(fields)}))
def test_rubbish_gives_physical_values_or_a_named_error(document: object) -> None:
    try:
        reading = parse(document)
    except CollectorError:
        return
    for point in reading.points:
        assert point.zone == "SE-SE3"
        assert 0 < point.gco2eq_per_kwh <= 2000


def test_the_list_of_zones_says_what_a_key_may_do() -> None:
    rights = parse_zones(body("electricitymaps_zones_with_token.json"))
    assert rights["PL"] == {"*"}
    assert "carbon-intensity/latest" in rights["PT"]
    assert parse_zones({"DE": {"zoneName": "Germany"}}) == {"DE": {"*"}}


@pytest.mark.parametrize("document", [[], {"DE": []}, {"DE": {"access": "all"}}, "zones", None])
def test_what_is_no_list_of_zones_is_a_bad_payload(document: object) -> None:
    with pytest.raises(BadPayloadError, match="electricity_maps: "):
        parse_zones(document)


def value(zone: str, at: datetime, grams: float = 100.0) -> dict[str, Any]:
    stamp = at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return {"zone": zone, "carbonIntensity": grams, "datetime": stamp, "isEstimated": False}


def latest(request: HttpRequest) -> dict[str, Any]:
    return value(request.query["zone"], NOON)


def history(request: HttpRequest) -> dict[str, Any]:
    zone = request.query["zone"]
    hours = [NOON - timedelta(hours=23 - hour) for hour in range(24)]
    return {"zone": zone, "history": [value(zone, hour) for hour in hours]}


def forecast(request: HttpRequest) -> dict[str, Any]:
    zone = request.query["zone"]
    hours = [NOON + timedelta(hours=hour) for hour in range(25)]
    return {"zone": zone, "forecast": [value(zone, hour) for hour in hours]}


FREE = ["carbon-intensity/latest"]


class Scene:
    """A source and the script of its API, at a quarter past noon."""

    def __init__(self) -> None:
        self.clock = ManualClock(NOON + timedelta(minutes=15))
        self.setting = context(self.clock)
        self.api = GridScript(
            {
                "/zones": {"DE": {"access": ["*"]}, "FR": {"access": ["*"]}},
                "/carbon-intensity/latest": latest,
                "/carbon-intensity/history": history,
                "/carbon-intensity/forecast": forecast,
            }
        )
        self.source = self.build(token=SECRET)

    def build(self, **settings: object) -> ElectricityMapsSource:
        section = {"kind": "electricity_maps", "base_url": self.api.url, **settings}
        (source,) = build(Config.model_validate(section), self.setting)
        return source

    def rebuild(self, **settings: object) -> None:
        self.source.close()
        self.source = self.build(**settings)

    def fetch(self, *zones: str, hours: int = 1) -> GridReading:
        at = now(self.clock)
        return self.source.fetch(zones, at - hours * STEP, at)

    def asked(self, endpoint: str) -> int:
        return self.api.paths.count(f"/carbon-intensity/{endpoint}")


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene()
    with made.api:
        yield made
        made.source.close()


def test_the_key_goes_in_the_header_and_nowhere_else(scene: Scene) -> None:
    scene.fetch("DE")
    for request in scene.api.asked:
        assert request.headers.get("auth-token", "") == SECRET
        assert SECRET not in request.path
        assert SECRET not in str(request.query)


def test_every_value_is_asked_for_by_zone_and_basis_without_a_look_up(scene: Scene) -> None:
    scene.fetch("DE", hours=72)
    queries = [request.query for request in scene.api.asked if request.path != "/zones"]
    assert queries
    for query in queries:
        # names of queries reach the fake in lower case
        assert query["disablecallerlookup"] == "true"
        assert (query["zone"], query["emissionfactortype"]) == ("DE", "lifecycle")


def test_one_refresh_gives_the_day_the_running_hour_and_the_forecast(scene: Scene) -> None:
    points = scene.fetch("DE", hours=12).points
    observed = [p.start for p in points if not p.forecast]
    assert observed == [AT_NOON - STEP * back for back in range(12, -1, -1)]
    assert [p.start for p in points if p.forecast] == [AT_NOON + STEP * i for i in range(25)]
    assert scene.asked("latest") == 0


def test_where_the_history_lacks_the_running_hour_the_latest_value_is_added(scene: Scene) -> None:
    scene.api.answers["/carbon-intensity/history"] = {
        "zone": "DE",
        "history": [value("DE", NOON - timedelta(hours=1))],
    }
    observed = [p.start for p in scene.fetch("DE").points if not p.forecast]
    assert observed == [AT_NOON - STEP, AT_NOON]


def test_a_window_before_the_last_day_is_asked_for_as_a_range(scene: Scene) -> None:
    scene.api.answers["/carbon-intensity/past-range"] = lambda _request: {
        "zone": "DE",
        "data": [value("DE", NOON - timedelta(hours=30))],
    }
    points = scene.fetch("DE", hours=36).points
    assert AT_NOON - 30 * STEP in {p.start for p in points}
    (request,) = [r for r in scene.api.asked if r.path.endswith("past-range")]
    assert request.query["start"] == "2026-06-12T00:00:00Z"
    assert request.query["end"] == "2026-06-12T13:00:00Z"


def test_a_plan_without_ranges_gives_the_last_day_and_no_failure(scene: Scene) -> None:
    scene.api.answers["/carbon-intensity/past-range"] = (403, "Access denied")
    for _ in range(2):
        reading = scene.fetch("DE", hours=36)
        assert reading.points
        assert reading.failures == ()
    assert scene.asked("past-range") == 1


@pytest.mark.parametrize(
    "refusal",
    [
        (403, (FIXTURES / "electricitymaps_error_403.txt").read_text()),
        (404, body("electricitymaps_error_404_no_data.json")),
    ],
)
def test_a_plan_without_a_forecast_is_remembered_and_no_failure(
    scene: Scene, refusal: tuple[int, object]
) -> None:
    scene.api.answers["/carbon-intensity/forecast"] = refusal
    for _ in range(4):
        reading = scene.fetch("DE")
        assert {p.forecast for p in reading.points} == {False}
        assert reading.failures == ()
        scene.clock.advance(ElectricityMapsSource.refresh_seconds)
    assert scene.asked("forecast") == 1
    scene.clock.advance(KEEP_RIGHTS_SECONDS)
    scene.fetch("DE")
    assert scene.asked("forecast") == 2


def test_a_forecast_that_fails_is_a_failure_beside_the_values(scene: Scene) -> None:
    scene.api.answers["/carbon-intensity/forecast"] = "<html>"
    reading = scene.fetch("DE")
    assert reading.points
    assert [type(failure) for failure in reading.failures] == [BadPayloadError]


def test_a_free_key_is_asked_for_what_it_may_and_no_more(scene: Scene) -> None:
    scene.api.answers["/zones"] = {"DE": {"access": FREE}}
    points = scene.fetch("DE").points
    assert [(p.zone, p.start) for p in points] == [("DE", AT_NOON)]
    assert scene.api.paths == ["/zones", "/carbon-intensity/latest"]


def test_from_the_first_refresh_on_only_the_zones_of_the_key_are_covered(scene: Scene) -> None:
    assert scene.source.covers("AE")
    assert not any(scene.source.covers(zone) for zone in ("", "WORLD", "de", "DE/../FR"))
    with capture_logs() as logs:
        points = scene.fetch("DE", "AE").points
        scene.fetch("DE", "AE")
    assert {p.zone for p in points} == {"DE"}
    assert scene.source.covers("DE")
    assert not scene.source.covers("AE")
    assert [(entry["event"], entry["zones"]) for entry in logs] == [
        ("electricity_maps_zones_missing", "AE")
    ]


def test_a_key_for_none_of_the_zones_is_told_and_tried_again_hours_later(scene: Scene) -> None:
    with pytest.raises(AuthError, match=r"none of the zones in use .* its zones: DE, FR"):
        scene.fetch("AE")
    assert not scene.source.covers("AE")
    scene.api.answers["/zones"] = {"AE": {"access": FREE}}
    scene.clock.advance(KEEP_RIGHTS_SECONDS)
    assert scene.source.covers("AE")
    assert {p.zone for p in scene.fetch("AE").points} == {"AE"}


def test_the_coverage_does_not_flap_when_the_list_grows_old(scene: Scene) -> None:
    scene.fetch("DE")
    scene.clock.advance(KEEP_RIGHTS_SECONDS)
    assert scene.source.covers("DE")
    assert not scene.source.covers("AE")
    scene.fetch("DE")
    assert scene.api.paths.count("/zones") == 2


def test_a_zone_that_is_refused_all_the_same_leaves_the_others(scene: Scene) -> None:
    def refuse(request: HttpRequest) -> object:
        return (403, "Access denied") if request.query["zone"] == "DE" else history(request)

    scene.api.answers["/carbon-intensity/history"] = refuse
    scene.api.answers["/carbon-intensity/latest"] = (403, "Access denied")
    reading = scene.fetch("DE", "FR")
    assert {p.zone for p in reading.points if not p.forecast} == {"FR"}
    assert [(type(f), f.scope) for f in reading.failures] == [(AuthError, "DE")] * 2
    assert not scene.source.covers("DE")
    assert scene.source.covers("FR")


def test_a_refused_key_is_an_auth_error_that_says_what_to_check(scene: Scene) -> None:
    scene.api.answers["/zones"] = (401, body("electricitymaps_error_401.json"))
    with pytest.raises(AuthError, match="check token or token_file") as caught:
        scene.fetch("DE")
    assert SECRET not in str(caught.value)
    assert scene.source.covers("DE")


def test_a_zone_without_data_is_no_data_and_leaves_the_others(scene: Scene) -> None:
    def lack(request: HttpRequest) -> object:
        error = body("electricitymaps_error_404_no_data.json")
        return (404, error) if request.query["zone"] == "DE" else history(request)

    scene.api.answers["/carbon-intensity/history"] = lack
    reading = scene.fetch("DE", "FR")
    assert {p.zone for p in reading.points if not p.forecast} == {"FR"}
    assert [(type(f).reason, f.scope) for f in reading.failures] == [("no_data", "DE")]


def test_a_404_that_is_not_the_api_s_own_is_a_wrong_address(scene: Scene) -> None:
    del scene.api.answers["/carbon-intensity/history"]
    scene.api.answers["/carbon-intensity/forecast"] = {"zone": "DE", "forecast": []}
    with pytest.raises(BadPayloadError, match="check base_url"):
        scene.fetch("DE")


def test_an_answer_for_the_caller_s_own_zone_is_never_used(scene: Scene) -> None:
    for name in ("history", "latest", "forecast"):
        document = {"zone": "FR", "history": [value("FR", NOON)]}
        scene.api.answers[f"/carbon-intensity/{name}"] = document
    with pytest.raises(BadPayloadError, match="not for zone DE"):
        scene.fetch("DE")


def test_questions_of_one_refresh_are_answered_from_memory(scene: Scene) -> None:
    first = scene.fetch("DE")
    before = len(scene.api.paths)
    assert scene.fetch("DE") == first
    assert len(scene.api.paths) == before


def test_beyond_the_request_budget_zones_have_their_turn_at_the_next_refresh(scene: Scene) -> None:
    scene.rebuild(token=SECRET, requests_per_minute=2)
    one = scene.fetch("DE", "FR")
    assert ({p.zone for p in one.points}, one.failures) == ({"DE"}, ())
    scene.clock.advance(ElectricityMapsSource.refresh_seconds)
    two = scene.fetch("DE", "FR")
    assert "FR" in {p.zone for p in two.points}
    assert two.failures == ()


def test_zones_of_the_config_are_the_only_ones_covered(scene: Scene) -> None:
    scene.rebuild(token=SECRET, zones=["FR"])
    assert not scene.source.covers("DE")
    assert {p.zone for p in scene.fetch("DE", "FR").points} == {"FR"}


def test_the_key_is_read_anew_from_its_file(scene: Scene, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("old-key\n")
    scene.rebuild(token_file=path)
    scene.fetch("DE")
    path.write_text("new-key\n")
    scene.clock.advance(ElectricityMapsSource.refresh_seconds)
    scene.fetch("DE")
    keys = [request.headers.get("auth-token", "") for request in scene.api.asked]
    assert (keys[0], keys[-1]) == ("old-key", "new-key")


def test_without_its_file_the_source_fails_by_name_and_asks_nothing(
    scene: Scene, tmp_path: Path
) -> None:
    scene.rebuild(token_file=tmp_path / "absent")
    with pytest.raises(AuthError, match=r"cannot read token_file .*absent.* — check token_file"):
        scene.fetch("DE")
    assert scene.api.asked == []


@pytest.mark.parametrize(
    ("section", "why"),
    [
        ({}, "needs a key"),
        ({"token": SECRET, "token_file": "key"}, "keep one"),
        ({"token": SECRET, "base_url": "http://api.electricitymaps.com/v4"}, "in the clear"),
        ({"token": SECRET, "zones": ["germany"]}, "zones"),
        ({"token": SECRET, "requests_per_minute": 0}, "requests_per_minute"),
    ],
)
def test_a_section_that_cannot_work_is_refused(section: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why) as caught:
        Config.model_validate({"kind": "electricity_maps", **section})
    assert SECRET not in str(caught.value)


def test_the_key_is_in_no_text_of_the_config() -> None:
    config = Config.model_validate({"kind": "electricity_maps", "token": SECRET})
    assert SECRET not in repr(config)
    assert SECRET not in json.dumps(config.model_dump(mode="json"))


def test_where_the_budget_ends_within_a_zone_what_was_read_of_it_is_given(scene: Scene) -> None:
    scene.api.answers["/carbon-intensity/history"] = {
        "zone": "DE",
        "history": [value("DE", NOON - timedelta(hours=1))],
    }
    scene.rebuild(token=SECRET, requests_per_minute=2)
    reading = scene.fetch("DE")
    assert [p.start for p in reading.points] == [AT_NOON - STEP]
    assert reading.failures == ()


@pytest.mark.parametrize("endpoint", ["history", "forecast", "past-range"])
def test_a_key_that_ends_between_two_calls_is_an_auth_error(scene: Scene, endpoint: str) -> None:
    refusal = (401, body("electricitymaps_error_401.json"))
    scene.api.answers[f"/carbon-intensity/{endpoint}"] = refusal
    try:
        failures = scene.fetch("DE", hours=36).failures
    except AuthError as error:
        failures = (error,)
    assert any(isinstance(failure, AuthError) for failure in failures)
    assert scene.source.covers("DE")


@pytest.mark.parametrize(
    ("document", "status", "about"),
    [
        ({"error": "unauthorized for zoneKey DE"}, 401, True),
        ({"message": "Invalid auth-token"}, 401, False),
        (None, 401, False),
        ("zone", 401, False),
    ],
)
def test_a_401_that_names_a_zone_is_about_that_zone(
    document: object, status: int, *, about: bool
) -> None:
    assert _is_about_a_zone(RefusedError("-", status=status, document=document)) is about
