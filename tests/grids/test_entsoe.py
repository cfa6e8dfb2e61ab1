from contextlib import closing
from itertools import pairwise
from urllib.parse import parse_qs

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from exporter.core.clock import from_epoch
from exporter.core.errors import AuthError, BadPayloadError, NoDataError, ThrottledError
from exporter.core.model import GridReading, IntensityPoint
from exporter.data.fuels import fuel_factors
from exporter.grids.entsoe import (
    AREAS,
    FUELS,
    RESOLUTIONS,
    STORAGE,
    Config,
    EntsoeSource,
    expand,
    parse_generation,
)
from exporter.http.client import Endpoint, JsonClient
from exporter.http.secret import Secret
from tests.support.clock import ManualClock
from tests.support.grids import FIXTURES, context
from tests.support.streamed import streamed

HOUR = 3600
LATER = 2e9
NINE = 1_683_622_800
"""2023-05-09T09:00Z, the start of the fixtures."""
ZONE = "SE-SE3"
AREA = "10Y1001A1001A46L"
TOKEN = "s3cr3t-token"
NAMESPACE = "urn:iec62325.351:tc57wg16:451-6:generationloaddocument:3:0"


def fixture(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


def read(
    body: bytes, *, start: int = NINE, end: int = NINE + 3 * HOUR, now: float = LATER
) -> tuple[IntensityPoint, ...]:
    return parse_generation(body, ZONE, start=start, end=end, now=now)


def period(
    values: dict[int, object], *, resolution: str = "PT60M", hours: int = 3, start: int = NINE
) -> str:
    points = "".join(
        f"<Point><position>{position}</position><quantity>{value}</quantity></Point>"
        for position, value in values.items()
    )
    first, last = (from_epoch(t).strftime("%Y-%m-%dT%H:%MZ") for t in (start, start + hours * HOUR))
    interval = f"<timeInterval><start>{first}</start><end>{last}</end></timeInterval>"
    return f"<Period>{interval}<resolution>{resolution}</resolution>{points}</Period>"


def series(
    code: str,
    *periods: str,
    curve: str = "A01",
    area: str = AREA,
    direction: str = "in",
    unit: str = "MAW",
) -> str:
    return (
        f"<TimeSeries><{direction}BiddingZone_Domain.mRID>{area}"
        f"</{direction}BiddingZone_Domain.mRID>"
        f"<quantity_Measure_Unit.name>{unit}</quantity_Measure_Unit.name>"
        f"<curveType>{curve}</curveType><MktPSRType><psrType>{code}</psrType></MktPSRType>"
        f"{''.join(periods)}</TimeSeries>"
    )


def document(*all_series: str, kind: str = "A75") -> bytes:
    inner = f"<type>{kind}</type>{''.join(all_series)}"
    return f'<GL_MarketDocument xmlns="{NAMESPACE}">{inner}</GL_MarketDocument>'.encode()


def grams(points: tuple[IntensityPoint, ...]) -> list[float]:
    return [point.gco2eq_per_kwh for point in points]


def test_the_constructed_answer_gives_each_hour_its_life_cycle_value() -> None:
    """Hydro 1210, nuclear 5800, wind 1410 MW at nine; what the pumps consume is left out."""
    points = read(fixture("entsoe_a75_generation.xml"))
    assert [(p.start, p.end) for p in points] == [
        (NINE + i * HOUR, NINE + (i + 1) * HOUR) for i in range(3)
    ]
    assert points[0].gco2eq_per_kwh == pytest.approx(
        (1210 * 10.7 + 5800 * 5.1 + 1410 * 12.6) / (1210 + 5800 + 1410)
    )
    assert {(p.zone, p.estimated, p.forecast) for p in points} == {(ZONE, False, False)}


def test_on_curve_a03_a_missing_position_repeats_the_last_value() -> None:
    assert grams(read(fixture("entsoe_a75_generation_curve_a03.xml"))) == [5.1, 5.1, 5.1]


def test_an_acknowledgement_that_nothing_is_found_is_no_data() -> None:
    with pytest.raises(NoDataError, match="entsoe: "):
        read(fixture("entsoe_no_data.xml"))


def test_an_acknowledgement_of_another_reason_is_a_bad_payload_without_its_text() -> None:
    body = fixture("entsoe_no_data.xml").replace(b"No matching data", f"Bad {TOKEN}".encode())
    with pytest.raises(BadPayloadError, match="refuses the question") as caught:
        read(body)
    assert TOKEN not in str(caught.value)


@given(
    steps=st.integers(1, 200),
    seed=st.dictionaries(st.integers(1, 200), st.floats(0, 1e6), max_size=50),
    step=st.sampled_from(sorted(RESOLUTIONS.values())),
)
def test_blocks_fill_a_period_without_gap_or_overlap(
    steps: int, seed: dict[int, float], step: int
) -> None:
    points = {1: 7.0} | {position: value for position, value in seed.items() if position <= steps}
    spans = list(expand(points, NINE, NINE + steps * step, step, blocks=True))
    assert spans[0][0] == NINE
    assert spans[-1][1] == NINE + steps * step
    assert all(left[1] == right[0] for left, right in pairwise(spans))
    by_hand = {NINE + (position - 1) * step: value for position, value in points.items()}
    assert {start: value for start, _, value in spans} == by_hand


@given(positions=st.sets(st.integers(1, 96)))
def test_single_intervals_are_as_long_as_a_step_and_leave_gaps_open(positions: set[int]) -> None:
    points = dict.fromkeys(positions, 1.0)
    spans = list(expand(points, NINE, NINE + 96 * 900, 900, blocks=False))
    assert [(start - NINE) // 900 + 1 for start, _, _ in spans] == sorted(positions)
    assert all(end - start == 900 for start, end, _ in spans)


def test_the_shortest_resolution_of_a_zone_makes_its_steps() -> None:
    quarters = series("B16", period(dict.fromkeys(range(1, 5), 100), resolution="PT15M", hours=1))
    body = document(series("B14", period({1: 300}, hours=1)), quarters)
    points = read(body)
    assert [p.end - p.start for p in points] == [900] * 4
    assert grams(points) == pytest.approx([(300 * 5.1 + 100 * 35) / 400] * 4)


def test_half_hours_are_half_hours() -> None:
    body = document(series("B04", period({1: 1, 2: 1}, resolution="PT30M", hours=1)))
    assert [p.end - p.start for p in read(body)] == [1800, 1800]


def test_several_periods_of_one_type_follow_each_other() -> None:
    later = period({1: 200}, hours=1, start=NINE + 2 * HOUR)
    body = document(series("B19", period({1: 100}, hours=1), later), series("B14", period({1: 1})))
    assert [p.start for p in read(body)] == [NINE, NINE + 2 * HOUR]


def test_a_gap_on_curve_a01_is_no_zero() -> None:
    body = document(series("B05", period({1: 100, 3: 100})), series("B14", period({1: 9, 2: 9})))
    assert [p.start for p in read(body)] == [NINE]


def test_the_newest_intervals_are_left_out_until_every_plant_has_reported() -> None:
    body = document(
        series("B05", period({1: 500, 2: 500})), series("B19", period({1: 500, 2: 500, 3: 500}))
    )
    assert grams(read(body)) == [459.3, 459.3]


@pytest.mark.parametrize("code", sorted(STORAGE))
def test_what_storage_gives_back_was_counted_before(code: str) -> None:
    body = document(series("B14", period({1: 100, 2: 100})), series(code, period({1: 900})))
    assert grams(read(body)) == [5.1, 5.1]


def test_what_plants_consume_is_left_out_whatever_its_area_or_type() -> None:
    drawn = series("B99", period({1: 900}), direction="out", area="elsewhere")
    assert grams(read(document(series("B14", period({1: 100})), drawn))) == [5.1]


def test_a_document_without_series_has_no_points_and_zeros_none_either() -> None:
    assert read(document()) == ()
    assert read(document(series("B14", period({1: 0})))) == ()


def test_only_the_window_and_what_has_begun_is_given() -> None:
    body = document(series("B14", period({1: 1}, hours=1000), curve="A03"))
    points = read(body, start=NINE + 5 * HOUR, end=NINE + 9 * HOUR, now=NINE + 7 * HOUR + 60)
    assert [(p.start - NINE) // HOUR for p in points] == [5, 6, 7]
    assert [p.estimated for p in points] == [False, False, True]


def test_a_period_of_centuries_costs_no_more_than_its_window() -> None:
    body = document(series("B14", period({1: 1}, hours=10_000_000), curve="A03"))
    assert len(read(body)) == 3


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "not XML"),
        (b"<GL_MarketDocument>", "not XML"),
        (fixture("entsoe_a75_generation.xml")[:3000], "not XML"),
        (b'{"error": "token"}', "not XML"),
        (b"<html><body>Unauthorized</body></html>", "not actual generation"),
        (document(kind="A65"), "not actual generation"),
        (document(series("B14", period({1: 1}), area="10YFR-RTE------C")), "not asked for"),
        (document(series("B14", period({1: 1}), unit="MWH")), "not in megawatts"),
        (document(series("B14", period({1: 1}), curve="A02")), "unknown curve 'A02'"),
        (document(series("B14", period({1: 1}, resolution="P1D"))), "unknown resolution"),
        (document(series("B14", period({1: "NaN"}))), "quantity"),
        (document(series("B14", period({1: "1e3"}))), "quantity"),
        (document(series("B14", period({1: ""}))), "quantity"),
        (document(series("B14", period({0: 1}))), "no place of its own"),
        (document(series("B14", period({4: 1}))), "no place of its own"),
        (document(series("B14", period({1: 1}, start=NINE + 60))), "whole intervals"),
        (document(series("B14", period({1: 1}, hours=0))), "whole intervals"),
        (document(series("B14", "<Period/>")), "lacks resolution"),
        (document("<TimeSeries><inBiddingZone_Domain.mRID/></TimeSeries>"), "not asked for"),
    ],
)
def test_another_document_is_a_bad_payload_with_the_cause(body: bytes, why: str) -> None:
    with pytest.raises(BadPayloadError, match=why) as caught:
        read(body)
    assert str(caught.value).startswith("entsoe: ")
    assert "\n" not in str(caught.value)


LAUGHS = '<!DOCTYPE lol [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><GL_MarketDocument>&b;'


@pytest.mark.parametrize(
    "body",
    [
        f"{LAUGHS}</GL_MarketDocument>".encode(),
        f"{LAUGHS}</GL_MarketDocument>".encode("utf-16"),
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        b'<!DOCTYPE html PUBLIC "-//W3C//DTD HTML 4.0 Transitional//EN" "x.dtd"><html/>',
    ],
)
def test_a_declaration_is_refused_before_it_can_define_anything(body: bytes) -> None:
    with pytest.raises(BadPayloadError, match="declares a type"):
        read(body)


@given(body=st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_any_rubbish_is_a_bad_payload(body: bytes) -> None:
    with pytest.raises(BadPayloadError):
        read(body)


@given(
    megawatts=st.dictionaries(st.sampled_from(sorted(FUELS)), st.integers(1, 99_999), min_size=1)
)
def test_the_value_is_the_mix_times_its_factors(megawatts: dict[str, int]) -> None:
    body = document(*(series(code, period({1: mw}, hours=1)) for code, mw in megawatts.items()))
    (point,) = read(body)
    total = sum(
        mw * fuel_factors(ZONE)[FUELS[code]].gco2eq_per_kwh for code, mw in megawatts.items()
    )
    assert point.gco2eq_per_kwh == pytest.approx(total / sum(megawatts.values()), rel=1e-12)


def test_lignite_hard_coal_and_what_burns_like_them_have_factors_of_their_own() -> None:
    kinds = [FUELS[code] for code in ("B02", "B03", "B05", "B07", "B08", "B17")]
    values = {fuel_factors("DE")[kind].gco2eq_per_kwh for kind in kinds}
    assert len(values) == len(kinds)
    assert (
        fuel_factors("DE")["lignite"].gco2eq_per_kwh
        > fuel_factors("DE")["hard coal"].gco2eq_per_kwh
    )


def test_a_negative_amount_and_an_unknown_type_do_not_take_the_hour_down() -> None:
    gas = series("B04", period({1: 1000}, hours=1))
    at_rest = series("B16", period({1: -2}, hours=1))
    odd = series("B99", period({1: 5}, hours=1))
    (plain,) = read(document(gas))
    assert grams(read(document(gas, at_rest, odd))) == [plain.gco2eq_per_kwh]
    (point,) = read(document(gas, series("B99", period({1: 1000}, hours=1))))
    assert point.low is not None
    assert point.high is not None
    assert point.high > 2 * point.low


def test_every_production_type_has_a_factor_or_is_storage() -> None:
    assert {FUELS[code] for code in FUELS} <= fuel_factors(ZONE).keys()
    assert sorted({*FUELS, *STORAGE}) == [f"B{i:02}" for i in (*range(1, 21), 25)]


NOW = NINE + 20 * HOUR


class Api:
    """The platform, answering one body for every area that it knows."""

    def __init__(self, bodies: dict[str, bytes], status: int = 200) -> None:
        self.bodies = bodies
        self.status = status
        self.queries: list[dict[str, str]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        query = {key: values[0] for key, values in parse_qs(request.url.query.decode()).items()}
        self.queries.append(query)
        body = self.bodies.get(query["in_Domain"], fixture("entsoe_no_data.xml"))
        return httpx.Response(self.status, content=body)


def fetch(
    api: Api, *zones: str, start: int = NOW - HOUR, end: int = NOW, now: int = NOW
) -> GridReading:
    clock = ManualClock(from_epoch(now))
    endpoint = Endpoint(source="entsoe", base_url="https://api.example.org", auth_fix="-")
    client = JsonClient(endpoint, context(clock), transport=streamed(api))
    with closing(EntsoeSource(client, Secret("entsoe", SecretStr(TOKEN)), clock)) as entsoe:
        return entsoe.fetch(zones, start, end)


def test_a_window_that_is_too_recent_yields_the_newest_intervals_before_it() -> None:
    reading = fetch(Api({AREA: fixture("entsoe_a75_generation.xml")}), ZONE)
    assert [p.start for p in reading.points] == [NINE, NINE + HOUR, NINE + 2 * HOUR]
    assert reading.failures == ()


def test_a_zone_without_data_does_not_lose_the_others() -> None:
    api = Api({AREA: fixture("entsoe_a75_generation.xml")})
    reading = fetch(api, "FR", ZONE)
    assert {point.zone for point in reading.points} == {ZONE}
    assert [(type(f), f.scope) for f in reading.failures] == [(NoDataError, "FR")]
    assert [query["in_Domain"] for query in api.queries] == [AREAS["FR"], AREA]


def test_an_answer_of_another_zone_is_refused() -> None:
    api = Api({AREAS["FR"]: fixture("entsoe_a75_generation.xml")})
    with pytest.raises(BadPayloadError, match="not asked for"):
        fetch(api, "FR")


def test_times_are_asked_for_in_utc_to_the_minute() -> None:
    api = Api({AREA: fixture("entsoe_a75_generation.xml")})
    fetch(api, ZONE, start=NINE + 100, end=NINE + 3 * HOUR, now=NINE + 100 * HOUR)
    assert (api.queries[0]["periodStart"], api.queries[0]["periodEnd"]) == (
        "202305090300",
        "202305091200",
    )


@pytest.mark.parametrize(("status", "error"), [(401, AuthError), (429, ThrottledError)])
def test_a_refusal_ends_the_round_and_never_tells_the_token(
    status: int, error: type[Exception]
) -> None:
    api = Api({}, status)
    with pytest.raises(error) as caught:
        fetch(api, *AREAS)
    assert {query["in_Domain"] for query in api.queries} == {min(AREAS[z] for z in ["AT"])}
    assert api.queries[0]["securityToken"] == TOKEN
    assert TOKEN not in f"{caught.value} {caught.value!r} {caught.value.__cause__!r}"


def test_a_zone_that_is_not_covered_is_not_asked_for() -> None:
    api = Api({})
    assert fetch(api, "GB").points == ()
    assert api.queries == []


@pytest.mark.parametrize(
    "section",
    [
        {},
        {"token": TOKEN, "token_file": "/run/secrets/entsoe"},
        {"token": TOKEN, "base_url": "http://web-api.tp.entsoe.eu"},
        {"token": TOKEN, "zones": ["FR"]},
    ],
)
def test_a_wrong_section_is_refused(section: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Config.model_validate({"kind": "entsoe", **section})


def test_the_areas_are_energy_identification_codes() -> None:
    assert len(AREAS) == len(set(AREAS.values())) == 17
    assert all(len(area) == 16 and area.startswith("10Y") for area in AREAS.values())
