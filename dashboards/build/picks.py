"""The variables that only the board of grids has: a zone, and a region to compare with."""

from typing import Final

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models.dashboard import VariableOption

from dashboards.build.queries import estate, exporter
from dashboards.build.variables import query

TARGET: Final = "eu-north-1"
"""The region to compare with at first, where it is watched: among the cleanest of the largest
cloud."""


def zone() -> build.QueryVariable:
    """Make the choice of one grid zone among those that the picked machines draw from."""
    return _one("zone", "Grid zone", estate("carbon_resource_info"), "grid_zone")


def target() -> build.QueryVariable:
    """Make the choice of one cloud region to compare with."""
    choice = _one(
        "target", "Compare with", exporter("carbon_region_info", 'latitude!=""'), "cloud_region"
    )
    return choice.current(VariableOption(selected=True, text=TARGET, value=TARGET))


def _one(name: str, title: str, selector: str, label: str) -> build.QueryVariable:
    found = query(name, title, f"label_values({selector}, {label})")
    return found.multi(multi=False).include_all(include_all=False)
