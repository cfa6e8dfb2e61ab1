"""What each grid source declares about itself, and what it calls our grid zones."""

from collections.abc import Mapping
from dataclasses import dataclass

from exporter.core.model import Basis, Method
from exporter.data import rows


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFacts:
    """One source as a user must know it; every source module has one, named ``FACTS``.

    docs/grid-sources.md is written from them. A module's docstring does not repeat them: it says
    what else a reader of the code needs, such as what a stamp names and which rows are left out.

    ``zones`` lists grid zones, or says in words where a list makes no sense. ``step`` and ``lag``
    are the length of an interval and the age of the newest one, in words. ``forecast`` says how
    far ahead, ``key`` which key is needed and where it is had; both are empty where there is none.
    ``budget`` says how often it is asked, what is kept instead, and what the source allows.
    ``url`` is the page of the source, for people. ``notes`` hold what is unverified or unusual.
    ``order`` says which source comes first where two know the same zone: those with less, then by
    kind. ``from_mix`` says that the values are computed here from what was generated.
    """

    kind: str
    title: str
    zones: str | tuple[str, ...]
    method: Method
    basis: Basis
    step: str
    lag: str
    forecast: str = ""
    budget: str
    licence: str
    attribution: str
    key: str = ""
    url: str
    notes: tuple[str, ...] = ()
    order: int = 100
    from_mix: bool = False

    @property
    def needs_key(self) -> bool:
        """Whether the source answers only to a key."""
        return bool(self.key)

    @property
    def listed(self) -> frozenset[str]:
        """The zones, where they are listed."""
        return frozenset(self.zones) if isinstance(self.zones, tuple) else frozenset()


def codes(column: str) -> Mapping[str, str]:
    """Return code by grid zone, for the zones that have one in a column of ``zone_codes.csv``."""
    return {line["grid_zone"]: line[column] for line in rows("zone_codes") if line[column]}
