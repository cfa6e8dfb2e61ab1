"""WattTime on loopback: login, historical, forecast and signal index."""

from datetime import datetime
from typing import Final
from urllib.parse import parse_qs, urlsplit

from exporter.core.clock import epoch, from_epoch
from exporter.core.units import GRAMS_PER_KILOGRAM, GRAMS_PER_POUND
from exporter.demo.grid import Fault
from exporter.demo.grid.documents import BadQueryError, Document, GridDocuments
from tests.support.grids import Subject

REGION: Final = "IE"
LONGEST: Final = 32 * 86400
PERCENTILE: Final = 37.5
"""What the signal index says at any time."""
TOKEN: Final = "abcdef0123456789fakeToken"


class WattTimeDocuments(GridDocuments):
    """Answers for one region of the same name as its zone."""

    __slots__ = ()

    def build(self, target: str, fault: Fault | None) -> Document:
        parts = urlsplit(target)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        if parts.path == "/login":
            return {"token": TOKEN}
        assert query["region"] == REGION
        assert query["signal_type"] == "co2_moer"
        running = self.running(self.step)
        match parts.path:
            case "/v3/historical":
                start, end = _seconds(query["start"]), _seconds(query["end"])
                if end - start > LONGEST:
                    message = "Time range must be less than 32 days"
                    raise BadQueryError(message)
                starts = list(self.intervals(start, end + self.step, self.step, fault))
            case "/v3/forecast":
                ahead = running + int(query["horizon_hours"]) * 3600
                starts = list(range(running, ahead + self.step, self.step))
            case "/v3/signal-index":
                return self._index(running, fault)
        rows = [] if fault is Fault.EMPTY else [self._row(start, fault) for start in starts]
        return {"data": rows, "meta": self._meta(fault)}

    def _index(self, running: int, fault: Fault | None) -> Document:
        value = None if fault is Fault.NULLS else PERCENTILE
        row = {"point_time": from_epoch(running).isoformat(), "value": value}
        meta = {**self._meta(fault), "units": "percentile"}
        return {"data": [] if fault is Fault.EMPTY else [row], "meta": meta}

    def _row(self, start: int, fault: Fault | None) -> Document:
        pounds = self.intensity(REGION, start) * GRAMS_PER_KILOGRAM / GRAMS_PER_POUND
        stamp = from_epoch(start).isoformat()
        return {"point_time": stamp, "value": None if fault is Fault.NULLS else pounds}

    def _meta(self, fault: Fault | None) -> Document:
        return {
            "region": "PSCO" if fault is Fault.WRONG_ZONE else REGION,
            "signal_type": "co2_moer",
            "units": "lbs_co2_per_mwh",
            "data_point_period_seconds": self.step,
        }


def _seconds(text: str) -> int:
    return int(epoch(datetime.fromisoformat(text)))


WATTTIME: Final = Subject(
    kind="watttime",
    zone="IE",
    settings={"username": "someone", "password": "not-a-real-password"},
    step=300,
    documents=WattTimeDocuments,
    percentile=PERCENTILE,
)
SUBJECTS: Final = (WATTTIME,)
