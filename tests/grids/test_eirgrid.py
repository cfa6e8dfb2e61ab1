from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfoNotFoundError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.clock import epoch, from_epoch
from exporter.core.errors import BadPayloadError, NoDataError
from exporter.core.model import Basis, GridReading
from exporter.grids import eirgrid
from exporter.grids.eirgrid import FACTS, STEP, parse_chart
from tests.contracts.grids.harnesses.eirgrid import DUBLIN
from tests.support.grid_bodies import bodies_but, body
from tests.support.grids import json_values

FOREVER = float(2**40)
TEN = int(epoch(datetime(2025, 6, 4, 9, tzinfo=UTC)))
"""The first row of the constructed answer, 10:00 in Dublin's summer."""


def row(
    when: object = "04-Jun-2025 10:00:00", value: object = 231, **others: object
) -> dict[str, object]:
    known = {"EffectiveTime": when, "FieldName": "CO2_INTENSITY", "Region": "ROI", "Value": value}
    return {**known, **others}


def parse(*rows: object, at: float = FOREVER) -> GridReading:
    return parse_chart({"Rows": list(rows)}, now=at)


def local_rows(start: datetime, count: int) -> list[dict[str, object]]:
    """Write consecutive quarter-hours as Dublin's clocks show them, valued 1, 2, 3 …"""
    moments = [start + timedelta(seconds=STEP * index) for index in range(count)]
    texts = [moment.astimezone(DUBLIN).strftime("%d-%b-%Y %H:%M:%S") for moment in moments]
    return [row(text, index + 1) for index, text in enumerate(texts)]


def test_the_answer_gives_its_quarter_hours_and_nothing_for_the_nulls_at_its_end() -> None:
    reading = parse_chart(body("eirgrid_co2intensity.json"), now=FOREVER)
    assert [(p.start, p.gco2eq_per_kwh) for p in reading.points] == [
        (TEN, 231.0),
        (TEN + STEP, 229.0),
        (TEN + 2 * STEP, 226.0),
        (TEN + 3 * STEP, 224.0),
    ]
    assert {p.zone for p in reading.points} == {"IE"}
    assert reading.failures == ()


def test_in_winter_dublin_is_utc() -> None:
    (point,) = parse(row("04-Jan-2026 10:00:00")).points
    assert from_epoch(point.start) == datetime(2026, 1, 4, 10, tzinfo=UTC)


def test_the_repeated_hour_of_autumn_is_told_apart_by_its_order() -> None:
    start = datetime(2026, 10, 24, 23, tzinfo=UTC)
    points = parse(*local_rows(start, 16)).points
    assert [p.start for p in points] == [int(epoch(start)) + STEP * i for i in range(16)]
    assert [p.gco2eq_per_kwh for p in points] == [float(value) for value in range(1, 17)]


def test_nulls_in_the_repeated_hour_do_not_shift_its_values() -> None:
    rows = local_rows(datetime(2026, 10, 25, 0, tzinfo=UTC), 8)
    rows[0]["Value"] = rows[5]["Value"] = None
    starts = [p.start - int(epoch(datetime(2026, 10, 25, tzinfo=UTC))) for p in parse(*rows).points]
    assert starts == [STEP * i for i in (1, 2, 3, 4, 6, 7)]


def test_a_single_row_of_the_repeated_hour_is_left_out_because_it_may_be_either() -> None:
    points = parse(row("25-Oct-2026 00:45:00"), row("25-Oct-2026 01:15:00")).points
    assert [from_epoch(p.start).minute for p in points] == [45]


def test_during_the_repeated_hour_a_single_row_can_only_be_the_first() -> None:
    at = datetime(2026, 10, 25, 0, 50, tzinfo=UTC)
    (point,) = parse(row("25-Oct-2026 01:15:00"), at=epoch(at)).points
    assert from_epoch(point.start) == datetime(2026, 10, 25, 0, 15, tzinfo=UTC)


def test_the_hour_that_spring_skips_is_refused_and_the_next_one_read() -> None:
    reading = parse(row("29-Mar-2026 01:15:00"), row("29-Mar-2026 02:00:00"))
    assert [from_epoch(p.start) for p in reading.points] == [datetime(2026, 3, 29, 1, tzinfo=UTC)]
    assert ["Dublin" in str(failure) for failure in reading.failures] == [True]


@given(
    day=st.dates(date(2020, 1, 1), date(2030, 12, 31)),
    count=st.integers(1, 120),
)
def test_any_run_of_quarter_hours_is_read_back_without_gap_or_shift(day: date, count: int) -> None:
    start = datetime(day.year, day.month, day.day, tzinfo=DUBLIN).astimezone(UTC)
    whole = local_rows(start, 96 + count)  # past the end of a repeated hour
    points = parse(*whole).points
    assert [p.start for p in points] == [int(epoch(start)) + STEP * i for i in range(len(whole))]


def test_rows_of_other_fields_and_of_the_future_are_left_out() -> None:
    other = row("04-Jun-2025 10:15:00", FieldName="CO2_EMISSIONS")
    points = parse(row(), other, row("04-Jun-2025 10:30:00"), at=TEN + 60.0).points
    assert [(p.start, p.estimated) for p in points] == [(TEN, True)]


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (row(Region="NI"), "Region"),
        (row(Region=None), "Region"),
        (row("04-Jun-2025 10:07:00"), "quarter-hour"),
        (row("31-Dec-2016 23:59:60"), "EffectiveTime"),
        (row("31-Jun-2025 10:00:00"), "EffectiveTime"),
        (row("04-Juin-2025 10:00:00"), "EffectiveTime"),
        (row("04-Mai-2025 10:00:00"), "EffectiveTime"),
        (row("2025-06-04T10:00:00Z"), "EffectiveTime"),
        (row(None), "EffectiveTime"),
        (row(value="many"), "Value"),
        (row(value=-5), "Value"),
        (row(value=2001), "no direct intensity"),
        ("row", "a row is not an object"),
    ],
)
def test_an_unreadable_row_is_refused_with_the_cause(bad: object, why: str) -> None:
    with pytest.raises(BadPayloadError, match=why):
        parse(bad)


@pytest.mark.parametrize("name", bodies_but("eirgrid"))
def test_an_answer_of_another_api_is_a_bad_payload(name: str) -> None:
    with pytest.raises(BadPayloadError):
        parse_chart(body(name), now=FOREVER)


rubbish = st.fixed_dictionaries(
    {"FieldName": st.just("CO2_INTENSITY") | json_values},
    optional={
        "EffectiveTime": st.sampled_from(["04-Jun-2025 10:00:00", "25-Oct-2026 01:15:00"])
        | json_values,
        "Region": st.just("ROI") | json_values,
        "Value": st.floats(0, 3000) | json_values,
    },
)


@given(document=json_values | st.fixed_dictionaries({"Rows": st.lists(rubbish, max_size=4)}))
def test_rubbish_gives_physical_values_or_a_bad_payload(document: object) -> None:
    try:
        reading = parse_chart(document, now=FOREVER)
    except BadPayloadError:
        return
    assert all(0 <= point.gco2eq_per_kwh <= 2000 for point in reading.points)


def test_direct_values_are_declared_as_such() -> None:
    assert FACTS.basis is Basis.DIRECT


def test_a_machine_without_time_zones_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def absent(name: str) -> None:
        raise ZoneInfoNotFoundError(name)

    monkeypatch.setattr(eirgrid, "ZoneInfo", absent)
    eirgrid._dublin.cache_clear()
    with pytest.raises(NoDataError, match="install the package tzdata"):
        parse(row())
