"""What a rule is, before it is written for Prometheus or for Grafana."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

RUNBOOKS: Final = "docs/runbooks.md"
"""Where the runbooks are: a path in the repository, for which ``bundle`` puts another address."""


class Severity(StrEnum):
    """How soon somebody should look."""

    CRITICAL = "critical"
    """Today: grams or data are being lost."""
    WARNING = "warning"
    """This week: something changed that costs carbon, money or trust in the numbers."""
    INFO = "info"
    """When you tidy up: an opportunity, not a fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A recording rule. The name follows Prometheus' convention level:metric:operations."""

    name: str
    expression: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordGroup:
    """Recording rules that are evaluated one after the other, at one interval."""

    name: str
    interval: str
    records: tuple[Record, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A number that an alert's text names: one series, found by labels of the alert.

    In the text it is ``$name``, divided by ``divisor``; 0 where there is no such series, which
    ``optional`` allows.
    """

    name: str
    series: str
    on: tuple[str, ...]
    where: Mapping[str, str] = field(default_factory=dict)
    divisor: int = 1
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A word that an alert's text names: a label of a series that is found by labels of the alert.

    In the text it is ``$name``; empty where there is no such series, so the text must do without.
    """

    name: str
    series: str
    label: str
    on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Where a board shows what an alert tells of."""

    board: str
    panel: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """An alert, with texts that are Go templates.

    The texts may use ``$labels``, ``$now`` (the value of the expression), the names of ``values``
    and ``names``, and the functions that Prometheus and Grafana share (``humanize`` and friends).
    Each result of the expression, whatever its value, is an alert. It has no name of a series among
    its labels, or Grafana would not find the values that belong to it.
    """

    name: str
    severity: Severity
    lasting: str
    expression: str
    summary: str
    description: str
    shown: Panel
    keep: str = ""
    """For how long it goes on firing when the expression gives nothing: a gap is no end."""
    values: tuple[Value, ...] = ()
    names: tuple[Name, ...] = ()

    @property
    def runbook(self) -> str:
        """Address of what to do."""
        return f"{RUNBOOKS}#{self.name.lower()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertGroup:
    """Alerts that are evaluated at one interval."""

    name: str
    interval: str
    alerts: tuple[Alert, ...]
