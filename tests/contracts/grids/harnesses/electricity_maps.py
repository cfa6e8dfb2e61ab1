"""Electricity Maps on loopback: zones, latest, history, past-range and forecast."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from exporter.core.clock import epoch, from_epoch
from exporter.demo.grid import Fault
from exporter.demo.grid.documents import OTHER_ZONE, BadQueryError, Document, GridDocuments
from tests.support.grids import Subject

HOUR: Final = 3600


class ElectricityMapsDocuments(GridDocuments):
    """Answers of version 4 to a key that may read everything."""

    __slots__ = ()

    def build(self, target: str, fault: Fault | None) -> Document:
        parts = urlsplit(target)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        if parts.path == "/zones":
            return {zone: {"zoneName": zone, "access": ["*"]} for zone in self.zones or ()}
        assert query["disableCallerLookup"] == "true"
        assert query["emissionFactorType"] == "lifecycle"
        running = self.running(self.step)
        match parts.path.removeprefix("/carbon-intensity/"):
            case "latest":
                starts: Iterable[int] = self.intervals(running, running + 1, self.step, fault)
                return next((self._row(query["zone"], at, fault) for at in starts), _NO_DATA)
            case "history":
                starts = self.intervals(running - 23 * HOUR, running + 3 * HOUR, self.step, fault)
                return self._answer(query, "history", starts, fault)
            case "past-range":
                window = (_seconds(query["start"]), _seconds(query["end"]))
                return self._answer(query, "data", self.intervals(*window, self.step, fault), fault)
            case "forecast":
                starts = range(running, running + 25 * HOUR, HOUR)
                return self._answer(query, "forecast", starts, fault)
        message = "unknown path"
        raise BadQueryError(message)

    def _answer(
        self, query: dict[str, str], key: str, starts: Iterable[int], fault: Fault | None
    ) -> Document:
        rows = [] if fault is Fault.EMPTY else list(starts)
        return {
            "zone": _zone(query["zone"], fault),
            key: [self._row(query["zone"], at, fault) for at in rows],
            "temporalGranularity": "hourly",
        }

    def _row(self, zone: str, start: int, fault: Fault | None) -> dict[str, Any]:
        return {
            "zone": _zone(zone, fault),
            "carbonIntensity": None if fault is Fault.NULLS else self.intensity(zone, start),
            "datetime": from_epoch(start).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "emissionFactorType": "lifecycle",
            "isEstimated": False,
            "estimationMethod": None,
        }


_NO_DATA: Final = {"status": "error", "message": "No recent data"}


def _zone(zone: str, fault: Fault | None) -> str:
    return OTHER_ZONE if fault is Fault.WRONG_ZONE else zone


def _seconds(text: str) -> int:
    return int(epoch(datetime.fromisoformat(text)))


ELECTRICITY_MAPS: Final = Subject(
    kind="electricity_maps",
    zone="US-CAL-CISO",
    settings={"token": "not-a-real-key"},
    step=HOUR,
    documents=ElectricityMapsDocuments,
)
SUBJECTS: Final = (ELECTRICITY_MAPS,)
