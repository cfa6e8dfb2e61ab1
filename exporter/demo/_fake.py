"""What every fake is: a server on loopback with a book of faults and a count of requests."""

import threading
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping
from typing import Generic, Self

from exporter.demo._faults import FaultBook, FaultT
from exporter.demo._http import HttpRequest, LoopbackServer, Reply


class Fake(ABC, Generic[FaultT]):
    """An API on a free port of 127.0.0.1 between ``start`` and ``close``.

    Args:
        name: what it is a fake of.
        faults: trouble to make; may be changed while the fake runs.
    """

    def __init__(self, name: str, faults: FaultBook[FaultT]) -> None:
        self.faults = faults
        self._name = name
        self._server: LoopbackServer | None = None
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, str]] = Counter()

    @abstractmethod
    def reply(self, request: HttpRequest) -> Reply:
        """Answer one HTTP request."""

    @property
    def url(self) -> str:
        """Base address without a trailing slash, once started."""
        if self._server is None:
            message = f"the {self._name} fake has not been started"
            raise RuntimeError(message)
        return self._server.url

    @property
    def requests(self) -> Mapping[tuple[str, str], int]:
        """How often each (service, operation) was asked, refused requests included."""
        with self._lock:
            return dict(self._requests)

    def start(self) -> Self:
        """Listen on a free port of the loopback interface."""
        self._server = LoopbackServer(f"demo-{self._name}", self.reply)
        return self

    def close(self) -> None:
        """Stop listening, tear down open connections, and clear the faults to end what hangs."""
        if self._server is not None:
            server, self._server = self._server, None
            server.close(self.faults.clear)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _count(self, service: str, operation: str) -> None:
        with self._lock:
            self._requests[service, operation] += 1
