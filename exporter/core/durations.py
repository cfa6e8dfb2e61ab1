"""Time spans as people write them."""

import re
from datetime import timedelta

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_LONGEST = timedelta(days=3660)
"""Ten years: what is longer is a mistake, and sums with it would leave the calendar."""
_TOO_LONG = f"write {_LONGEST.days}d or less"
_PATTERN = re.compile(r"(\d+(?:\.\d+)?)([smhd])")


def parse_duration(text: object) -> timedelta:
    """Read ``300`` (seconds), ``90s``, ``5m``, ``1h30m``, ``24h`` or ``30d``.

    Raises:
        ValueError: the text is not a positive time span.
    """
    try:
        span = _read(text)
    except (OverflowError, ValueError) as error:
        message = str(error) if type(error) is ValueError else _TOO_LONG
        raise ValueError(message) from error
    if span <= timedelta(0):
        message = "write a positive time span such as 90s, 5m, 24h or 30d"
        raise ValueError(message)
    if span > _LONGEST:
        raise ValueError(_TOO_LONG)
    return span


def _read(text: object) -> timedelta:
    if isinstance(text, timedelta):
        return text
    if isinstance(text, int | float) and not isinstance(text, bool):
        return timedelta(seconds=text)
    return _parse(str(text).strip())


def _parse(text: str) -> timedelta:
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return timedelta(seconds=float(text))
    if not re.fullmatch(f"(?:{_PATTERN.pattern})+", text):
        message = "write a time span such as 90s, 5m, 1h30m, 24h or 30d"
        raise ValueError(message)
    parts = _PATTERN.findall(text)
    return sum((timedelta(**{_UNITS[unit]: float(amount)}) for amount, unit in parts), timedelta(0))


def format_duration(span: timedelta) -> str:
    """Write a time span the short way: ``5m``, ``24h``."""
    seconds = int(span.total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
