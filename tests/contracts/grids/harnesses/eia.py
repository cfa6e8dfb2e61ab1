"""The EIA's hourly generation by energy source on loopback, with its pages and its echo."""

from typing import Final
from urllib.parse import parse_qs, urlsplit

from exporter.core.clock import from_epoch
from exporter.demo.grid import Fault
from exporter.demo.grid.base import seconds as _seconds
from exporter.demo.grid.documents import Document, GridDocuments, lifecycle_mix
from exporter.grids.eia import PATH, RESPONDENTS
from tests.support.grids import Subject

CODES: Final = {"wind": "WND", "gas": "NG", "coal": "COL"}
KEY: Final = "not-a-real-key"
MEGAWATT_HOURS: Final = 50_000.0


class EiaDocuments(GridDocuments):
    """Rows of every balancing authority asked for, newest first, at most 5000 a page."""

    __slots__ = ()

    def build(self, target: str, fault: Fault | None) -> Document:
        parts = urlsplit(target)
        query = parse_qs(parts.query)
        assert parts.path == PATH
        assert query["api_key"] == [KEY]
        assert query["frequency"] == ["hourly"]
        start, end = (_seconds(f"{query[name][0]}:00Z") for name in ("start", "end"))
        hours = list(self.intervals(start - self.step, end, self.step, fault))
        rows = [
            row
            for hour in reversed(hours)
            for respondent in query["facets[respondent][]"]
            for row in self._rows(respondent, hour, fault)
        ]
        offset, length = int(query["offset"][0]), int(query["length"][0])
        data = rows[offset : offset + min(length, 5000)]
        response = {"total": str(len(rows)), "frequency": "hourly", "data": data}
        return {"response": response, "request": {"params": {"api_key": KEY}}}

    def _rows(self, respondent: str, hour: int, fault: Fault | None) -> list[Document]:
        zone = next(zone for zone, code in RESPONDENTS.items() if code == respondent)
        mix = dict.fromkeys(CODES, 0.0) | lifecycle_mix(self.intensity(zone, hour))
        return [
            {
                "period": from_epoch(hour + self.step).strftime("%Y-%m-%dT%H"),
                "respondent": "ERCO" if fault is Fault.WRONG_ZONE else respondent,
                "fueltype": CODES[fuel],
                "value": None if fault is Fault.NULLS else _text(percent),
                "value-units": "megawatthours",
            }
            for fuel, percent in mix.items()
        ]


def _text(percent: float) -> str:
    return f"{percent * MEGAWATT_HOURS / 100:.9f}"


EIA: Final = Subject(
    kind="eia",
    zone="US-MIDA-PJM",
    settings={"token": KEY},
    step=3600,
    documents=EiaDocuments,
    first_requests=6,
    long_days=8,
)
SUBJECTS: Final = (EIA,)
