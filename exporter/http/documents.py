"""Documents of an API, asked for no more often than makes sense or than the API allows."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple, TypeVar

from exporter.core.errors import ThrottledError
from exporter.core.ports import Clock
from exporter.http.client import NO_HEADERS, JsonClient, Params

_SECONDS_PER_MINUTE: Final = 60.0

_NEVER: Final = float("-inf")

Answer = TypeVar("Answer")
_Key = tuple[str, tuple[tuple[str, str], ...]]


class LeftForLaterError(ThrottledError):
    """Our own request budget is spent: the rest has its turn at the next refresh. No failure."""


class Budget:
    """Requests that may be sent: so many a minute, and ``burst`` at once after a pause."""

    def __init__(self, clock: Clock, *, per_minute: float, burst: float) -> None:
        self._clock = clock
        self._per_second = per_minute / _SECONDS_PER_MINUTE
        self._burst = burst
        self._left = burst
        self._when = clock.monotonic()

    def take(self) -> bool:
        """Use up one request; False when none is left now."""
        now = self._clock.monotonic()
        self._left = min(self._burst, self._left + (now - self._when) * self._per_second)
        self._when = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Turns:
    """Whose turn it is where not all can be asked: first who was asked longest ago."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last: dict[str, float] = {}

    def ordered(self, names: Iterable[str]) -> list[str]:
        """Sort names by their turn."""
        return sorted(names, key=lambda name: (self._last.get(name, _NEVER), name))

    def take(self, name: str, ask: Callable[[], Answer]) -> Answer:
        """Ask for one name; its turn is over unless the request budget was spent."""
        before = self._last.get(name, _NEVER)
        self._last[name] = self._clock.monotonic()
        try:
            return ask()
        except LeftForLaterError:
            self._last[name] = before
            raise


class _Kept(NamedTuple):
    document: object
    until: float


class Documents:
    """Gets documents through a client; a right answer is kept, an error is not.

    Used by one thread at a time. ``keep_seconds`` is how long an answer stands for a new one.
    """

    def __init__(
        self,
        client: JsonClient,
        clock: Clock,
        *,
        keep_seconds: float,
        budget: Budget | None = None,
    ) -> None:
        self._client = client
        self._clock = clock
        self._keep_seconds = keep_seconds
        self._budget = budget
        if budget is not None:
            client.pay_retries(budget.take)
        self._kept: dict[_Key, _Kept] = {}

    def get(
        self,
        path: str,
        *,
        api: str,
        params: Params = (),
        headers: Mapping[str, str] = NO_HEADERS,
        keep_seconds: float | None = None,
    ) -> object:
        """Return the document at ``path``, the kept one while it is fresh.

        Raises:
            LeftForLaterError: the request budget is spent.
            CollectorError: as ``JsonClient.get_json``.
        """
        self._forget_old()
        key = (path, tuple(params))
        if key in self._kept:
            return self._kept[key].document
        if self._budget is not None and not self._budget.take():
            message = "the request budget is spent — the rest follows with the next refresh"
            raise LeftForLaterError(message)
        document = self._client.get_json(path, api=api, params=params, headers=headers)
        keep = self._keep_seconds if keep_seconds is None else keep_seconds
        self._kept[key] = _Kept(document, self._clock.monotonic() + keep)
        return document

    def close(self) -> None:
        """Release the connections."""
        self._client.close()

    def _forget_old(self) -> None:
        now = self._clock.monotonic()
        self._kept = {key: kept for key, kept in self._kept.items() if now < kept.until}
