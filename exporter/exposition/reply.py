"""Finished bytes as an HTTP answer."""

from starlette.requests import Request
from starlette.responses import Response

from exporter.exposition.negotiate import accepts_gzip
from exporter.exposition.render import Body


def reply(request: Request, body: Body, *, content_type: str = "") -> Response:
    """Answer with a body, compressed where the client welcomes it."""
    headers = {"Content-Type": content_type or body.content_type, "Vary": "Accept, Accept-Encoding"}
    if accepts_gzip(joined(request, "accept-encoding")):
        return Response(body.gzipped, headers=headers | {"Content-Encoding": "gzip"})
    return Response(body.plain, headers=headers)


def joined(request: Request, header: str) -> str:
    """Return all lines of a request header as one list."""
    return ",".join(request.headers.getlist(header))
