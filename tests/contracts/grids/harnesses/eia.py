"""The EIA's hourly generation by energy source on loopback, with its pages and its echo."""

from typing import Final
from urllib.parse import parse_qs, urlsplit

from exporter.core.clock import from_epoch
from exporter.demo.grid import Fault
from exporter.demo.grid.base import seconds as _seconds
from exporter.demo.grid.documents import Document, GridDocuments, lifecycle_mix
from exporter.grids.eia import AUTHORITIES, FLOW_PATH, FUEL_PATH
from tests.support.grids import Subject

CODES: Final = {"wind": "WND", "gas": "NG", "coal": "COL"}
BORDERS: Final = (("PJM", "MISO"), ("MISO", "IESO"), ("TVA", "PJM"))
"""Who sends to whom, both sides of it told; there is a row of a region as well."""
KEY: Final = "not-a-real-key"
SENT: Final = 12.0
"""Percent of what an authority generates."""
MEGAWATT_HOURS: Final = 50_000.0


class EiaDocuments(GridDocuments):
    """Rows of every balancing authority asked for, newest first, at most 5000 a page."""

    __slots__ = ()

    def build(self, target: str, fault: Fault | None) -> Document:
        parts = urlsplit(target)
        query = parse_qs(parts.query)
        assert parts.path in {FUEL_PATH, FLOW_PATH}
        assert query["api_key"] == [KEY]
        assert query["frequency"] == ["hourly"]
        start, end = (_seconds(f"{query[name][0]}:00Z") for name in ("start", "end"))
        hours = reversed(list(self.intervals(start - self.step, end, self.step, fault)))
        fuels = parts.path == FUEL_PATH
        asked = query["facets[respondent][]" if fuels else "facets[fromba][]"]
        rows = [
            row
            for hour in hours
            for row in (
                self._fuels(asked, hour, fault) if fuels else self._flows(asked, hour, fault)
            )
        ]
        offset, length = int(query["offset"][0]), int(query["length"][0])
        data = rows[offset : offset + min(length, 5000)]
        response = {"total": str(len(rows)), "frequency": "hourly", "data": data}
        return {"response": response, "request": {"params": {"api_key": KEY}}}

    def _fuels(self, asked: list[str], hour: int, fault: Fault | None) -> list[Document]:
        return [row for code in asked for row in self._rows(code, hour, fault)]

    def _flows(self, asked: list[str], hour: int, fault: Fault | None) -> list[Document]:
        """Both sides of each border between authorities, and one row of a region.

        All zones are alike here, so that what was imported changes no value.
        """
        sides = [(here, there, SENT) for here, there in BORDERS]
        sides += [(there, here, -SENT) for here, there in BORDERS]
        sides += [("PJM", "MIDW", 900.0)]
        return [
            {
                "period": _stamp(hour + self.step),
                "fromba": here,
                "toba": there,
                "value": None if fault is Fault.NULLS else _text(amount),
                "value-units": "megawatthours",
            }
            for here, there, amount in sides
            if here in asked
        ]

    def _rows(self, respondent: str, hour: int, fault: Fault | None) -> list[Document]:
        zone = AUTHORITIES[respondent]
        mix = dict.fromkeys(CODES, 0.0) | lifecycle_mix(self.intensity(zone, hour), zone=zone)
        return [
            {
                "period": _stamp(hour + self.step),
                "respondent": "ERCO" if fault is Fault.WRONG_ZONE else respondent,
                "fueltype": CODES[fuel],
                "value": None if fault is Fault.NULLS else _text(percent),
                "value-units": "megawatthours",
            }
            for fuel, percent in mix.items()
        ]


def _stamp(end: int) -> str:
    return from_epoch(end).strftime("%Y-%m-%dT%H")


def _text(percent: float) -> str:
    return f"{percent * MEGAWATT_HOURS / 100:.9f}"


EIA: Final = Subject(
    kind="eia",
    zone="US-MIDA-PJM",
    settings={"token": KEY},
    step=3600,
    documents=EiaDocuments,
    first_requests=8,
    long_days=8,
    remembers=2 * 86400,
)
SUBJECTS: Final = (EIA,)
