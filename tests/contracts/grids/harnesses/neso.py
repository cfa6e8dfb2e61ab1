"""NESO on loopback, with the regional answers that the demo's fake does not need."""

from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

from exporter.demo.grid import Fault
from exporter.demo.grid.base import iso as _iso
from exporter.demo.grid.base import seconds as _seconds
from exporter.demo.grid.documents import GB, Document, GridDocuments, lifecycle_mix
from tests.support.grids import NESO as PLAIN
from tests.support.grids import STEP, Subject

AHEAD: Final = 48 * 3600
"""Seconds of the forecast."""


class NesoDocuments(GridDocuments):
    """Answers of ``/generation/…`` and of ``/regional/intensity/…/regionid/…``."""

    __slots__ = ()

    def build(self, target: str, fault: Fault | None) -> Document:
        match urlsplit(target).path.strip("/").split("/"):
            case ["regional", "intensity", start, "fw48h", "regionid", region]:
                first = _seconds(start)
                starts = range(first, first + AHEAD, self.step)
                return self._region(region, list(starts), fault)
            case ["regional", "intensity", start, end, "regionid", region]:
                window = (_seconds(start) - self.step, _seconds(end))
                return self._region(region, list(self.intervals(*window, self.step, fault)), fault)
        return super(NesoDocuments, self).build(target, fault)  # noqa: UP008 -- slots: a new class

    def _region(self, region: str, starts: list[int], fault: Fault | None) -> Document:
        wrong = int(region) % 17 + 1
        rows = [] if fault is Fault.EMPTY else [self._slot(start, fault) for start in starts]
        number = wrong if fault is Fault.WRONG_ZONE else int(region)
        return {"data": {"regionid": number, "shortname": "-", "data": rows}}

    def _slot(self, start: int, fault: Fault | None) -> Document:
        mix = lifecycle_mix(self.intensity(GB, start)).items()
        return {
            "from": _iso(start),
            "to": _iso(start + self.step),
            "intensity": {"forecast": 1, "index": "very low"},
            "generationmix": []
            if fault is Fault.NULLS
            else [{"fuel": fuel, "perc": percent} for fuel, percent in mix],
        }


NESO: Final = replace(PLAIN, documents=NesoDocuments)
NESO_LONDON: Final = Subject(
    kind="neso",
    zone=GB,
    settings={"region": 13},
    step=STEP,
    documents=NesoDocuments,
    wire_time="%Y-%m-%dT%H",
)
SUBJECTS: Final = (NESO, NESO_LONDON)
