"""``demo``: the daemon over a simulated estate, until it is told to stop."""

from pathlib import Path
from typing import Annotated, Final

import typer

from exporter import app, logs
from exporter.cli._options import checked_listen

ORDER: Final = 20
SUMMARY: Final = "Serve a simulated estate and this machine; no account needed."
EXAMPLES: Final = (
    "carbon-exporter demo",
    "carbon-exporter demo --listen :9180 --offline",
)


def demo(
    *,
    listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Address to serve on.")
    ] = "127.0.0.1:9180",
    state: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Keep counters in this file. Default: forget them."),
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask nobody: simulate every grid as well.")
    ] = False,
) -> int:
    """Serve a simulated cloud estate and this machine: numbers that move, with no account.

    The estate speaks the clouds' own protocols on loopback, so this is the production code at
    work. All that is simulated says so. No cloud is asked. Grids of Europe that can be read
    without a key are live if they answer within three seconds; --offline asks nobody.
    """
    checked_listen(listen)
    logs.configure("info", "auto")
    return app.demo(listen=listen, state=state, offline=offline)
