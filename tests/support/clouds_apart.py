"""The simulated clouds in a process of their own, and the real daemon beside them.

So either can be killed without the other, and a daemon that is short of time does not make its
clouds slow. Run as a program it serves the clouds, takes orders as lines of JSON on stdin, answers
each with one on stdout, and ends with stdin, that is with the test that started it.
"""

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
from prometheus_client.parser import text_string_to_metric_families

from exporter.app.demo_setup import Fakes, aws_environment
from exporter.core.clock import epoch
from exporter.demo._fake import Fake
from exporter.demo._faults import BaseFault, FaultKind
from exporter.demo.aws import Fault as AwsFault
from exporter.demo.azure import Fault as AzureFault
from exporter.demo.estate import Estate, EstateMachine
from exporter.demo.estate.hashing import mix, share
from exporter.demo.gcp import Fault as GcpFault
from exporter.demo.lateness import Lateness
from tests.support import provider_aws, provider_azure, provider_gcp

CLOUDS: Final = ("aws", "gcp", "azure")
LAG_SECONDS: Final = 5
SETTLE_SECONDS: Final = 10
RESOLUTION: Final = 60
POLL: Final = "10s"
"""The shortest that can be set."""
SHRINKING: Final = provider_aws.REGIONS[1]
"""Machines of this region are first said to have done too much: what is then a debt."""
SPREAD_SECONDS: Final = 600
"""A value is final by then, counted from when it is first seen."""

ROOT: Final = Path(__file__).parents[2]
STARTS_WITHIN: Final = 90.0
"""Seconds in which any of the programs has started, on a machine that is very busy."""
LOOKS_EVERY: Final = 0.1


def estate() -> Estate:
    """Return machines that all run for ever and are measured every minute: exact truth."""
    aws = (
        provider_aws.machine(number, provider_aws.REGIONS[number % 2], detailed=True)
        for number in range(24)
    )
    others = (
        each.machine(number, detailed=True)
        for each in (provider_gcp, provider_azure)
        for number in (1, 2)
    )
    return Estate(machines=(*aws, *others))


@dataclass(frozen=True, slots=True, kw_only=True)
class Restless(Lateness):
    """Each value is too low at first, or too high where it shrinks, and final at some later time.

    So there is something to correct at any instant. Once ``settled``, all is final.
    """

    settled: threading.Event

    def factor(self, machine: EstateMachine, bucket: int, since_due: float) -> float | None:
        if since_due < 0:
            return None
        final = since_due >= SPREAD_SECONDS * share(mix(machine.seed, bucket), 1)
        if final or self.settled.is_set():
            return 1.0
        return 1.3 if machine.region == SHRINKING else 0.6


class StoppableClock:
    """The time of this machine, until it stops: from then on no new value comes to be seen."""

    def __init__(self) -> None:
        self._stopped: datetime | None = None

    def now(self) -> datetime:
        return self._stopped or datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def stop(self) -> float:
        self._stopped = self.now()
        return epoch(self._stopped)


_FAULTS: Final[Mapping[str, type[BaseFault]]] = {
    "aws": AwsFault,
    "gcp": GcpFault,
    "azure": AzureFault,
}


def serve_clouds() -> None:
    """Serve until stdin ends."""
    clock, settled = StoppableClock(), threading.Event()
    lateness = Restless(settled=settled)
    fakes = Fakes.of(estate(), clock, lag_seconds=LAG_SECONDS, lateness=lateness)
    clouds: dict[str, Fake[Any]] = {"aws": fakes.aws, "gcp": fakes.gcp, "azure": fakes.azure}

    def obey(order: Mapping[str, Any]) -> object:
        if order["do"] == "settle":
            settled.set()
            return clock.stop()
        cloud = order["cloud"]
        if order["do"] == "asked":
            return sum(clouds[cloud].requests.values())
        clouds[cloud].faults.clear()
        if order["do"] == "spoil":
            kind = FaultKind(order["kind"])
            clouds[cloud].faults.add(_FAULTS[cloud](kind=kind, seconds=order["seconds"]))
        return None

    with fakes.listening():
        _say(fakes.providers())
        for line in sys.stdin:
            _say(obey(json.loads(line)))
    os._exit(0)  # whoever hangs in a request is not waited for


def _say(answer: object) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


class Clouds:
    """The clouds as a test sees them: the sections that watch them, and the orders they take."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.sections: list[dict[str, Any]] = self._answer()

    def section(self, cloud: str) -> dict[str, Any]:
        """Return the settings that watch one cloud, under its own name."""
        found = next(each for each in self.sections if each["kind"] == cloud)
        return {**found, "name": cloud, "settle": f"{SETTLE_SECONDS}s"}

    def settle(self) -> float:
        """Make all values final, and let no new ones come; returns the time until which they do."""
        return float(self._order(do="settle"))

    def asked(self, cloud: str) -> int:
        """Return how many requests a cloud has had."""
        return int(self._order(do="asked", cloud=cloud))

    def spoil(self, cloud: str, kind: FaultKind, seconds: float = 0.2) -> None:
        """Spoil all answers of a cloud from now on."""
        self._order(do="spoil", cloud=cloud, kind=kind, seconds=seconds)

    def heal(self, cloud: str) -> None:
        """Let a cloud answer rightly again."""
        self._order(do="heal", cloud=cloud)

    def _order(self, **order: object) -> Any:  # noqa: ANN401 - a JSON document
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:  # noqa: ANN401 - a JSON document
        assert self._process.stdout is not None
        # A process that does not answer is killed, which ends the line that is waited for.
        patience = threading.Timer(STARTS_WITHIN, self._process.kill)
        patience.start()
        try:
            line = self._process.stdout.readline()
        finally:
            patience.cancel()
        assert line, "the simulated clouds have ended"
        return json.loads(line)


@contextlib.contextmanager
def clouds_apart() -> Iterator[Clouds]:
    """Run the simulated clouds in a process of their own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.clouds_apart"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with ended(process):
        yield Clouds(process)


@contextlib.contextmanager
def ended(process: "subprocess.Popen[Any]") -> Iterator[None]:
    """Kill a process at the end of the block, whatever comes."""
    try:
        yield
    finally:
        process.kill()
        process.wait(timeout=30)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # unsent orders to a process that is gone
                    pipe.close()


def until(what: str, condition: Callable[[], bool], *, within: float) -> float:
    """Look again and again whether something of another process has come about.

    Returns the seconds that it took.

    Raises:
        AssertionError: it has not in that many seconds.
    """
    begun, pause = time.monotonic(), threading.Event()
    while not condition():
        assert time.monotonic() - begun < within, f"after {within:.0f} s: not {what}"
        pause.wait(LOOKS_EVERY)
    return time.monotonic() - begun


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@dataclass
class Serve:
    """``carbon-exporter serve`` with a state file and a log, started as often as one likes."""

    folder: Path
    providers: list[dict[str, Any]]
    port: int = field(default_factory=free_port)

    @property
    def state(self) -> Path:
        return self.folder / "state.db"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def settings(self) -> dict[str, Any]:
        """Return what is in the config file."""
        return {
            "listen": f"127.0.0.1:{self.port}",
            "state": str(self.state),
            "poll_interval": POLL,
            "resolution": f"{RESOLUTION}s",
            "log_format": "json",
            "providers": self.providers,
            "grids": [],
        }

    @contextlib.contextmanager
    def running(self) -> Iterator["Life"]:
        """Start it; at the end of the block it is killed if it still lives."""
        config = self.folder / "config.yml"
        config.write_text(json.dumps(self.settings()))  # JSON is YAML
        own = ("CARBON_", "AWS_", "AZURE_", "GOOGLE_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
        invented = {name: value for name, value in aws_environment(estate()).items() if value}
        said = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("a") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "exporter", "serve", "--config", str(config)],
                cwd=self.folder,
                env=kept | invented | {"PYTHONPATH": str(ROOT)},
                stderr=log,
            )
        with ended(process):
            yield Life(self, process, said)


@dataclass
class Life:
    """One run of the daemon, from its start to its end."""

    daemon: Serve
    process: "subprocess.Popen[bytes]"
    _said: int

    def said(self) -> str:
        """Return what it has logged."""
        with self.daemon.log.open() as log:
            log.seek(self._said)
            return log.read()

    def serving(self) -> float:
        """Wait until it serves; returns the seconds that it took."""

        def does() -> bool:
            assert self.process.poll() is None, self.said()
            return '"serving"' in self.said()

        return until("serving", does, within=STARTS_WITHIN)

    def values(self, family: str, label: str) -> dict[str, float]:
        """Scrape it; returns the values of a family by one of its labels."""
        answer = httpx.get(
            f"http://127.0.0.1:{self.daemon.port}/metrics", timeout=10.0, trust_env=False
        )
        answer.raise_for_status()
        return {
            sample.labels[label]: sample.value
            for metric in text_string_to_metric_families(answer.text)
            for sample in metric.samples
            if sample.name == family
        }

    def last_success(self) -> dict[str, float]:
        """Return when each cloud was last read, by its name."""
        return self.values("carbon_collector_last_success_timestamp_seconds", "collector")

    def success(self) -> dict[str, bool]:
        """Return of each collector whether its last cycle succeeded."""
        values = self.values("carbon_collector_success", "collector")
        return {name: value == 1.0 for name, value in values.items()}

    def read_all(self, *clouds: str, within: float = STARTS_WITHIN) -> None:
        """Wait until each cloud has been read since now without a failure."""
        asked = time.time()

        def have_been() -> bool:
            last = self.last_success()
            return all(last.get(cloud, 0.0) > asked for cloud in clouds)

        until(f"read: {clouds}", have_been, within=within)

    def stop(self) -> tuple[int, float]:
        """Send SIGTERM; returns the exit code and the seconds that it took."""
        begun = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=60)
        return code, time.monotonic() - begun

    def killed_after(self, seconds: float) -> None:
        """Let it live so long, then send SIGKILL."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = self.process.wait(timeout=seconds)
            message = f"it ended by itself with {code}: {self.said()}"
            raise AssertionError(message)
        self.process.kill()
        self.process.wait(timeout=30)


def lives(kills: int, seed: int) -> Iterator[tuple[bool, float]]:
    """Yield when to kill: whether to wait until it serves, and a share 0..1 of a span after."""
    dice = random.Random(seed)  # noqa: S311 - no secret
    for number in range(kills):
        yield number % 3 > 0, dice.random()


if __name__ == "__main__":
    serve_clouds()
