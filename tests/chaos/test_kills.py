"""The running daemon killed at any instant, and what a real Prometheus was shown meanwhile."""

import contextlib
import math
import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from exporter.app.assembly import Assembly, assemble
from exporter.app.build import build
from exporter.app.demo_setup import aws_environment
from exporter.core.clock import SystemClock, floor_to
from exporter.core.ports import Clock
from exporter.core.units import Ratio, Watts, operational_emissions
from exporter.demo.aws import AwsFake
from exporter.demo.estate import EstateMachine
from exporter.engine.store import State, Store
from exporter.settings import Settings
from tests.support.clock import ManualClock
from tests.support.clouds_apart import (
    LAG_SECONDS,
    RESOLUTION,
    SETTLE_SECONDS,
    SHRINKING,
    STARTS_WITHIN,
    Clouds,
    Serve,
    clouds_apart,
    ended,
    estate,
    free_port,
    lives,
    until,
)

PAST_SECONDS = 1200
"""How long ago counting began: there is something to catch up and to correct from the start."""
SECONDS = "carbon_observed_seconds_total"
"""Rises with each bucket, once a minute; the others with each correction as well."""
COUNTERS = (
    "carbon_resource_energy_joules_total",
    "carbon_resource_emissions_gco2eq_total",
    "carbon_energy_joules_total",
    "carbon_emissions_gco2eq_total",
    SECONDS,
)
"""What is shown for ever; what a daemon counts of itself begins anew with its process."""
CLOSE = 1e-9
LIFE_SECONDS = 3.0
"""How long it serves at most before it is killed: a cycle, and some scrapes."""

Samples = list[tuple[float, float]]


class Prometheus:
    """The real one, scraping a port each second."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"

    def query(self, expression: str) -> list[dict[str, Any]]:
        answer = httpx.get(
            f"{self._url}/api/v1/query",
            params={"query": expression},
            timeout=30.0,
            trust_env=False,
        )
        answer.raise_for_status()
        found: list[dict[str, Any]] = answer.json()["data"]["result"]
        return found

    def ready(self) -> bool:
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{self._url}/-/ready", trust_env=False).is_success
        return False

    def samples(self, family: str, span: str) -> dict[str, Samples]:
        """Return the raw samples of each series of a family."""
        return {
            str(sorted(series["metric"].items())): [(t, float(v)) for t, v in series["values"]]
            for series in self.query(f"{family}[{span}]")
        }


@contextlib.contextmanager
def prometheus(folder: Path, target: int) -> Iterator[Prometheus]:
    port = free_port()
    config = folder / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
        "scrape_configs:\n"
        f"- {{job_name: carbon, static_configs: [{{targets: ['127.0.0.1:{target}']}}]}}\n"
    )
    with (folder / "prometheus.log").open("w") as log:
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={config}",
                f"--storage.tsdb.path={folder / 'tsdb'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stderr=log,
        )
    with ended(process):
        scraping = Prometheus(port)
        until("ready: Prometheus", scraping.ready, within=STARTS_WITHIN)
        yield scraping


def begin(daemon: Serve, monkeypatch: pytest.MonkeyPatch) -> int:
    """Write the state of a daemon that began some time ago and has not run since.

    Returns when counting began.
    """
    clock = ManualClock(datetime.fromtimestamp(time.time() - PAST_SECONDS, UTC))
    with AwsFake(estate(), clock, lag_seconds=LAG_SECONDS) as fake:
        wired = assembled(daemon, clock, Store.open(daemon.state), monkeypatch, url=fake.url)
        assert wired.polled[0].collector.run()
        wired.store.close()
        wired.app.close()
    return floor_to(clock.now().timestamp() - SETTLE_SECONDS, RESOLUTION)


def assembled(
    daemon: Serve, clock: Clock, store: Store, monkeypatch: pytest.MonkeyPatch, *, url: str
) -> Assembly:
    """Assemble the daemon's parts in this process, to be driven by hand."""
    for name, value in aws_environment(estate()).items():
        if value:
            monkeypatch.setenv(name, value)
        else:
            monkeypatch.delenv(name, raising=False)
    section = daemon.providers[0] | {"endpoint_url": url}
    settings = Settings.model_validate(daemon.settings() | {"providers": [section]})
    return assemble(build(settings, clock=clock), store)


Truth = dict[str, tuple[float, float]]
"""Joules and grams of operation of each machine, by its id."""


def truth(daemon: Serve, start: int, end: int, monkeypatch: pytest.MonkeyPatch) -> Truth:
    """Return what the estate's machines have drawn and emitted, from what they did in truth.

    How utilisation becomes watts, and energy grams, is the product's; what was done is not.
    """
    store = Store.open(daemon.state)
    wired = assembled(daemon, SystemClock(), store, monkeypatch, url="http://127.0.0.1:9")
    rows = [row.machine for row in store.load().resources.values()]
    listed = {machine.key.resource_id: machine for machine in rows}

    def watts(
        machine: EstateMachine, utilization: Ratio, _gpu: Ratio | None, _read: Watts | None
    ) -> Watts:  # none of them has a GPU
        profile = wired.app.power.profile(listed[machine.resource_id])
        pue = wired.app.regions.find(machine.provider, machine.region).pue
        return Watts(profile.power(utilization).it * pue)

    found: Truth = {}
    for machine in estate().of("aws").machines:
        drawn = estate().truth(machine, start, end, resolution=RESOLUTION, facility_watts=watts)
        zone = wired.app.regions.find(machine.provider, machine.region).grid_zone
        intensity = wired.app.annual.annual(zone).gco2eq_per_kwh
        grams = operational_emissions(drawn.joules, intensity)
        found[machine.resource_id] = (drawn.joules, grams)
    store.close()
    wired.app.close()
    return found


def saved(daemon: Serve) -> State:
    """Return what the state file holds."""
    store = Store.open(daemon.state)
    state = store.load()
    store.close()
    return state


def accounted(state: State) -> dict[str, list[float]]:
    """Return the sums of each machine, debts included, by its id."""
    return {
        row.machine.key.resource_id: state.progress[ident].tally.accounted
        for ident, row in state.resources.items()
    }


def falls(samples: Samples) -> list[tuple[float, float]]:
    """Return what a counter was before and after each time that it fell."""
    return [(a, b) for (_, a), (_, b) in pairwise(samples) if b < a]


def test_a_counter_that_falls_is_seen() -> None:
    assert falls([(1.0, 5.0), (2.0, 5.0), (3.0, 4.5), (4.0, 9.0)]) == [(5.0, 4.5)]


@pytest.mark.skipif(
    shutil.which("prometheus") is None,
    reason="prometheus is not installed (Debian, Ubuntu: apt install prometheus)",
)
@pytest.mark.parametrize(("kills", "seed"), [(6, 1), pytest.param(200, 2, marks=pytest.mark.slow)])
def test_no_kill_lets_a_counter_fall_or_counts_anything_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kills: int, seed: int
) -> None:
    with clouds_apart() as clouds:
        killed, quiet = daemons(tmp_path, clouds)
        start = begin(killed, monkeypatch)
        shutil.copyfile(killed.state, quiet.state)
        with prometheus(tmp_path, killed.port) as witness:
            begun = time.monotonic()
            served = kill_again_and_again(killed, kills, seed)
            end = floor_to(clouds.settle() - LAG_SECONDS, RESOLUTION)
            shown = end_of(killed, witness, end)
            span = f"{math.ceil(time.monotonic() - begun) + 60}s"
            assert served >= kills // 2
            for family in COUNTERS:
                assert_never_fell(witness, family, span)
        with quiet.running() as life:
            life.serving()
            life.read_all("aws")
            assert life.stop()[0] == 0
    assert saved(killed).corrected > saved(quiet).corrected, "values were corrected"
    sums, undisturbed = accounted(saved(killed)), accounted(saved(quiet))
    assert sums.keys() == undisturbed.keys()
    for machine, values in sums.items():
        assert values == pytest.approx(undisturbed[machine], rel=CLOSE), machine
    true = truth(killed, start, end, monkeypatch)
    assert true.keys() == sums.keys()
    for machine, (joules, grams) in true.items():
        assert sums[machine][:2] == pytest.approx([joules, grams], rel=CLOSE), machine
    shrinking = {m.resource_id for m in estate().machines if m.region == SHRINKING}
    for machine, joules in shown.items():
        if machine in shrinking:  # what was shown too high waits until the truth has caught up
            assert joules >= true[machine][0] * (1 - CLOSE), machine
        else:
            assert joules == pytest.approx(true[machine][0], rel=CLOSE), machine
    assert "Traceback" not in killed.log.read_text()


def daemons(folder: Path, clouds: Clouds) -> tuple[Serve, Serve]:
    """Return the daemon to be killed, and the one that never is."""
    found = []
    for name in ("killed", "quiet"):
        (folder / name).mkdir()
        found.append(Serve(folder / name, [clouds.section("aws")]))
    return found[0], found[1]


def kill_again_and_again(daemon: Serve, kills: int, seed: int) -> int:
    """Kill a daemon in its start and while it serves; returns how often it served before.

    The first kill always comes after it served, which tells how long a start takes here.
    """
    served, start_seconds = 0, STARTS_WITHIN
    for number, (waits, share) in enumerate(lives(kills, seed)):
        with daemon.running() as life:
            if waits or not number:
                start_seconds = min(start_seconds, life.serving())
                served += 1
                life.killed_after(share * LIFE_SECONDS)
            else:
                life.killed_after(share * start_seconds)
    return served


def end_of(daemon: Serve, witness: Prometheus, end: int) -> dict[str, float]:
    """Let it read all until ``end`` and stop; returns the joules that Prometheus saw last.

    The clouds deliver a bucket some seconds before a daemon takes it as final.
    """
    family = COUNTERS[0]
    with daemon.running() as life:
        life.serving()
        until("final", lambda: time.time() >= end + SETTLE_SECONDS, within=2 * SETTLE_SECONDS)
        life.read_all("aws")
        scraped = life.values(family, "resource_id")

        def seen() -> bool:
            return last(witness, family) == scraped

        until("seen by Prometheus: the end", seen, within=30)
        assert life.stop()[0] == 0
    return scraped


def last(witness: Prometheus, family: str) -> dict[str, float]:
    found = witness.query(family)
    return {series["metric"]["resource_id"]: float(series["value"][1]) for series in found}


def assert_never_fell(witness: Prometheus, family: str, span: str) -> None:
    """Compare the raw samples, and ask Prometheus what it takes for a reset."""
    series = witness.samples(family, span)
    assert series, family
    for labels, samples in series.items():
        assert not falls(samples), (family, labels)
    resets = witness.query(f"sum(resets({family}[{span}]))")
    assert [float(found["value"][1]) for found in resets] == [0.0], family
    if family != SECONDS:
        assert any(samples[-1][1] > samples[0][1] for samples in series.values()), family
