"""Answers of a handler as they come from a wire: bytes, neither read nor decoded before."""

from collections.abc import Callable, Iterable, Iterator

import httpx


class Raw(httpx.SyncByteStream):
    """Bytes of a body in the chunks in which they arrive."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        yield from self._chunks


def streamed(handler: Callable[[httpx.Request], httpx.Response]) -> httpx.MockTransport:
    """Return a transport that gives what the handler returns, unread."""

    def answer(request: httpx.Request) -> httpx.Response:
        given = handler(request)
        stream = given.stream
        assert isinstance(stream, httpx.SyncByteStream)
        return httpx.Response(given.status_code, headers=given.headers, stream=Raw(stream))

    return httpx.MockTransport(answer)
