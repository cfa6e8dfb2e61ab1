"""Calls to a cloud: how one that fails is told, and how several are tried.

Each cloud has a ``Call`` of its own that says where something was attempted, and a ``translate``
that knows the errors of its SDK. What is the same for all stands here.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
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
    errors = [error for error in outcomes if error is not None]
    if not errors:
        counted = f"{len(outcomes)} {what}{'' if len(outcomes) == 1 else 's'}"
        message = counted if outcomes or not untried else untried
        return PermissionCheck(permission=permission, ok=True, message=message)
    others = f" (and {preposition} {len(errors) - 1} other {what}s)" if len(errors) > 1 else ""
    return PermissionCheck(permission=permission, ok=False, message=f"{errors[0]}{others}")
