"""``serve``: the daemon, until it is told to stop."""

import os
from pathlib import Path
from typing import Annotated, Final

import typer

from exporter import app, logs
from exporter.cli._options import Config, checked_listen
from exporter.settings import load

ORDER: Final = 10
SUMMARY: Final = "Watch the configured clouds and serve /metrics."
EXAMPLES: Final = (
    "carbon-exporter serve",
    "carbon-exporter serve --config /etc/carbon-exporter.yml --listen :9180",
    "CARBON_PROVIDERS=host carbon-exporter serve",
)


def serve(
    config: Config = None,
    listen: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Overrides `listen`. :9180 is every interface."),
    ] = None,
    state: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Overrides `state`, the SQLite file.")
    ] = None,
) -> int:
    """Watch the configured clouds and serve /metrics until told to stop.

    SIGTERM and Ctrl-C stop it cleanly; no joule is lost or counted twice by a restart.
    """
    environ = dict(os.environ)
    if listen is not None:
        environ["CARBON_LISTEN"] = checked_listen(listen)
    if state is not None:
        environ["CARBON_STATE"] = str(state)
    settings = load(config, environ)
    logs.configure(settings.log_level, settings.log_format)
    return app.serve(settings)
