"""What a client accepts, and the answer in that form (RFC 9110, section 12)."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from exporter.exposition.render import OPENMETRICS, TEXT, Body

_OPENMETRICS: Final = "application/openmetrics-text"
_OPENMETRICS_VERSIONS: Final = ("", "1.0.0", "0.0.1")
_TEXT_RANGES: Final = ("text/plain", "text/*", "*/*")
_TEXT_VERSIONS: Final = ("", "0.0.4")
_PIECE_BYTES: Final = 64 * 1024
_PIECES_IN_A_ROW: Final = 16


@dataclass(frozen=True, slots=True)
class _Offer:
    """One member of an Accept header."""

    value: str
    quality: float
    params: Mapping[str, str]


def metrics_type(accept: str) -> str:
    """Return the content type to answer with; plain text where nothing asked for is known.

    OpenMetrics wins where it is named at no lower quality than plain text. Its version 0.0.1 has
    the same syntax and is answered under that number to clients that know no other.
    """
    offers = tuple(_offers(accept))
    openmetrics = [
        offer
        for offer in offers
        if offer.value == _OPENMETRICS and offer.params.get("version", "") in _OPENMETRICS_VERSIONS
    ]
    best = max(openmetrics, key=lambda offer: offer.quality, default=None)
    if best is None or best.quality <= 0 or best.quality < _text_quality(offers):
        return TEXT
    old = best.params.get("version") == "0.0.1"
    return OPENMETRICS.replace("1.0.0", "0.0.1") if old else OPENMETRICS


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether gzip is welcome, and no less so than no compression."""
    quality = {offer.value: offer.quality for offer in _offers(accept_encoding)}
    gzip = quality.get("gzip", quality.get("*", 0.0))
    return gzip > 0 and gzip >= quality.get("identity", 0.0)


def reply(request: Request, body: Body, *, content_type: str = "") -> Response:
    """Answer with a body, compressed where the client welcomes it."""
    headers = {"Content-Type": content_type or body.content_type, "Vary": "Accept, Accept-Encoding"}
    if accepts_gzip(joined(request, "accept-encoding")):
        return _Shared((body.gzipped,), headers | {"Content-Encoding": "gzip"})
    return _Shared(body.chunks, headers)


class _Shared(Response):
    """An answer in pieces of finished bytes that all clients share.

    A client holds one piece of its own at a time, however slowly it reads: the whole of 24 MB of
    plain text for each would let a few dozen clients exhaust a container's memory.
    """

    def __init__(self, chunks: Sequence[bytes], headers: Mapping[str, str]) -> None:
        length = sum(map(len, chunks))
        super().__init__(headers={**headers, "Content-Length": str(length)})
        self._chunks = chunks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del receive
        start = {"status": self.status_code, "headers": self.raw_headers}
        await send({"type": "http.response.start", **start})
        for number, piece in enumerate(self._pieces() if scope["method"] != "HEAD" else ()):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            if number % _PIECES_IN_A_ROW == 0:
                await asyncio.sleep(0)  # a fast reader must not keep the loop from all others
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _pieces(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            for start in range(0, len(chunk), _PIECE_BYTES):
                yield chunk[start : start + _PIECE_BYTES]


def joined(request: Request, header: str) -> str:
    """Return all lines of a request header as one list."""
    return ",".join(request.headers.getlist(header))


def _text_quality(offers: tuple[_Offer, ...]) -> float:
    qualities = {
        offer.value: offer.quality
        for offer in sorted(offers, key=lambda offer: offer.quality)
        if offer.value in _TEXT_RANGES and offer.params.get("version", "") in _TEXT_VERSIONS
    }
    # The most specific range that the client named speaks for plain text.
    return next((qualities[name] for name in _TEXT_RANGES if name in qualities), 0.0)


def _offers(header: str) -> Iterator[_Offer]:
    for member in header.lower().split(","):
        value, *params = (part.strip() for part in member.split(";"))
        if value:
            pairs = dict(_pair(param) for param in params)
            yield _Offer(value, _quality(pairs.get("q", "1")), pairs)


def _pair(param: str) -> tuple[str, str]:
    name, _, value = param.partition("=")
    return name.strip(), value.strip().strip('"')


def _quality(text: str) -> float:
    try:
        quality = float(text)
    except ValueError:
        return 0.0
    return quality if 0 <= quality <= 1 else 0.0
