"""From a signal to the end of the process: within nine seconds, whatever hangs.

Docker and Kubernetes kill after ten. What may hang is not ours: a cloud's SDK in a socket, a name
server, a disk, a full pipe behind stderr, Python's own exit, which joins the threads of pools. So
the end is a deadline that was set when the signal came, and nobody has to be asked for it.
"""

import faulthandler
import os
import signal
import sys
import threading
import time
from typing import Final, NoReturn

import structlog

log = structlog.get_logger()

STOP_SECONDS: Final = 9.0
"""From the signal to the end of the process."""
FLUSH_SECONDS: Final = 1.5
"""Of these, what is kept for closing the state file and what comes after it."""

_LAST_RESORT_SECONDS: Final = 0.5
"""If even a Python thread cannot run then, because native code holds the interpreter."""


class Stop:
    """When the process has to end. ``asked`` is set from the moment that it should."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self._ends: float | None = None
        self._lock = threading.Lock()

    @classmethod
    def on_signals(cls) -> "Stop":
        """Take over SIGTERM, SIGINT and SIGHUP; only in the main thread.

        Python runs handlers in the main thread, once it is back from whatever it waits for, and in
        the middle of whatever it does, where taking a lock may be a deadlock. So the handlers do
        nothing: a thread reads the signals' numbers from a pipe that the C handler fills.
        """
        stop = cls()
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        watcher = threading.Thread(target=stop._watch, args=(reading,), name="signals", daemon=True)
        watcher.start()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: None)
        return stop

    def ask(self) -> None:
        """Begin to stop: from here on the time runs. Asked again, it runs no longer for that."""
        with self._lock:
            if self._ends is not None:
                return
            self._ends = time.monotonic() + STOP_SECONDS
        threading.Thread(target=self._end, name="stop-deadline", daemon=True).start()
        if sys.__stderr__ is not None:
            faulthandler.dump_traceback_later(
                STOP_SECONDS + _LAST_RESORT_SECONDS, exit=True, file=sys.__stderr__
            )
        self.asked.set()

    @property
    def begun(self) -> bool:
        """Whether somebody asked for it, rather than that serving ended by itself."""
        return self._ends is not None

    def left(self) -> float:
        """Seconds until the process ends."""
        return max(0.0, (self._ends or 0.0) - time.monotonic())

    def _end(self) -> None:
        never = threading.Event()
        while (left := self.left()) > 0:
            never.wait(left)
        # Not a word: whoever reads our stderr may be what hangs. A transaction that is being
        # written now is rolled back when the file is opened again.
        os._exit(0)

    def _watch(self, reading: int) -> None:
        while True:
            for number in os.read(reading, 64):
                if number == signal.SIGHUP:
                    # In a thread of its own: whoever reads our stderr may hang, a stop must not.
                    threading.Thread(target=_say_no_reload, daemon=True).start()
                elif number in {signal.SIGTERM, signal.SIGINT}:
                    self.ask()


def _say_no_reload() -> None:
    log.warning("SIGHUP ignored: the configuration is not reloaded, restart to apply a change")


def leave(code: int) -> NoReturn:
    """End the process at once: no thread is joined, nothing that is registered for exit runs."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
