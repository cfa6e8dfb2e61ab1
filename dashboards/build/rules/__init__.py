"""Recording rules and alerts: written once here, for Prometheus and for Grafana.

``write_rules`` is part of ``python -m dashboards.build``. Limits stand in ``rules/limits.yml``;
each alert has a section of its name in docs/runbooks.md.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from dashboards.build import HOME
from dashboards.build.rules import (
    alerts_estate,
    alerts_trust,
    budget,
    grafana,
    prometheus,
    told,
    totals,
    trust,
    usual,
)
from dashboards.build.rules.model import AlertGroup, RecordGroup

RECORDING: Final = "rules/recording.yml"
ALERTS: Final = "rules/alerts.yml"
PROVISIONED: Final = "provisioning/alerting/rules.yml"

_MADE: Final = "# Made by `make dashboards` from dashboards/build/rules. Do not edit.\n"
_RECORDING_HEAD: Final = f"""{_MADE}#
# Sums, what is usual, budget and trust, recorded from the exporter's series. The names are
# level:metric:operations. What they mean and what they cannot know: docs/runbooks.md.
"""
_ALERTS_HEAD: Final = f"""{_MADE}#
# Needs recording.yml beside it, and takes its limits from limits.yml, where they may be changed.
# What to do for each alert: docs/runbooks.md.
"""
_PROVISIONED_HEAD: Final = f"""{_MADE}#
# The alerts of rules/alerts.yml as Grafana-managed rules: use one or the other. They read the
# series of rules/recording.yml and rules/limits.yml, which Prometheus must have loaded.
"""


def record_groups() -> tuple[RecordGroup, ...]:
    """All recording rules."""
    return (*totals.groups(), *usual.groups(), *budget.groups(), *trust.groups(), *told.groups())


def alert_groups() -> tuple[AlertGroup, ...]:
    """All alerts."""
    return (*alerts_estate.groups(), *alerts_trust.groups())


def render_rules() -> Mapping[str, str]:
    """Path below ``dashboards`` to text of every rule file."""
    return {
        RECORDING: _RECORDING_HEAD + dump(prometheus.recording(record_groups())),
        ALERTS: _ALERTS_HEAD + dump(prometheus.alerting(alert_groups())),
        PROVISIONED: _PROVISIONED_HEAD + dump(grafana.provisioning(alert_groups())),
    }


def write_rules(*, check: bool, home: Path = HOME) -> list[str]:
    """Write the rule files that differ from the code, or only name them."""
    files = render_rules()
    changed = [name for name, text in files.items() if _read(home / name) != text]
    for name in () if check else changed:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(files[name], encoding="utf-8")
    return changed


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


class _Dumper(yaml.SafeDumper):
    """Writes text of several lines as it is, and lists indented."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 — PyYAML's signature
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ANN401, ARG002 — PyYAML's signature
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def dump(content: Mapping[str, Any]) -> str:
    """Write YAML as the rule files are: in the given order, texts of several lines as they are."""
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)
