import json
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from exporter.core.clock import epoch
from exporter.core.errors import UnreachableError
from tests.cli.conftest import Run
from tests.support.clock import ManualClock
from tests.support.stand_in_grid import HOUR, StandIn, always, stand_in

NOW = datetime(2026, 3, 2, 10, 20, tzinfo=UTC)
TEN = int(epoch(NOW)) // HOUR * HOUR


@pytest.fixture
def breeze(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """France at 50 g now, and at 20 g from 15 to 17 h."""
    clock = ManualClock(NOW)
    source = StandIn({"FR": always(50.0)}, clock)
    source.forecast = {"FR": lambda hour: 20.0 if hour // HOUR % 24 in (15, 16) else 45.0}
    stand_in(monkeypatch, clock, source)
    return source


def told(run: Run, *arguments: str) -> dict[str, object]:
    result = run("signal", *arguments, "--json")
    assert result.exit_code == 0
    document: dict[str, object] = json.loads(result.stdout)
    return document


@pytest.mark.usefixtures("breeze")
def test_a_dirty_hour_waits_and_says_why_and_until_when(run: Run) -> None:
    document = told(run, "--zone", "FR", "--load", "0.5")
    assert (document["value"], document["percent"], document["reason"]) == (0.0, 0, "dirty")
    assert document["until"] == TEN + HOUR
    assert (document["source"], document["age_seconds"]) == ("breeze", 1200)
    people = run("signal", "--zone", "FR", "--load", "0.5").stdout
    assert "0.00  dirty" in people
    assert "cleaner hours come, and the work can wait for them" in people
    assert "FR: 50 g/kWh of IT energy now, full up to 45" in people


@pytest.mark.usefixtures("breeze")
def test_work_that_can_wait_no_longer_runs(run: Run) -> None:
    document = told(run, "--zone", "FR", "--backlog", "24", "--machines", "2", "--deadline", "12h")
    assert (document["value"], document["reason"]) == (1.0, "clean")
    aged = told(run, "--zone", "FR", "--backlog", "1", "--deadline", "12h", "--oldest", "12h")
    assert aged["reason"] == "due"
    assert 0 < float(str(aged["value"])) < 1


@pytest.mark.usefixtures("breeze")
def test_a_policy_holds_what_is_not_said(run: Run, tmp_path: Path) -> None:
    (tmp_path / "carbon-exporter.yml").write_text(
        "providers: [host]\npolicies: {batch: {kind: capacity, zone: FR, load: 0.3, floor: 0.25}}\n"
    )
    document = told(run, "batch")
    assert (document["policy"], document["value"], document["place"]) == ("batch", 0.25, "FR")
    assert told(run, "batch", "--floor", "0")["value"] == 0.0


@pytest.mark.usefixtures("breeze")
def test_without_load_or_backlog_nothing_is_held_back(run: Run) -> None:
    document = told(run, "--zone", "FR")
    assert (document["value"], document["reason"]) == (1.0, "no_backlog")


def test_a_failing_source_holds_nothing_back_and_calls_nothing_clean(
    run: Run, breeze: StandIn
) -> None:
    breeze.trouble = UnreachableError("no answer — check the network")
    document = told(run, "--zone", "FR", "--load", "0.5")
    assert (document["value"], document["reason"]) == (1.0, "unknown")
    assert (document["gco2eq_per_kwh_it"], document["source"]) == (None, None)


@pytest.mark.usefixtures("breeze")
def test_one_place_only(run: Run) -> None:
    result = run("signal", "--zone", "FR", "--zone", "DE", "--load", "0.5")
    assert (result.exit_code, "one place" in result.stderr) == (2, True)


# --- a running daemon -----------------------------------------------------------------------------


class Daemon(BaseHTTPRequestHandler):
    """Answers ``/api/v1/grid`` as a daemon does."""

    answer: object = None
    status = 200

    def do_GET(self) -> None:
        body = json.dumps(self.answer).encode()
        self.send_response(self.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture
def daemon() -> Iterator[str]:
    hours = [
        {"start": TEN + n * HOUR, "end": TEN + (n + 1) * HOUR, "gco2eq_per_kwh": 10.0 * n}
        for n in range(1, 30)
    ]
    force = {"grid_zone": "FR", "source": "neso", "valid_from": TEN, "age_seconds": 1.0}
    average = {"method": "average", "basis": "lifecycle", "fallback_level": 0}
    direct = {"method": "average", "basis": "direct", "fallback_level": 0}
    Daemon.status = 200
    Daemon.answer = {
        "time": epoch(NOW),
        "grids": [
            force | average | {"gco2eq_per_kwh": 15.0},
            force | direct | {"gco2eq_per_kwh": 1.0},
        ],
        "forecasts": [
            {"grid_zone": "FR", "method": "average", "source": "seasonal", "hours": hours}
        ],
    }
    server = HTTPServer(("127.0.0.1", 0), Daemon)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_running_daemon_is_asked_and_its_direct_values_are_left_aside(
    run: Run, daemon: str
) -> None:
    document = told(run, "--zone", "FR", "--load", "0.5", "--exporter", daemon)
    assert (document["source"], document["forecast"]) == ("neso", "seasonal")
    assert (document["gco2eq_per_kwh_it"], document["reason"]) == (15.0, "clean")
    window = run("window", "--duration", "1h", "--zone", "FR", "--url", daemon, "--json")
    assert json.loads(window.stdout)["best"]["start"] == TEN + HOUR


def test_a_daemon_that_is_not_ready_or_not_ours_is_told(run: Run, daemon: str) -> None:
    arguments = ("--zone", "FR", "--exporter", daemon)
    Daemon.answer, Daemon.status = {"error": "waiting"}, 503
    waiting = run("window", "--duration", "1h", *arguments)
    assert (waiting.exit_code, "is waiting — try again" in waiting.stderr) == (1, True)
    Daemon.answer, Daemon.status = {"grids": "none"}, 200
    other = run("window", "--duration", "1h", *arguments)
    assert (other.exit_code, "does not answer as a carbon-exporter" in other.stderr) == (1, True)
