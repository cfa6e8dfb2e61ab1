"""The manifests of the exporter: one writer, locked down, and joined by the right names."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter import __version__
from exporter.settings import load

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy/kubernetes"
Json = dict[str, Any]


def documents(name: str) -> list[Json]:
    return list(yaml.safe_load_all((FOLDER / name).read_text(encoding="utf-8")))


KINDS: dict[str, Json] = {one["kind"]: one for one in documents("exporter.yaml")}
(MONITOR,) = documents("servicemonitor.yaml")
(KUSTOMIZATION,) = documents("kustomization.yaml")
POD: Json = KINDS["StatefulSet"]["spec"]["template"]
(CONTAINER,) = POD["spec"]["containers"]


def test_one_pod_writes_the_state_and_keeps_it() -> None:
    spec = KINDS["StatefulSet"]["spec"]
    assert spec["replicas"] == 1
    (claim,) = spec["volumeClaimTemplates"]
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
    mounts = {mount["name"]: mount for mount in CONTAINER["volumeMounts"]}
    assert mounts[claim["metadata"]["name"]]["mountPath"] == "/var/lib/carbon-exporter"
    volumes = {volume["name"] for volume in POD["spec"]["volumes"]}
    assert mounts.keys() == volumes | {claim["metadata"]["name"]}


def test_it_can_change_nothing_but_its_data() -> None:
    pod, container = POD["spec"]["securityContext"], CONTAINER["securityContext"]
    assert pod["runAsNonRoot"] is True
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert f"USER {pod['runAsUser']}:{pod['runAsGroup']}" in dockerfile
    assert pod["fsGroup"] == pod["runAsGroup"]
    assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    for account in (POD["spec"], KINDS["ServiceAccount"]):
        assert account["automountServiceAccountToken"] is False
    assert {"cpu", "memory"} == CONTAINER["resources"]["requests"].keys()
    assert "memory" in CONTAINER["resources"]["limits"]


def test_it_has_longer_to_stop_than_it_takes() -> None:
    assert POD["spec"]["terminationGracePeriodSeconds"] > 9


def test_service_links_do_not_become_settings() -> None:
    """They would set CARBON_EXPORTER_PORT and others, beside the settings CARBON_…."""
    assert POD["spec"]["enableServiceLinks"] is False


@pytest.mark.parametrize(
    ("probe", "path"),
    [
        ("startupProbe", "/-/healthy"),
        ("livenessProbe", "/-/healthy"),
        ("readinessProbe", "/-/ready"),
    ],
)
def test_probes_ask_what_the_exporter_answers(probe: str, path: str) -> None:
    assert CONTAINER[probe]["httpGet"] == {"path": path, "port": "metrics"}


def test_names_and_ports_join() -> None:
    labels = POD["metadata"]["labels"]
    service = KINDS["Service"]
    assert service["spec"]["selector"].items() <= labels.items()
    assert KINDS["StatefulSet"]["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert KINDS["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
    assert KINDS["StatefulSet"]["spec"]["serviceName"] == service["metadata"]["name"]
    chosen = MONITOR["spec"]["selector"]["matchLabels"]
    assert chosen.items() <= service["metadata"]["labels"].items()
    (port,), (endpoint,) = service["spec"]["ports"], MONITOR["spec"]["endpoints"]
    assert endpoint["port"] == port["name"]
    assert port["targetPort"] == CONTAINER["ports"][0]["name"] == "metrics"
    assert port["port"] == CONTAINER["ports"][0]["containerPort"] == 9180


def test_the_job_of_the_scrape_is_the_one_that_the_documentation_names() -> None:
    label = MONITOR["spec"]["jobLabel"]
    assert KINDS["Service"]["metadata"]["labels"][label] == "carbon-exporter"


def test_only_the_namespace_of_prometheus_is_let_in_and_only_to_the_metrics() -> None:
    spec = KINDS["NetworkPolicy"]["spec"]
    assert set(spec["policyTypes"]) == {"Ingress", "Egress"}
    (rule,) = spec["ingress"]
    assert rule["ports"] == [{"port": "metrics", "protocol": "TCP"}]
    (peer,) = rule["from"]
    assert peer.keys() == {"namespaceSelector"}
    anywhere = [rule for rule in spec["egress"] if "to" not in rule]
    assert {port["port"] for rule in anywhere for port in rule["ports"]} == {53, 443}


def test_its_configuration_is_one_that_the_exporter_takes(tmp_path: Path) -> None:
    (text,) = KINDS["ConfigMap"]["data"].values()
    path = tmp_path / "carbon-exporter.yml"
    path.write_text(text)
    assert load(path, {}).providers


def test_the_image_is_of_our_version_until_somebody_names_another() -> None:
    assert CONTAINER["image"] == f"carbon-exporter:{__version__}"
    (image,) = KUSTOMIZATION["images"]
    assert (image["name"], str(image["newTag"])) == ("carbon-exporter", __version__)


def test_the_kustomization_has_every_manifest() -> None:
    files = {path.name for path in FOLDER.glob("*.yaml")} - {"kustomization.yaml"}
    assert set(KUSTOMIZATION["resources"]) == files


def test_kubernetes_own_schema_takes_every_manifest_of_its_own_kinds() -> None:
    schema = pytest.importorskip(
        "kubernetes_validate", reason="pip install kubernetes-validate, to try the manifests"
    )
    for name in ("exporter.yaml", "dashboards.yaml"):
        for one in documents(name):
            schema.validate(one, "1.32", strict=True)
