"""How failed calls are told."""

import pytest

from exporter.core.errors import AuthError, BadPayloadError, CollectorError, UnreachableError
from exporter.providers._shared.calls import (
    AnyCall,
    across,
    attempt,
    failure,
    translator,
    without_repeats,
)
from exporter.providers._shared.config import collector_names


class Call(AnyCall):
    def __str__(self) -> str:
        return "list in north"

    @property
    def about(self) -> str:
        return "north"


def translate(error: Exception, call: Call) -> CollectorError:
    return call.unreadable(type(error).__name__)


translated = translator((KeyError,), translate)


def test_foreign_errors_become_ours_with_their_cause() -> None:
    with (
        pytest.raises(BadPayloadError, match="list in north: KeyError — ") as caught,
        translated(Call()),
    ):
        raise KeyError

    assert isinstance(caught.value.__cause__, KeyError)
    assert caught.value.scope == "north"


def test_our_own_errors_and_bugs_pass_untouched() -> None:
    ours = AuthError("no right")

    with pytest.raises(AuthError) as caught, translated(Call()):
        raise ours
    assert caught.value is ours
    with pytest.raises(ZeroDivisionError), translated(Call()):
        raise ZeroDivisionError


def test_an_attempt_returns_its_result_or_its_error() -> None:
    error = UnreachableError("silence")

    def fails() -> int:
        raise error

    assert attempt(lambda: 3) == 3
    assert failure(lambda: 3) is None
    assert attempt(fails) is error
    assert failure(fails) is error


def test_what_is_said_twice_is_told_once_in_order() -> None:
    told = [UnreachableError("a"), UnreachableError("b"), UnreachableError("a")]

    assert [str(one) for one in without_repeats(told)] == ["a", "b"]


@pytest.mark.parametrize(
    ("outcomes", "ok", "message"),
    [
        ([None], True, "1 region"),
        ([None, None], True, "2 regions"),
        ([], True, "nothing to ask"),
        ([None, AuthError("no right")], False, "no right"),
        ([AuthError("no right"), AuthError("b"), None], False, "no right (and in 1 other regions)"),
    ],
)
def test_outcomes_of_several_places_are_one_verdict(
    outcomes: list[CollectorError | None], ok: bool, message: str
) -> None:
    verdict = across("list", outcomes, "region", untried="nothing to ask")

    assert (verdict.permission, verdict.ok, verdict.message) == ("list", ok, message)


@pytest.mark.parametrize(
    ("name", "targets", "names"),
    [
        (None, (), ("azure",)),
        ("shop", (), ("shop",)),
        ("shop", ("a",), ("shop",)),
        (None, ("a",), ("azure:a",)),
        ("shop", ("a", "b"), ("shop:a", "shop:b")),
    ],
)
def test_collectors_of_a_section_are_told_apart(
    name: str | None, targets: tuple[str, ...], names: tuple[str, ...]
) -> None:
    assert collector_names(name, "azure", targets) == names
