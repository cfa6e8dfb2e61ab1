"""The whole program while its wall clock is moved: nothing stalls, nothing floods, nothing freezes.

libfaketime moves the clock of one process: https://github.com/wolfcw/libfaketime
"""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from exporter.exposition.listen import bind

PATIENCE = 90.0
"""Seconds within which something must happen that takes ten, on a machine that is not busy."""
FIRST_BUCKET = 240.0
"""Until the first whole minute of this machine's own CPU is settled and read."""
HOURS = 7200

_FOUND = [
    path
    for folder in ("lib/*", "lib", "lib64", "local/lib")  # Debian's has the machine's name in it
    for path in Path("/usr").glob(f"{folder}/faketime/libfaketimeMT.so.1")
]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not _FOUND, reason="libfaketime is not installed (Debian: libfaketime)"),
]


class Daemon:
    """A daemon of this machine under a clock that ``move`` sets off."""

    def __init__(self, folder: Path, port: int, zone: str) -> None:
        self.url = f"http://127.0.0.1:{port}/metrics"
        self._offset = folder / "offset"
        self.move(0)
        environ = {
            "LD_PRELOAD": str(_FOUND[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self._offset),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "TZ": zone,
            "CARBON_PROVIDERS": "host",
            "CARBON_GRIDS": "[]",
            "CARBON_LISTEN": f"127.0.0.1:{port}",
            "CARBON_POLL_INTERVAL": "10s",
            "CARBON_RESOLUTION": "1m",
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }
        with (folder / "log").open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "exporter", "serve"],
                cwd=folder,
                env=os.environ | environ,
                stderr=log,
            )

    def move(self, seconds: float) -> None:
        """Set the wall clock so many seconds off the true time."""
        other = self._offset.with_suffix(".new")
        other.write_text(f"{seconds:+.0f}")
        other.replace(self._offset)

    def value(self, name: str) -> float | None:
        """Return the first value of a series, None where it has none or nobody answers."""
        with contextlib.suppress(httpx.HTTPError):
            page = httpx.get(self.url, trust_env=False, timeout=5).text
            found = re.search(rf"^{re.escape(name)}(?:{{.*?}})? (\S+)$", page, re.MULTILINE)
            return float(found[1]) if found else None
        return None

    def lag(self, name: str) -> float:
        """Return by how many seconds a time is before the true one."""
        value = self.value(name)
        return float("inf") if value is None else time.time() - value

    @property
    def shown(self) -> float:
        """Seconds since the snapshot, by the true clock."""
        return self.lag("carbon_exposition_timestamp_seconds")

    @property
    def collected(self) -> float:
        """Seconds since the host's collector succeeded, by the true clock."""
        return self.lag('carbon_collector_last_success_timestamp_seconds{collector="host"}')

    @property
    def watts(self) -> float | None:
        return self.value("carbon_resource_power_watts")


def until(what: Callable[[], bool], patience: float = PATIENCE) -> None:
    """Wait until it holds."""
    deadline = time.monotonic() + patience
    while not what():
        assert time.monotonic() < deadline, "it does not come"
        time.sleep(0.5)  # another process is watched: there is nothing to wait on


@contextlib.contextmanager
def running(folder: Path, zone: str = "UTC") -> Iterator[Daemon]:
    with bind("127.0.0.1:0") as sock:
        port = sock.getsockname()[1]
    daemon = Daemon(folder, port, zone)
    try:
        until(lambda: daemon.collected < 30)
        yield daemon
    finally:
        daemon.process.kill()
        daemon.process.wait()


def near(seconds: float, wanted: float) -> bool:
    """Whether it is within the time that a poll and a snapshot may take."""
    return abs(seconds - wanted) < 40


@pytest.mark.parametrize("step", [HOURS, -HOURS])
@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_cycles_and_snapshots_go_on_while_the_clock_is_wrong_and_after(
    tmp_path: Path, step: int, zone: str
) -> None:
    with running(tmp_path, zone) as daemon:
        daemon.move(step)
        until(lambda: near(daemon.shown, -step))
        until(lambda: near(daemon.collected, -step))
        daemon.move(0)
        until(lambda: near(daemon.shown, 0))
        until(lambda: near(daemon.collected, 0))
        daemon.process.send_signal(signal.SIGTERM)
        assert daemon.process.wait(timeout=30) == 0
    log = (tmp_path / "log").read_text()
    assert "Traceback" not in log
    assert len(log.splitlines()) < 20


@pytest.mark.parametrize("step", [HOURS, -HOURS])
def test_gauges_of_before_a_step_are_withdrawn_and_come_back(tmp_path: Path, step: int) -> None:
    with running(tmp_path) as daemon:
        until(lambda: daemon.watts is not None, FIRST_BUCKET)
        daemon.move(step)
        until(lambda: near(daemon.shown, -step))
        assert daemon.watts is None
        daemon.move(0)
        until(lambda: daemon.watts is not None, FIRST_BUCKET)


@pytest.mark.parametrize("step", [0, HOURS, -HOURS])
def test_after_a_suspension_everything_goes_on_at_once(tmp_path: Path, step: int) -> None:
    with running(tmp_path) as daemon:
        daemon.process.send_signal(signal.SIGSTOP)
        daemon.move(step)
        daemon.process.send_signal(signal.SIGCONT)
        until(lambda: near(daemon.shown, -step))
        until(lambda: near(daemon.collected, -step))


def test_a_leap_second_and_daylight_saving_are_nothing(tmp_path: Path) -> None:
    change = 1_774_746_000  # 2026-03-29 01:00 UTC, when clocks in Paris go from 2 to 3
    offset = change - 5 - int(time.time())
    with running(tmp_path, "Europe/Paris") as daemon:
        daemon.move(offset)
        until(lambda: near(daemon.collected, -offset))
        daemon.move(offset - 1)
        first = daemon.value("carbon_exposition_timestamp_seconds")
        assert first is not None
        until(lambda: (daemon.value("carbon_exposition_timestamp_seconds") or 0) > change + 5)
        until(lambda: daemon.shown < 30 - offset)
        until(lambda: daemon.collected < 30 - offset)
