"""The boards and rules for another place: parameters, Kubernetes, the mixin, grafana.com."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards.build import HOME, bundle
from dashboards.build.__main__ import main, stale_derived, write_below
from dashboards.build.alert_limits import PREFIX
from dashboards.build.bundle import Parameters, matchers, selected
from dashboards.build.rules.model import RUNBOOKS
from tests.support.boards import panels, variables
from tests.support.promql import read

Json = dict[str, Any]
ROOT = HOME.parent
PLACE = Parameters(
    datasource_uid="my-prometheus",
    runbooks="https://git.test/carbon/runbooks.md",
    selector='job="carbon", cluster=~"a|b"',
    namespace="monitoring",
    labels={"release": "stack"},
)
HERE, THERE = bundle.files(Parameters()), bundle.files(PLACE)
DERIVED = bundle.derived()
CLIENT_SIDE_LIMIT = 262_144
"""Bytes of an annotation in Kubernetes: `kubectl apply` keeps a whole object in one."""


def documents(text: str) -> list[Json]:
    return list(yaml.safe_load_all(text))


def boards(files: Mapping[str, str], folder: str = "dashboards") -> dict[str, Json]:
    return {
        name.removeprefix(f"{folder}/"): json.loads(text)
        for name, text in files.items()
        if name.startswith(f"{folder}/")
    }


def rules(files: Mapping[str, str]) -> Iterator[Json]:
    for name, text in files.items():
        if name.startswith(("rules/", "provisioning/")) and name != bundle.TEMPLATES:
            for group in yaml.safe_load(text)["groups"]:
                yield from group["rules"]


def asked(files: Mapping[str, str]) -> Iterator[str]:
    """Every PromQL of rules and boards, and of the boards' variables."""
    for rule in rules(files):
        yield from (rule["expr"],) if "expr" in rule else ()
        yield from (
            step["model"]["expr"] for step in rule.get("data", ()) if "expr" in step["model"]
        )
    for board in boards(files).values():
        yield from variables(board)
        targets = (t for panel in panels(board) for t in panel.get("targets", ()))
        yield from (target["expr"] for target in targets if "expr" in target)


def test_without_parameters_it_is_what_is_committed() -> None:
    for name, text in HERE.items():
        if name.startswith(("dashboards/", "rules/", "provisioning/")):
            path = HOME / name.removeprefix("dashboards/")
            assert path.read_text(encoding="utf-8") == text, name


def test_what_is_derived_is_committed_and_drift_is_seen(tmp_path: Path) -> None:
    assert stale_derived(ROOT) == []
    write_below(DERIVED, tmp_path)
    assert stale_derived(tmp_path) == []
    changed, missing, *_ = DERIVED
    (tmp_path / changed).write_text("")
    (tmp_path / missing).unlink()
    assert stale_derived(tmp_path) == [changed, missing]


# The selector


@pytest.mark.parametrize(
    ("expression", "narrowed"),
    [
        ("carbon_x", 'carbon_x{job="a"}'),
        ("sum by (job) (carbon_x[5m])", 'sum by (job) (carbon_x{job="a"}[5m])'),
        ('carbon_x{scope="b}"} offset 1d', 'carbon_x{scope="b}", job="a"} offset 1d'),
        ('up{job="carbon-exporter"} == 0', 'up{job="a"} == 0'),
        ('carbon_x{job=~"$job",a="b,c"}', 'carbon_x{job=~"$job", a="b,c", job="a"}'),
        ("account:carbon_x:usual > 1", "account:carbon_x:usual > 1"),
        ('{__name__="carbon_x"}', '{__name__="carbon_x"}'),
        ("label_values(carbon_x, job)", 'label_values(carbon_x{job="a"}, job)'),
        ("carbon_x{provider=%q}", 'carbon_x{provider=%q, job="a"}'),
        ("node_up + scale_up_total", "node_up + scale_up_total"),
        ("carbon_x{a=~`${v:regex}, {`}", 'carbon_x{a=~`${v:regex}, {`, job="a"}'),
        ("max(carbon_limit_x) or vector(5)", "max(carbon_limit_x) or vector(5)"),
    ],
)
def test_the_exporters_series_are_narrowed_and_no_other(expression: str, narrowed: str) -> None:
    assert selected(expression, matchers('job="a"')) == narrowed
    assert selected(expression, matchers("")) == expression


def test_every_series_of_the_exporter_is_narrowed_in_every_rule_and_board() -> None:
    found = [(text, one) for text in asked(THERE) for one in read(text).selectors]
    ours = [
        (text, one)
        for text, one in found
        if one.metric.startswith(("carbon_", "process_")) and not one.metric.startswith(PREFIX)
    ]
    assert len(ours) > 100
    assert [text for text, one in ours if not {"job", "cluster"} <= one.labels] == []


def test_limits_go_along_word_for_word_with_their_reasons() -> None:
    assert THERE[bundle.LIMITS] == (HOME / bundle.LIMITS).read_text(encoding="utf-8")


def test_texts_of_alerts_ask_for_nothing_that_a_selector_would_narrow() -> None:
    """They look up what the rules recorded, and limits: both are the same for every selector."""
    queries = [
        query
        for rule in rules(THERE)
        for text in rule.get("annotations", {}).values()
        for query in text.split("`")[1::2]
    ]
    assert any("carbon_" in query for query in queries)
    raw = re.compile(r"(?<![\w:])(?:carbon_(?!limit_)|process_|up\b)\w*(?![\w:])")
    assert [query for query in queries if raw.search(re.sub(r'"[^"]*"', "", query))] == []


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")
def test_promtool_takes_the_narrowed_rules(tmp_path: Path) -> None:
    write_below(THERE, tmp_path)
    command = ["promtool", "check", "rules", *map(str, (tmp_path / "rules").glob("*.yml"))]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "selector", ["job=carbon", 'job="a" cluster="b"', 'job="$x"', 'job="%s"', "job='a'", "carbon"]
)
def test_what_is_no_selector_is_refused(
    selector: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--output", str(tmp_path), "--selector", selector])
    assert ended.value.code == 2
    assert 'write matchers such as job="carbon"' in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


# Data source and runbooks


def test_grafanas_rules_ask_the_named_source_and_boards_choose_it_first() -> None:
    steps = [step for rule in rules(THERE) for step in rule.get("data", ())]
    assert {step["datasourceUid"] for step in steps} == {"my-prometheus", "__expr__"}
    for board in boards(THERE).values():
        (source,) = (v for v in board["templating"]["list"] if v["type"] == "datasource")
        assert source["current"]["value"] == "my-prometheus"


def test_every_link_to_a_runbook_leads_to_the_named_address() -> None:
    for name, text in THERE.items():
        assert RUNBOOKS not in text.replace(PLACE.runbooks, ""), name
    urls = {rule["annotations"]["runbook_url"] for rule in rules(THERE) if "annotations" in rule}
    assert urls
    assert all(url.startswith(f"{PLACE.runbooks}#") for url in urls)


# The command


def test_the_command_writes_every_file_below_its_folder(tmp_path: Path) -> None:
    place = ["--datasource-uid", PLACE.datasource_uid, "--runbooks", PLACE.runbooks]
    kubernetes = ["--namespace", PLACE.namespace, "--label", "release=stack"]
    folder = tmp_path / "new"
    selector = ["--selector", PLACE.selector]
    assert main(["--output", str(folder), *place, *selector, *kubernetes]) == 0
    written = {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8")
        for path in folder.rglob("*")
        if path.is_file()
    }
    assert written == THERE


def test_parameters_without_a_folder_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--datasource-uid", "x"])
    assert ended.value.code == 2
    assert "--output" in capsys.readouterr().err


# Kubernetes


def test_prometheus_rules_hold_what_the_rule_files_hold() -> None:
    made = documents(DERIVED["deploy/kubernetes/prometheusrule.yaml"])
    files = [text for name, text in HERE.items() if name.startswith("rules/")]
    assert [one["spec"] for one in made] == [yaml.safe_load(text) for text in files]
    assert {(one["apiVersion"], one["kind"]) for one in made} == {
        ("monitoring.coreos.com/v1", "PrometheusRule")
    }


def test_each_board_is_a_config_map_that_the_sidecar_finds_and_kubectl_takes() -> None:
    made = documents(DERIVED["deploy/kubernetes/dashboards.yaml"])
    found = {}
    for one in made:
        assert one["kind"] == "ConfigMap"
        assert one["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert len(json.dumps(json.dumps(one))) < CLIENT_SIDE_LIMIT, one["metadata"]["name"]
        ((name, text),) = one["data"].items()
        found[name.removeprefix("carbon-")] = json.loads(text)
    assert found == boards(HERE)


def test_kubernetes_objects_bear_the_named_namespace_and_labels() -> None:
    made = [
        one
        for name in ("prometheusrule", "dashboards")
        for one in documents(THERE[f"kubernetes/{name}.yaml"])
    ]
    assert made
    assert all(one["metadata"]["namespace"] == "monitoring" for one in made)
    assert all(one["metadata"]["labels"]["release"] == "stack" for one in made)


# Grafana's catalogue and the mixin


def test_a_board_for_grafana_com_asks_for_its_source_and_names_what_it_needs() -> None:
    shared = boards(THERE, "grafana.com")
    assert shared.keys() == boards(THERE).keys()
    for board in shared.values():
        (wanted,) = board["__inputs"]
        (source,) = (v for v in board["templating"]["list"] if v["type"] == "datasource")
        assert source["current"]["value"] == f"${{{wanted['name']}}}"
        needs = {(one["type"], one["id"]) for one in board["__requires"]}
        kinds = {panel["type"] for panel in panels(board)} - {"row"}
        assert {kind for of, kind in needs if of == "panel"} == kinds
        assert {("grafana", "grafana"), ("datasource", "prometheus")} <= needs
        assert board["id"] is None
        assert PLACE.datasource_uid not in json.dumps(board)


def test_the_mixin_has_every_board_and_every_rule_file() -> None:
    text = DERIVED["mixin/mixin.libsonnet"]
    assert all(f"'../dashboards/{name}'" in text for name in boards(HERE))
    assert all(f"'../dashboards/{name}'" in text for name in HERE if name.startswith("rules/"))


def test_jsonnet_takes_the_mixin_and_its_configuration() -> None:
    jsonnet = pytest.importorskip("_gojsonnet", reason="pip install gojsonnet, to try the mixin")

    def found(folder: str, path: str) -> tuple[str, bytes]:
        file = (Path(folder) / path).resolve()
        return str(file), file.read_bytes()

    text = (
        f"local m = (import '{ROOT}/mixin/mixin.libsonnet') + "
        "{_config+:: {runbooks: 'https://r.test/x.md', datasourceUid: 'U'}};"
        "{b: m.grafanaDashboards, r: m.prometheusRules, a: m.prometheusAlerts}"
    )
    made = json.loads(jsonnet.evaluate_snippet("try", text, import_callback=found))
    assert {name.removeprefix("carbon-") for name in made["b"]} == boards(HERE).keys()
    assert made["r"]["groups"] == yaml.safe_load(HERE["rules/recording.yml"])["groups"]
    alerts = [rule for group in made["a"]["groups"] for rule in group["rules"]]
    assert all(
        rule["annotations"]["runbook_url"].startswith("https://r.test/x.md#") for rule in alerts
    )
    (source,) = (
        v
        for v in made["b"]["carbon-overview.json"]["templating"]["list"]
        if v["type"] == "datasource"
    )
    assert source["current"]["value"] == "U"
