"""energy-charts.info on loopback: three arrays, the forecast to the end of the next day."""

from datetime import datetime
from typing import Final
from urllib.parse import parse_qs, urlsplit

from exporter.core.clock import epoch
from exporter.demo.grid import Fault
from exporter.demo.grid.documents import Document, GridDocuments
from tests.support.grids import Subject

DAY: Final = 86400


class EnergyChartsDocuments(GridDocuments):
    """Answers of ``/co2eq``; a country's values are those of the zone of its name."""

    __slots__ = ()

    def build(self, target: str, fault: Fault | None) -> Document:
        parts = urlsplit(target)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        assert parts.path == "/co2eq"
        start, end = (int(epoch(datetime.fromisoformat(query[key]))) for key in ("start", "end"))
        running = self.running(self.step)
        known = end if fault is Fault.FUTURE else running + 1
        ahead = (running // DAY + 2) * DAY
        stamps = [] if fault is Fault.EMPTY else list(range(start, min(end, ahead), self.step))
        values = [self.intensity(query["country"].upper(), stamp) for stamp in stamps]
        pairs = list(zip(stamps, values, strict=True))
        nulls = fault is Fault.NULLS
        return {
            "unix_seconds": stamps,
            "co2eq": [value if at < known and not nulls else None for at, value in pairs],
            "co2eq_forecast": [value if at >= known and not nulls else None for at, value in pairs],
            "deprecated": False,
        }


ENERGY_CHARTS: Final = Subject(
    kind="energy_charts",
    zone="FR",
    settings={"requests_per_minute": 1000},
    step=900,
    documents=EnergyChartsDocuments,
    text_stamps=False,
)
SUBJECTS: Final = (ENERGY_CHARTS,)
