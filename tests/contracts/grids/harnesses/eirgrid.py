"""The Smart Grid Dashboard on loopback: rows in Dublin's local time."""

from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

from exporter.core.clock import epoch, from_epoch
from exporter.demo.grid import Fault
from exporter.demo.grid.documents import Document, GridDocuments
from tests.support.grids import Subject

DUBLIN: Final = ZoneInfo("Europe/Dublin")
LONGEST: Final = timedelta(days=31)


class EirgridDocuments(GridDocuments):
    """Answers of ``/api/chart/``: whole local days, nulls after the running interval."""

    __slots__ = ()

    def build(self, target: str, fault: Fault | None) -> Document:
        parts = urlsplit(target)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        assert parts.path == "/api/chart/"
        assert (query["region"], query["areas"]) == ("ROI", "co2intensity")
        first, last = (_day(query[key]) for key in ("dateFrom", "dateTo"))
        if fault is Fault.EMPTY or last - first >= LONGEST:
            return {"Rows": []}
        start, end = (int(epoch(day.astimezone(UTC))) for day in (first, _next(last)))
        return {"Rows": [self._row(at, fault) for at in range(start, end, self.step)]}

    def _row(self, start: int, fault: Fault | None) -> Document:
        unknown = start > self.running(self.step) and fault is not Fault.FUTURE
        value = self.intensity("IE", start)
        return {
            "EffectiveTime": from_epoch(start).astimezone(DUBLIN).strftime("%d-%b-%Y %H:%M:%S"),
            "FieldName": "CO2_INTENSITY",
            "Region": "NI" if fault is Fault.WRONG_ZONE else "ROI",
            "Value": None if unknown or fault is Fault.NULLS else value,
        }


def _day(text: str) -> datetime:
    return datetime.strptime(text, "%d-%b-%Y").replace(tzinfo=DUBLIN)


def _next(day: datetime) -> datetime:
    return (day.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=DUBLIN)


EIRGRID: Final = Subject(kind="eirgrid", zone="IE", step=900, documents=EirgridDocuments)
SUBJECTS: Final = (EIRGRID,)
