"""The committed rules against the code that makes them, the metrics that exist, and promtool."""

import re
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import yaml

from dashboards.build import HOME, alert_limits
from dashboards.build.rules import alert_groups, record_groups, render_rules, write_rules
from dashboards.build.rules.grafana import title
from dashboards.build.rules.model import Alert
from exporter.exposition.catalogue import FAMILIES
from tests.support.boards import BOARDS, panels
from tests.support.promtools import PROMTOOLS, Promtool

Json: TypeAlias = dict[str, Any]
RULES = HOME / "rules"
PROVISIONED = HOME / "provisioning"
DEMO = HOME / "demo" / "grafana"
TESTS = sorted((RULES / "tests").glob("*.yml"))
RUNBOOKS = (HOME.parent / "docs" / "runbooks.md").read_text(encoding="utf-8")
LABELS_OF = {family.name: set(family.labels) for family in FAMILIES}

RECORDS = [record for group in record_groups() for record in group.records]
ALERTS = [alert for group in alert_groups() for alert in group.alerts]
RECORDED = {record.name for record in RECORDS}
LIMITS = {f"{alert_limits.PREFIX}{name}" for name in alert_limits.all_limits()}
EXPRESSIONS = [
    *((record.name, record.expression) for record in RECORDS),
    *((title(alert), alert.expression) for alert in ALERTS),
    *((f"{title(alert)}:{value.name}", value.series) for alert in ALERTS for value in alert.values),
    *((f"{title(alert)}:{name.name}", name.series) for alert in ALERTS for name in alert.names),
]


def load(path: Path) -> Json:
    content: Json = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


def provisioned_rules() -> dict[str, Json]:
    groups = load(PROVISIONED / "alerting" / "rules.yml")["groups"]
    return {rule["title"]: rule for group in groups for rule in group["rules"]}


GRAFANA = provisioned_rules()
FIELDS = {
    "uid",
    "title",
    "condition",
    "data",
    "dashboardUid",
    "panelId",
    "noDataState",
    "execErrState",
    "for",
    "keepFiringFor",
    "annotations",
    "labels",
}
"""Of a rule, as Grafana's file provisioning spells them (rules_types.go)."""


def test_the_committed_rules_are_what_the_code_makes() -> None:
    assert write_rules(check=True) == []


def test_a_changed_and_a_missing_file_are_stale_and_get_written(tmp_path: Path) -> None:
    names = sorted(render_rules())
    assert sorted(write_rules(check=False, home=tmp_path)) == names
    (tmp_path / names[0]).write_text("groups: []\n")
    (tmp_path / names[1]).unlink()
    assert sorted(write_rules(check=True, home=tmp_path)) == names[:2]
    assert not (tmp_path / names[1]).exists()


either_promtool = pytest.mark.parametrize("promtool", PROMTOOLS, ids=lambda tool: tool.name)


@either_promtool
@pytest.mark.parametrize("name", ["recording.yml", "alerts.yml", "limits.yml"])
def test_promtool_has_nothing_to_say_about_the_rules(name: str, promtool: Promtool) -> None:
    done = promtool.run("check", "rules", str(RULES / name))
    assert done.returncode == 0, done.stderr
    assert "rules found" in done.stdout
    assert done.stderr.strip() == ""


@either_promtool
@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_rules_fire_with_the_right_text_and_are_silent_otherwise(
    path: Path, promtool: Promtool
) -> None:
    done = promtool.run("test", "rules", str(path))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("alert", ALERTS, ids=title)
def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_is_silent(
    alert: Alert,
) -> None:
    cases = [
        case
        for path in TESTS
        for test in load(path)["tests"]
        for case in test.get("alert_rule_test", ())
        if case["alertname"] == alert.name
    ]
    fired = [f["exp_labels"]["severity"] for case in cases for f in case["exp_alerts"]]
    assert alert.severity.value in fired
    assert any(not case["exp_alerts"] for case in cases)


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_cases_state_the_whole_text_and_evaluate_all_groups_in_order(path: Path) -> None:
    content = load(path)
    groups = {group.name for group in record_groups()} | {group.name for group in alert_groups()}
    assert sorted(content["group_eval_order"]) == sorted(groups)
    for test in content["tests"]:
        for case in test.get("alert_rule_test", ()):
            for fired in case["exp_alerts"]:
                assert {"summary", "description", "runbook_url"} == fired["exp_annotations"].keys()


def test_every_series_is_recorded_or_in_the_catalogue() -> None:
    wrong = {}
    for name, expression in EXPRESSIONS:
        recorded = set(re.findall(r"\b[a-z_]+:\w+:\w+", expression))
        rest = re.sub(r"\b[a-z_]+:\w+:\w+", "", expression)
        real = set(re.findall(r"\bcarbon_\w+", rest))
        wrong[name] = (recorded - RECORDED) | (real - LABELS_OF.keys() - LIMITS)
    assert {name: series for name, series in wrong.items() if series} == {}


def test_matchers_name_labels_of_the_metric_they_stand_at() -> None:
    wrong = {}
    for name, expression in EXPRESSIONS:
        for metric, matchers in re.findall(r"\b(carbon_\w+)\{([^}]*)\}", expression):
            labels = set(re.findall(r"(\w+)=", matchers))
            wrong[name, metric] = labels - LABELS_OF.get(metric, labels)
    assert {name: labels for name, labels in wrong.items() if labels} == {}


def test_recorded_names_are_level_metric_operations_and_unique() -> None:
    names = [record.name for record in RECORDS]
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[a-z_]+:[a-z_0-9]+:[a-z_0-9]+", name) for name in names)


@pytest.mark.parametrize("alert", ALERTS, ids=title)
def test_texts_use_only_what_is_looked_up_and_look_up_only_what_is_used(alert: Alert) -> None:
    text = alert.summary + alert.description
    used = set(re.findall(r"\$(\w+)", text)) - {"labels", "now"}
    looked_up = {value.name for value in alert.values} | {name.name for name in alert.names}
    assert used == looked_up


@pytest.mark.parametrize("alert", ALERTS, ids=title)
def test_every_alert_has_a_runbook(alert: Alert) -> None:
    path, anchor = alert.runbook.split("#")
    assert (HOME.parent / path).is_file()
    headings = re.findall(r"^## (.+)$", RUNBOOKS, re.MULTILINE)
    assert anchor in {heading.lower().replace(" ", "-") for heading in headings}


def test_every_runbook_is_of_an_alert() -> None:
    headings = re.findall(r"^## (.+)$", RUNBOOKS, re.MULTILINE)
    assert sorted(headings) == sorted({alert.name for alert in ALERTS})


def test_runbooks_name_only_recorded_series_that_exist() -> None:
    named = set(re.findall(r"`([a-z_]+:\w+:\w+)", RUNBOOKS))
    assert named
    assert named <= RECORDED


def test_grafana_has_the_alerts_that_prometheus_has() -> None:
    told = load(RULES / "alerts.yml")["groups"]
    alerts = {
        f"{rule['alert']} ({rule['labels']['severity']})": rule
        for group in told
        for rule in group["rules"]
    }
    assert GRAFANA.keys() == alerts.keys()
    for name, rule in GRAFANA.items():
        assert rule["data"][0]["model"]["expr"] == alerts[name]["expr"]
        assert rule["for"] == alerts[name]["for"]
        assert rule.get("keepFiringFor") == alerts[name].get("keep_firing_for")
        assert rule["labels"] == alerts[name]["labels"]
        assert rule["annotations"]["runbook_url"] == alerts[name]["annotations"]["runbook_url"]


@pytest.mark.parametrize("rule", GRAFANA.values(), ids=GRAFANA)
def test_grafana_rules_ask_the_provisioned_source_and_refer_to_their_own_steps(rule: Json) -> None:
    sources = load(DEMO / "datasources" / "prometheus.yml")["datasources"]
    known = {source["uid"] for source in sources} | {"__expr__"}
    steps = [step["refId"] for step in rule["data"]]
    assert len(steps) == len(set(steps))
    assert rule["condition"] == "C"
    assert {step["datasourceUid"] for step in rule["data"]} <= known
    assert all(step["model"]["refId"] == step["refId"] for step in rule["data"])


def test_only_what_grafana_takes_as_it_is_has_a_dollar() -> None:
    """Its provisioning expands a dollar in every other text, and knows these fields only."""
    content = load(PROVISIONED / "alerting" / "rules.yml")
    assert content.keys() == {"apiVersion", "groups"}
    for group in content["groups"]:
        assert group.keys() == {"orgId", "name", "folder", "interval", "rules"}
        for rule in group["rules"]:
            assert rule.keys() <= FIELDS
            for step in rule["data"]:
                assert step.keys() == {"refId", "relativeTimeRange", "datasourceUid", "model"}
            raw = [rule.pop("annotations"), *(step.pop("model") for step in rule["data"])]
            assert "$$" not in yaml.safe_dump(raw)
    assert "$" not in yaml.safe_dump(content)


@pytest.mark.parametrize("rule", GRAFANA.values(), ids=GRAFANA)
def test_grafana_texts_read_steps_of_their_own_and_never_query(rule: Json) -> None:
    steps = {step["refId"] for step in rule["data"]}
    for text in rule["annotations"].values():
        assert set(re.findall(r"\$values\.(\w+)", text)) <= steps
        assert "| query" not in text


@pytest.mark.parametrize("rule", GRAFANA.values(), ids=GRAFANA)
def test_grafana_rules_link_to_a_panel_that_exists(rule: Json) -> None:
    board = next(b for b in BOARDS.values() if b["uid"] == rule["dashboardUid"])
    assert rule["panelId"] in {panel["id"] for panel in panels(board)}
    assert rule["annotations"]["__dashboardUid__"] == rule["dashboardUid"]
    assert rule["annotations"]["__panelId__"] == str(rule["panelId"])


def test_every_limit_is_read_by_an_expression_and_has_its_reason() -> None:
    made = "".join(render_rules().values())
    lines = alert_limits.FILE.read_text(encoding="utf-8").splitlines()
    for name in LIMITS:
        assert f"max({name}) or vector(" in made
        at = lines.index(f"      - record: {name}")
        assert lines[at - 1].lstrip().startswith("#")


def test_grafana_ids_are_unique_and_short_enough() -> None:
    uids = [rule["uid"] for rule in GRAFANA.values()]
    assert len(uids) == len(set(uids))
    assert all(re.fullmatch(r"[a-z0-9-]{1,40}", uid) for uid in uids)


def test_policies_name_contact_points_and_contact_points_name_templates() -> None:
    contacts = load(DEMO / "alerting" / "contact-points.yml")["contactPoints"]
    (policy,) = load(DEMO / "alerting" / "policies.yml")["policies"]
    routes = [r for route in policy["routes"] for r in (route, *route.get("routes", ()))]
    receivers = {policy["receiver"], *(route["receiver"] for route in routes)}
    assert receivers <= {contact["name"] for contact in contacts}
    used = set(re.findall(r'template "([^"]+)"', yaml.safe_dump(contacts)))
    (templates,) = load(PROVISIONED / "alerting" / "templates.yml")["templates"]
    assert used
    assert used <= set(re.findall(r'define "([^"]+)"', templates["template"]))
