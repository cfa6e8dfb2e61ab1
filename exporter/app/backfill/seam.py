"""Where history ends and live counters begin: in the state file of the daemon."""

from collections.abc import Mapping
from pathlib import Path

from exporter.app.backfill.plan import Plan
from exporter.core.errors import StoreError
from exporter.engine.store import Changes, Origin, Store


def counted_since(state: Path) -> Mapping[str, int]:
    """Return since when each collector counts, epoch seconds; empty where there is no file.

    Raises:
        StoreError: it cannot be read; a daemon that runs keeps it locked.
    """
    if not state.exists():
        return {}
    store = Store.open(state, update=False)
    try:
        origins = store.load().origins
    finally:
        store.close()
    return {collector: origin.start for collector, origin in origins.items()}


def prepare_state(state: Path, plan: Plan) -> None:
    """Make a state file with which a daemon counts on from where the history ends.

    Raises:
        StoreError: it cannot be made, or is there already.
    """
    if state.exists():
        message = f"state file {state}: it is there already — name a new one, or leave it as it is"
        raise StoreError(message)
    store = Store.open(state)
    try:
        origins = {one.name: Origin(one.until, one.resolution) for one in plan.accounts}
        store.commit(Changes(origins=origins))
    finally:
        store.close()
