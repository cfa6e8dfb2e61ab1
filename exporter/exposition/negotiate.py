"""What a client accepts, and the answer in that form (RFC 9110, section 12)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from exporter.exposition.render import OPENMETRICS, TEXT, Body

_OPENMETRICS: Final = "application/openmetrics-text"
_OPENMETRICS_VERSIONS: Final = ("", "1.0.0", "0.0.1")
_TEXT_RANGES: Final = ("text/plain", "text/*", "*/*")
_TEXT_VERSIONS: Final = ("", "0.0.4")


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
        return Response(body.gzipped, headers=headers | {"Content-Encoding": "gzip"})
    return Response(body.plain, headers=headers)


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
