"""The whole way of a datapoint against exact ground truth: real adapters, real wire, real store."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from exporter.app.build import build
from exporter.app.stage import aws_environment, demo_settings
from exporter.app.wiring import Wired
from exporter.core.clock import epoch
from exporter.core.model import Machine, RegionKey, ResourceKey, RunState
from exporter.core.ports import PowerProfile
from exporter.core.snapshot import Snapshot
from exporter.core.units import Ratio, Watts
from exporter.demo.aws import AwsFake, Fault, FaultKind, Lateness
from exporter.demo.estate import Estate, EstateMachine, demo_estate
from exporter.demo.grid import GridFake
from exporter.engine.store import Store
from exporter.settings import Settings
from tests.support.clock import ManualClock

MINUTE = 60
HOUR = 3600
DAY = 86400
RESOLUTION = 300
SETTLE = 300
START = datetime(2099, 3, 2, 0, 7, 13, tzinfo=UTC)
"""Monday. Far ahead: botocore compares the expiry of assumed credentials with the real clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LateUntil(Lateness):
    """Late and partial points up to a bucket, so that at the end of a test nothing is pending."""

    last: float

    def factor(self, machine: EstateMachine, bucket: int, since_due: float) -> float | None:
        if bucket > self.last and since_due >= 0:
            return 1.0
        return Lateness.factor(self, machine, bucket, since_due)


class Rehearsal:
    """A daemon without its scheduler, on the estate, driven by hand through simulated time."""

    def __init__(self, folder: Path, estate: Estate, lateness: Lateness) -> None:
        self.clock = ManualClock(START)
        self.estate = estate
        self.aws = AwsFake(self.estate, self.clock, lag_seconds=120, lateness=lateness).start()
        self.grid = GridFake(self.estate.intensity, self.clock, zones=self.estate.zones).start()
        self.settings = Settings.model_validate(self._settings())
        self.state = folder / "state.db"
        self.wired = self._wire()

    def _settings(self) -> Mapping[str, Any]:
        """Take the demo's settings with the defaults of a real daemon, without the real host."""
        demo: dict[str, Any] = demo_settings(
            self.estate, "127.0.0.1:0", self.aws.url, self.grid.url
        )
        providers = [
            {key: value for key, value in section.items() if key != "settle"}
            for section in demo["providers"]
            if section["kind"] != "host"
        ]
        return {**demo, "resolution": "5m", "poll_interval": "5m", "providers": providers}

    def _wire(self) -> Wired:
        return Wired(build(self.settings, clock=self.clock), Store.open(self.state))

    def poll(self, seconds: float, every: int) -> None:
        """Let time pass, polling."""
        for _ in range(int(seconds // every)):
            self.clock.advance(every)
            for polled in self.wired.polled:
                polled.collector.run()

    def stop(self) -> None:
        self.wired.store.close()
        self.wired.app.close()

    def restart(self) -> None:
        self.wired = self._wire()

    @property
    def snapshot(self) -> Snapshot:
        return self.wired.daemon.snapshot()

    def close(self) -> None:
        self.stop()
        self.aws.close()
        self.grid.close()

    def facility_watts(self) -> Callable[[EstateMachine, Ratio], Watts]:
        """Return what the product's power model and PUE make of a machine of the estate."""
        app = self.wired.app
        listed = {view.machine.key: view.machine for view in self.snapshot.resources}

        @cache
        def site(machine: EstateMachine) -> tuple[PowerProfile, float]:
            key = ResourceKey(
                machine.provider,
                machine.account,
                machine.region,
                machine.resource_type,
                machine.resource_id,
            )
            unlisted = Machine(
                key=key, name="", instance_type=machine.instance_type, state=RunState.GONE
            )
            profile = app.power.profile(listed.get(key, unlisted))
            return profile, app.regions.find(machine.provider, machine.region).pue

        def watts(machine: EstateMachine, utilization: Ratio) -> Watts:
            profile, pue = site(machine)
            return Watts(profile.power(utilization).it * pue)

        return watts


Rehearse = Callable[[Estate, float], Rehearsal]


@pytest.fixture
def rehearse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rehearse]:
    """Start a rehearsal with late and partial points up to so many seconds from the start."""
    for name, value in aws_environment(demo_estate().of("aws")).items():
        if value:
            monkeypatch.setenv(name, value)
        else:
            monkeypatch.delenv(name, raising=False)
    started: list[Rehearsal] = []

    def start(estate: Estate, late_for: float) -> Rehearsal:
        lateness = LateUntil(late_share=0.01, partial_share=0.1, last=epoch(START) + late_for)
        started.append(Rehearsal(tmp_path, estate, lateness))
        return started[-1]

    yield start
    for rehearsal in started:
        rehearsal.close()


def test_a_week_with_everything_going_wrong_equals_the_ground_truth(rehearse: Rehearse) -> None:
    """Stops and restarts, late and corrected points, an outage of the cloud, one of the exporter.

    Left out are machines that pause for less time than passes between two polls or an outage: AWS
    forgets when a machine stopped once it starts again, and nobody can know it then.
    """
    rehearsal = rehearse(without_short_pauses(demo_estate().of("aws")), 6.5 * DAY)
    rehearsal.poll(2 * DAY, every=60 * MINUTE)
    rehearsal.aws.faults.add(
        Fault(kind=FaultKind.EXPIRED_CREDENTIALS, account=rehearsal.aws.accounts[0])
    )
    rehearsal.poll(4 * HOUR, every=60 * MINUTE)
    rehearsal.aws.faults.clear()
    rehearsal.poll(4 * HOUR, every=5 * MINUTE)  # past the short restart of Wednesday morning
    rehearsal.poll(12 * HOUR, every=30 * MINUTE)
    rehearsal.stop()
    rehearsal.clock.advance(9 * HOUR)
    rehearsal.restart()
    rehearsal.poll(3 * DAY + 19 * HOUR, every=60 * MINUTE)
    assert_true(rehearsal, first_poll=60 * MINUTE)


def test_machines_that_come_and_go_within_minutes_equal_the_ground_truth(
    rehearse: Rehearse,
) -> None:
    rehearsal = rehearse(demo_estate().of("aws"), 6 * HOUR)
    rehearsal.poll(8 * HOUR, every=10 * MINUTE)
    assert_true(rehearsal, first_poll=10 * MINUTE)


def without_short_pauses(estate: Estate) -> Estate:
    lasting = tuple(m for m in estate.machines if not m.name.startswith("demo-build-"))
    return replace(estate, machines=lasting, groups=())


def assert_true(rehearsal: Rehearsal, *, first_poll: float) -> None:
    snapshot, estate = rehearsal.snapshot, rehearsal.estate
    final = rehearsal.wired.polled[0].collector.final
    assert final is not None
    begin = int((epoch(START) + first_poll - SETTLE) // RESOLUTION) * RESOLUTION
    shown = {view.machine.key.resource_id: view for view in snapshot.resources}
    sums: defaultdict[RegionKey, list[float]] = defaultdict(lambda: [0.0, 0.0])
    machines = {m.resource_id: m for m in (*estate.machines, *estate.members_between(begin, final))}
    watts = rehearsal.facility_watts()
    compared = 0
    for machine in machines.values():
        truth = estate.truth(machine, begin, final, resolution=RESOLUTION, facility_watts=watts)
        key = RegionKey(machine.provider, machine.account, machine.region)
        sums[key][0] += truth.joules
        sums[key][1] += truth.grams
        view = shown.get(machine.resource_id)
        if view is not None:
            compared += 1
            assert view.energy == pytest.approx(truth.joules, rel=1e-9), machine.name
            assert view.operational == pytest.approx(truth.grams, rel=1e-9), machine.name
    assert compared >= 60
    assert sum(joules for joules, _ in sums.values()) > 0
    for region in snapshot.regions:
        joules, grams = sums[region.key]
        assert region.energy == pytest.approx(joules, rel=1e-9), region.key
        assert region.operational == pytest.approx(grams, rel=1e-9), region.key
