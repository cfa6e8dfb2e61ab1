"""What a metric family is, and in which chapter of the reference page it stands."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """Metric types in use."""

    GAUGE = "gauge"
    COUNTER = "counter"


class Section(StrEnum):
    """Chapters of the reference page, in its order."""

    RESOURCE = "Machines"
    TOTALS = "Totals by provider, account and region"
    GRID = "Grid"
    COLLECTOR = "Collectors"
    SELF = "The exporter itself"


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One metric family: its name as queried, its type, fixed labels, meaning and unit."""

    section: Section
    name: str
    kind: Kind
    labels: tuple[str, ...]
    help: str
    unit: str = ""
    """As in the name; empty where the value is a count, a level, a flag or an info series."""

    @property
    def openmetrics_name(self) -> str:
        """The name in OpenMetrics metadata, where a counter goes without ``_total``."""
        return self.name.removesuffix("_total") if self.kind is Kind.COUNTER else self.name


def gauge(name: str, labels: tuple[str, ...], text: str, unit: str = "") -> Family:
    """Describe a value that goes up and down."""
    return _family(name, Kind.GAUGE, labels, text, unit)


def counter(name: str, labels: tuple[str, ...], text: str, unit: str = "") -> Family:
    """Describe a value that only grows."""
    return _family(name, Kind.COUNTER, labels, text, unit)


def _family(name: str, kind: Kind, labels: tuple[str, ...], text: str, unit: str) -> Family:
    return Family(section=_section(name), name=name, kind=kind, labels=labels, help=text, unit=unit)


_SECTIONS: Final = {
    "carbon_resource_": Section.RESOURCE,
    "carbon_grid_": Section.GRID,
    "carbon_region_": Section.GRID,
    "carbon_collector_": Section.COLLECTOR,
    "carbon_api_": Section.COLLECTOR,
    "carbon_buckets_": Section.COLLECTOR,
    "carbon_catch_up_": Section.COLLECTOR,
    "carbon_exposition_": Section.SELF,
    "carbon_build_": Section.SELF,
    "process_": Section.SELF,
    "python_": Section.SELF,
}


def _section(name: str) -> Section:
    matches = (section for prefix, section in _SECTIONS.items() if name.startswith(prefix))
    return next(matches, Section.TOTALS)
