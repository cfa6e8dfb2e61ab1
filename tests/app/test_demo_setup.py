"""The demo set up: which grids are live, and what it says of them."""

import socket
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import stamina

from exporter.app import run
from exporter.app.demo_setup import demo_stage, grid_zones
from exporter.app.probe_grids import LiveGrid, Probe, answering, told
from exporter.core.clock import SystemClock
from exporter.demo.estate import demo_estate, intensity
from exporter.demo.grid import Fault, GridFake
from exporter.grids.annual import AnnualTable
from exporter.settings import Settings

NO_LIMIT = 60.0
"""Seconds; far more than a loopback answer can take on the slowest machine."""
SOON = 0.2
"""Seconds; far less than a hanging source would take."""


@pytest.fixture
def grid() -> Iterator[GridFake]:
    with GridFake(intensity, SystemClock()) as fake:
        yield fake


def probes(url: str) -> tuple[Probe, ...]:
    return (
        Probe(section={"kind": "neso", "base_url": url}, zone="GB"),
        Probe(section={"kind": "energy_charts", "base_url": url}, zone="FR"),
    )


def kinds(live: tuple[LiveGrid, ...]) -> list[object]:
    return [grid.section["kind"] for grid in live]


def test_sources_that_answer_are_live_each_after_one_request(grid: GridFake) -> None:
    live = answering(probes(grid.url), limit_seconds=NO_LIMIT)
    assert kinds(live) == ["neso", "energy_charts"]
    assert sorted(path.split("/")[1].split("?")[0] for path in grid.paths) == [
        "co2eq",
        "generation",
    ]


@pytest.mark.parametrize(
    "fault", [Fault.SERVER_ERROR, Fault.HTML, Fault.FORBIDDEN, Fault.THROTTLED, Fault.NULLS]
)
def test_a_source_that_answers_wrongly_is_asked_once_and_is_not_live(
    grid: GridFake, fault: Fault
) -> None:
    grid.inject(fault)
    assert answering(probes(grid.url), limit_seconds=NO_LIMIT) == ()
    assert len(grid.paths) == 2


def test_sources_that_hang_are_left_behind_after_the_limit(grid: GridFake) -> None:
    grid.inject(Fault.HANG)
    assert answering(probes(grid.url), limit_seconds=SOON) == ()


def test_a_refused_connection_is_told_without_waiting_for_the_limit() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    assert answering(probes(url), limit_seconds=NO_LIMIT) == ()


def test_the_retries_of_the_daemon_are_as_they_were(grid: GridFake) -> None:
    for active in (True, False):
        stamina.set_active(active)
        try:
            answering(probes(grid.url), limit_seconds=NO_LIMIT)
            assert stamina.is_active() is active
        finally:
            stamina.set_active(True)


def test_live_sources_stand_before_the_simulated_one(grid: GridFake) -> None:
    with demo_stage(listen="127.0.0.1:0", probes=probes(grid.url)) as (settings, line):
        assert [section.kind for section in settings.grids] == ["neso", "energy_charts", "demo"]
    assert line == (
        "grid: GB live (neso); IE, FR, BE, NL, SE-SE3, AT and 11 more live (energy_charts); "
        "US-MIDA-PJM, IN-WE, US-MIDW-MISO, AE, AU-NSW, AU-VIC and 34 more simulated"
    )


def test_without_a_network_everything_is_simulated_and_says_so(grid: GridFake) -> None:
    grid.inject(Fault.SERVER_ERROR)
    with demo_stage(listen="127.0.0.1:0", probes=probes(grid.url)) as (settings, line):
        assert [section.kind for section in settings.grids] == ["demo"]
    assert line == "grid: all 58 zones simulated (no live source answered)"


def test_offline_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        pytest.fail("a name was looked up")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with demo_stage(listen="127.0.0.1:0", probes=()) as (settings, line):
        assert [section.kind for section in settings.grids] == ["demo"]
    assert line == "grid: all 58 zones simulated (--offline)"


@pytest.mark.parametrize(
    ("offline", "grids"), [(True, ["demo"]), (False, ["neso", "energy_charts", "demo"])]
)
def test_the_demo_runs_on_the_grids_that_answer_unless_it_is_offline(
    grid: GridFake, monkeypatch: pytest.MonkeyPatch, *, offline: bool, grids: list[str]
) -> None:
    ran: list[Settings] = []

    def record(settings: Settings, *_: object, **__: object) -> int:
        ran.append(settings)
        return 0

    monkeypatch.setattr(run, "_run", record)
    monkeypatch.setattr(run, "PROBES", probes(grid.url))
    assert run.demo(listen="127.0.0.1:0", state=None, offline=offline) == 0
    assert [[section.kind for section in settings.grids] for settings in ran] == [grids]


def test_a_line_names_every_zone_once() -> None:
    both = LiveGrid(section={"kind": "a"}, covers={"FR", "IE"}.__contains__)
    again = LiveGrid(section={"kind": "b"}, covers={"FR", "DE"}.__contains__)
    line = told((both, again), ("DE", "FR", "IE", "PL"), reason="")
    assert line == "grid: FR, IE live (a); DE live (b); PL simulated"


def test_the_simulated_grid_feeds_every_region_of_the_clouds() -> None:
    zones = grid_zones(demo_estate())
    annual = AnnualTable()
    noon = datetime(2026, 3, 17, 12, tzinfo=UTC).timestamp()
    assert len(zones) == len(set(zones)) == 58
    assert all(annual.annual(zone).known and intensity(zone, noon) > 0 for zone in zones)
