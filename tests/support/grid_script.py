"""A grid API on loopback whose every answer a test writes."""

import json
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from exporter.demo._http import HttpRequest, LoopbackServer, Reply

Answer = Any
"""A JSON document or a text, alone (200) or behind its HTTP status; or what makes it."""


class GridScript:
    """Answers by path; a path without an answer is a 404 in HTML. Keeps what it was asked."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self.answers = dict(answers)
        self.asked: list[HttpRequest] = []
        self._lock = threading.Lock()
        self._server = LoopbackServer("grid-script", self._respond)

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def paths(self) -> list[str]:
        return [request.path for request in self.asked]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close(lambda: None)

    def _respond(self, request: HttpRequest) -> Reply:
        with self._lock:
            self.asked.append(request)
        answer = self.answers.get(request.path, (404, "<html>not here</html>"))
        if callable(answer):
            answer = answer(request)
        status, body = answer if isinstance(answer, tuple) else (200, answer)
        text = body if isinstance(body, str) else json.dumps(body)
        return Reply(status=status, content_type="application/json", body=text.encode())
