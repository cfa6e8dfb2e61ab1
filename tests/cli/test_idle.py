import json
from collections.abc import Callable, Sequence

import pytest

from exporter.core.errors import UnreachableError
from exporter.core.model import Machine, Reading, RunState, UsageSeries, Window
from exporter.core.units import Ratio
from tests.cli.conftest import Cloud, Run, a_machine

DAY = 86400
Load = Callable[[int, int], float | None]
"""CPU of a bucket by its start and the end of the window that was read."""


def _nothing(_start: int, _end: int) -> float:
    return 0.01


@pytest.fixture
def read(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> dict[str, Load]:
    """Give machines what they did: by resource id, idle if nothing was given."""
    loads: dict[str, Load] = {}
    cloud.machines = (
        a_machine(1, "m5.large"),
        a_machine(2, "m5.xlarge"),
        a_machine(3, "p3.2xlarge"),
        a_machine(4, "m5.large", state=RunState.STOPPED),
    )

    def read(machines: Sequence[Machine], window: Window) -> Reading:
        series = []
        for machine in machines:
            assert machine.state is RunState.RUNNING
            load = loads.get(machine.key.resource_id, _nothing)
            found = {at: load(at, window.end) for at in window.buckets}
            cpu = {at: Ratio(value) for at, value in found.items() if value is not None}
            series.append(UsageSeries(key=machine.key, cpu=cpu))
        return Reading(series=tuple(series))

    monkeypatch.setattr(cloud, "read", read)
    monkeypatch.setattr(cloud, "retention", lambda _resolution: 15 * DAY)
    return loads


def uses(run: Run) -> dict[str, str]:
    found = json.loads(run("idle", "--all", "--json").stdout)["resources"]
    return {one["resource_id"]: one["use"] for one in found}


def test_an_idle_machine_with_what_it_saves_and_what_it_does_not(
    configured: Run, read: dict[str, Load]
) -> None:
    read["i-2"] = lambda at, _end: 0.6 if at // 3600 % 24 == 3 else 0.01
    result = configured("idle", "--json")
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert (told["machines"], told["idle"]) == (3, 1)
    [one] = told["resources"]
    assert (one["resource_id"], one["use"]) == ("i-1", "idle")
    assert one["cpu_utilization_ratio_p99"] == pytest.approx(0.01)
    assert one["measured_ratio"] == pytest.approx(1.0)
    assert one["saves_gco2eq_per_hour"] > 0
    assert one["embodied_gco2eq_per_hour"] > 0
    assert told["saves_gco2eq_per_hour"] == one["saves_gco2eq_per_hour"]
    people = configured("idle").stdout
    assert "1 of 3 machines that run idle; switching them off saves" in people
    assert "which does not end with them" in people


def test_a_nightly_job_an_unmeasured_gpu_and_a_gap_are_no_idling(
    configured: Run, read: dict[str, Load]
) -> None:
    read["i-1"] = lambda at, _end: 0.01 if at // 3600 % 24 < 18 else None
    read["i-2"] = lambda at, _end: 0.6 if at // 3600 % 24 == 3 else 0.01
    assert uses(configured) == {"i-1": "unmeasured", "i-2": "used", "i-3": "accelerator"}


def test_a_machine_of_six_days_is_too_young(configured: Run, read: dict[str, Load]) -> None:
    begin: list[int] = []

    def young(at: int, _end: int) -> float | None:
        begin.append(at)
        return 0.01 if at >= min(begin) + 2 * DAY + 300 else None

    read["i-1"] = young
    assert uses(configured)["i-1"] == "young"


def test_a_cloud_that_cannot_be_read_is_exit_1_and_no_machine_of_it_idle(
    configured: Run, cloud: Cloud, read: dict[str, Load], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(machines: Sequence[Machine], window: Window) -> Reading:
        message = f"{len(machines)} unread from {window.start} — check the network"
        raise UnreachableError(message)

    del read
    monkeypatch.setattr(cloud, "read", fail)
    result = configured("idle", "--json")
    assert (result.exit_code, "check the network" in result.stderr) == (1, True)
    assert json.loads(result.stdout)["idle"] == 0
    cloud.down = True
    assert configured("idle").exit_code == 1


def test_a_provider_without_history_is_left_out_and_told(
    configured: Run, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cloud, "retention", lambda _resolution: 0)
    result = configured("idle")
    assert result.exit_code == 0
    assert "0 of 0 machines" in result.stdout
    assert "aws:test keeps no history" in result.stdout
