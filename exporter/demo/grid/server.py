"""The simulated grid's HTTP server on loopback."""

import json
from collections.abc import Callable, Collection
from http import HTTPStatus

from exporter.core.ports import Clock
from exporter.demo._fake import Fake
from exporter.demo._faults import FaultKind
from exporter.demo._http import HttpRequest, Reply
from exporter.demo.grid.base import BadQueryError, Document
from exporter.demo.grid.documents import GridDocuments
from exporter.demo.grid.electricity_maps import TOKEN, VERSION, is_locked
from exporter.demo.grid.faults import UNAUTHORIZED, Fault, GridFault, book, spoiled


class GridFake(Fake[GridFault]):
    """Serves the intensities of a simulated estate on a free port of 127.0.0.1.

    ``intensity(zone, start)`` is gCO2eq/kWh of the interval of ``step`` seconds that begins at
    ``start`` (epoch seconds); ``zones`` are those it knows, None for every zone. ``paths`` lists
    the request targets so far.
    """

    def __init__(
        self,
        intensity: Callable[[str, int], float],
        clock: Clock,
        *,
        zones: Collection[str] | None = None,
        step: int = 1800,
    ) -> None:
        super().__init__("grid", book())
        self._documents = GridDocuments(intensity=intensity, clock=clock, zones=zones, step=step)
        self._delay_seconds = 0.0
        self.paths: list[str] = []

    @property
    def electricity_maps_url(self) -> str:
        """Base address of the protocol that has a version in its path; its key is ``token``."""
        return f"{self.url}/{VERSION}"

    @property
    def token(self) -> str:
        """The key of the one protocol that needs one."""
        return TOKEN

    def inject(
        self,
        fault: Fault | FaultKind,
        *,
        answers: int | None = None,
        retry_after: int | None = None,
        seconds: float = 0.0,
    ) -> None:
        """Spoil the next ``answers`` answers, or all until ``heal``, in this way and no other.

        ``retry_after`` is the header's value in seconds, sent with a 429; ``seconds`` is what a
        kind of transport makes of it.
        """
        kind, answer = FaultKind.GRID_ANSWER, None
        if isinstance(fault, FaultKind):
            kind = fault
        elif fault is Fault.HANG:
            kind = FaultKind.HANG
        else:
            answer = fault
        trouble = GridFault(kind=kind, answer=answer, retry_after=retry_after, seconds=seconds)
        self.faults.clear()
        self.delay(self._delay_seconds)
        self.faults.add(trouble, times=answers)

    def delay(self, seconds: float) -> None:
        """Take so long for every answer from now on."""
        self._delay_seconds = seconds
        if seconds:
            self.faults.add(GridFault(kind=FaultKind.LATENCY, seconds=seconds))

    def heal(self) -> None:
        """Answer rightly and at once again."""
        self._delay_seconds = 0.0
        self.faults.clear()

    def reply(self, request: HttpRequest) -> Reply:
        """Answer one request of the wire, if it has the key where one is needed."""
        if is_locked(request.target) and request.headers.get("auth-token", "") != TOKEN:
            self.paths.append(request.target)
            return UNAUTHORIZED
        return self.respond(request.target)

    def respond(self, target: str) -> Reply:
        """Answer one request target (path and query)."""
        self.paths.append(target)
        self._count("grid", target.partition("?")[0])
        met = self.faults.meet(target)
        answer = next((fault.answer for fault in met.faults if fault.answer), None)
        fixed = next((reply for fault in met.faults if (reply := fault.fixed())), None)
        return met.carried(fixed or self._built(target, answer))

    def written(self, document: Document) -> bytes:
        """Write a document as the API does."""
        return json.dumps(document).encode()

    def _built(self, target: str, fault: Fault | None) -> Reply:
        try:
            document = self._documents.build(target, fault)
        except BadQueryError as error:
            return Reply(status=error.status, body=json.dumps(error.document).encode())
        return Reply(status=HTTPStatus.OK, body=spoiled(self.written(document), fault))
