"""A real Prometheus on loopback over given series: what dashboards' queries come to in it."""

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlencode

import pytest

Labels: TypeAlias = dict[str, str]

NEEDS_PROMETHEUS = pytest.mark.skipif(
    not (shutil.which("prometheus") and shutil.which("promtool")),
    reason="prometheus is not installed",
)


@dataclass(frozen=True, slots=True)
class Prometheus:
    """Asks a running Prometheus."""

    address: str

    def now(self, expression: str, at: float) -> list[tuple[Labels, float]]:
        """Ask for the values at a time; a refused query is an error with its reason."""
        found = self._ask("query", {"query": expression, "time": f"{at}"})
        return [(series["metric"], float(series["value"][1])) for series in found]

    def over_time(self, expression: str, since: float, until: float, step: int) -> int:
        """Ask for values over time, and count the series."""
        span = {"start": f"{since}", "end": f"{until}", "step": f"{step}"}
        return len(self._ask("query_range", {"query": expression, **span}))

    def _ask(self, kind: str, parameters: dict[str, str]) -> list[dict[str, Any]]:
        request = urllib.request.Request(
            f"http://{self.address}/api/v1/{kind}", data=urlencode(parameters).encode()
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
                data = json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            message = f"{json.load(error)['error']}\n{parameters['query']}"
            raise AssertionError(message) from error
        result: list[dict[str, Any]] = data["result"]
        return result if data["resultType"] != "scalar" else [{"metric": {}, "value": result}]


@contextmanager
def holding(folder: Path, openmetrics: Iterable[str]) -> Iterator[Prometheus]:
    """Run a Prometheus that holds the samples of a text with timestamps, until left."""
    text, blocks = folder / "history.om", folder / "blocks"
    text.write_text("\n".join((*openmetrics, "# EOF\n")), encoding="utf-8")
    make = ("promtool", "tsdb", "create-blocks-from", "openmetrics", "--quiet")
    subprocess.run((*make, "--max-block-duration=240h", text, blocks), check=True)
    config = folder / "prometheus.yml"
    config.write_text("scrape_configs: []\n", encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = (
        "prometheus",
        f"--config.file={config}",
        f"--storage.tsdb.path={blocks}",
        "--storage.tsdb.retention.time=100y",
        f"--web.listen-address={address}",
        "--log.level=error",
    )
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        try:
            _ready(address, running)
            yield Prometheus(address)
        finally:
            running.terminate()


def _ready(address: str, running: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        assert running.poll() is None, "prometheus ended"
        with (
            suppress(OSError),
            urllib.request.urlopen(f"http://{address}/-/ready", timeout=5) as answer,
        ):
            if answer.status == 200:
                return
        with suppress(subprocess.TimeoutExpired):
            running.wait(0.05)
    message = "prometheus was not ready in time"
    raise AssertionError(message)
