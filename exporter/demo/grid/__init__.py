"""The simulated grid, spoken over HTTP on loopback in several protocols, each in its own file.

Our own protocol (``own``) for all zones, and the shapes of NESO (``neso``), energy-charts.info
(``energy_charts``) and Electricity Maps (``electricity_maps``), each to the extent that the source
of that name uses it. The intensity is a pure function of time, so any past is there at once.
Forecasts err, the same way each time, and the more the further ahead (``forecast``).
"""

from exporter.demo.grid.faults import Fault
from exporter.demo.grid.server import GridFake

__all__ = ["Fault", "GridFake"]
