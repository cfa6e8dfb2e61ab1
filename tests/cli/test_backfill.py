"""``backfill``: what it asks for, says and leaves behind. The replay itself: tests/history."""

import json
from collections.abc import Sequence
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from exporter.core.clock import SystemClock, epoch
from exporter.core.errors import NoDataError, ThrottledError
from exporter.core.model import Machine, Reading, UsageSeries, Window
from exporter.core.units import Ratio
from exporter.engine.store import Changes, Origin, Store
from tests.cli.conftest import Cloud, Grid, Run

HOUR = 3600
NAME = "aws:test"


@pytest.fixture(autouse=True)
def cloud(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    def read(machines: Sequence[Machine], window: Window) -> Reading:
        points = dict.fromkeys(window.buckets, Ratio(0.5))
        return Reading(series=tuple(UsageSeries(key=m.key, cpu=points) for m in machines))

    monkeypatch.setattr(cloud, "read", read)
    return cloud


@pytest.fixture(autouse=True)
def grid(grid: Grid) -> Grid:
    """A grid without a past: all that is told of it is its yearly average."""
    grid.trouble = NoDataError("breeze: nothing of that time — another source may know")
    return grid


def ends(file: Path) -> set[float]:
    """Times of the last samples of the totals."""
    lines = file.read_text().splitlines()
    told = [line.rsplit(" ", 2) for line in lines if line.startswith("carbon_energy_joules_total{")]
    return set({series: float(stamp) for series, _, stamp in told}.values())


def test_the_file_says_what_is_missing_and_the_code_too(configured: Run, tmp_path: Path) -> None:
    result = configured("backfill", "--since", "3h", "--output", "om.txt")
    assert result.exit_code == 1
    assert "missing: breeze: the grid of FR" in result.stderr
    assert "nothing of that time" in result.stderr
    assert "aws:test: 3 machines, 0.1 days, about $" in result.stdout
    assert "machines that no longer exist are not in it" in result.stdout
    assert "promtool tsdb create-blocks-from openmetrics om.txt" in result.stdout
    text = (tmp_path / "om.txt").read_text()
    assert text.endswith("# EOF\n")
    assert 'job="carbon-exporter",instance="127.0.0.1:0"' in text


def test_a_dry_run_reads_nothing_and_tells_the_cost(configured: Run, tmp_path: Path) -> None:
    result = configured("backfill", "--since", "30d", "--dry-run")
    assert result.exit_code == 0
    assert "30.0 days, about $" in result.stdout
    assert "--storage.tsdb.retention.time" in result.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["carbon-exporter.yml"]


def test_labels_replace_those_of_the_scrape_and_an_empty_one_is_left_out(
    configured: Run, tmp_path: Path
) -> None:
    given = ("--label", "instance=10.0.0.5:9180", "--label", "job=", "--label", "env=a=b")
    configured("backfill", "--since", "2h", "--output", "om.txt", *given)
    text = (tmp_path / "om.txt").read_text()
    assert 'instance="10.0.0.5:9180",env="a=b"}' in text
    assert "job=" not in text


def test_history_ends_where_the_state_file_says_that_counting_began(
    configured: Run, tmp_path: Path
) -> None:
    began = int(epoch(SystemClock().now())) // 300 * 300 - HOUR
    store = Store.open(tmp_path / "carbon-exporter.db")
    store.commit(Changes(origins={NAME: Origin(began, 300)}))
    result = configured("backfill", "--since", "3h", "--output", "om.txt")
    assert result.exit_code == 1  # locked, as by a daemon that runs
    assert "another carbon-exporter uses it" in result.stderr
    assert "--url http://127.0.0.1:0" in result.stderr
    store.close()
    result = configured("backfill", "--since", "3h", "--output", "om.txt")
    assert "ends where the counters in carbon-exporter.db begin" in result.stdout
    assert ends(tmp_path / "om.txt") == {began + 300}


def test_history_ends_where_a_running_daemon_says_that_counting_began(
    configured: Run, tmp_path: Path
) -> None:
    began = int(epoch(SystemClock().now())) // 300 * 300 - HOUR
    told = {"collectors": [{"name": NAME, "counting_since": began}, {"name": "store"}]}

    class Daemon(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(told).encode())

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Daemon) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        configured("backfill", "--since", "3h", "--output", "om.txt", "--url", url)
        told["collectors"] = [{"name": "store"}]
        silent = configured("backfill", "--since", "3h", "--url", url)
        server.shutdown()
    assert ends(tmp_path / "om.txt") == {began + 300}
    assert silent.exit_code == 1
    assert "does not tell since when it counts" in silent.stderr


def test_a_state_is_prepared_with_the_end_of_the_history(configured: Run, tmp_path: Path) -> None:
    result = configured(
        "backfill", "--since", "2h", "--output", "om.txt", "--prepare-state", "new.db"
    )
    assert "start the daemon with --state new.db" in result.stdout
    store = Store.open(tmp_path / "new.db")
    origin = store.load().origins[NAME]
    store.close()
    assert ends(tmp_path / "om.txt") == {origin.start + 300}
    assert origin.resolution == 300


def test_a_cloud_that_cannot_be_listed_leaves_nothing_to_read(
    configured: Run, cloud: Cloud, tmp_path: Path
) -> None:
    cloud.down = True
    result = configured("backfill", "--since", "2h", "--output", "om.txt")
    assert result.exit_code == 1
    assert "nothing of the past can be read" in result.stderr
    assert "no answer from the cloud — check the network" in result.stderr
    assert not (tmp_path / "om.txt").exists()


def test_regions_that_failed_to_list_are_named(configured: Run, cloud: Cloud) -> None:
    cloud.failures = (ThrottledError("eu-north-1: slow down — wait", scope="eu-north-1"),)
    result = configured("backfill", "--since", "2h", "--output", "om.txt")
    assert result.exit_code == 1
    assert "missing: aws:test: machines of eu-north-1" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--since", "yesterday"), "write a time span such as 30d"),
        (("--since", "2h", "--until", "3h"), "name a time before the end"),
        (("--since", "2h", "--until", "2099-01-01"), "still to come"),
        (("--since", "2h", "--step", "7m"), "divides an hour evenly"),
        (("--since", "2h", "--label", "job"), "write NAME=VALUE"),
        (("--since", "2h", "--label", "a-b=c"), "write NAME=VALUE"),
        (("--since", "2h", "--provider", "hosst"), "did you mean 'host'?"),
        (("--since", "2h", "--output", "nowhere/om.txt"), "there is no folder nowhere"),
        (("--since", "2h", "--prepare-state", "carbon-exporter.yml"), "it is there already"),
        (("--since", "2h", "--url", "ftp://x"), "write an address"),
    ],
)
def test_what_cannot_be_used_is_bad_usage(
    configured: Run, arguments: tuple[str, ...], told: str
) -> None:
    result = configured("backfill", *arguments)
    assert result.exit_code == 2
    assert told in result.stderr


def test_a_file_that_cannot_be_written_is_a_failure_of_one_line(
    configured: Run, tmp_path: Path
) -> None:
    (tmp_path / "om.txt.part").mkdir()
    result = configured("backfill", "--since", "2h", "--output", "om.txt")
    assert result.exit_code == 1
    assert "cannot write om.txt" in result.stderr
    assert "Traceback" not in result.stderr


def test_times_may_be_dates(configured: Run) -> None:
    since = (SystemClock().now() - timedelta(days=1)).strftime("%Y-%m-%d")
    result = configured("backfill", "--since", since, "--dry-run")
    assert result.exit_code == 0
    assert f"history of {since} 00:05 UTC to" in result.stdout
