"""How the SDKs of all clouds send their requests: each with an end, each answer with a size.

botocore, requests (Google) and azure-core all send over urllib3, whose time-outs are for one
``recv`` and which unpacks an answer whatever it comes to. Here are connections for their pools that
end at a limit, from the connection to the last byte, and that hand over an answer as a whole and
unpacked, or not at all. Redirects are followed nowhere: they might lead to another host, with our
headers. gRPC has deadlines of its own.
"""

from collections.abc import Iterator
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPResponse, HTTPSConnectionPool
from urllib3.connection import HTTPConnection

from exporter.http.bounds import ACCEPT_ENCODING, unpacked
from exporter.http.deadline import Limit, PastDeadlineError, TimeBudget, within

MOST_BYTES: Final = 16 * 1024 * 1024
"""Of one answer. The largest right ones are pages of 100,800 points of CloudWatch as XML, 8 MB."""

_PIECE: Final = 64 * 1024
_PACKING: Final = ("Content-Encoding", "Content-Length", "Transfer-Encoding")

if TYPE_CHECKING:
    _Connection = HTTPConnection
else:
    _Connection = object


class Wire:
    """The limits of the requests of one account: ``seconds`` for each, and a cycle's in all."""

    def __init__(
        self, seconds: float, budget: TimeBudget | None = None, *, most_bytes: int = MOST_BYTES
    ) -> None:
        self.seconds = seconds
        self.budget = TimeBudget(0.0) if budget is None else budget
        self.most_bytes = most_bytes

    def limit(self) -> Limit:
        """Begin a request.

        Raises:
            PastDeadlineError: the cycle has no time left.
        """
        left = min(self.seconds, self.budget.left)
        if left <= 0:
            raise PastDeadlineError(self.budget.seconds, "the cycle has not ended")
        return Limit(left).start()

    def pools(
        self, plain: type[Any] = HTTPConnectionPool, tls: type[Any] = HTTPSConnectionPool
    ) -> dict[str, Any]:
        """Return pools of connections by scheme, made of those that a library uses."""
        return {"http": self._bounded(plain), "https": self._bounded(tls)}

    def _bounded(self, pool: type[Any]) -> type[Any]:
        bases = (_BoundedConnection, pool.ConnectionCls)
        connection = type(f"Bounded{pool.ConnectionCls.__name__}", bases, {"wire": self})
        return type(f"Bounded{pool.__name__}", (pool,), {"ConnectionCls": connection})


class _BoundedConnection(_Connection):
    """Mixed into a connection of urllib3: one request at a time, as urllib3 uses it."""

    wire: Wire
    _limit: Limit | None = None

    def connect(self) -> None:
        """Connect; the handshake, of a proxy too, is within the request's limit."""
        limit = self._begun()
        try:
            super().connect()
        except Exception as error:
            self._end()
            if limit.passed:
                raise PastDeadlineError(limit.seconds) from error
            raise

    def request(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - the inherited signature
        """Send a request, over a connection that may be there already."""
        limit = self._begun()
        if self.sock is not None:
            limit.hold(self.sock)
        super().request(*args, **options)

    def getresponse(self) -> HTTPResponse:  # type: ignore[override] # urllib3 has a base of it
        """Return the answer, read to its end and unpacked.

        Raises:
            PastDeadlineError: it did not come to its end in time.
            BoundsError: it is too large, or not packed as it may be.
        """
        limit = self._begun()
        try:
            answer = super().getresponse()
            pieces = answer.stream(_PIECE, decode_content=False)
            packing = answer.headers.get("Content-Encoding", "")
            body = unpacked(pieces, packing, self.wire.most_bytes)
        except Exception as error:
            if limit.passed:
                raise PastDeadlineError(limit.seconds) from error
            raise
        finally:
            self._end()
        if limit.passed:  # without a length, what we have shut looks like the answer's end
            raise PastDeadlineError(limit.seconds)
        return _whole(answer, body)

    def close(self) -> None:
        """Close the connection."""
        self._end()
        super().close()

    def _new_conn(self) -> Any:  # noqa: ANN401 - a socket
        limit = self._begun()
        line = within(limit.left, super()._new_conn)  # names are resolved in it, without an end
        limit.hold(line)
        return line

    def _begun(self) -> Limit:
        if self._limit is None:
            self._limit = self.wire.limit()
        return self._limit

    def _end(self) -> None:
        limit, self._limit = self._limit, None
        if limit is not None:
            limit.stop()


def _whole(answer: Any, body: bytes) -> HTTPResponse:  # noqa: ANN401 - a response of urllib3
    """Put a body that was read in the place of the one on the wire."""
    headers = answer.headers.copy()
    for name in _PACKING:
        headers.pop(name, None)
    headers["Content-Length"] = str(len(body))
    return HTTPResponse(
        body=BytesIO(body),
        headers=headers,
        status=answer.status,
        version=answer.version,
        version_string=answer.version_string,
        reason=answer.reason,
        preload_content=False,
        decode_content=False,
        original_response=answer._original_response,  # its end gives the connection back  # noqa: SLF001 - no other way
        request_method=None,
        request_url=answer.url,
    )


class _Adapter(HTTPAdapter):
    """Sends the requests of a session of ``requests`` over bounded connections, each once."""

    def __init__(self, wire: Wire, size: int) -> None:
        self._pools = wire.pools()
        super().__init__(pool_connections=size, pool_maxsize=size, max_retries=0)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - the inherited signature
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:  # noqa: ANN401 - the inherited signature
        manager = super().proxy_manager_for(proxy, **options)
        if not proxy.lower().startswith("socks"):  # those have connections of their own
            manager.pool_classes_by_scheme = self._pools
        return manager


class BoundedSession(requests.Session):
    """A session whose requests and answers are bounded, and that follows no redirect."""

    def __init__(self, wire: Wire, size: int) -> None:
        super().__init__()
        bound(self, wire, size)

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return none: what redirects is an answer like any other."""


def bound(session: requests.Session, wire: Wire, size: int) -> None:
    """Make the requests of a session bounded; ``size`` is how many connections it keeps."""
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter(wire, size))
    session.headers["Accept-Encoding"] = ACCEPT_ENCODING


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and all that it came of, however its library keeps them."""
    seen: set[int] = set()
    ahead: list[object] = [error]
    while ahead:
        one = ahead.pop(0)
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        ahead += [one.__cause__, one.__context__, *one.args]
        ahead += [getattr(one, name, None) for name in ("reason", "inner_exception")]
