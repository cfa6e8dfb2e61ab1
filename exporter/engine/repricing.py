"""What closed at the price of a stand-in, by the hour, until the grid's own value comes.

A source may be a day late: its hours are counted with a forecast, and at the latest 72 hours after
them with what it said in the end. Buckets are long gone by then, so joules and grams are kept by
resource and hour: 24 bytes each, as a day of 10,000 machines is a quarter of a million of them.
"""

import sys
from array import array
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from exporter.core.clock import floor_to
from exporter.core.model import IntensityInForce, RegionKey
from exporter.core.units import GramsCO2eq, Joules, operational_emissions

KEEP_SECONDS: Final = 72 * 3600
"""How long a price may still change: the latest source (EIA) is 11 to 28 hours late, and days on
end at times. What it says later than this is left alone, so that a figure becomes final."""

_HOUR: Final = 3600
_HEAD: Final = 4
"""Bytes of the number of rows that stands before them."""

IntensityOver = Callable[[str, int, int], IntensityInForce]


class LateKey(NamedTuple):
    """The machines of a region that drew from a zone in the hour that starts at ``hour``."""

    hour: int
    grid_zone: str
    region: RegionKey


class Late(NamedTuple):
    """What one resource closed at an unobserved price, in ``[start, end)`` of an hour."""

    ident: int
    joules: float
    grams: float
    start: int
    end: int


class Repricing(NamedTuple):
    """What a late value changes in the grams of one resource."""

    region: RegionKey
    ident: int
    grams: GramsCO2eq
    """To be added; negative where the value is lower than what stood in for it."""


class LateHours:
    """All of them. Not thread-safe: the ledger's lock guards it."""

    def __init__(self) -> None:
        self._hours: dict[LateKey, _Rows] = {}
        self._dirty: set[LateKey] = set()

    def restore(self, key: LateKey, packed: bytes) -> None:
        """Take over what the state file held of an hour.

        Raises:
            ValueError: it is not what was written.
        """
        self._hours[key] = _Rows.unpacked(packed)

    def __len__(self) -> int:
        """Return the number of resource hours."""
        return sum(len(rows.idents) for rows in self._hours.values())

    @property
    def newest_ident(self) -> int:
        """Highest number of a resource that is named here, be it long gone; 0 for none."""
        return max((max(rows.idents) for rows in self._hours.values()), default=0)

    def since(self) -> dict[str, int]:
        """Return the earliest hour of each zone that waits for a value."""
        found: dict[str, int] = {}
        for key in self._hours:
            found[key.grid_zone] = min(key.hour, found.get(key.grid_zone, key.hour))
        return found

    def add(self, grid_zone: str, region: RegionKey, late: Late) -> None:
        """Keep a bucket as it closes, together with the others of its hour."""
        hour = floor_to(late.start, _HOUR)
        key = LateKey(hour, grid_zone, region)
        rows = self._hours.get(key)
        if rows is None:
            rows = self._hours[key] = _Rows()
        rows.add(late._replace(start=late.start - hour, end=late.end - hour))
        self._dirty.add(key)

    def reprice(
        self, zones: frozenset[str], intensity_over: IntensityOver
    ) -> Iterator[tuple[LateKey, Repricing]]:
        """Take out whatever has an observed price by now, and yield what it changes.

        An hour of which only a part was priced by a stand-in is priced anew over that part, and
        only when all of the part was observed.
        """
        for key in [key for key in self._hours if key.grid_zone in zones]:
            rows, known = self._hours[key], dict[tuple[int, int], IntensityInForce]()
            waiting = _Rows()
            for late in rows:
                span = late.start, late.end
                if span not in known:
                    known[span] = intensity_over(key.grid_zone, *(key.hour + at for at in span))
                force = known[span]
                if not force.live:
                    waiting.add(late)
                    continue
                grams = operational_emissions(Joules(late.joules), force.gco2eq_per_kwh)
                yield key, Repricing(key.region, late.ident, GramsCO2eq(grams - late.grams))
            if len(waiting.idents) < len(rows.idents):
                self._replace(key, waiting)

    def forget(self, before: int) -> None:
        """Drop hours that began before a time: their price stays."""
        for key in [key for key in self._hours if key.hour < before]:
            self._replace(key, _Rows())

    def _replace(self, key: LateKey, rows: "_Rows") -> None:
        if rows.idents:
            self._hours[key] = rows
        else:
            del self._hours[key]
        self._dirty.add(key)

    def changes(self) -> dict[LateKey, bytes | None]:
        """Return what changed since the last call, as it is stored; None: to be deleted."""
        changed = {
            key: None if (rows := self._hours.get(key)) is None else rows.packed()
            for key in self._dirty
        }
        # An index takes more room than what it points into: it goes with the hour's last bucket.
        for key in self._hours.keys() - self._dirty:
            self._hours[key].index = None
        self._dirty.clear()
        return changed


class _Rows:
    """Resources of one hour, zone and region.

    Columns, as a record each would take ten times as much. ``index`` finds a resource's place while
    buckets of the hour close.
    """

    __slots__ = ("ends", "grams", "idents", "index", "joules", "starts")

    def __init__(self) -> None:
        self.idents = array("I")
        self.joules = array("d")
        self.grams = array("d")
        self.starts = array("H")
        self.ends = array("H")
        self.index: dict[int, int] | None = None

    def add(self, late: Late) -> None:
        """Put a bucket to what its resource has in this hour; times count from the hour."""
        if self.index is None:
            self.index = {ident: place for place, ident in enumerate(self.idents)}
        place = self.index.setdefault(late.ident, len(self.idents))
        if place == len(self.idents):
            self.idents.append(late.ident)
            self.joules.append(late.joules)
            self.grams.append(late.grams)
            self.starts.append(late.start)
            self.ends.append(late.end)
            return
        self.joules[place] += late.joules
        self.grams[place] += late.grams
        self.starts[place] = min(self.starts[place], late.start)
        self.ends[place] = max(self.ends[place], late.end)

    def __iter__(self) -> Iterator[Late]:
        """Yield each resource."""
        return map(Late, self.idents, self.joules, self.grams, self.starts, self.ends)

    def _columns(self) -> tuple["array[int] | array[float]", ...]:
        return (self.idents, self.joules, self.grams, self.starts, self.ends)

    def packed(self) -> bytes:
        """Lay the number of rows and then the columns out, one after the other, little-endian."""
        return len(self.idents).to_bytes(_HEAD, "little") + b"".join(
            _little(column).tobytes() for column in self._columns()
        )

    @classmethod
    def unpacked(cls, text: bytes) -> "_Rows":
        """Read what ``packed`` wrote.

        Raises:
            ValueError: it did not.
        """
        rows = cls()
        count, at = int.from_bytes(text[:_HEAD], "little"), _HEAD
        for column in rows._columns():
            end = at + count * column.itemsize
            column.frombytes(text[at:end])
            at = end
            if sys.byteorder == "big":
                column.byteswap()
        if at != len(text) or any(len(column) != count for column in rows._columns()):
            message = f"{len(text)} bytes are not {count} resources"
            raise ValueError(message)
        return rows


def _little(column: "array[int] | array[float]") -> "array[int] | array[float]":
    if sys.byteorder == "little":
        return column
    swapped = column[:]
    swapped.byteswap()
    return swapped
