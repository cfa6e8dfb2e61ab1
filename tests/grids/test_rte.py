import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from exporter.core.clock import epoch, from_epoch
from exporter.core.errors import BadPayloadError
from exporter.core.model import Basis
from exporter.grids.rte import FACTS, STEP, Config, parse_records
from tests.support.grids import FIXTURES, json_values

LATER = 2e9
QUARTER = 1_778_773_500
"""2026-05-14T15:45Z, the first record of the documented sample."""


def fixture(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((FIXTURES / name).read_text())
    return document


def record(value: object = 31, when: object = "2026-05-14T15:45:00+00:00") -> dict[str, object]:
    return {"taux_co2": value, "date_heure": when}


def results(*records: object) -> dict[str, object]:
    return {"total_count": len(records), "results": list(records)}


def test_the_documented_sample_gives_its_value_and_nothing_for_the_future_record() -> None:
    reading = parse_records(fixture("odre_eco2mix_national_tr.json"), now=LATER)
    (point,) = reading.points
    assert from_epoch(point.start).isoformat() == "2026-05-14T15:45:00+00:00"
    assert (point.zone, point.start, point.end) == ("FR", QUARTER, QUARTER + STEP)
    assert point.gco2eq_per_kwh == 35.0
    assert reading.failures == ()


def test_the_selected_columns_suffice() -> None:
    (point,) = parse_records(fixture("odre_taux_co2_select.json"), now=LATER).points
    assert point.gco2eq_per_kwh == 31.0


def test_values_are_direct_and_never_pass_for_life_cycle_ones() -> None:
    assert FACTS.basis is Basis.DIRECT


def test_the_running_quarter_is_estimated_and_a_later_one_left_out() -> None:
    rows = [record(), record(30, "2026-05-14T16:00:00+00:00")]
    (point,) = parse_records(results(*rows), now=QUARTER + 60).points
    assert (point.start, point.estimated) == (QUARTER, True)


@pytest.mark.parametrize(
    ("when", "utc"),
    [
        ("2026-05-14T17:45:00+02:00", "2026-05-14T15:45:00+00:00"),
        ("2026-03-29T01:45:00+01:00", "2026-03-29T00:45:00+00:00"),
        ("2026-03-29T03:00:00+02:00", "2026-03-29T01:00:00+00:00"),
        ("2026-10-25T02:30:00+02:00", "2026-10-25T00:30:00+00:00"),
        ("2026-10-25T02:30:00+01:00", "2026-10-25T01:30:00+00:00"),
    ],
)
def test_local_time_with_its_offset_is_understood_on_every_day(when: str, utc: str) -> None:
    (point,) = parse_records(results(record(31, when)), now=LATER).points
    assert from_epoch(point.start).isoformat() == utc


def test_a_null_is_no_data_and_not_zero() -> None:
    reading = parse_records(results(record(None)), now=LATER)
    assert (reading.points, reading.failures) == ((), ())


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (record(-1), "taux_co2"),
        (record("many"), "taux_co2"),
        (record(value=True), "taux_co2"),
        (record(31_000), "taux_co2"),
        ({"date_heure": "2026-05-14T15:45:00+00:00"}, "taux_co2"),
        (record(31, "2026-05-14T15:45:00"), "date_heure"),
        (record(31, "2016-12-31T23:59:60+00:00"), "date_heure"),
        (record(31, "2026-05-14T15:50:00+00:00"), "quarter"),
        (record(31, None), "date_heure"),
        ({**record(), "perimetre": "Bretagne"}, "perimetre"),
        ("record", "a record"),
    ],
)
def test_an_unreadable_record_is_one_failure_beside_the_others(bad: object, why: str) -> None:
    good = record(28, "2026-05-14T15:30:00+00:00")
    reading = parse_records(results(bad, good), now=LATER)
    assert [point.gco2eq_per_kwh for point in reading.points] == [28.0]
    assert [why in str(failure) for failure in reading.failures] == [True]
    with pytest.raises(BadPayloadError, match=why):
        parse_records(results(bad), now=LATER)


@pytest.mark.parametrize("document", [None, [], {}, {"results": {}}, {"error_code": "ODSQLError"}])
def test_another_document_is_a_bad_payload(document: object) -> None:
    with pytest.raises(BadPayloadError, match="rte: "):
        parse_records(document, now=LATER)


@given(document=json_values | st.fixed_dictionaries({"results": json_values}))
def test_any_rubbish_is_a_bad_payload_or_nothing(document: object) -> None:
    try:
        reading = parse_records(document, now=LATER)
    except BadPayloadError:
        return
    assert reading.points == ()


@given(quarters=st.lists(st.integers(0, 10_000), unique=True), value=st.integers(0, 900))
def test_every_quarter_has_its_own_interval(quarters: list[int], value: int) -> None:
    starts = [QUARTER + quarter * STEP for quarter in quarters]
    rows = [record(value, from_epoch(start).isoformat()) for start in starts]
    points = parse_records(results(*rows), now=LATER).points
    assert sorted(point.start for point in points) == sorted(starts)
    assert all(point.end == point.start + STEP for point in points)
    assert all(epoch(from_epoch(point.start)) == point.start for point in points)


@pytest.mark.parametrize("section", [{"token": "x"}, {"base_url": "ftp://x"}])
def test_a_wrong_section_is_refused(section: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Config.model_validate({"kind": "rte", **section})
