"""Child processes that never outlive the benchmark, and what the kernel says of them."""

import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Final

_PR_SET_PDEATHSIG: Final = 1
_STOP_SECONDS: Final = 10.0
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_KIB_PER_MIB: Final = 1024


def die_with_parent() -> None:
    """Ask Linux to kill this process when its parent ends, even if that is killed itself."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


@contextmanager
def child(
    command: Sequence[str], *, env: Mapping[str, str], cwd: Path, log: IO[bytes]
) -> Iterator[subprocess.Popen[str]]:
    """Run a command until the end of the block; it is told to stop, then killed."""
    process = subprocess.Popen(
        command,
        env=dict(env),
        cwd=cwd,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        preexec_fn=die_with_parent,  # noqa: PLW1509 - one call of libc, before any thread starts
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                assert pipe is not None  # noqa: S101 - opened above
                pipe.close()


def answer(process: subprocess.Popen[str], question: str | None = None) -> dict[str, Any]:
    """Send a line, if there is one to send, and return the next line of JSON.

    Raises:
        RuntimeError: the process has ended.
    """
    assert process.stdin is not None  # noqa: S101 - children have pipes
    assert process.stdout is not None  # noqa: S101
    if question is not None:
        process.stdin.write(question + "\n")
        process.stdin.flush()
    line = process.stdout.readline()
    if not line:
        message = f"{process.args!r} ended with {process.wait()}: see its log"
        raise RuntimeError(message)
    document: dict[str, Any] = json.loads(line)
    return document


def own_environment(**more: str) -> dict[str, str]:
    """Return the environment of children: nothing that points at accounts or at proxies."""
    hidden = ("AWS_", "AZURE_", "GOOGLE_", "CARBON_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    kept = {name: value for name, value in os.environ.items() if not _is(name, hidden)}
    return {**kept, "PYTHONUNBUFFERED": "1", **more}


def _is(name: str, hidden: tuple[str, ...]) -> bool:
    return name.upper().startswith(hidden)


def cpu_seconds(pid: int) -> float:
    """Return user and system time of a process, in steps of 10 ms."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def memory_mib(pid: int, which: str) -> float:
    """Return ``VmRSS`` (now) or ``VmHWM`` (the most so far) of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{which}:"):
            return int(line.split()[1]) / _KIB_PER_MIB
    message = f"/proc/{pid}/status does not tell {which}"
    raise RuntimeError(message)


class CpuRecord:
    """The CPU time of a process over time, sampled by a thread of this one."""

    EVERY: Final = 0.02

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._samples: list[tuple[float, float]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop sampling."""
        self._stop.set()
        self._thread.join()

    def at(self, moment: float) -> float:
        """Return the CPU seconds used until an epoch second."""
        used = 0.0
        for when, seconds in self._samples:
            if when > moment:
                break
            used = seconds
        return used

    def quiet_after(self, moment: float, least: float) -> float:
        """Return the first moment from which on nothing was used for ``least`` seconds."""
        since, used = moment, self.at(moment)
        for when, seconds in self._samples:
            if when <= moment:
                continue
            if seconds > used:
                since, used = when, seconds
            elif when - since >= least:
                return since
        return since

    def _run(self) -> None:
        while not self._stop.wait(self.EVERY):
            try:
                self._samples.append((time.time(), cpu_seconds(self._pid)))
            except OSError:
                return  # the process has ended


def stop_on_signals() -> None:
    """Let SIGTERM and SIGHUP end the program the way Ctrl-C does: children are stopped first."""

    def leave(number: int, _: object) -> None:
        sys.exit(128 + number)

    for each in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, leave)


@contextmanager
def time_limit(seconds: int) -> Iterator[None]:
    """Raise TimeoutError in the block after so many seconds."""

    def late(*_: object) -> None:
        message = f"not done after {seconds} s: give --limit more, or fewer machines"
        raise TimeoutError(message)

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
