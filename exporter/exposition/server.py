"""The HTTP surface: metrics, health, JSON API, live page. A request reads finished bytes."""

import asyncio
import ipaddress
import re
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Final

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exporter.exposition.api import UNSAVED, WAITING, Api, Explain, answer, error
from exporter.exposition.negotiate import joined, metrics_type, reply
from exporter.exposition.page import page_bodies
from exporter.exposition.publisher import Publisher
from exporter.exposition.query import MAX_PARAMETERS
from exporter.exposition.render import TEXT, Body

SECURITY_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",  # an inventory is nothing for the cache of a shared proxy
}

MAX_TARGET_BYTES: Final = 8 * 1024
"""Of path and query. Ids of Azure, the longest there are, have some 200 characters."""
MAX_HEADER_BYTES: Final = 16 * 1024
API_THREADS: Final = 2
"""Questions to the API that are answered at the same time: the others wait, scrapes do not."""
MAX_API_WAITING: Final = 32
"""Questions in flight or waiting; more are refused at once."""

_OPEN: Final = ("/metrics", "/-/")
"""What any Host may ask for: scrapers and probes come under many names, and numbers without a
browser's reach are no prey for DNS rebinding."""
_ONE_LABEL: Final = re.compile(r"[a-z0-9_-]+")
_PORT: Final = re.compile(r":[0-9]*$")

_Endpoint = Callable[[Request], Awaitable[Response]]


def make_app(
    publisher: Publisher,
    *,
    tags: Sequence[str] = (),
    explain: Explain,
    allowed_hosts: Collection[str] = (),
) -> ASGIApp:
    """Return the ASGI application.

    ``tags`` are the keys of cloud tags that the API may show; ``explain`` answers
    ``/api/v1/explain/{id}`` and may block; ``allowed_hosts`` are names by which a browser may call
    the page and the API, besides addresses, localhost and names without a dot.
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
    return _SecurityHeaders(_Limits(app, allowed_hosts))


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


class _Limits:
    """Refuses, before anything is read or computed, what nobody with a right to it asks for."""

    def __init__(self, app: ASGIApp, allowed_hosts: Collection[str]) -> None:
        self._app = app
        names = [name.lower() for name in allowed_hosts]
        self._names = frozenset(names)
        # What names end with that are allowed as *.example.org; every name, by *.
        self._endings = (".localhost", *(name[1:] for name in names if name.startswith("*")))
        self._asked = 0
        self._turn = asyncio.Semaphore(API_THREADS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, send)
        elif scope["path"].startswith("/api/"):
            await self._in_turn(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if "transfer-encoding" in headers or headers.get("content-length", "0").strip("0"):
            # Closed, as the body is not read and the next request would be looked for inside it.
            return error(413, "a request has no body here", {"Connection": "close"})
        query: bytes = scope["query_string"]
        if len(scope["raw_path"]) + len(query) > MAX_TARGET_BYTES:
            return error(414, f"path and query are longer than {MAX_TARGET_BYTES} bytes")
        if sum(len(name) + len(value) for name, value in scope["headers"]) > MAX_HEADER_BYTES:
            return error(431, f"the headers are longer than {MAX_HEADER_BYTES} bytes")
        if query.count(b"&") >= MAX_PARAMETERS:
            return error(400, f"write {MAX_PARAMETERS} parameters or fewer")
        if not scope["path"].startswith(_OPEN) and not self._known(headers.get("host", "")):
            fix = "use its address, or add the name to allowed_hosts in the configuration"
            return error(403, f"this name is not one of the exporter's: {fix}")
        return None

    def _known(self, host: str) -> bool:
        """Whether a Host can be meant for us, rather than be an attacker's name for our address.

        Such a name has a dot: browsers look up no other name in an attacker's DNS. No Host at all
        (HTTP/1.0) comes from no browser.
        """
        name = _PORT.sub("", host.lower()).removesuffix(".")
        if not name or name in self._names or _ONE_LABEL.fullmatch(name):
            return True
        if name.endswith(self._endings):
            return True
        return _is_address(name.removeprefix("[").removesuffix("]"))

    async def _in_turn(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let few questions be answered at a time, and few wait: each may cost a second of CPU."""
        if self._asked >= MAX_API_WAITING:
            busy = error(503, "too many questions at once, ask again", {"Retry-After": "1"})
            await busy(scope, receive, send)
            return
        self._asked += 1
        try:
            async with self._turn:
                await self._app(scope, receive, send)
        finally:
            self._asked -= 1


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


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
        snapshot = publisher.current.snapshot
        if snapshot is None:
            return error(503, WAITING)
        if snapshot.state_trouble:
            return error(503, UNSAVED)
        return answer({"status": "ready"})

    return ready


def _static(body: Body) -> _Endpoint:
    async def static(request: Request) -> Response:
        answered = reply(request, body)
        answered.headers["Cache-Control"] = "no-cache"  # the same for everyone, and no secret
        return answered

    return static


async def _refused(request: Request, problem: Exception) -> Response:
    status = problem.status_code if isinstance(problem, HTTPException) else 500
    headers = problem.headers if isinstance(problem, HTTPException) else None
    reasons = {404: f"nothing at {request.url.path}", 405: "only GET and HEAD are answered"}
    return error(status, reasons.get(status, "the request was refused"), headers)


async def _failed(_request: Request, _problem: Exception) -> Response:
    return error(500, "internal error, see the log")
