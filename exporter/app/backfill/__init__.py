"""History on the first day: the clouds' and the grids' past through the same engine."""

from exporter.app.backfill.demo import demo_past, on_coarse_buckets
from exporter.app.backfill.plan import NothingToReadError, Plan, Wish, make_plan
from exporter.app.backfill.records import Account, Lack
from exporter.app.backfill.run import Backfill, OutputError
from exporter.app.backfill.seam import counted_since, prepare_state
from exporter.app.backfill.writer import Report, Tell

__all__ = [
    "Account",
    "Backfill",
    "Lack",
    "NothingToReadError",
    "OutputError",
    "Plan",
    "Report",
    "Tell",
    "Wish",
    "counted_since",
    "demo_past",
    "make_plan",
    "on_coarse_buckets",
    "prepare_state",
]
