"""Writes the dashboards' JSON: ``python -m dashboards.build``, or ``--check`` to find drift.

One module of ``boards`` is one dashboard, and its name is the JSON file's. Queries, variables,
thresholds and panel styles that several dashboards share stand in the modules beside it.
"""

import importlib
import json
import pkgutil
from collections.abc import Mapping
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.build import boards, shell

HOME = Path(__file__).resolve().parent.parent
"""Where the JSON files live."""

SCHEMA_VERSION = 41
"""Grafana 12's; Grafana 11 reads it as it is and newer ones migrate it on load."""


def render() -> Mapping[str, str]:
    """File name to JSON text of every dashboard."""
    names = sorted(module.name for module in pkgutil.iter_modules(boards.__path__))
    return {f"{name}.json": _encode(_board(name)) for name in names}


def _board(name: str) -> Dashboard:
    module = importlib.import_module(f"{boards.__name__}.{name}")
    board: Dashboard = shell.settled(module.build())
    board.schema_version = SCHEMA_VERSION
    return board


def _encode(board: Dashboard) -> str:
    text = json.dumps(board, cls=JSONEncoder, indent=2, sort_keys=True, ensure_ascii=False)
    return f"{text}\n"
