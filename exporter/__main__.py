"""``carbon-exporter`` and ``python -m exporter``."""

import os
import signal
import sys

_DAEMONS = ("serve", "demo")


def main() -> None:
    """Run the command line and exit."""
    if sys.argv[1:2] and sys.argv[1] in _DAEMONS:
        _stoppable_from_the_start()
    # Not at the top: this takes a second on a small machine, in which a signal may come.
    from exporter.cli.main import cli  # noqa: PLC0415 -- see above

    cli(prog_name="carbon-exporter")


def _stoppable_from_the_start() -> None:
    """Let signals end a daemon in good order before it has anything to save.

    ``app.stopping`` takes over once it runs. A verb that comes to an end by itself keeps the usual
    way to die: what it was to write is not complete then.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


if __name__ == "__main__":
    main()
