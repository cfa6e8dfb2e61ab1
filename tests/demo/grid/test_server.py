"""The simulated grid itself, asked without our adapters."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import httpx
import pytest

from exporter.demo.grid import Fault, GridFake
from exporter.demo.grid.neso import lifecycle_mix
from tests.support.clock import ManualClock
from tests.support.grids import intensity

CLOCK = ManualClock(datetime(2026, 3, 2, 12, 40, tzinfo=UTC))


@pytest.fixture
def fake() -> Iterator[GridFake]:
    with GridFake(intensity, CLOCK, zones=("FR", "GB", "IE")) as server:
        yield server


def document(fake: GridFake, target: str) -> dict[str, Any]:
    answer = fake.respond(target)
    assert answer.status is HTTPStatus.OK
    parsed: dict[str, Any] = json.loads(answer.body)
    return parsed


def test_points_come_by_zone_and_time_and_say_that_they_are_simulated(fake: GridFake) -> None:
    query = "zone=IE&zone=FR&zone=XX&from=2026-03-02T12:00:00Z&to=2026-03-02T14:00:00Z"
    answer = document(fake, f"/v1/intensity?{query}")
    assert answer["simulated"] is True
    assert [(p["zone"], p["from"]) for p in answer["points"]] == [
        ("FR", "2026-03-02T12:00Z"),
        ("FR", "2026-03-02T12:30Z"),
        ("IE", "2026-03-02T12:00Z"),
        ("IE", "2026-03-02T12:30Z"),
    ]


def test_generation_is_the_last_complete_half_hour(fake: GridFake) -> None:
    (row,) = document(fake, "/generation")["data"]
    assert (row["from"], row["to"]) == ("2026-03-02T12:00Z", "2026-03-02T12:30Z")


def test_a_generation_window_begins_with_the_half_hour_that_ends_at_it(fake: GridFake) -> None:
    rows = document(fake, "/generation/2026-03-02T11:00Z/2026-03-02T12:00Z")["data"]
    assert [row["from"][11:] for row in rows] == ["10:30Z", "11:00Z", "11:30Z"]


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/v1/intensity",
        "/v1/intensity?zone=FR&from=yesterday&to=2026-03-02T12:00Z",
        "/v1/intensity?zone=FR&from=2026-03-02T11:00&to=2026-03-02T12:00Z",
        "/generation/2026-02-01T00:00Z/2026-03-01T00:00Z",
    ],
)
def test_a_bad_query_is_a_400(fake: GridFake, target: str) -> None:
    assert fake.respond(target).status is HTTPStatus.BAD_REQUEST


def test_a_fault_lasts_as_many_answers_as_asked(fake: GridFake) -> None:
    fake.inject(Fault.SERVER_ERROR, answers=2)
    statuses = [fake.respond("/generation").status for _ in range(3)]
    assert statuses == [500, 500, 200]


def test_a_throttled_answer_carries_retry_after_only_when_told(fake: GridFake) -> None:
    fake.inject(Fault.THROTTLED, retry_after=7)
    assert fake.respond("/generation").headers == {"Retry-After": "7"}
    fake.inject(Fault.THROTTLED)
    assert fake.respond("/generation").headers == {}


def test_a_slow_answer_is_still_right() -> None:
    with GridFake(intensity, CLOCK) as fake:
        fake.delay(0.05)
        answer = httpx.get(f"{fake.url}/generation", trust_env=False)
    assert answer.json()["data"]


def test_an_error_in_the_simulation_is_reported_not_swallowed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The report is written before the connection closes, so the client sees it through."""
    with GridFake(intensity, CLOCK) as fake, pytest.raises(httpx.RemoteProtocolError):
        httpx.get(
            f"{fake.url}/v1/intensity",
            params={"zone": "XX", "from": "2026-03-02T00:00Z", "to": "2026-03-02T01:00Z"},
            trust_env=False,
        )
    assert "KeyError: 'XX'" in capsys.readouterr().err


@pytest.mark.parametrize("value", [12.5, 997.1])
def test_an_intensity_that_no_mix_has_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="not between wind and coal"):
        lifecycle_mix(value)
