"""The running daemon while one of its clouds trickles: the others go on, and a stop has an end."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exporter.demo._faults import FaultKind
from exporter.providers._shared.config import CYCLE_TIMEOUTS
from tests.support.clouds_apart import CLOUDS, Clouds, Life, Serve, clouds_apart, until

TIMEOUT = 1
TOLD_WITHIN = 10.5 + 2 * CYCLE_TIMEOUTS * TIMEOUT + 15
"""Seconds: a poll with its jitter, a listing and a read at their longest, and a snapshot."""
BACK_WITHIN = TOLD_WITHIN + 10.5
SCRAPE_SECONDS = 5.0
"""A scrape takes milliseconds; the machine may be busy."""
STOP_SECONDS = 9.5

TRICKLES = [
    FaultKind.DRIP,
    FaultKind.DRIP_HEADERS,
    FaultKind.ENDLESS_INFORMATIONAL,
    FaultKind.HANG,
    FaultKind.HALF_OPEN,
]


@pytest.fixture(scope="module")
def clouds() -> Iterator[Clouds]:
    with clouds_apart() as apart:
        yield apart


def slow(*values: Any) -> Any:  # noqa: ANN401 - pytest's own type is private
    return pytest.param(*values, marks=pytest.mark.slow)


def daemon(folder: Path, clouds: Clouds, timeout: str) -> Serve:
    asked = {"timeout": timeout, "max_attempts": 1}
    return Serve(folder, [clouds.section(cloud) | asked for cloud in CLOUDS])


def fails(life: Life, cloud: str) -> bool:
    begun = time.monotonic()
    success = life.success()
    assert time.monotonic() - begun < SCRAPE_SECONDS
    assert all(success[other] for other in CLOUDS if other != cloud), success
    return not success[cloud]


@pytest.mark.parametrize(
    ("cloud", "kind"),
    [
        (cloud, kind) if (cloud, kind) == ("aws", FaultKind.DRIP) else slow(cloud, kind)
        for cloud in CLOUDS
        for kind in TRICKLES
    ],
)
def test_a_cloud_that_trickles_is_told_and_disturbs_no_other(
    tmp_path: Path, clouds: Clouds, cloud: str, kind: FaultKind
) -> None:
    others = [other for other in CLOUDS if other != cloud]
    with daemon(tmp_path, clouds, f"{TIMEOUT}s").running() as life:
        life.serving()
        life.read_all(*CLOUDS)
        try:
            clouds.spoil(cloud, kind)
            until(f"failed: {cloud}", lambda: fails(life, cloud), within=TOLD_WITHIN)
            life.read_all(*others)
            assert fails(life, cloud), "while it lasts"
        finally:
            clouds.heal(cloud)
        life.read_all(cloud, within=BACK_WITHIN)
        code, seconds = life.stop()
    assert code == 0
    assert seconds < STOP_SECONDS
    assert "Traceback" not in life.said()


@pytest.mark.parametrize("cloud", ["aws", slow("gcp"), slow("azure")])
def test_a_stop_does_not_wait_for_a_cloud_that_drips(
    tmp_path: Path, clouds: Clouds, cloud: str
) -> None:
    with daemon(tmp_path, clouds, "20s").running() as life:
        life.serving()
        life.read_all(*CLOUDS)
        try:
            before = clouds.asked(cloud)
            clouds.spoil(cloud, FaultKind.DRIP)
            until("asked again", lambda: clouds.asked(cloud) > before, within=30)
            code, seconds = life.stop()
        finally:
            clouds.heal(cloud)
    assert code == 0
    assert seconds < STOP_SECONDS
