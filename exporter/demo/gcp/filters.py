"""The filters of Cloud Monitoring that the demo understands: terms joined by AND."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from exporter.demo.estate import EstateMachine
from exporter.demo.gcp.errors import not_found, reject

CPU_METRIC: Final = "compute.googleapis.com/instance/cpu/utilization"
GPU_METRIC: Final = "agent.googleapis.com/gpu/utilization"
RESOURCE: Final = "gce_instance"
_VALUE: Final = r'"((?:[^"\\]|\\.)*)"'
_TERM: Final = re.compile(rf"\s*([\w.]+)\s*(!?=|:)\s*(?:{_VALUE}|(\w+)\(([^()]*)\))\s*")
_QUOTED: Final = re.compile(_VALUE)

LABELS: Final[dict[str, Callable[[EstateMachine], str]]] = {
    "project": lambda m: m.account,
    "resource.labels.project_id": lambda m: m.account,
    "resource.labels.zone": lambda m: m.zone,
    "resource.labels.instance_id": lambda m: m.resource_id,
    "metric.labels.instance_name": lambda m: m.name,
    "metadata.system_labels.machine_type": lambda m: m.instance_type,
    "metadata.system_labels.name": lambda m: m.name,
}
"""What can be filtered and grouped by, in the plural spelling; the singular is accepted as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """The metric that a filter selects, and the test for its machines."""

    metric: str
    passes: Callable[[EstateMachine], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Term:
    field: str
    negated: bool
    function: str
    values: tuple[str, ...]

    def passes(self, text: str) -> bool:
        if self.function == "starts_with":
            return text.startswith(self.values) is not self.negated
        return (text in self.values) is not self.negated


def canonical(field: str) -> str:
    """Return the plural spelling of a field's name."""
    return re.sub(r"\.(system_)?label\.", r".\1labels.", field)


def parse(text: str) -> Filter:
    """Read a filter.

    Raises:
        GoogleError: the filter is not well formed, or names no metric that there is.
    """
    terms = [_term(part) for part in re.split(r"\s+AND\s+", text.strip())]
    fixed = {term.field: term.values for term in terms if not term.negated}
    if "metric.type" not in fixed:
        reject("Field filter had an invalid value: The filter must select a single metric type.")
    name = ", ".join(fixed["metric.type"])
    if name not in (CPU_METRIC, GPU_METRIC):
        not_found(f'Cannot find metric(s) that match type = "{name}".')
    if fixed.get("resource.type", (RESOURCE,)) != (RESOURCE,):
        reject("The supplied filter does not match the resource of the metric.")
    rest = [term for term in terms if term.field in LABELS]
    return Filter(
        metric=name,
        passes=lambda machine: all(term.passes(LABELS[term.field](machine)) for term in rest),
    )


def _term(text: str) -> _Term:
    found = _TERM.fullmatch(text)
    if found is None:
        reject(f"Field filter had an invalid value: Could not parse filter '{text}'.")
    field, sign, value, function, arguments = found.groups()
    name = canonical(field)
    known = name in LABELS or name in ("metric.type", "resource.type")
    if not known or function not in (None, "one_of", "starts_with"):
        reject(f"Field filter had an invalid value: unknown term '{text.strip()}'.")
    values = (value,) if function is None else tuple(_QUOTED.findall(arguments))
    return _Term(field=name, negated=sign == "!=", function=function or "", values=values)
