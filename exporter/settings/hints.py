"""Guesses at what a mistyped word was meant to be."""

import difflib
from collections.abc import Iterable

_CLOSE_ENOUGH = 0.6


def nearest(word: str, known: Iterable[str], *, cutoff: float = _CLOSE_ENOUGH) -> str:
    """Return the known word that looks most like this one, or an empty string."""
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=cutoff)
    return found[0] if found else ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the start of a sentence that offers the nearest known word, if there is one."""
    guess = nearest(word, known)
    return f"did you mean {guess!r}? " if guess else ""
