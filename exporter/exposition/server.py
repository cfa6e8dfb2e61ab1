"""The HTTP surface: metrics, health, JSON API, live page. A request reads finished bytes."""

import contextlib
import signal
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from types import FrameType
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exporter.exposition.api import WAITING, Api, Explain, answer, error
from exporter.exposition.negotiate import joined, metrics_type, reply
from exporter.exposition.page import page_bodies
from exporter.exposition.publisher import Publisher
from exporter.exposition.render import TEXT, Body

SECURITY_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}

_Endpoint = Callable[[Request], Awaitable[Response]]

_KEEP_ALIVE_SECONDS: Final = 75  # longer than the usual scrape interval of a minute
_GRACE_SECONDS: Final = 3  # answers in flight at SIGTERM; the daemon has ten seconds in all


def make_app(publisher: Publisher, *, tags: Sequence[str] = (), explain: Explain) -> ASGIApp:
    """Return the ASGI application.

    ``tags`` are the keys of cloud tags that the API may show; ``explain`` answers
    ``/api/v1/explain/{id}`` and may block.
    """
    app = Starlette(
        routes=[
            Route("/metrics", _metrics(publisher)),
            Route("/-/healthy", _healthy),
            Route("/-/ready", _ready(publisher)),
            *Api(publisher, tags=tags, explain=explain).routes(),
            *(Route(path, _static(body)) for path, body in page_bodies().items()),
        ],
        exception_handlers={HTTPException: _refused, Exception: _failed},
    )
    app.router.redirect_slashes = False
    return _SecurityHeaders(app)


def serve(app: ASGIApp, sock: socket.socket, *, stop: threading.Event | None = None) -> None:
    """Serve on a listening socket until SIGTERM, SIGINT or ``stop``; closes the socket.

    Signals are handled where this runs in the main thread. ``stop`` is set on return, whatever
    the cause, so that other threads may wait for it.
    """
    stop = stop or threading.Event()
    config = uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    server = uvicorn.Server(config)
    with sock, _ended_by_signals(server), _ended_by(stop, server):
        server.run(sockets=[sock])


@contextlib.contextmanager
def _ended_by(stop: threading.Event, server: uvicorn.Server) -> Iterator[None]:
    def watch() -> None:
        stop.wait()
        server.should_exit = True

    watcher = threading.Thread(target=watch, name="http-stop", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        stop.set()
        watcher.join()


@contextlib.contextmanager
def _ended_by_signals(server: uvicorn.Server) -> Iterator[None]:
    # uvicorn raises a signal that stopped it once more when it is done; without a handler of
    # ours that would kill the process before the state is flushed.
    def handle(_number: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _SecurityHeaders:
    """Adds the security headers to every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers)


def _metrics(publisher: Publisher) -> _Endpoint:
    async def metrics(request: Request) -> Response:
        exposition = publisher.current.metrics
        wanted = metrics_type(joined(request, "accept"))
        body = exposition.text if wanted == TEXT else exposition.openmetrics
        return reply(request, body, content_type=wanted)

    return metrics


async def _healthy(_request: Request) -> Response:
    return answer({"status": "healthy"})


def _ready(publisher: Publisher) -> _Endpoint:
    async def ready(_request: Request) -> Response:
        if publisher.current.snapshot is None:
            return error(503, WAITING)
        return answer({"status": "ready"})

    return ready


def _static(body: Body) -> _Endpoint:
    async def static(request: Request) -> Response:
        return reply(request, body)

    return static


async def _refused(request: Request, problem: Exception) -> Response:
    status = problem.status_code if isinstance(problem, HTTPException) else 500
    headers = problem.headers if isinstance(problem, HTTPException) else None
    reasons = {404: f"nothing at {request.url.path}", 405: "only GET and HEAD are answered"}
    return error(status, reasons.get(status, "the request was refused"), headers)


async def _failed(_request: Request, _problem: Exception) -> Response:
    return error(500, "internal error, see the log")
