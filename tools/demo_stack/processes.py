"""Programs of the stack: started one after the other, stopped together."""

import contextlib
import http.client
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TERM_SECONDS: Final = 15
_ASK_EVERY: Final = 0.2
_TAIL: Final = 10
"""Last lines of a log that are shown when its program ends."""


class StackError(Exception):
    """The stack cannot run; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One program that runs, and where it writes what it says."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def require(self) -> None:
        """Do nothing while it runs.

        Raises:
            StackError: it has ended.
        """
        code = self.process.poll()
        if code is not None:
            tail = "\n  ".join(self.log.read_text(errors="replace").splitlines()[-_TAIL:])
            message = f"{self.name} ended with exit code {code} ({self.log}):\n  {tail}"
            raise StackError(message)


class Programs:
    """All programs that run, in the order of their start."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: list[Program] = []

    def start(self, name: str, *command: str | Path, ready: str, within: float = 120.0) -> None:
        """Start a program and wait until the URL ``ready`` answers 200.

        Raises:
            StackError: it cannot be started, ends, or is not ready within so many seconds.
        """
        log = self._folder / f"{name}.log"
        with log.open("wb") as output:
            try:
                # A session of its own: Ctrl-C reaches us, and we stop all of them in order.
                process = subprocess.Popen(  # noqa: S603 — our own commands
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                message = f"{name} cannot be started: {error}"
                raise StackError(message) from error
        program = Program(name=name, process=process, log=log)
        self._running.append(program)
        _wait(program, ready, within)

    def watch(self) -> None:
        """Return never.

        Raises:
            StackError: one of them has ended.
        """
        while True:
            for program in self._running:
                program.require()
            time.sleep(1)

    def stop(self) -> None:
        """End them, the last first: all are told before any is waited for."""
        for program in reversed(self._running):
            program.process.terminate()
        for program in reversed(self._running):
            try:
                program.process.wait(_TERM_SECONDS)
            except subprocess.TimeoutExpired:
                program.process.kill()
                program.process.wait()
        self._running.clear()


@contextlib.contextmanager
def programs(folder: Path) -> Iterator[Programs]:
    """Keep the programs of the block running until it is left."""
    running = Programs(folder)
    try:
        yield running
    finally:
        running.stop()


def run(what: str, *command: str | Path) -> None:
    """Run a program to its end, before our eyes.

    Raises:
        StackError: it failed.
    """
    code = subprocess.run(command, check=False).returncode  # noqa: S603 — our own commands
    if code:
        message = f"{what} failed with exit code {code}"
        raise StackError(message)


def address(preferred: int) -> str:
    """Return a loopback address with the preferred port, or with another that is free."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return f"127.0.0.1:{probe.getsockname()[1]}"
    message = "no free port on 127.0.0.1"
    raise StackError(message)


def _wait(program: Program, url: str, within: float) -> None:
    deadline = time.monotonic() + within
    while not _answers(url):
        program.require()
        if time.monotonic() > deadline:
            message = f"{program.name} is not ready after {within:.0f} s: see {program.log}"
            raise StackError(message)
        time.sleep(_ASK_EVERY)


def _answers(url: str) -> bool:
    host, _, path = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=2)
    try:
        connection.request("GET", f"/{path}")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
