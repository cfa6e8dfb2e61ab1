"""Which protocol a request of the simulated grid speaks, by its path."""

from urllib.parse import parse_qs, urlsplit

from exporter.demo.grid import electricity_maps, energy_charts, own
from exporter.demo.grid.base import OTHER_ZONE, BadQueryError, Document, GridValues
from exporter.demo.grid.electricity_maps import VERSION
from exporter.demo.grid.faults import Fault
from exporter.demo.grid.neso import GB, Neso, lifecycle_mix

__all__ = [
    "GB",
    "OTHER_ZONE",
    "BadQueryError",
    "Document",
    "GridDocuments",
    "lifecycle_mix",
]


class GridDocuments(GridValues):
    """Builds the answers of every protocol; a subclass may speak another one."""

    __slots__ = ()

    def build(self, target: str, fault: Fault | None) -> Document:
        """Return the document for a request target (path and query).

        Raises:
            BadQueryError: unknown path or zone, unreadable time, or too long a window.
        """
        parts = urlsplit(target)
        query = parse_qs(parts.query)
        match parts.path.strip("/").split("/"):
            case ["v1", "intensity"]:
                return own.intensity(self, query, fault)
            case ["generation", *window] if len(window) in {0, 2}:
                return Neso(grid=self, fault=fault).generation(window)
            case ["regional", "intensity", start, end, "regionid", region]:
                return Neso(grid=self, fault=fault).regional(start, end, region)
            case ["co2eq"]:
                return energy_charts.co2eq(self, query, fault)
            case [version, "zones"] if version == VERSION:
                return electricity_maps.zones(self)
            case [version, "carbon-intensity", call] if version == VERSION:
                return electricity_maps.carbon_intensity(self, call, query, fault)
        message = "unknown path"
        raise BadQueryError(message)
