"""The run: fakes, bare calls, the daemon in its steady state, then scrapes of it."""

import gzip
import http.client
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bench.daemon.bare import PERIOD, POINTS
from bench.daemon.children import CpuRecord, answer, child, memory_mib, own_environment

ROOT: Final = Path(__file__).parents[2]
_MACHINES_A_MINUTE: Final = 4000
_QUIET_SECONDS: Final = 0.4
"""A stretch without CPU time that ends a cycle with all that follows from it."""
_SCRAPES: Final = (("gzip", 0.01, 2), ("identity", 0.05, 1))
"""What is asked for, the seconds between two scrapes (they must find the daemon idle, not keep it
busy), and through how many polls."""
_AFTERMATH_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What to measure."""

    cloud: str
    machines: int
    cycles: int
    python: str

    @property
    def poll(self) -> int:
        """Seconds between cycles: so long that the daemon rests between them.

        Each must find a bucket that is new, or it reads no metrics; in real life both are five
        minutes.
        """
        return PERIOD if self.machines <= _MACHINES_A_MINUTE else 2 * PERIOD


@dataclass(slots=True)
class Cycles:
    """Whole cycles that the collector told of, as ``(begin, end)`` epoch seconds."""

    seen: list[tuple[float, float]] = field(default_factory=list)

    def note(self, text: str, cloud: str) -> None:
        """Take the latest cycle from an exposition."""
        end = _value(text, "carbon_collector_last_success_timestamp_seconds", cloud)
        duration = _value(text, "carbon_collector_duration_seconds", cloud)
        if end and duration is not None and (not self.seen or end > self.seen[-1][1]):
            self.seen.append((end - duration, end))

    def running(self, begin: float, end: float) -> bool:
        """Whether a cycle ran in some part of a span."""
        return any(first < end and begin < last for first, last in self.seen)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scrape:
    """One answered request, without what it said: there are thousands of them."""

    begin: float
    seconds: float
    size: int


class Client:
    """A keep-alive connection to the daemon."""

    def __init__(self, port: int) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def scrape(self, encoding: str) -> tuple[Scrape, bytes]:
        """Read /metrics whole; returns the body as it came."""
        began, clock = time.time(), time.perf_counter()
        self._http.request("GET", "/metrics", headers={"Accept-Encoding": encoding})
        response = self._http.getresponse()
        body = response.read()
        seconds = time.perf_counter() - clock
        if response.status != http.client.OK:
            message = f"/metrics answered {response.status}"
            raise RuntimeError(message)
        return Scrape(begin=began, seconds=seconds, size=len(body)), body

    def ready(self) -> bool:
        """Whether the first snapshot is there."""
        try:
            self._http.request("GET", "/-/ready")
            response = self._http.getresponse()
            response.read()
        except (OSError, http.client.HTTPException):
            self._http.close()
            return False
        return response.status == http.client.OK


def _value(text: str, family: str, cloud: str) -> float | None:
    found = re.search(rf'^{family}{{collector="{cloud}[^"]*"}} (\S+)$', text, re.MULTILINE)
    return float(found[1]) if found else None


def run(options: Options, folder: Path, tell: Callable[[str], None]) -> dict[str, Any]:
    """Measure; all files stand in ``folder``. Returns the figures, ready for JSON."""
    with ExitStack() as stack:
        log = stack.enter_context((folder / "log").open("wb"))
        command = [sys.executable, "-m", "bench.daemon.fakes", options.cloud, str(options.machines)]
        fakes = stack.enter_context(child(command, env=own_environment(), cwd=ROOT, log=log))
        tell("making the machines")
        place = answer(fakes)
        env = own_environment(**place["environment"])

        def bare(**task: object) -> dict[str, Any]:
            command = [sys.executable, "-m", "bench.daemon.bare"]
            with child(command, env=env, cwd=ROOT, log=log) as process:
                return answer(process, json.dumps(task))

        def requests() -> Mapping[str, int]:
            counts: Mapping[str, int] = answer(fakes, "count")["requests"]
            return counts

        tell("bare calls")
        asked = requests()
        before = bare(cloud=options.cloud, **place)
        bare_calls = _per(asked, requests(), before["rounds"])
        port = _free_port()
        (folder / "carbon-exporter.yml").write_text(json.dumps(_settings(options, place, port)))
        command = [options.python, "-m", "exporter", "serve", "--config", "carbon-exporter.yml"]
        tell("the daemon's first cycle")
        began = time.time()
        daemon = stack.enter_context(child(command, env=env, cwd=folder, log=log))
        figures, text = _Watch(options, daemon, Client(port), requests, tell).measure(began)
        tell("bare calls again, and prometheus_client")
        after = bare(cloud=options.cloud, **place)
        figures["bare"] = {
            **{name: min(before[name], after[name]) for name in ("cpu_seconds", "wall_seconds")},
            **{name: after[name] for name in ("machines", "points", "peak_mib")},
            "requests": bare_calls,
        }
        figures["prometheus_client"] = bare(text=text)
        return figures


@dataclass(slots=True)
class _Watch:
    """The daemon while it is looked at."""

    options: Options
    process: subprocess.Popen[str]
    client: Client
    requests: Callable[[], Mapping[str, int]]
    tell: Callable[[str], None]
    cycles: Cycles = field(default_factory=Cycles)

    def measure(self, began: float) -> tuple[dict[str, Any], str]:
        pid = self.process.pid
        self._until_ready()
        ready = time.time() - began
        memory = {"ready": memory_mib(pid, "VmRSS")}
        self._look()
        self.tell(f"{self.options.cycles} cycles, one each {self.options.poll} s")
        cycle = self._steady(pid)
        memory["steady"] = memory_mib(pid, "VmRSS")
        scrapes, text = {}, ""
        for encoding, pause, polls in _SCRAPES:
            self.tell(f"scrapes, {encoding}")
            scrapes[encoding], text = self._scrapes(encoding, pause, self.options.poll * polls)
            memory[f"after_{encoding}"] = memory_mib(pid, "VmRSS")
        memory["peak"] = memory_mib(pid, "VmHWM")
        figures = {
            "ready_seconds": ready,
            "cycle": cycle,
            "memory_mib": memory,
            "scrape": scrapes,
        }
        return figures, text

    def _until_ready(self) -> None:
        while not self.client.ready():
            if self.process.poll() is not None:
                message = f"serve ended with {self.process.returncode}"
                raise RuntimeError(message)
            time.sleep(0.05)

    def _look(self) -> str:
        """Scrape to see which cycles there were; returns the exposition."""
        _, body = self.client.scrape("gzip")
        text = gzip.decompress(body).decode()
        self.cycles.note(text, self.options.cloud)
        return text

    def _steady(self, pid: int) -> dict[str, Any]:
        """Let whole cycles pass, with a look once a second."""
        known = self._await_cycles(1)  # what a start reads is no steady cycle
        asked, record = self.requests(), CpuRecord(pid)
        self._await_cycles(self.options.cycles)
        time.sleep(_AFTERMATH_SECONDS)  # what follows from the last one
        record.close()
        spent = _per(asked, self.requests(), self.options.cycles)
        spans = self.cycles.seen[known:]
        ends = [record.quiet_after(end, _QUIET_SECONDS) for _, end in spans]
        begins = [begin for begin, _ in spans]
        busy = [record.at(end) - record.at(begin) for begin, end in zip(begins, ends, strict=True)]
        gaps = list(zip(ends, begins[1:], strict=False))
        idle = sum(record.at(end) - record.at(begin) for begin, end in gaps)
        rest = sum(end - begin for begin, end in gaps)
        return {
            "count": len(spans),
            "cpu_seconds": statistics.median(busy),
            "cpu_seconds_each": busy,
            "wall_seconds": statistics.median(end - begin for begin, end in spans),
            "between_cycles_cores": idle / rest if rest > 0 else None,
            "requests": spent,
        }

    def _await_cycles(self, more: int) -> int:
        target = len(self.cycles.seen) + more
        while len(self.cycles.seen) < target:
            time.sleep(1)
            self._look()
        return target

    def _scrapes(self, encoding: str, pause: float, seconds: float) -> tuple[dict[str, Any], str]:
        """Scrape for a time that sees whole cycles, and sort by what the daemon did."""
        found: list[Scrape] = []
        until = time.time() + seconds
        last_look = time.time()
        while time.time() < until:
            scrape, _ = self.client.scrape(encoding)
            found.append(scrape)
            if time.time() - last_look >= 1:
                self._look()
                last_look = time.time()
            time.sleep(pause)
        time.sleep(_AFTERMATH_SECONDS)  # a cycle that still ran is told when it has ended
        text = self._look()
        idle: list[Scrape] = []
        busy: list[Scrape] = []
        for each in found:
            ran = self.cycles.running(each.begin, each.begin + each.seconds)
            (busy if ran else idle).append(each)
        return {
            "bytes": found[-1].size,
            "idle": _quantiles(each.seconds for each in idle),
            "in_cycle": _quantiles(each.seconds for each in busy),
        }, text


def _settings(options: Options, place: Mapping[str, Any], port: int) -> Mapping[str, object]:
    return {
        "listen": f"127.0.0.1:{port}",
        "state": "state.db",
        "poll_interval": f"{options.poll}s",
        "resolution": f"{PERIOD}s",
        "look_back": f"{POINTS * PERIOD}s",
        "max_catch_up": f"{POINTS * PERIOD}s",
        "tags": ["team", "service"],
        "log_format": "json",
        "providers": [place["provider"]],
        "grids": [{"kind": "demo", "url": place["grid"]}],
    }


def _quantiles(seconds: Iterable[float]) -> dict[str, float | int | None]:
    """Return count, median and 99th percentile in milliseconds."""
    sorted_ms = sorted(1000 * each for each in seconds)
    count = len(sorted_ms)
    if not count:
        return {"count": 0, "p50_ms": None, "p99_ms": None}
    return {
        "count": count,
        "p50_ms": statistics.median(sorted_ms),
        "p99_ms": sorted_ms[min(count - 1, int(0.99 * count))],
    }


def _per(before: Mapping[str, int], after: Mapping[str, int], rounds: int) -> Mapping[str, float]:
    more = {name: after[name] - before.get(name, 0) for name in sorted(after)}
    return {name: count / rounds for name, count in more.items() if count}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def about() -> dict[str, object]:
    """Say where this was measured."""
    return {
        "cores": os.cpu_count(),
        "python": sys.version.split()[0],
        "load": os.getloadavg()[0],
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def lines(figures: Mapping[str, Any]) -> Sequence[tuple[str, float | None, float | None]]:
    """Return the table: what, ours, and the anchor where there is one."""
    cycle, bare, memory = figures["cycle"], figures["bare"], figures["memory_mib"]
    client, scrape = figures["prometheus_client"], figures["scrape"]
    table: list[tuple[str, float | None, float | None]] = [
        ("cycle, CPU s", cycle["cpu_seconds"], bare["cpu_seconds"]),
        ("cycle, wall s", cycle["wall_seconds"], bare["wall_seconds"]),
        ("calls a cycle", sum(cycle["requests"].values()), sum(bare["requests"].values())),
        ("CPU between cycles, cores", cycle["between_cycles_cores"], None),
        ("start to ready, s", figures["ready_seconds"], None),
        ("memory at ready, MiB", memory["ready"], bare["peak_mib"]),
        ("memory after the cycles, MiB", memory["steady"], bare["peak_mib"]),
        ("memory after gzip scrapes, MiB", memory["after_gzip"], bare["peak_mib"]),
        ("memory after plain scrapes, MiB", memory["after_identity"], bare["peak_mib"]),
        ("memory, most, MiB", memory["peak"], bare["peak_mib"]),
    ]
    anchors = {
        "gzip": 1000 * client["generate_and_gzip_seconds"],
        "identity": 1000 * client["generate_seconds"],
    }
    for encoding, anchor in anchors.items():
        for when in ("idle", "in_cycle"):
            found = scrape[encoding][when]
            name = f"{'plain' if encoding == 'identity' else encoding} scrape"
            name += ", idle" if when == "idle" else ", in a cycle"
            table += [
                (f"{name}, p50 ms", found["p50_ms"], anchor),
                (f"{name}, p99 ms", found["p99_ms"], anchor),
            ]
    return table
