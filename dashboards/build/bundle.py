"""The same boards and rules for a Grafana, a Prometheus and a Kubernetes of somebody else.

``files`` writes everything with the parameters of a place; ``derived`` is what is committed with
none: the manifests in deploy/kubernetes and the mixin. Both work on what ``render`` and
``render_rules`` made, so a board or a rule knows nothing of it. What the parameters mean to a
reader: docs/bundle.md.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Final, TypeAlias

import yaml

from dashboards.build import HOME, alert_limits, render
from dashboards.build.rules import dump, grafana, render_rules
from dashboards.build.rules.model import RUNBOOKS

Json: TypeAlias = dict[str, Any]

RULES: Final = "rules/"
LIMITS: Final = f"{RULES}limits.yml"
"""Written by hand, and read by hand: for people it goes as it is, with its comments."""
PROVISIONED: Final = "provisioning/alerting/"
TEMPLATES: Final = f"{PROVISIONED}templates.yml"
"""Written by hand: texts that contact points of any Grafana can use."""

PRODUCT: Final = "carbon-exporter"
OPERATOR_API: Final = "monitoring.coreos.com/v1"
"""API of the Prometheus operator's PrometheusRule and ServiceMonitor."""
SIDECAR_LABEL: Final = "grafana_dashboard"
SIDECAR_FOLDER: Final = "grafana_folder"
"""What the sidecar of Grafana's Helm chart looks for: label, and annotation with the folder."""

OLDEST_GRAFANA: Final = "11.0.0"
INPUT: Final = "DS_PROMETHEUS"
"""Name by which Grafana's import dialog asks for the data source."""

_MADE: Final = "Made by `make dashboards`. Do not edit."


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What differs from place to place; the defaults are those of the committed files.

    ``datasource_uid`` is asked by Grafana's rules and is first chosen on the boards;
    ``runbooks`` is the address of docs/runbooks.md; ``selector`` are matchers that every series
    of the exporter must fulfil, such as ``job="carbon"``. ``namespace`` and ``labels`` go to the
    metadata of Kubernetes objects.
    """

    datasource_uid: str = ""
    runbooks: str = ""
    selector: str = ""
    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


def files(parameters: Parameters) -> Mapping[str, str]:
    """Give relative path and text of every file for a place.

    Raises:
        ValueError: the selector is none.
    """
    boards = _boards(parameters)
    rules = _rules(parameters)
    templates = (HOME / TEMPLATES).read_text(encoding="utf-8")
    return {
        **{f"dashboards/{name}": _encode(board) for name, board in boards.items()},
        **{path: f"{head}{dump(content)}" for path, (head, content) in rules.items()},
        LIMITS: alert_limits.FILE.read_text(encoding="utf-8"),
        TEMPLATES: templates,
        "kubernetes/prometheusrule.yaml": _prometheus_rules(rules, parameters),
        "kubernetes/dashboards.yaml": _config_maps(boards, parameters),
        **{f"grafana.com/{name}": _encode(shareable(board)) for name, board in boards.items()},
    }


def derived() -> Mapping[str, str]:
    """Give path in the repository and text of what is committed beside boards and rules."""
    here = Parameters()
    boards, rules = _boards(here), _rules(here)
    return {
        "deploy/kubernetes/prometheusrule.yaml": _prometheus_rules(rules, here),
        "deploy/kubernetes/dashboards.yaml": _config_maps(boards, here),
        "mixin/mixin.libsonnet": _mixin(boards, rules),
    }


# The parameters


_MATCHER: Final = re.compile(r'([A-Za-z_]\w*)\s*(=~|!~|!=|=)\s*("(?:\\.|[^"\\`%$])*")')
_STRING: Final = r"""(?:"(?:\\.|[^"\\])*"|`[^`]*`)"""
"""In double quotes, or raw in backquotes, as the boards write what a variable holds."""
_SERIES: Final = r"(?<![\w:$.])(?:(?:carbon(?!_limit_)|process|python|scrape)_\w+|up)(?![\w:(])"
_TOKEN: Final = re.compile(f"{_STRING}|{_SERIES}")
"""A string, or a series of the exporter or of its scrape; recorded ones have a colon, and limits
come from no exporter."""
_STRING_OR_END: Final = re.compile(f"{_STRING}|}}")


def matchers(selector: str) -> Mapping[str, str]:
    """Split a selector into label and whole matcher.

    Raises:
        ValueError: it is none, or holds what would mean something else in a template: `, % or $.
    """
    found: dict[str, str] = {}
    rest = selector.strip().removeprefix("{").removesuffix("}").strip()
    while rest:
        match = _MATCHER.match(rest)
        after = rest[match.end() :].lstrip() if match else ""
        if match is None or not (after == "" or after.startswith(",")):
            message = f'{selector!r} — write matchers such as job="carbon", cluster=~"a|b"'
            raise ValueError(message)
        found[match[1]] = match[0]
        rest = after.removeprefix(",").lstrip()
    return found


def selected(expression: str, wanted: Mapping[str, str]) -> str:
    """Narrow each series of the exporter to the wanted matchers.

    A matcher of the expression with one of their labels and a fixed text gives way; one with a
    variable of Grafana stays beside it.
    """
    if not wanted:
        return expression
    parts, done = [], 0
    for token in _TOKEN.finditer(expression):
        if token[0].startswith(('"', "`")) or token.start() < done:
            continue
        parts.append(expression[done : token.end()])
        done = token.end()
        own = []
        if expression.startswith("{", done):
            end = _closing(expression, done)
            own = [one for one in _split(expression[done + 1 : end]) if _stays(one, wanted)]
            done = end + 1
        parts.append("{" + ", ".join((*own, *wanted.values())) + "}")
    return "".join((*parts, expression[done:]))


def _closing(text: str, start: int) -> int:
    """Return where the brace at ``start`` closes; one in a string does not count."""
    ends = _STRING_OR_END.finditer(text, start)
    return next(match.start() for match in ends if match[0] == "}")


def _split(inside: str) -> list[str]:
    parts = re.findall(f'(?:{_STRING}|[^,"`])+', inside)
    return [part.strip() for part in parts if part.strip()]


def _stays(matcher: str, wanted: Mapping[str, str]) -> bool:
    fixed = _MATCHER.fullmatch(matcher)
    return fixed is None or fixed[1] not in wanted


def _texts(node: Any, change: Callable[[str, str], str], key: str = "") -> Any:  # noqa: ANN401 — JSON
    """Change every text of a JSON value; ``change`` is told the key that it stands under."""
    if isinstance(node, dict):
        asks = "refId" in node
        return {k: _texts(v, change, f"{'ref:' if asks else ''}{k}") for k, v in node.items()}
    if isinstance(node, list):
        return [_texts(one, change, key) for one in node]
    return change(key, node) if isinstance(node, str) else node


_ASKED: Final = {"expr", "ref:expr", "ref:query", "definition"}
"""Keys of PromQL: of panels, rules, annotations and variables."""


def _changed(parameters: Parameters) -> Callable[[str, str], str]:
    wanted = matchers(parameters.selector)

    def change(key: str, text: str) -> str:
        if key in _ASKED:
            return selected(text, wanted)
        return text.replace(RUNBOOKS, parameters.runbooks) if parameters.runbooks else text

    return change


def _boards(parameters: Parameters) -> dict[str, Json]:
    change = _changed(parameters)
    boards: dict[str, Json] = {
        name: _texts(json.loads(text), change) for name, text in render().items()
    }
    if parameters.datasource_uid:
        for board in boards.values():
            _choose(board, parameters.datasource_uid)
    return boards


def _choose(board: Json, uid: str) -> None:
    for variable in board["templating"]["list"]:
        if variable["type"] == "datasource":
            variable["current"] = {"selected": True, "text": uid, "value": uid}


Rules: TypeAlias = Mapping[str, tuple[str, Json]]
"""Path to the comment at a file's head and its content."""


def _rules(parameters: Parameters) -> Rules:
    change = _changed(parameters)
    made = {}
    for path, text in render_rules().items():
        head = "".join(re.findall(r"^#.*\n", text, re.MULTILINE)[: _heading(text)])
        content = _texts(yaml.safe_load(text), change)
        if path.startswith(PROVISIONED) and parameters.datasource_uid:
            _ask(content, parameters.datasource_uid)
        made[path] = (change("", head), content)
    made[LIMITS] = ("", yaml.safe_load(alert_limits.FILE.read_text(encoding="utf-8")))
    return made


def _heading(text: str) -> int:
    lines = text.splitlines()
    return next(number for number, line in enumerate(lines) if not line.startswith("#"))


def _ask(content: Json, uid: str) -> None:
    for group in content["groups"]:
        for rule in group["rules"]:
            for step in rule["data"]:
                if step["datasourceUid"] == grafana.DATASOURCE:
                    step["datasourceUid"] = uid


# Kubernetes


def _prometheus_rules(rules: Rules, parameters: Parameters) -> str:
    return _documents(
        {
            "apiVersion": OPERATOR_API,
            "kind": "PrometheusRule",
            "metadata": _metadata(f"{PRODUCT}-{PurePosixPath(path).stem}", parameters),
            "spec": {"groups": content["groups"]},
        }
        for path, content in _of_prometheus(rules)
    )


def _config_maps(boards: Mapping[str, Json], parameters: Parameters) -> str:
    """Put each board into a ConfigMap of its own, in one line: kubectl refuses long ones."""
    return _documents(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                **_metadata(
                    f"{PRODUCT}-{PurePosixPath(name).stem}", parameters, {SIDECAR_LABEL: "1"}
                ),
                "annotations": {SIDECAR_FOLDER: grafana.FOLDER},
            },
            "data": {
                f"carbon-{name}": json.dumps(board, separators=(",", ":"), ensure_ascii=False)
                + "\n"
            },
        }
        for name, board in boards.items()
    )


def _metadata(name: str, parameters: Parameters, more: Mapping[str, str] | None = None) -> Json:
    place = {"namespace": parameters.namespace} if parameters.namespace else {}
    labels = {"app.kubernetes.io/name": PRODUCT, **(more or {}), **parameters.labels}
    return {"name": name, **place, "labels": labels}


def _of_prometheus(rules: Rules) -> Iterator[tuple[str, Json]]:
    return ((path, content) for path, (_, content) in rules.items() if path.startswith(RULES))


def _documents(contents: Iterator[Json]) -> str:
    return f"# {_MADE}\n" + "".join(f"---\n{dump(content)}" for content in contents)


# Grafana's catalogue


def shareable(board: Json) -> Json:
    """Give a board as Grafana exports one for others: it asks for its data source on import."""
    shared: Json = json.loads(json.dumps(board))
    _choose(shared, f"${{{INPUT}}}")
    panels = sorted({panel["type"] for panel in _panels(shared)} - {"row"})
    return {
        "__inputs": [
            {
                "name": INPUT,
                "label": "Prometheus",
                "description": "The Prometheus that scrapes carbon-exporter",
                "type": "datasource",
                "pluginId": "prometheus",
                "pluginName": "Prometheus",
            }
        ],
        "__elements": {},
        "__requires": [
            {"type": "grafana", "id": "grafana", "name": "Grafana", "version": OLDEST_GRAFANA},
            {"type": "datasource", "id": "prometheus", "name": "Prometheus", "version": "1.0.0"},
            *({"type": "panel", "id": kind, "name": kind, "version": ""} for kind in panels),
        ],
        **shared,
        "id": None,
    }


def _panels(board: Json) -> Iterator[Json]:
    for panel in board["panels"]:
        yield panel
        yield from panel.get("panels", ())


# The mixin


_MIXIN: Final = """// {made}
//
// A mixin as jsonnet tooling expects it: boards, recording rules and alerts of this repository.
// Limits: dashboards/rules/limits.yml. Another selector than all series: docs/bundle.md.
{{
  _config+:: {{
    // Address of docs/runbooks.md as your readers reach it.
    runbooks: '{runbooks}',
    // Uid of the data source that the boards choose first; '' leaves it to Grafana.
    datasourceUid: '',
  }},

  local config = self._config,
  local told(group) = group {{
    rules: [
      if std.objectHas(rule, 'annotations') then rule {{
        annotations+: {{
          runbook_url: std.strReplace(super.runbook_url, '{runbooks}', config.runbooks),
        }},
      }} else rule
      for rule in super.rules
    ],
  }},
  local groups(text) = std.map(told, std.parseYaml(text).groups),
  local chosen(board) = if config.datasourceUid == '' then board else board {{
    templating+: {{
      list: [
        if variable.type == 'datasource' then variable {{
          current: {{ selected: true, text: config.datasourceUid, value: config.datasourceUid }},
        }} else variable
        for variable in super.list
      ],
    }},
  }},

  grafanaDashboards+:: {{
{boards}
  }},

  prometheusRules+:: {{
    groups+: {records},
  }},

  prometheusAlerts+:: {{
    groups+: {alerts},
  }},
}}
"""


def _mixin(boards: Mapping[str, Json], rules: Rules) -> str:
    told = [
        (path, any("alert" in rule for group in content["groups"] for rule in group["rules"]))
        for path, content in _of_prometheus(rules)
    ]
    return _MIXIN.format(
        made=_MADE,
        runbooks=RUNBOOKS,
        boards="\n".join(
            f"    'carbon-{name}': chosen(import '../dashboards/{name}')," for name in boards
        ),
        records=_imported(path for path, alerts in told if not alerts),
        alerts=_imported(path for path, alerts in told if alerts),
    )


def _imported(paths: Iterator[str]) -> str:
    return " + ".join(f"groups(importstr '../dashboards/{path}')" for path in paths)


def _encode(board: Json) -> str:
    return json.dumps(board, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
