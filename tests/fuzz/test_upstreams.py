"""Spoiled answers of every grid source and cloud: only our own errors, only sound numbers.

The answers are those of the simulated APIs that the contract suites run on, so that a new adapter
is a subject here as soon as it is one there. What fails is told with the number of its input.
"""

import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest
import stamina

from exporter.core.errors import CollectorError
from exporter.core.model import Machine, Reading
from exporter.core.plugins import kinds
from exporter.demo._fake import Fake
from exporter.demo._http import HttpRequest, Reply
from exporter.demo.gcp import GcpFake
from tests.fuzz.budget import inputs
from tests.fuzz.mutate import spoiled
from tests.support.contracts import harnesses
from tests.support.grid_scene import DAY, Scene, stage
from tests.support.providers import Fleet, final_window

GRIDS: Final = {
    f"{kind}-{number}": subject
    for kind, made in harnesses("grids").items()
    for number, subject in enumerate(getattr(made, "SUBJECTS", ()))
}
NOT_ASKED: Final = {"annual": "a table of ours"}
CLOUDS: Final = ("aws", "azure", "gcp")
NO_ANSWERS: Final = {"host": "reads the counters of its own machine"}
SHORT: Final = {"grid": 0.6, "cloud": 2.5}
LONG: Final = 60.0


@pytest.fixture(autouse=True)
def _retries_do_not_wait() -> Iterator[None]:
    with stamina.set_testing(True, attempts=1, cap=True):
        yield


def test_every_adapter_is_a_subject() -> None:
    asked = {name.rpartition("-")[0] for name in GRIDS}
    assert asked | NOT_ASKED.keys() == set(kinds("exporter.grids"))
    assert {*CLOUDS} | NO_ANSWERS.keys() == set(kinds("exporter.providers"))


@pytest.mark.parametrize("name", GRIDS)
def test_spoiled_answers_of_a_grid_source(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with stage(GRIDS[name]) as scene:
        fuzz_grid(scene, SHORT["grid"], monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("name", GRIDS)
def test_spoiled_answers_of_a_grid_source_for_a_minute(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stage(GRIDS[name]) as scene:
        fuzz_grid(scene, LONG, monkeypatch, first=10_000)


def fuzz_grid(
    scene: Scene, seconds: float, monkeypatch: pytest.MonkeyPatch, *, first: int = 0
) -> None:
    respond = scene.fake.respond
    for random in inputs(seconds, first=first):

        def answer(target: str, random: Random = random) -> Any:  # noqa: ANN401 - of the fake
            right = respond(target)
            return replace(right, body=spoiled(right.body, random))

        monkeypatch.setattr(scene.fake, "respond", answer)
        scene.clock.advance(DAY + 3600)
        with suppress(CollectorError):
            reading = scene.last_days()
            for point in reading.points:
                assert point.zone == scene.subject.zone
                assert point.start < point.end
                assert 0 <= point.gco2eq_per_kwh < math.inf
            for standing in reading.standings:
                assert 0 <= standing.percentile <= 100


@pytest.mark.parametrize("kind", CLOUDS)
def test_spoiled_answers_of_a_cloud(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fuzz_cloud(kind, tmp_path, SHORT["cloud"], monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("kind", CLOUDS)
def test_spoiled_answers_of_a_cloud_for_a_minute(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fuzz_cloud(kind, tmp_path, LONG, monkeypatch, first=10_000)


def fuzz_cloud(
    kind: str, folder: Path, seconds: float, monkeypatch: pytest.MonkeyPatch, *, first: int = 0
) -> None:
    harness: Any = harnesses("providers")[kind].make(Fleet.USUAL, folder)
    provider: Any = harness.provider
    try:
        known = provider.discover().machines
        chance = Chance(harness.fake, monkeypatch)
        for random in inputs(seconds, first=first):
            harness.clock.advance(3 * 3600)
            chance.of(random)
            with suppress(CollectorError):
                for one in provider.discover().machines:
                    check_machine(one)
            with suppress(CollectorError):
                check_reading(provider.read(known, final_window(harness)))
    finally:
        harness.close()


class Chance:
    """Spoils about every third answer of a fake."""

    def __init__(self, fake: Fake[Any], monkeypatch: pytest.MonkeyPatch) -> None:
        self._random = Random(0)  # noqa: S311 - a failure must come again
        reply = fake.reply

        def answer(request: HttpRequest) -> Reply:
            right = reply(request)
            return replace(right, body=self._maybe(right.body))

        monkeypatch.setattr(fake, "reply", answer)
        if isinstance(fake, GcpFake):
            series = fake._list_time_series
            monkeypatch.setattr(
                fake, "_list_time_series", lambda *given: self._maybe(series(*given))
            )

    def of(self, random: Random) -> None:
        self._random = random

    def _maybe(self, body: bytes) -> bytes:
        return spoiled(body, self._random) if self._random.random() < 0.4 else body


def check_machine(machine: Machine) -> None:
    assert machine.key.resource_id
    assert machine.key.cloud_region
    if machine.shape is not None:
        assert all(
            math.isfinite(size) and size >= 0
            for size in (machine.shape.vcpus, machine.shape.memory_gib)
        )
    for disk in machine.disks:
        assert 0 <= disk.size_gib < math.inf


def check_reading(reading: Reading) -> None:
    for series in reading.series:
        assert all(0 <= value <= 1 for value in series.cpu.values())
