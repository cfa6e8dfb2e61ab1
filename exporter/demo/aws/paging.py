"""Paging as EC2 does it: all pages of an answer show the same time."""

from exporter.demo.aws.wire import AwsError, Call, Code, read_token, write_token


def position(call: Call, now: float) -> tuple[float, int]:
    """Return the time that the list shows, and how many entries came before this page.

    Raises:
        AwsError: the token is not one that was given.
    """
    token = call.params.get("NextToken")
    if token is None:
        return now, 0
    try:
        moment, offset = read_token(token, 2)
    except ValueError:
        message = f"The token '{token}' is invalid"
        raise AwsError(Code.INVALID_PAGINATION_TOKEN, message) from None
    return moment, int(offset)


def next_token(moment: float, offset: int, count: int) -> str | None:
    """Return the token of the page after ``offset`` of so many entries; None for the last one."""
    return write_token(moment, offset) if offset < count else None
