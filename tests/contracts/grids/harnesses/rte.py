"""ODRE's éCO2mix records on loopback."""

import re
from typing import Final
from urllib.parse import parse_qs, urlsplit

from exporter.demo.grid import Fault
from exporter.demo.grid.base import iso as _iso
from exporter.demo.grid.base import seconds as _seconds
from exporter.demo.grid.documents import Document, GridDocuments
from exporter.grids.rte import PATH
from tests.support.grids import Subject

MOST_RECORDS: Final = 100
"""The API gives no more, whatever ``limit`` says."""
AHEAD: Final = 6 * 3600
"""Seconds for which there are records without a value."""


class RteDocuments(GridDocuments):
    """Answers of the records endpoint; quarters ahead are there without a value, as in truth."""

    __slots__ = ()

    def build(self, target: str, fault: Fault | None) -> Document:
        parts = urlsplit(target)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        assert parts.path == PATH
        assert query["timezone"] == "UTC"
        start, end = (_seconds(text) for text in re.findall(r"date'(.*?)'", query["where"]))
        known = [] if fault is Fault.EMPTY else list(range(start, end, self.step))
        limit = min(int(query["limit"]), MOST_RECORDS)
        return {
            "total_count": len(known),
            "results": [self._record(at, fault) for at in known][:limit],
        }

    def _record(self, start: int, fault: Fault | None) -> Document:
        begun = start <= self.running(self.step) or fault is Fault.FUTURE
        value = self.intensity("FR", start) if begun and fault is not Fault.NULLS else None
        return {
            "perimetre": "Corse" if fault is Fault.WRONG_ZONE else "France",
            "date_heure": _iso(start).replace("Z", ":00+00:00"),
            "taux_co2": value,
        }


RTE: Final = Subject(
    kind="rte",
    zone="FR",
    step=900,
    documents=RteDocuments,
    first_requests=8,
    long_days=4,
    wire_time="%Y-%m-%dT%H",
)
SUBJECTS: Final = (RTE,)
