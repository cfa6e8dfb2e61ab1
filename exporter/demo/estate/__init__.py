"""The simulated estate: which machines exist, how busy they are, how dirty their grids are.

A pure function of time without state or randomness, so any history is there at once and exact
ground truth comes with it. All of it is invented.
"""

from exporter.demo.estate.fleet import demo_estate
from exporter.demo.estate.intensity import GRID_STEP, ZONES, intensity
from exporter.demo.estate.machines import (
    Architecture,
    BurstGroup,
    EstateMachine,
    EstateState,
    MachineType,
)
from exporter.demo.estate.schedules import Cycle, Once, Run, Schedule
from exporter.demo.estate.simulation import VISIBLE_AFTER_END, Estate, FacilityWatts, Truth

__all__ = [
    "GRID_STEP",
    "VISIBLE_AFTER_END",
    "ZONES",
    "Architecture",
    "BurstGroup",
    "Cycle",
    "Estate",
    "EstateMachine",
    "EstateState",
    "FacilityWatts",
    "MachineType",
    "Once",
    "Run",
    "Schedule",
    "Truth",
    "demo_estate",
    "intensity",
]
