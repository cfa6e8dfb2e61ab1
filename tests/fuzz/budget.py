"""How long and how often a subject is fuzzed, and what any input may cost."""

import resource
import time
from collections.abc import Iterator
from random import Random
from typing import Final

LEAST: Final = 12
"""Inputs of each subject on the slowest machine."""
SLOWEST: Final = 10.0
"""Seconds of one input, of a machine that is busy with other tests: real cases take 10 ms."""
HEAVIEST: Final = 512 * 1024
"""KiB by which the process may grow over all inputs of a subject."""


def inputs(seconds: float, *, first: int = 0) -> Iterator[Random]:
    """Yield a source of chance for each input, by its number, until the time is up.

    Raises:
        AssertionError: an input took too long, or all took too much memory.
    """
    begun, before = time.monotonic(), _peak()
    number = first
    while number < first + LEAST or time.monotonic() - begun < seconds:
        at = time.monotonic()
        yield Random(number)  # noqa: S311 - a failure must come again
        assert time.monotonic() - at < SLOWEST, f"input {number} took too long"
        number += 1
    assert _peak() - before < HEAVIEST, "the inputs took too much memory"


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
