"""Writes the same alerts as Grafana-managed rules, for its file provisioning.

Each result of an alert's query fires, whatever its value, as in Prometheus: the math expression
turns it into 1. Queries of values and names give the numbers and words that the texts name; each
has one row at least where the alert fires, because Grafana calls a rule with an empty query "no
data".

Its file provisioning expands ``$NAME`` in most fields, in labels and titles too, and wants a dollar
doubled there; annotations and the models of queries it takes as they are (its
pkg/services/provisioning/alerting/rules_types.go takes both ``Raw``). No field of these rules but
those two has a dollar.
"""

from collections.abc import Iterable
from hashlib import sha256
from typing import Any, Final

from dashboards.build.rules.model import Alert, AlertGroup, Name, Value

DATASOURCE: Final = "prometheus"
"""Uid of the data source in ``demo/grafana/datasources``."""
FOLDER: Final = "Carbon"
"""Where the dashboards are, too."""

_RANGE: Final = {"from": 600, "to": 0}
_QUERY, _MATH, _THRESHOLD = "A", "B", "C"
_ANY_RESULT: Final = f"is_number(${_QUERY}) || is_nan(${_QUERY}) || is_inf(${_QUERY})"


def provisioning(groups: Iterable[AlertGroup]) -> dict[str, Any]:
    """Give the content of a provisioning file of alert rules."""
    return {
        "apiVersion": 1,
        "groups": [
            {
                "orgId": 1,
                "name": group.name,
                "folder": FOLDER,
                "interval": group.interval,
                "rules": [_rule(alert) for alert in group.alerts],
            }
            for group in groups
        ],
    }


def title(alert: Alert) -> str:
    """Name of a rule; an alert of two severities is two rules, and their names must differ."""
    return f"{alert.name} ({alert.severity.value})"


def _rule(alert: Alert) -> dict[str, Any]:
    kept = {"keepFiringFor": alert.keep} if alert.keep else {}
    asked = {
        _QUERY: alert.expression,
        **{value.name: _looked_up(value, alert) for value in alert.values},
        **{name.name: _word_looked_up(name, alert) for name in alert.names},
    }
    return {
        "uid": _uid(alert),
        "title": title(alert),
        "condition": _THRESHOLD,
        "data": [
            *(_prometheus(ref, expression) for ref, expression in asked.items()),
            _expression(_MATH, "math", expression=_ANY_RESULT),
            _expression(_THRESHOLD, "threshold", expression=_MATH, conditions=[_ABOVE_ZERO]),
        ],
        "dashboardUid": alert.shown.board,
        "panelId": alert.shown.panel,
        "for": alert.lasting,
        **kept,
        "noDataState": "OK",
        "execErrState": "Error",
        "labels": {"severity": alert.severity.value},
        "annotations": {
            "summary": _text(alert, alert.summary),
            "description": _text(alert, alert.description),
            "runbook_url": alert.runbook,
            # Its own exports have both these and the two fields above: a notice's link to the
            # board is made from the annotations.
            "__dashboardUid__": alert.shown.board,
            "__panelId__": str(alert.shown.panel),
        },
    }


_ABOVE_ZERO: Final = {"evaluator": {"type": "gt", "params": [0]}}


def _uid(alert: Alert) -> str:
    """Make an id that stays: Grafana keeps the history of a rule by it."""
    digest = sha256(title(alert).encode()).hexdigest()[:8]
    return f"{alert.name.lower()}-{digest}"


def _prometheus(ref: str, expression: str) -> dict[str, Any]:
    model = {"refId": ref, "expr": expression, "instant": True, "range": False}
    return {
        "refId": ref,
        "relativeTimeRange": _RANGE,
        "datasourceUid": DATASOURCE,
        "model": {**model, "intervalMs": 1000, "maxDataPoints": 43200},
    }


def _expression(ref: str, kind: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 — Grafana's model
    source = {"type": "__expr__", "uid": "__expr__"}
    return {
        "refId": ref,
        "relativeTimeRange": {"from": 0, "to": 0},
        "datasourceUid": "__expr__",
        "model": {"refId": ref, "type": kind, "datasource": source, **more},
    }


def _looked_up(value: Value, alert: Alert) -> str:
    """Give all series of a value; where it may be absent, 0 for each alert stands in."""
    fixed = ", ".join(f'{label}="{text}"' for label, text in value.where.items())
    series = f"{value.series}{{{fixed}}}" if fixed else value.series
    by = f" by ({', '.join(value.on)})" if value.on else ""
    found = f"max{by} ({series})" + (f" / {value.divisor}" if value.divisor != 1 else "")
    return found if not value.optional else _or_zero(found, by, alert)


def _word_looked_up(name: Name, alert: Alert) -> str:
    """Give the series of a word; where it may be absent, one without the label stands in."""
    by = f" by ({', '.join(name.on)})" if name.on else ""
    kept = ", ".join((*name.on, name.label))
    return _or_zero(f"max by ({kept}) ({name.series})", by, alert, on=name.on)


def _or_zero(found: str, by: str, alert: Alert, on: tuple[str, ...] | None = None) -> str:
    joined = "" if on is None else f" on ({', '.join(on)})"
    return f"{found}\nor{joined}\n0 * max{by} (\n{_indented(alert.expression)}\n)"


def _indented(expression: str) -> str:
    return "\n".join(f"  {line}" for line in expression.splitlines())


def _text(alert: Alert, text: str) -> str:
    """Put before a text what it needs: each name it uses."""
    now = [f"{{{{- $now := $values.{_QUERY}.Value -}}}}"] if "$now" in text else []
    numbers = [_number(value) for value in alert.values if f"${value.name}" in text]
    words = [_word(name) for name in alert.names if f"${name.name}" in text]
    return "\n".join((*now, *numbers, *words, text))


def _number(value: Value) -> str:
    return f"{{{{- ${value.name} := $values.{value.name}.Value -}}}}"


def _word(name: Name) -> str:
    """Look a label up; ``with`` gives nothing where it is absent, instead of ``<no value>``."""
    return (
        f'{{{{- ${name.name} := "" -}}}}{{{{- with $values.{name.name} -}}}}'
        f"{{{{- with .Labels.{name.label} -}}}}{{{{- ${name.name} = . -}}}}"
        "{{- end -}}{{- end -}}"
    )
