"""Calls to a cloud: how one that fails is told, and how several are tried.

Each cloud has a ``Call`` of its own that says where something was attempted, and a ``translate``
that knows the errors of its SDK. What is the same for all stands here.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Concatenate, Final, NoReturn, ParamSpec, TypeVar

from exporter.core.errors import (
    AuthError,
    BadPayloadError,
    CollectorError,
    ThrottledError,
    UnreachableError,
)
from exporter.core.model import PermissionCheck
from exporter.http.bounds import BoundsError
from exporter.http.deadline import PastDeadlineError
from exporter.providers._shared.wire import causes

_P = ParamSpec("_P")
_T = TypeVar("_T")


MOST_PAGES: Final = 2000
MOST_ITEMS: Final = 500_000
"""Of one listing: several times what the largest accounts have, and an end for one without."""


class Pages:
    """The pages of one listing: each token comes once, and there is an end to them."""

    def __init__(self, call: "AnyCall") -> None:
        self._call = call
        self._tokens: set[str] = set()
        self._items = 0

    def turn(self, token: object, items: int = 0) -> str:
        """Take note of a page of so many items; returns the token of the next one, if any.

        Raises:
            BadPayloadError: the token has come before, or there are more pages than can be.
        """
        told = str(token or "")
        self._items += items
        if told in self._tokens:
            self._call.reject("the pages do not end: they come round in a circle")
        if len(self._tokens) >= MOST_PAGES or self._items > MOST_ITEMS:
            self._call.reject(f"the pages do not end: more than {len(self._tokens)} of them")
        if told:
            self._tokens.add(told)
        return told


_Row = TypeVar("_Row")


def readable(
    rows: Iterable[_Row], read: Callable[[_Row], _T], call: "AnyCall", what: str
) -> tuple[list[tuple[_Row, _T]], tuple[CollectorError, ...]]:
    """Read rows one by one; one that cannot be read does not take its neighbours down.

    Returns each row with what was read of it, and one minor failure for those left out. Where none
    can be read, the answer is of another shape.

    Raises:
        BadPayloadError: no row can be read, though there are some.
    """
    read_rows: list[tuple[_Row, _T]] = []
    odd = 0
    first: Exception | None = None
    for row in rows:
        try:
            read_rows.append((row, read(row)))
        except (BadPayloadError, *MISREAD) as error:
            odd, first = odd + 1, first or error
    if first is None:
        return read_rows, ()
    if not read_rows:
        if isinstance(first, BadPayloadError):
            raise first
        cause = f"unreadable {what} ({type(first).__name__})"
        raise call.unreadable(cause) from first
    return read_rows, (call.left_out(f"{odd} unreadable {what}"),)


MISREAD: Final = (LookupError, TypeError, ValueError, AttributeError, OverflowError)
"""What reading a row of another shape raises."""


class TooSlowError(UnreachableError):
    """A request took all the time there was: a further one would take as much."""


_OURS: Final[tuple[type[Exception], ...]] = (PastDeadlineError, BoundsError, RecursionError)
"""What our own limits raise inside of an SDK, and what an answer nested too deeply does."""


class AnyCall(ABC):
    """What was attempted, for messages. ``str()`` names the permission and the place."""

    __slots__ = ()

    @property
    @abstractmethod
    def about(self) -> str:
        """What an error of this call is about, its ``scope``: such as a region."""

    def refused(self, cure: str) -> AuthError:
        """Make the error of a call that credentials do not allow; ``cure`` is cause and fix."""
        return AuthError(f"{self}: {cure}", scope=self.about)

    def throttled(self, cloud: str, code: str) -> ThrottledError:
        """Make the error of a cloud that wants to be asked less."""
        fix = "a longer poll_interval asks less often"
        return ThrottledError(f"{self}: {cloud} throttles us ({code}) — {fix}", scope=self.about)

    def failing(self, what: str) -> UnreachableError:
        """Make the error of trouble on the other side that passes by itself."""
        return UnreachableError(f"{self}: {what} — it will be tried again", scope=self.about)

    def unanswered(self, error: Exception) -> UnreachableError:
        """Make the error of a request that got no answer."""
        what = f"no answer ({type(error).__name__})"
        message = f"{self}: {what} — check network, proxy and endpoint"
        return UnreachableError(message, scope=self.about)

    def beyond_limits(self, error: Exception) -> CollectorError | None:
        """Make the error of a request or an answer that was cut off; None where none of it was."""
        for one in causes(error):
            if isinstance(one, PastDeadlineError):
                message = f"{self}: {one} — check network, proxy and endpoint"
                return TooSlowError(message, scope=self.about)
            if isinstance(one, BoundsError):
                return self.unreadable(str(one))
            if isinstance(one, RecursionError):
                return self.unreadable("the answer is nested too deeply")
        return None

    def left_out(self, what: str) -> BadPayloadError:
        """Make the error of an odd item that is left out, while its neighbours count."""
        message = f"{self}: {what}, left out — report it as a bug if it lasts"
        return BadPayloadError(message, scope=self.about, minor=True)

    def unreadable(self, what: str) -> BadPayloadError:
        """Make the error of an answer that is not as documented."""
        fix = "check what answers at the endpoint, a proxy perhaps; otherwise report it as a bug"
        return BadPayloadError(f"{self}: {what} — {fix}", scope=self.about)

    def reject(self, what: str) -> NoReturn:
        """Raise it."""
        raise self.unreadable(what)


def translator(
    foreign: tuple[type[Exception], ...],
    translate: Callable[Concatenate[Exception, _P], CollectorError],
) -> Callable[_P, AbstractContextManager[None]]:
    """Return a context manager that raises what an SDK raises inside as a CollectorError.

    ``foreign`` is what the SDK, and our reading of its answers, may raise. All else passes:
    a CollectorError, because it is translated already, and bugs, because they must be seen.
    """

    @contextmanager
    def translated(*args: _P.args, **kwargs: _P.kwargs) -> Iterator[None]:
        try:
            yield
        except (*foreign, *_OURS) as error:
            raise translate(error, *args, **kwargs) from error

    return translated


def call(work: Callable[[], _T]) -> _T:
    """Do a piece of work: what a pool of threads maps over."""
    return work()


def attempt(work: Callable[[], _T]) -> _T | CollectorError:
    """Do a piece of work; return its result, or the error that it came to."""
    try:
        return work()
    except CollectorError as error:
        return error


def failure(work: Callable[[], object]) -> CollectorError | None:
    """Do a piece of work; return the error that it came to, or None."""
    outcome = attempt(work)
    return outcome if isinstance(outcome, CollectorError) else None


def without_repeats(failures: Sequence[CollectorError]) -> tuple[CollectorError, ...]:
    """Drop failures that say the same as an earlier one."""
    told: dict[str, CollectorError] = {}
    for one in failures:
        told.setdefault(str(one), one)
    return tuple(told.values())


def refused(permission: str, error: CollectorError) -> PermissionCheck:
    """Turn an error into a verdict on a permission."""
    return PermissionCheck(permission=permission, ok=False, message=str(error))


def across(
    permission: str,
    outcomes: Sequence[CollectorError | None],
    what: str,
    *,
    preposition: str = "in",
    untried: str = "",
) -> PermissionCheck:
    """Put the outcomes of one attempt in several places into one verdict.

    ``what`` is the singular of the places. ``untried`` is what to say where there was none.
    """
    minor = [error for error in outcomes if error is not None and error.minor]
    if len(minor) == len(outcomes):  # then nothing is left that could be read
        minor = []
    errors = [error for error in outcomes if error is not None and error not in minor]
    if not errors:
        counted = f"{len(outcomes)} {what}{'' if len(outcomes) == 1 else 's'}"
        message = counted if outcomes or not untried else untried
        if minor:
            message = f"{counted}; warning: {len(minor)} left out, the first: {minor[0]}"
        return PermissionCheck(permission=permission, ok=True, message=message)
    others = f" (and {preposition} {len(errors) - 1} other {what}s)" if len(errors) > 1 else ""
    return PermissionCheck(permission=permission, ok=False, message=f"{errors[0]}{others}")


def across_optional(
    permission: str, outcomes: Sequence[CollectorError | None], what: str
) -> PermissionCheck:
    """Do the same for a permission that can be done without: a refusal is a warning."""
    told = [error for error in outcomes if error is not None]
    if not told or not all(isinstance(error, AuthError) for error in told):
        return across(permission, outcomes, what)
    where = f"refused in {len(told)} of {len(outcomes)} {what}s"
    message = f"warning: {where}, left out there: {told[0]}"
    return PermissionCheck(permission=permission, ok=True, message=message)
