"""The simulated grid, spoken over HTTP on loopback: our own protocol for all zones, and NESO's.

Own protocol::

    GET /v1/intensity?zone=FR&zone=IE&from=2026-03-02T00:00:00Z&to=2026-03-02T06:00:00Z

    {"source": "demo", "simulated": true, "unit": "gCO2eq/kWh", "points": [
      {"zone": "FR", "from": "2026-03-02T00:00Z", "to": "2026-03-02T00:30Z",
       "gco2eq_per_kwh": 31.5}, …]}

The points are the intervals that overlap ``[from, to)`` and have begun, the running one included,
by zone and time. A zone that the simulation lacks is absent. A bad query is a 400.

NESO's shape: ``GET /generation`` (the last complete half-hour) and
``GET /generation/{from}/{to}`` (from the half-hour that ends at ``from`` to the one that ends at
``to``) for zone ``GB``, as a mix of two fuels that the life-cycle factors turn back into exactly
the simulated intensity.
"""

from exporter.demo.grid.faults import Fault
from exporter.demo.grid.server import GridFake

__all__ = ["Fault", "GridFake"]
