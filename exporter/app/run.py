"""Running the daemon: on the user's clouds, or on the demo estate."""

import os
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from exporter.app.assembly import Assembly, assemble
from exporter.app.build import build
from exporter.app.explain import explainer
from exporter.app.probe_grids import PROBES
from exporter.app.stopping import FLUSH_SECONDS, Stop, leave
from exporter.core.errors import MissingExtraError
from exporter.engine.store import Store
from exporter.exposition.connections import raise_file_limit
from exporter.exposition.connections import serve as serve_http
from exporter.exposition.listen import bind
from exporter.exposition.server import make_app
from exporter.settings import Settings, check_proxies, parse_listen

log = structlog.get_logger()

SWITCH_SECONDS: Final = 0.0005
"""How long a thread computes before another may, a tenth of Python's default: while the threads of
a cycle parse what a cloud said, a scrape waits that long at each turn."""


def serve(settings: Settings) -> int:
    """Run until SIGTERM or SIGINT; returns the exit code.

    Raises:
        CarbonExporterError: it could not start, e.g. the port is in use.
    """
    return _run(settings, settings.state, Stop.on_signals())


def demo(*, listen: str, state: Path | None, offline: bool) -> int:
    """Run the daemon, unchanged, on the simulated estate and this machine's own CPU.

    The grids that can be read without a key are live where they answer within seconds; with
    ``offline`` nobody outside this machine is asked.

    Raises:
        MissingExtraError: the demo watches three clouds, and an SDK is not installed.
        ConfigError: a proxy of the environment cannot be used.
    """
    check_proxies(os.environ)
    stop = Stop.on_signals()
    with _stage()(listen=listen, probes=() if offline else PROBES) as (settings, grids):
        return _run(settings, state, stop, simulated=True, started=partial(_say_where, grids))


def _stage() -> Callable[..., AbstractContextManager[tuple[Settings, str]]]:
    """Import the stage only now: the fakes bring every cloud's SDK, which ``serve`` must not."""
    try:
        from exporter.app.demo_setup import demo_stage  # noqa: PLC0415 — see above
    except ModuleNotFoundError as error:
        message = (
            f"the demo needs the Python package {error.name!r}, which is not installed — "
            "run: pip install 'carbon-exporter[all]'"
        )
        raise MissingExtraError(message) from error
    return demo_stage


def _say_where(grids: str, url: str) -> None:
    where = f"carbon-exporter demo: open {url}  (metrics: {url}metrics, stop with Ctrl-C)"
    print(f"{where}\n{grids}")  # noqa: T201 — the answer to the command
    sys.stdout.flush()


def check_state(path: Path) -> None:
    """Read a state file, all of it; one of an older version stays as it is.

    Raises:
        StoreError: it cannot be used.
    """
    store = Store.open(path, update=False)
    try:
        store.load()
    finally:
        store.close()


def _run(
    settings: Settings,
    state: Path | None,
    stop: Stop,
    *,
    simulated: bool = False,
    started: Callable[[str], None] | None = None,
) -> int:
    raise_file_limit()
    sys.setswitchinterval(SWITCH_SECONDS)
    with bind(settings.listen) as sock:  # first of all: a port in use is told at once
        wired = assemble(build(settings), _open(state), simulated=simulated)
        wired.daemon.start()
        url = _url(sock.getsockname()[:2])
        log.info("serving", url=url, providers=[p.name for p in wired.app.providers])
        if started is not None:
            started(url)
        api = make_app(
            wired.publisher,
            tags=settings.tags,
            explain=explainer(wired),
            allowed_hosts=(*settings.allowed_hosts, parse_listen(settings.listen).host),
        )
        # In a thread that nobody has to wait for: a request may hang, the stop may not.
        http = threading.Thread(
            target=serve_http, args=(api, sock), kwargs={"stop": stop.asked}, name="http"
        )
        http.daemon = True
        http.start()
        stop.asked.wait()
        code = 0 if stop.begun else 1
        stop.ask()
        return _stop(wired, stop, http) or code


def _open(state: Path | None) -> Store:
    """Return the store of a state file, to be opened when it is taken up; without one, memory."""
    return Store.in_memory() if state is None else Store.wanted(state)


def _stop(wired: Assembly, stop: Stop, http: threading.Thread) -> int:
    """Finish what is in flight, save and close, as far as the time allows."""
    finished = wired.daemon.stop(within=stop.left() - FLUSH_SECONDS)
    wired.store.close()
    http.join(stop.left())
    if not finished or http.is_alive():
        # Python would wait for the hanging thread at exit; a cycle has committed nothing then.
        log.warning("a cycle or a request did not finish in time and was abandoned")
        leave(0)
    wired.app.close()
    log.info("stopped")
    return 0


def _url(address: tuple[str, int]) -> str:
    host, port = address
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104 — only compared
    return f"http://[{shown}]:{port}/" if ":" in shown.strip("[]") else f"http://{shown}:{port}/"
