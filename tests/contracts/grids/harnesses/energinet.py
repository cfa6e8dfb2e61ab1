"""The Energi Data Service on loopback: CO2Emis and CO2EmisProg."""

import json
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qs, urlsplit

from exporter.core.clock import epoch, from_epoch
from exporter.demo.grid import Fault
from exporter.demo.grid.documents import Document, GridDocuments
from tests.support.grids import Subject

AHEAD: Final = 9 * 3600
"""Seconds of the fake's forecast."""


class EnerginetDocuments(GridDocuments):
    """Answers of ``/dataset/CO2Emis`` and ``/dataset/CO2EmisProg``."""

    __slots__ = ()

    def build(self, target: str, fault: Fault | None) -> Document:
        parts = urlsplit(target)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        assert query["timezone"] == "UTC"
        assert query["limit"] == "0"
        areas = json.loads(query["filter"])["PriceArea"]
        starts = self._starts(parts.path, query, fault)
        records = [self._record(area, at, fault) for at in starts for area in areas]
        return {"total": 1, "dataset": parts.path.rpartition("/")[2], "records": records}

    def _starts(self, path: str, query: dict[str, str], fault: Fault | None) -> list[int]:
        start = _seconds(query["start"])
        if path == "/dataset/CO2EmisProg":
            ahead = self.running(self.step) + AHEAD
            return [] if fault is Fault.EMPTY else list(range(start, ahead, self.step))
        assert path == "/dataset/CO2Emis"
        return list(self.intervals(start, _seconds(query["end"]), self.step, fault))

    def _record(self, area: str, start: int, fault: Fault | None) -> Document:
        value = self.intensity(f"DK-{area}", start)
        return {
            "Minutes5UTC": from_epoch(start).strftime("%Y-%m-%dT%H:%M:%S"),
            "PriceArea": "SE4" if fault is Fault.WRONG_ZONE else area,
            "CO2Emission": None if fault is Fault.NULLS else value,
        }


def _seconds(text: str) -> int:
    return int(epoch(datetime.strptime(text, "%Y-%m-%dT%H:%M").replace(tzinfo=UTC)))


ENERGINET: Final = Subject(
    kind="energinet", zone="DK-DK2", step=300, documents=EnerginetDocuments, long_days=16
)
SUBJECTS: Final = (ENERGINET,)
