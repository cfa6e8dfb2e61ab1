"""Pages that end, and odd items that take nobody down."""

from dataclasses import dataclass

import pytest

from exporter.core.errors import BadPayloadError
from exporter.providers._shared.calls import MOST_ITEMS, MOST_PAGES, AnyCall, Pages, readable


@dataclass(frozen=True)
class Call(AnyCall):
    def __str__(self) -> str:
        return "list in somewhere"

    @property
    def about(self) -> str:
        return "somewhere"


CALL = Call()


def test_pages_that_come_round_in_a_circle_are_refused() -> None:
    pages = Pages(CALL)
    assert [pages.turn(token) for token in ("a", "b")] == ["a", "b"]
    with pytest.raises(BadPayloadError, match="circle"):
        pages.turn("a")


def test_pages_end_where_there_is_no_further_token() -> None:
    assert Pages(CALL).turn(None, 5) == ""
    assert Pages(CALL).turn("", 5) == ""


def test_pages_without_an_end_are_refused() -> None:
    pages = Pages(CALL)
    for number in range(MOST_PAGES):
        pages.turn(number + 1)
    with pytest.raises(BadPayloadError, match="do not end"):
        pages.turn("one more")
    with pytest.raises(BadPayloadError, match="do not end"):
        Pages(CALL).turn("a", MOST_ITEMS + 1)


@pytest.mark.parametrize("odd", [None, 7, {}, {"size": None}, {"size": "x"}, {"size": 1e999}])
def test_an_odd_row_is_left_out_as_a_minor_failure(odd: object) -> None:
    rows, failures = readable([{"size": 1}, odd], lambda row: int(row["size"]), CALL, "machines")  # type: ignore[index]
    assert [read for _, read in rows] == [1]
    assert [(one.minor, "1 unreadable machines" in str(one)) for one in failures] == [(True, True)]


def test_where_no_row_can_be_read_the_answer_is_bad() -> None:
    with pytest.raises(BadPayloadError) as failed:
        readable([None, 7], lambda row: row["size"], CALL, "machines")  # type: ignore[index]
    assert not failed.value.minor
    assert readable([], lambda row: row, CALL, "machines") == ([], ())
