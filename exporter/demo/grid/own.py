"""Our own protocol, for all zones.

::

    GET /v1/intensity?zone=FR&zone=IE&from=2026-03-02T00:00:00Z&to=2026-03-02T06:00:00Z

    {"source": "demo", "simulated": true, "unit": "gCO2eq/kWh", "points": [
      {"zone": "FR", "from": "2026-03-02T00:00Z", "to": "2026-03-02T00:30Z",
       "gco2eq_per_kwh": 31.5}, …]}

The points are the intervals that overlap ``[from, to)`` and have begun, the running one included,
by zone and time. A zone that the simulation lacks is absent. A bad query is a 400.
"""

from collections.abc import Mapping

from exporter.demo.grid.base import OTHER_ZONE, Document, GridValues, iso, seconds
from exporter.demo.grid.faults import Fault


def intensity(grid: GridValues, query: Mapping[str, list[str]], fault: Fault | None) -> Document:
    """Answer ``/v1/intensity``.

    Raises:
        BadQueryError: a time is absent or unreadable.
    """
    start, end = (seconds(query.get(key, [""])[0]) for key in ("from", "to"))
    points = [
        {
            "zone": OTHER_ZONE if fault is Fault.WRONG_ZONE else zone,
            "from": iso(left),
            "to": iso(left + grid.step),
            "gco2eq_per_kwh": None if fault is Fault.NULLS else grid.intensity(zone, left),
        }
        for zone in sorted(filter(grid.knows, set(query.get("zone", []))))
        for left in grid.intervals(start, end, grid.step, fault)
    ]
    return {"source": "demo", "simulated": True, "unit": "gCO2eq/kWh", "points": points}
