"""Counts what watching costs: API requests and the dollars they are billed at."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiUsage:
    """Requests sent to one API since the start, and their list price."""

    requests: int = 0
    dollars: float = 0.0


class ApiMeter:
    """Thread-safe running totals, keyed by (provider, api)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._usage: dict[tuple[str, str], ApiUsage] = {}

    def count(self, provider: str, api: str, *, requests: int = 1, dollars: float = 0.0) -> None:
        """Add requests and their list price; zero requests make the counter appear at 0."""
        with self._lock:
            before = self._usage.get((provider, api), ApiUsage())
            self._usage[provider, api] = ApiUsage(
                requests=before.requests + requests, dollars=before.dollars + dollars
            )

    def usage(self) -> Mapping[tuple[str, str], ApiUsage]:
        """Return a copy of the totals."""
        with self._lock:
            return dict(self._usage)
