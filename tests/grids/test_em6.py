from contextlib import closing
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.clock import epoch
from exporter.core.errors import BadPayloadError, NoDataError
from exporter.core.model import Basis, GridReading
from exporter.grids.em6 import FACTS, STEP, Config, Em6Source, build, parse_items
from tests.contracts.grids.harnesses.em6 import EM6
from tests.support.clock import ManualClock
from tests.support.grid_bodies import bodies_but, body
from tests.support.grids import context, json_values, now

PERIOD = int(epoch(datetime(2026, 6, 13, 2, 30, tzinfo=UTC)))
"""The newest trading period of the constructed answer."""
NOW = PERIOD + 900.0


def item(value: object = 88.4, when: object = "2026-06-13T02:30:00Z") -> dict[str, object]:
    return {"timestamp": when, "nz_carbon_gkwh": value}


def parse(document: object, at: float = NOW) -> GridReading:
    return parse_items(document, now=at)


def test_the_answer_gives_its_trading_periods_the_running_one_as_an_estimate() -> None:
    points = parse(body("em6_current_carbon_intensity.json")).points
    assert [(p.zone, p.start, p.end, p.gco2eq_per_kwh, p.estimated) for p in points] == [
        ("NZ", PERIOD, PERIOD + STEP, 88.4, True),
        ("NZ", PERIOD - STEP, PERIOD, 90.2, False),
    ]


@pytest.mark.parametrize(
    "when",
    [
        "2026-06-13T02:30:00Z",
        "2026-06-13T02:30Z",
        "2026-06-13T14:30:00+12:00",
        "2026-06-13T02:30:00",
        "2026-06-13 02:30:00",
        "2026-06-13T02:30:00.000Z",
    ],
)
def test_stamps_are_read_in_every_form_that_means_one_time(when: str) -> None:
    assert [point.start for point in parse({"items": [item(when=when)]}).points] == [PERIOD]


@pytest.mark.parametrize(
    "when",
    [
        "2026-06-13T14:30:00",  # New Zealand's own time without a zone
        "2026-06-12T02:00:00Z",
        "2026-06-13T02:31:00Z",
        "2016-12-31T23:59:60Z",
        "13/06/2026 14:30",
        1_781_318_000,
        None,
    ],
)
def test_a_stamp_that_may_be_misread_is_refused(when: object) -> None:
    with pytest.raises(BadPayloadError, match="timestamp"):
        parse({"items": [item(when=when)]})


def test_a_number_as_text_is_read() -> None:
    assert parse({"items": [item("88.4")]}).points[0].gco2eq_per_kwh == 88.4


def test_null_is_no_data() -> None:
    assert parse({"items": [item(None)]}) == GridReading(points=())


@pytest.mark.parametrize("value", [-1, "-1", "high", "", True, 2001, [88], {"v": 1}])
def test_a_value_that_is_no_intensity_is_refused(value: object) -> None:
    with pytest.raises(BadPayloadError, match="nz_carbon_gkwh"):
        parse({"items": [item(value)]})


def test_an_absent_value_is_a_bad_payload() -> None:
    with pytest.raises(BadPayloadError, match="nz_carbon_gkwh"):
        parse({"items": [{"timestamp": "2026-06-13T02:30:00Z"}]})


@pytest.mark.parametrize("name", bodies_but("em6"))
def test_an_answer_of_another_api_is_a_bad_payload(name: str) -> None:
    with pytest.raises(BadPayloadError):
        parse(body(name))


items = st.fixed_dictionaries(
    {},
    optional={
        "timestamp": st.just("2026-06-13T02:30:00Z") | json_values,
        "nz_carbon_gkwh": st.floats(0, 3000) | json_values,
    },
)


@given(document=json_values | st.fixed_dictionaries({"items": st.lists(items, max_size=4)}))
def test_rubbish_gives_physical_values_or_a_bad_payload(document: object) -> None:
    try:
        reading = parse(document)
    except BadPayloadError:
        return
    assert all(0 <= point.gco2eq_per_kwh <= 2000 for point in reading.points)


def test_a_window_before_the_last_three_periods_has_no_data() -> None:
    clock = ManualClock(datetime(2026, 3, 2, 12, 40, tzinfo=UTC))
    with EM6.fake(clock) as fake:
        (source,) = build(Config(kind="em6", base_url=fake.url), context(clock))
        with closing(source), pytest.raises(NoDataError, match="only the last three"):
            source.fetch(["NZ"], now(clock) - 86400, now(clock) - 80000)


def test_questions_of_one_refresh_are_one_request() -> None:
    clock = ManualClock(datetime(2026, 3, 2, 12, 40, tzinfo=UTC))
    with EM6.fake(clock) as fake:
        (source,) = build(Config(kind="em6", base_url=fake.url), context(clock))
        with closing(source):
            first = source.fetch(["NZ"], now(clock) - 3600, now(clock))
            assert source.fetch(["NZ"], now(clock) - 3600, now(clock)) == first
            assert len(fake.paths) == 1
            clock.advance(Em6Source.refresh_seconds)
            source.fetch(["NZ"], now(clock) - 3600, now(clock))
            assert len(fake.paths) == 2


def test_its_unknown_basis_is_never_mixed_with_life_cycle_values() -> None:
    assert FACTS.basis is Basis.DIRECT
