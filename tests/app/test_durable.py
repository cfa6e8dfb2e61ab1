"""The whole program, killed, restored, overlapped and out of disk: no shown counter goes back.

One machine at a constant utilisation, on buckets of one second: its joules are in proportion to the
seconds that were counted, so that what a scrape shows can be held against the clock.
"""

import contextlib
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from exporter.engine.store import Store
from tests.support.rig import copy_database

PATIENCE: Final = 60.0
ENERGY: Final = "carbon_energy_joules_total"
WATTS: Final = "carbon_power_watts"

PROGRAM = """
import os, sys
from dataclasses import replace
from functools import partial
from exporter.app import assembly, run
from exporter.core.clock import SystemClock
from exporter.engine import daemon
from exporter.engine.resource_account import BucketRules
from tests.support.sim import SimCloud, SimMachine, Span, Weather
daemon.SNAPSHOT_SECONDS = daemon.RETRY_SECONDS = 1
rules = BucketRules(resolution=1, settle=1, look_back=5, max_catch_up=86400, keep_gone=60)
rhythm = assembly.Rhythm(rules=rules, poll_seconds=1)
build = run.build
def simulated(settings):
    app = build(settings)
    machine = SimMachine(name="m", spans=[Span(float(os.environ["BEGAN"]))], busy=0.5)
    cloud = SimCloud(clock=app.clock, machines=[machine], settle=1, weather=Weather(lag=0.0))
    return replace(app, providers=(cloud,))
run.build = simulated
run.assemble = partial(run.assemble, rhythm_of=lambda *_: rhythm)
sys.argv = ["carbon-exporter", "serve"]
from exporter.__main__ import main
main()
"""


class Daemon:
    """One process, and the scrapes of it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stderr is not None
        for line in process.stderr:
            told = json.loads(line)
            if told["event"] == "serving":
                self.url = told["url"]
                return
        pytest.fail("it ended before it served")

    def scrape(self) -> dict[str, float]:
        text = httpx.get(f"{self.url}metrics", timeout=30).text
        lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, _, value in lines}

    def ready(self) -> int:
        return httpx.get(f"{self.url}-/ready", timeout=30).status_code

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(number)
        self.process.wait(timeout=PATIENCE)


class Shown:
    """What Prometheus makes of the scrapes: counters by series, resets and increase."""

    def __init__(self) -> None:
        self.samples: dict[str, list[float]] = {}

    def look(self, daemon: Daemon) -> dict[str, float]:
        """Scrape, and fail where a counter that is kept in the state file went back."""
        page = daemon.scrape()
        for series, value in page.items():
            name = series.partition("{")[0]
            durable = name.endswith("_total") and not name.startswith(
                ("process_", "carbon_collector", "carbon_api")
            )
            if durable:
                before = self.samples.setdefault(series, [])
                assert not before or value >= before[-1], (series, before[-1], value)
                before.append(value)
        return page

    def until(self, daemon: Daemon, what: Callable[[dict[str, float]], object]) -> dict[str, float]:
        """Scrape until a page is as it should be."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            page = self.look(daemon)
            if what(page):
                return page
            daemon.process.poll()
            time.sleep(0.1)
        pytest.fail(f"not seen within {PATIENCE} s")

    def energy(self) -> list[float]:
        (found,) = (s for name, s in self.samples.items() if name.startswith(f"{ENERGY}{{"))
        return found


def one(page: dict[str, float], name: str) -> float | None:
    return next((v for series, v in page.items() if series.startswith(f"{name}{{")), None)


def store_works(page: dict[str, float]) -> bool:
    return page.get('carbon_collector_success{collector="store"}') == 1


def store_fails(page: dict[str, float]) -> bool:
    return page.get('carbon_collector_success{collector="store"}') == 0


def more_than(joules: float) -> Callable[[dict[str, float]], bool]:
    return lambda page: (one(page, ENERGY) or 0.0) > joules


def gauges_alone(page: dict[str, float]) -> bool:
    return one(page, WATTS) is not None and one(page, ENERGY) is None and store_fails(page)


Start = Callable[..., Daemon]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture
def start(state: Path) -> Iterator[Start]:
    began = str(time.time() - 3600)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CARBON_")}

    with contextlib.ExitStack() as running:

        def begin(listen: str = "127.0.0.1:0") -> Daemon:
            environ = {
                "CARBON_PROVIDERS": "host",
                "CARBON_GRIDS": "[]",
                "CARBON_LISTEN": listen,
                "CARBON_LOG_FORMAT": "json",
                "CARBON_STATE": str(state),
                "BEGAN": began,
                "PYTHONPATH": str(Path(__file__).parents[2]),
            }
            process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM],
                env=kept | environ,
                cwd=state.parent,
                stderr=subprocess.PIPE,
                text=True,
            )
            running.enter_context(process)
            running.callback(process.kill)
            return Daemon(process)

        yield begin


def assert_true(shown: Shown, state: Path) -> None:
    """What was shown in all is what the state file holds, and that is the truth: no bucket lacks.

    The watts are constant, so joules are those watts for each second that was counted.
    """
    store = Store.open(state)
    held = store.load()
    store.close()
    (tally,) = held.regions.values()
    energy, _, _, measured, _, missing = tally.exposed
    (origin,) = held.origins.values()
    (resource_id,) = held.resources
    open_until = max([held.progress[resource_id].watermark, *held.buckets.get(resource_id, ())])
    assert missing == 0
    assert measured == pytest.approx(open_until + 1 - origin.start, abs=1.5)
    samples = shown.energy()
    assert samples[-1] <= energy
    assert samples[-1] == pytest.approx(energy, rel=0.2)
    assert tally.accounted[0] == pytest.approx(energy)


def test_a_daemon_that_starts_beside_another_takes_over_without_a_step_back(
    start: Start, state: Path
) -> None:
    shown = Shown()
    old = start()
    shown.until(old, more_than(0))
    new = start()
    page = shown.until(new, gauges_alone)
    assert one(page, WATTS)
    assert (old.ready(), new.ready()) == (200, 503)
    before = shown.until(old, more_than(0))
    old.end()
    shown.until(new, more_than(one(before, ENERGY) or 0.0))
    assert new.ready() == 200
    new.end()
    assert_true(shown, state)


def test_a_restored_backup_shows_nothing_that_is_less(start: Start, state: Path) -> None:
    shown = Shown()
    first = start()
    page = shown.until(first, more_than(0))
    backup = state.with_name("backup.db")
    copy_database(state, backup)
    shown.until(first, more_than(2 * (one(page, ENERGY) or 0.0)))
    first.end(signal.SIGKILL)
    copy_database(backup, state)
    second = start()
    shown.until(second, more_than(shown.energy()[-1]))
    second.end()
    assert_true(shown, state)


def test_what_is_on_the_disk_at_a_scrape_holds_what_was_scraped(start: Start, state: Path) -> None:
    """As after a power cut: files as they lay there just after the scrape, and then no process."""
    shown = Shown()
    first = start()
    shown.until(first, more_than(0))
    cut = state.with_name("cut.db")
    page = shown.look(first)
    copy_database(state, cut)
    first.end(signal.SIGKILL)
    store = Store.open(cut)
    (tally,) = store.load().regions.values()
    store.close()
    assert tally.exposed[0] >= (one(page, ENERGY) or 0.0)
    copy_database(cut, state)
    second = start()
    shown.until(second, more_than(one(page, ENERGY) or 0.0))
    second.end()
    assert_true(shown, state)


def test_a_disk_that_fills_withholds_totals_and_a_kill_then_takes_nothing_back(
    start: Start, state: Path
) -> None:
    shown = Shown()
    first = start()
    shown.until(first, more_than(0))
    pid = first.process.pid
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, hard))
    shown.until(first, gauges_alone)
    assert first.ready() == 503
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
    shown.until(first, more_than(shown.energy()[-1]))
    assert first.ready() == 200
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, hard))
    shown.until(first, gauges_alone)
    first.end(signal.SIGKILL)
    second = start()
    shown.until(second, more_than(shown.energy()[-1]))
    second.end()
    assert_true(shown, state)


def test_a_damaged_file_is_served_around_until_a_sound_one_lies_there(
    start: Start, state: Path
) -> None:
    shown = Shown()
    first = start()
    shown.until(first, more_than(0))
    first.end()
    sound = state.read_bytes()
    damaged = bytearray(sound)
    damaged[4096:8192] = b"x" * 4096
    state.write_bytes(damaged)
    second = start()
    shown.until(second, gauges_alone)
    assert second.ready() == 503
    whole = state.with_name("whole.db")
    whole.write_bytes(sound)
    whole.replace(state)
    shown.until(second, more_than(shown.energy()[-1]))
    assert second.ready() == 200
    second.end()
    assert_true(shown, state)


# --- in the eyes of Prometheus --------------------------------------------------------------------


@contextlib.contextmanager
def prometheus(folder: Path, target: str) -> Iterator[str]:
    """Run a real Prometheus that scrapes every half second; yields the URL of its API."""
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("prometheus is not installed")
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    jobs = [{"job_name": "carbon", "static_configs": [{"targets": [target]}]}]
    intervals = {"scrape_interval": "500ms", "scrape_timeout": "500ms"}
    config = folder / "prometheus.yml"
    config.write_text(json.dumps({"global": intervals, "scrape_configs": jobs}))
    process = subprocess.Popen(
        [
            program,
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / 'tsdb'}",
            f"--web.listen-address={address}",
            "--log.level=error",
        ]
    )
    with process:
        try:
            yield f"http://{address}/api/v1/query"
        finally:
            process.terminate()


def asked(url: str, query: str, ahead: float = 0.0) -> list[Any]:
    """Ask Prometheus; nothing while it is starting."""
    # In a moment, so that `increase` goes half an interval beyond the samples at either end.
    params = {"query": query, "time": str(time.time() + ahead)}
    try:
        found = httpx.get(url, params=params, timeout=30)
    except httpx.TransportError:
        return []
    return list(found.json()["data"]["result"]) if found.is_success else []


def eventually(what: Callable[[], Any]) -> Any:  # noqa: ANN401 — handed through
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := what():
            return found
        time.sleep(0.2)
    pytest.fail(f"not seen within {PATIENCE} s")


@pytest.mark.slow
def test_increase_in_a_real_prometheus_is_the_truth_over_a_restored_backup(
    start: Start, state: Path
) -> None:
    """Within a thousandth, once what ``increase`` extrapolates beyond its samples is taken off."""
    shown = Shown()
    first = start()
    address = first.url.removeprefix("http://").strip("/")
    page = shown.until(first, more_than(0))
    with prometheus(state.parent, address) as url:
        eventually(lambda: asked(url, ENERGY))
        backup = state.with_name("backup.db")
        copy_database(state, backup)
        page = shown.until(first, more_than(3 * (one(page, ENERGY) or 0.0)))
        first.end(signal.SIGKILL)
        copy_database(backup, state)
        second = start(address)
        page = shown.until(second, more_than(2 * (one(page, ENERGY) or 0.0)))
        eventually(
            lambda: (
                float(asked(url, ENERGY)[0]["value"][1]) >= (one(page, ENERGY) or 0.0)
                if asked(url, ENERGY)
                else False
            )
        )
        second.end()
        eventually(lambda: asked(url, "up == 0"))
        (raw,) = asked(url, f"{ENERGY}[10m]", 10)
        (told,) = asked(url, f"increase({ENERGY}[10m])", 10)
        (resets,) = asked(url, f"resets({ENERGY}[10m])", 10)
    values = [(at, float(value)) for at, value in raw["values"]]
    sampled = values[-1][0] - values[0][0]
    extrapolated = 1 + 1 / (len(values) - 1)
    assert sampled > 0
    assert float(resets["value"][1]) == 0
    truth = values[-1][1] - values[0][1]
    assert float(told["value"][1]) / extrapolated == pytest.approx(truth, rel=1e-3)
    assert_true(shown, state)
