"""The notices as people get them: every alert's texts rendered by Go's own text/template.

``notices/main.go`` has the variables and functions that the documentations of Prometheus and of
Grafana name, and nothing else. What it makes of the committed rules is ``notices/as_sent.txt``, to
be looked at; ``python -m tests.dashboards.test_notices`` writes it anew.
"""

import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import yaml

from dashboards.build import HOME
from dashboards.build.rules import alert_groups
from dashboards.build.rules.grafana import title
from dashboards.build.rules.model import Alert, Name, Value
from dashboards.build.rules.prometheus import selector

Json: TypeAlias = dict[str, Any]
HERE = Path(__file__).parent / "notices"
GOLDEN = HERE / "as_sent.txt"
SYSTEMS = {"prometheus": "as Alertmanager sends it", "grafana": "as Grafana sends it"}
ALERTS = {title(alert): alert for group in alert_groups() for alert in group.alerts}
TEXTS = ("summary", "description")

LABELS = {
    "provider": "aws",
    "account": "123456789012",
    "cloud_region": "eu-west-1",
    "resource_type": "ec2_instance",
    "resource_id": "i-0123456789abcdef0",
    "name": 'build "old"',
    "instance_type": "m5.large",
    "grid_zone": "IE",
    "collector": "aws:123456789012",
    "job": "carbon-exporter",
    "instance": "exporter:9180",
    "api": "GetMetricData",
}
NOW = {
    "CarbonEmissionSpike": 1941.0,
    "CarbonGrowth": 420.0,
    "CarbonExporterGone": 5400.0,
    "CarbonCollectorFailing": 50_000.0,
    "CarbonDataLate": 7200.0,
    "CarbonCoverageLow": 0.62,
    "CarbonApiBillHigh": 7.5,
    "CarbonSeriesDropped": 1200.0,
}
VALUES = {
    "usual": 215.0,
    "times": 9.03,
    "excess": 1726.0,
    "days": 7.0,
    "power": 9.1,
    "grid": 1.0,
    "since": 1_795_465_440.0,
    "cause": 1.2,
    "age": 640.0,
    "auth": 3.0,
    "level": 2.0,
    "used": 0.25,
    "month": 225.0,
    "budget": 900.0,
    "projected": 1180.0,
    "left": 310.0,
    "watts": 1050.0,
    "watts_then": 480.0,
    "intensity": 412.0,
    "median": 270.0,
    "silent": 9.0,
    "missing": 0.31,
    "then": 190.0,
    "burn": 2.3,
}
"""What the texts name; anything else is 120."""


def number(name: str) -> float:
    return VALUES.get(
        name, 0.0 if name in {"throttled", "unreachable", "bad_payload", "no_data"} else 120.0
    )


def asked(selected: str, on: tuple[str, ...]) -> str:
    """Fill the labels in, quoted as Go quotes them."""
    for label in on:
        selected = selected.replace("%q", json.dumps(LABELS[label]), 1)
    return selected


def case(system: str, alert: Alert, text: str, *, bare: bool) -> Json:
    """Say what a text may look up; a bare one finds nothing but its own labels and value."""
    names = {n.name: {"labels": {n.label: LABELS[n.label]}, "value": 1.0} for n in alert.names}
    numbers = {v.name: {"labels": {}, "value": number(v.name)} for v in alert.values}
    if bare:
        names = {n.name: {"labels": {}, "value": 0.0} for n in alert.names}
        numbers = {v.name: {"labels": {}, "value": 0.0} for v in alert.values}
    now = {"labels": LABELS, "value": NOW.get(alert.name, 120.0)}
    looked_up: list[tuple[str, Value | Name]] = [(one.name, one) for one in alert.values]
    looked_up += [(one.name, one) for one in alert.names]
    queries = {
        asked(selector(_as_value(one)), one.on): [] if bare else [{**names, **numbers}[name]]
        for name, one in looked_up
    }
    return {
        "system": system,
        "text": text,
        "labels": LABELS,
        "value": now["value"],
        "values": {"A": now, **names, **numbers},
        "queries": queries,
    }


def _as_value(one: Value | Name) -> Value:
    return one if isinstance(one, Value) else Value(name=one.name, series=one.series, on=one.on)


def committed() -> dict[tuple[str, str], Json]:
    """Annotations of each rule by system and title."""
    told = yaml.safe_load((HOME / "rules" / "alerts.yml").read_text())["groups"]
    found = {
        ("prometheus", f"{rule['alert']} ({rule['labels']['severity']})"): rule["annotations"]
        for group in told
        for rule in group["rules"]
    }
    path = HOME / "provisioning" / "alerting" / "rules.yml"
    for group in yaml.safe_load(path.read_text())["groups"]:
        found |= {("grafana", rule["title"]): rule["annotations"] for rule in group["rules"]}
    return found


def render(cases: list[Json]) -> list[Json]:
    """Have Go render them; nothing is downloaded."""
    go = shutil.which("go")
    if go is None:
        pytest.skip("Go is not installed: only Go renders these texts as the alert systems do")
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "notices"
        built = subprocess.run(
            [go, "build", "-o", str(program), "."],
            cwd=HERE,
            check=False,
            capture_output=True,
            text=True,
        )
        assert built.returncode == 0, built.stderr
        done = subprocess.run(
            [str(program)], input=json.dumps(cases), check=True, capture_output=True, text=True
        )
    results: list[Json] = json.loads(done.stdout)
    return results


def as_sent() -> str:
    """Give every alert's notice in both systems, for a reader."""
    keys = [(name, system) for name in ALERTS for system in SYSTEMS]
    notes = committed()
    cases = [
        case(system, ALERTS[name], notes[system, name][text], bare=False)
        for name, system in keys
        for text in TEXTS
    ]
    results = iter(render(cases))
    lines = []
    for name, system in keys:
        texts = [next(results) for _ in TEXTS]
        assert not any(text["error"] for text in texts), texts
        lines += [f"{name}, {SYSTEMS[system]}", *(f"  {text['text']}" for text in texts), ""]
    return "\n".join(lines)


def test_notices_are_what_a_reader_has_looked_at() -> None:
    assert as_sent() == GOLDEN.read_text(encoding="utf-8")


@pytest.mark.parametrize("bare", [False, True], ids=["all is known", "nothing is looked up"])
def test_every_text_renders_in_both_systems(*, bare: bool) -> None:
    notes = committed()
    keys = [(key, text) for key in notes for text in TEXTS]
    cases = [case(s, ALERTS[name], notes[s, name][text], bare=bare) for (s, name), text in keys]
    for key, result in zip(keys, render(cases), strict=True):
        assert result["error"] == "", (key, result)
        assert result["text"].strip()
        assert not re.search(r"no value|\{\{|\$|%!|NaN", result["text"]), (key, result)


def test_both_systems_say_the_same() -> None:
    blocks = GOLDEN.read_text(encoding="utf-8").strip().split("\n\n")
    texts = [block.split("\n", 1)[1] for block in blocks]
    assert texts[0::2] == texts[1::2]


def test_a_doubled_dollar_would_be_seen() -> None:
    doubled = case("grafana", next(iter(ALERTS.values())), "{{ $$labels.account }}", bare=True)
    assert "bad character" in render([doubled])[0]["error"]


if __name__ == "__main__":
    GOLDEN.write_text(as_sent(), encoding="utf-8")
