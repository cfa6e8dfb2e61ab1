"""em6's API on loopback: the last three trading periods."""

from typing import Final

from exporter.core.clock import from_epoch
from exporter.demo.grid import Fault
from exporter.demo.grid.documents import Document, GridDocuments
from tests.support.grids import Subject


class Em6Documents(GridDocuments):
    """Answers of ``/current_carbon_intensity``."""

    __slots__ = ()

    def build(self, target: str, fault: Fault | None) -> Document:
        assert target == "/current_carbon_intensity"
        running = self.running(self.step)
        starts = self.intervals(running - 2 * self.step, running + 2 * self.step, self.step, fault)
        return {"items": [self._item(start, fault) for start in sorted(starts, reverse=True)]}

    def _item(self, start: int, fault: Fault | None) -> Document:
        return {
            "timestamp": from_epoch(start).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "nz_carbon_gkwh": None if fault is Fault.NULLS else self.intensity("NZ", start),
            "nz_renewable": 86.1,
        }


EM6: Final = Subject(kind="em6", zone="NZ", documents=Em6Documents, history_seconds=2 * 1800)
SUBJECTS: Final = (EM6,)
