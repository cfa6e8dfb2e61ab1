"""The accident of the demo, seen through the real adapter, engine and state file."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from math import fsum
from pathlib import Path

import pytest

from exporter.app import demo_setup
from exporter.app.assembly import assemble
from exporter.app.build import build
from exporter.app.demo_setup import Fakes, aws_environment
from exporter.core.clock import epoch
from exporter.demo.estate import Estate, demo_estate, surge
from exporter.demo.lateness import PUNCTUAL
from exporter.engine.store import Store
from exporter.settings import Settings
from tests.support.clock import ManualClock

MINUTE = 60
NOON = datetime(2099, 3, 2, 12, tzinfo=UTC)
"""Far ahead: botocore compares the expiry of credentials with the real clock."""
QUIET = next(m for m in demo_estate().machines if m.name == "demo-cache-dublin-01")


class Demo:
    """One machine at rest, and from minute to minute what an accident adds to it."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.clock = ManualClock(NOON)
        self._state = folder / "demo.db"
        self._stack = stack

    def start(self, surge_at: int) -> None:
        """Start the daemon as a process does: with the accident of this start, and no other."""
        estate = Estate(machines=(QUIET, *surge.machines(surge_at)))
        fakes = Fakes.of(estate, self.clock, lag_seconds=0, lateness=PUNCTUAL)
        self._stack.enter_context(fakes.listening())
        aws = {**fakes.providers()[0], "settle": "25s", "regions": ["eu-west-1", "us-east-1"]}
        described = {
            "resolution": "1m",
            "providers": [aws],
            "grids": [{"kind": "demo", "url": fakes.grid.url}],
        }
        app = build(Settings.model_validate(described), clock=self.clock)
        self._wired = assemble(app, Store.open(self._state))

    def run(self, minutes: int) -> list[float]:
        """Let time pass, polling; return the watts drawn after each minute."""
        drawn = []
        for _ in range(minutes):
            self.clock.advance(MINUTE)
            for polled in self._wired.polled:
                polled.collector.run()
            for grid in self._wired.daemon.grids:
                grid.run()
            regions = self._wired.daemon.snapshot().regions
            drawn.append(fsum(r.power.central for r in regions if r.power is not None))
        return drawn

    def stop(self) -> None:
        self._wired.store.close()
        self._wired.app.close()

    @property
    def running_seconds(self) -> float:
        """Seconds for which machines were counted, all together."""
        regions = self._wired.daemon.snapshot().regions
        return fsum(fsum(view.observed_seconds.values()) for view in regions)

    @property
    def now(self) -> int:
        return int(epoch(self.clock.now()))


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Demo]:
    for name, value in aws_environment(demo_estate()).items():
        if value:
            monkeypatch.setenv(name, value)
        else:
            monkeypatch.delenv(name, raising=False)
    with ExitStack() as stack:
        yield Demo(tmp_path, stack)


def test_an_accident_comes_and_goes_and_is_counted_to_the_second(demo: Demo) -> None:
    begin = demo.now + 2 * MINUTE
    demo.start(begin)
    drawn = demo.run(25)
    running = sum(
        run.end - run.start
        for machine in surge.machines(begin)
        for run in machine.schedule.runs(0, begin + surge.SECONDS)
        if run.end is not None
    )
    assert max(drawn) > 100 * drawn[0] > 0
    assert drawn[-1] == pytest.approx(drawn[0], rel=0.2)
    counted = demo.running_seconds - 24 * MINUTE  # the machine at rest, up to its last final bucket
    assert counted == running
    demo.stop()


def test_a_restart_within_an_accident_does_not_double_it(demo: Demo) -> None:
    demo.start(demo.now + MINUTE)
    before = demo.run(10)
    counted = demo.running_seconds
    demo.stop()
    demo.start(demo.now + MINUTE)
    after = demo.run(25)
    assert max(after) == pytest.approx(max(before), rel=0.02)
    assert demo.running_seconds - counted <= (25 * MINUTE) + surge.SIZE * (surge.SECONDS)
    assert after[-1] < max(before) / 100
    demo.stop()


def test_the_demo_has_its_accident_a_minute_after_its_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begins: list[int | None] = []

    def record(*, surge_at: int | None = None) -> Estate:
        begins.append(surge_at)
        return demo_estate(surge_at=surge_at)

    monkeypatch.setattr(demo_setup, "SystemClock", lambda: ManualClock(NOON))
    monkeypatch.setattr(demo_setup, "demo_estate", record)
    with demo_setup.demo_stage(listen="127.0.0.1:0", probes=()):
        assert begins == [int(epoch(NOON)) + MINUTE]
