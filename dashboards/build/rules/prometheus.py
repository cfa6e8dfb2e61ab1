"""Writes rules as Prometheus reads them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from dashboards.build.rules.model import (
    Alert,
    AlertGroup,
    Name,
    Record,
    RecordGroup,
    Value,
)

_NOW: Final = "{{- $now := $value -}}"


def recording(groups: Iterable[RecordGroup]) -> dict[str, Any]:
    """Give the content of a file of recording rules."""
    return {"groups": [_group(g.name, g.interval, map(_record, g.records)) for g in groups]}


def alerting(groups: Iterable[AlertGroup]) -> dict[str, Any]:
    """Give the content of a file of alerting rules."""
    return {"groups": [_group(g.name, g.interval, map(_alert, g.alerts)) for g in groups]}


def selector(value: Value) -> str:
    """Give the series of a value as a Go format: one ``%q`` for each label of the alert."""
    fixed = [f'{label}="{text}"' for label, text in value.where.items()]
    matchers = [f"{label}=%q" for label in value.on]
    inside = ", ".join((*matchers, *fixed))
    series = f"{value.series}{{{inside}}}" if inside else value.series
    return series if value.divisor == 1 else f"{series} / {value.divisor}"


def _group(name: str, interval: str, rules: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    return {"name": name, "interval": interval, "rules": list(rules)}


def _record(record: Record) -> dict[str, Any]:
    labels = {"labels": dict(record.labels)} if record.labels else {}
    return {"record": record.name, "expr": record.expression, **labels}


def _alert(alert: Alert) -> dict[str, Any]:
    kept = {"keep_firing_for": alert.keep} if alert.keep else {}
    return {
        "alert": alert.name,
        "expr": alert.expression,
        "for": alert.lasting,
        **kept,
        "labels": {"severity": alert.severity.value},
        "annotations": {
            "summary": _text(alert, alert.summary),
            "description": _text(alert, alert.description),
            "runbook_url": alert.runbook,
        },
    }


def _text(alert: Alert, text: str) -> str:
    """Put before a text what it needs: each name it uses, looked up."""
    numbers = [_number(value) for value in alert.values if f"${value.name}" in text]
    words = [_word(name) for name in alert.names if f"${name.name}" in text]
    now = [_NOW] if "$now" in text else []
    return "\n".join((*now, *numbers, *words, text))


def _number(value: Value) -> str:
    return _lookup(value.name, "0.0", _query(selector(value), value.on), ".Value")


def _word(name: Name) -> str:
    value = Value(name=name.name, series=name.series, on=name.on)
    query = _query(selector(value), name.on)
    return _lookup(name.name, '""', query, f".Labels.{name.label}")


def _query(form: str, labels: Sequence[str]) -> str:
    """Give a template's query; the alert's labels are quoted into it."""
    if not labels:
        return f"query `{form}`"
    given = " ".join(f"$labels.{label}" for label in labels)
    return f"printf `{form}` {given} | query"


def _lookup(name: str, nothing: str, query: str, field: str) -> str:
    return (
        f"{{{{- ${name} := {nothing} -}}}}"
        f"{{{{- range {query} -}}}}{{{{- ${name} = {field} -}}}}{{{{- end -}}}}"
    )
