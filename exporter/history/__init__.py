"""History on the first day: the clouds' and the grids' past through the same engine."""

from exporter.history.backfill import Backfill, OutputError, Progress, Report
from exporter.history.demo import demo_past, on_coarse_buckets
from exporter.history.handover import counted_since, prepare_state
from exporter.history.plan import (
    AccountPlan,
    BackfillRequest,
    Gap,
    NothingToReadError,
    Plan,
    make_plan,
)

__all__ = [
    "AccountPlan",
    "Backfill",
    "BackfillRequest",
    "Gap",
    "NothingToReadError",
    "OutputError",
    "Plan",
    "Progress",
    "Report",
    "counted_since",
    "demo_past",
    "make_plan",
    "on_coarse_buckets",
    "prepare_state",
]
