"""``serve`` and ``demo``: the verbs that run until they are told to stop."""

import os
from pathlib import Path

from exporter import app, logs
from exporter.settings import load, parse_listen
from exporter.verbs.errors import UsageError


def serve(config: Path | None, listen: str | None, state: Path | None) -> int:
    """Run the daemon until SIGTERM or SIGINT; return the exit code.

    Raises:
        ConfigError: the configuration is wrong; carries every problem.
        UsageError: ``listen`` is not an address.
    """
    environ = dict(os.environ)
    if listen is not None:
        environ["CARBON_LISTEN"] = checked_listen(listen)
    if state is not None:
        environ["CARBON_STATE"] = str(state)
    settings = load(config, environ)
    logs.configure(settings.log_level, settings.log_format)
    return app.serve(settings)


def demo(listen: str, state: Path | None, *, offline: bool) -> int:
    """Run the daemon over a simulated estate and this machine; return the exit code.

    ``offline`` keeps it from asking live grids.

    Raises:
        UsageError: ``listen`` is not an address.
    """
    checked_listen(listen)
    logs.configure("info", "auto")
    return app.demo(listen=listen, state=state, offline=offline)


def checked_listen(listen: str) -> str:
    """Return an address as it is.

    Raises:
        UsageError: it is not one.
    """
    try:
        parse_listen(listen)
    except ValueError as error:
        message = f"--listen {listen!r} — {error}"
        raise UsageError(message) from error
    return listen
