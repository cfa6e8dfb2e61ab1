"""Grid carbon intensity, one file for each source (file name = kind).

Here: what all sources declare about themselves, and what they promise together.
"""

from collections.abc import Iterable
from typing import Final

from exporter.core.model import Basis, Method
from exporter.core.plugins import kinds, load
from exporter.grids._shared.facts import SourceFacts

__all__ = ["SourceFacts", "facts", "keyless", "on_by_default", "prices", "zones_of"]

_PACKAGE: Final = __name__


def facts() -> tuple[SourceFacts, ...]:
    """Return the facts of every source, by kind."""
    return tuple(load(_PACKAGE, kind).FACTS for kind in kinds(_PACKAGE))


def keyless() -> tuple[SourceFacts, ...]:
    """Return the live sources of the real world that answer without a key, by preference.

    First those whose values price grams, then those that are signals only.
    """
    found = [source for source in facts() if source.listed and not source.needs_key]
    return tuple(sorted(found, key=lambda one: (not prices(one), one.order, one.kind)))


def on_by_default() -> tuple[str, ...]:
    """Return the kinds that are on unless others are configured: all that need no key.

    Only sources of zones in use are ever asked.
    """
    return tuple(source.kind for source in keyless())


def zones_of(sources: Iterable[SourceFacts]) -> frozenset[str]:
    """Return the zones that any of the sources lists."""
    return frozenset[str]().union(*(source.listed for source in sources))


def prices(source: SourceFacts) -> bool:
    """Whether a source's values are multiplied into grams; others are signals for decisions."""
    return source.method is Method.AVERAGE and source.basis is Basis.LIFECYCLE
