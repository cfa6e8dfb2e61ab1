"""The compose demo: valid, hardened, reachable from this machine only, and with all its files."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from exporter import __version__

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "docker-compose.yml"
PREBUILT = ROOT / "compose.prebuilt.yml"
MODEL: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
SERVICES: dict[str, dict[str, Any]] = MODEL["services"]
ONE_SHOT = "service_completed_successfully"
OURS = f"carbon-exporter:{__version__}"

every_service = pytest.mark.parametrize("name", SERVICES)


def run(*command: str | Path) -> str:
    """Return what a command says on both channels.

    It must succeed.
    """
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def needs(tool: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(tool) is None, reason=f"{tool} is not installed")


def waits_for() -> list[tuple[str, str, str]]:
    return [
        (name, other, how["condition"])
        for name, service in SERVICES.items()
        for other, how in service.get("depends_on", {}).items()
    ]


def mounts(service: dict[str, Any]) -> list[list[str]]:
    """Return source, target and options of what is mounted."""
    return [mount.split(":") for mount in service.get("volumes", [])]


def test_it_is_valid_by_the_schema_of_the_compose_specification() -> None:
    check = (sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec")
    run(*check, COMPOSE)


@every_service
def test_no_service_can_take_the_machine(name: str) -> None:
    service = SERVICES[name]
    assert re.fullmatch(r"\d+[mg]", service["mem_limit"])
    assert 0 < service["pids_limit"] <= 1024
    assert service["ulimits"]["nofile"]["soft"] >= 4096
    assert 0 < service["cpus"] <= 1, "a machine may have one CPU, and more than it has is an error"


def docker_compose() -> list[str]:
    """Return Docker Compose as it is installed, as a plugin or alone; nothing where it is not."""
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]) is not None:
            asked = subprocess.run([*command, "version"], check=False, capture_output=True)
            if asked.returncode == 0:
                return command
    return []


def test_docker_compose_reads_it_with_and_without_building() -> None:
    command = docker_compose()
    if not command:
        pytest.skip("Docker Compose is not installed")
    run(*command, "-f", COMPOSE, "config", "--quiet")
    both = ("-f", COMPOSE, "-f", PREBUILT, "config", "--images")
    image = "registry.test/ours:1"
    env = {**os.environ, "CARBON_EXPORTER_IMAGE": image}
    told = subprocess.run([*command, *both], env=env, check=True, capture_output=True, text=True)
    assert image in told.stdout
    assert OURS not in told.stdout


class _Plain(yaml.SafeLoader):
    """Reads Docker Compose's own tags as plain values."""


_Plain.add_constructor("!reset", lambda *_: None)


def test_without_building_the_image_must_be_named_once_for_every_service_that_is_ours() -> None:
    override = yaml.load(PREBUILT.read_text(), _Plain)  # noqa: S506 — a safe loader with one tag more
    ours = {name for name, service in SERVICES.items() if service["image"] == OURS}
    assert override["services"].keys() == ours
    images = {service["image"] for service in override["services"].values()}
    assert len(images) == 1
    assert images.pop().startswith("${CARBON_EXPORTER_IMAGE:?")
    built = [name for name, service in override["services"].items() if "build" in service]
    assert built == [name for name in ours if "build" in SERVICES[name]]


@every_service
def test_its_image_has_a_fixed_version(name: str) -> None:
    image, _, tag = SERVICES[name]["image"].rpartition(":")
    assert image
    assert tag[:1].isdigit() or (tag[:1] == "v" and tag[1:2].isdigit())
    assert tag.count(".") == 2


def test_our_image_is_built_once_and_named_after_our_version() -> None:
    ours = [name for name, s in SERVICES.items() if s["image"].startswith("carbon-exporter")]
    assert {SERVICES[name]["image"] for name in ours} == {OURS}
    assert [name for name in ours if "build" in SERVICES[name]] == ours[:1] == ["backfill"]


@every_service
def test_it_can_change_nothing_but_its_data(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert int(service["user"].split(":")[0]) > 0
    assert not {"privileged", "cap_add", "network_mode", "pid", "ipc", "devices"} & set(service)


@every_service
def test_it_is_reached_from_this_machine_only(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


def test_each_published_port_can_be_another_and_is_usually_its_own() -> None:
    published = [
        re.fullmatch(r"127\.0\.0\.1:\$\{([A-Z]+)_PORT:-(\d+)\}:(\d+)", port)
        for service in SERVICES.values()
        for port in service.get("ports", [])
    ]
    found = [(one[1], one[2]) for one in published if one and one[2] == one[3]]
    assert len(found) == len(published) == 5
    assert len({name for name, _ in found}) == len({port for _, port in found}) == 5


@every_service
def test_what_it_mounts_is_there_and_read_only_where_it_is_a_file_of_ours(name: str) -> None:
    for source, target, *options in mounts(SERVICES[name]):
        if source.startswith("."):
            assert (ROOT / source).exists(), source
            assert options == ["ro,z"], target  # z: SELinux lets a container read it
        else:
            assert source in MODEL["volumes"]


def test_every_volume_is_used() -> None:
    used = {source for service in SERVICES.values() for source, *_ in mounts(service)}
    assert set(MODEL["volumes"]) <= used


@pytest.mark.parametrize(("name", "other", "condition"), waits_for())
def test_what_another_waits_for_comes_to_pass(name: str, other: str, condition: str) -> None:
    if condition == ONE_SHOT:
        assert SERVICES[other]["restart"] == "no", name
    elif condition == "service_started":
        assert (name, other) == ("history", "backfill"), "it reads the days as they are written"
    else:
        assert condition == "service_healthy"
        assert "test" in SERVICES[other]["healthcheck"], name


@every_service
def test_it_says_whether_it_is_well_unless_it_runs_once(name: str) -> None:
    once = name in {other for _, other, condition in waits_for() if condition == ONE_SHOT}
    assert ("healthcheck" in SERVICES[name]) is not once
    assert SERVICES[name]["restart"] == ("no" if once else "unless-stopped")


@every_service
def test_no_check_is_switched_off_or_docker_compose_would_wait_for_it_in_vain(name: str) -> None:
    assert "disable" not in SERVICES[name].get("healthcheck", {})


def test_prometheus_starts_after_the_history_and_the_first_numbers() -> None:
    waits = {name: {other for n, other, _ in waits_for() if n == name} for name in SERVICES}
    assert waits["prometheus"] == {"history", "exporter", "alertmanager"}
    assert waits["exporter"] == waits["history"] == waits["older"] == {"backfill"}
    assert waits["grafana"] == {"prometheus"}


def test_history_has_the_labels_of_the_scrape() -> None:
    scrapes = yaml.safe_load((ROOT / "dashboards/demo/prometheus.yml").read_text())[
        "scrape_configs"
    ]
    ours = next(one for one in scrapes if one["job_name"] == "carbon-exporter")
    (target,) = ours["static_configs"][0]["targets"]
    for name in ("backfill", "older"):
        assert f"--label instance={target}" in SERVICES[name]["command"][0]


def test_every_day_of_history_is_written_and_imported_once() -> None:
    recent, older = (SERVICES[name]["command"][0] for name in ("backfill", "older"))
    assert '--since "$$(cat seam)"' in recent
    assert '--until "$$(cat seam)"' in older
    for part, command in (("recent", recent), ("older", older)):
        assert f"--output {part}" in command
        assert f"touch {part}/complete" in command
    importer = SERVICES["history"]["command"][0]
    assert "for part in recent older; do" in importer
    # A first start that was interrupted leaves nothing behind that would count twice.
    assert "touch recent/anew" in recent
    assert importer.index("/history/recent/anew") < importer.index("promtool tsdb")


def test_alerts_reach_the_receiver_from_alertmanager_alone() -> None:
    told = yaml.safe_load((ROOT / "dashboards/demo/grafana/alerting/policies.yml").read_text())
    (mute,) = told["muteTimes"]
    assert mute["time_intervals"] == [{"times": [{"start_time": "00:00", "end_time": "24:00"}]}]
    ((folder,),) = ([route] for route in told["policies"][0]["routes"])
    rules = yaml.safe_load((ROOT / "dashboards/provisioning/alerting/rules.yml").read_text())
    for group in rules["groups"]:
        assert ["grafana_folder", "=", group["folder"]] in folder["object_matchers"]
    for route in (folder, *folder["routes"]):
        assert route["mute_time_intervals"] == [mute["name"]]


def test_who_is_named_in_a_configuration_is_a_service() -> None:
    prometheus = yaml.safe_load((ROOT / "dashboards/demo/prometheus.yml").read_text())
    managers = prometheus["alerting"]["alertmanagers"]
    groups = [
        g for part in (*prometheus["scrape_configs"], *managers) for g in part["static_configs"]
    ]
    named = {target.split(":")[0] for group in groups for target in group["targets"]}
    assert named - {"localhost"} <= set(SERVICES)
    alerting = yaml.safe_load((ROOT / "dashboards/demo/alertmanager.yml").read_text())
    hooks = [hook["url"] for r in alerting["receivers"] for hook in r["webhook_configs"]]
    provisioned = [
        one
        for file in (ROOT / "dashboards/demo/grafana").rglob("*.yml")
        for one in re.findall(r"^\s+url: (http://\S+)", file.read_text(), re.MULTILINE)
    ]
    assert len(provisioned) > 1
    for url in (*hooks, *provisioned):
        assert urlsplit(url).hostname in SERVICES
    assert {urlsplit(url).netloc for url in hooks} == {"receiver:8080"}
    assert SERVICES["receiver"]["command"] == ["0.0.0.0:8080"]


@needs("promtool")
def test_prometheus_takes_its_configuration_with_every_rule() -> None:
    said = run("promtool", "check", "config", "dashboards/demo/prometheus.yml")
    files = list((ROOT / "dashboards/rules").glob("*.yml"))
    assert len(files) > 1
    assert f"SUCCESS: {len(files)} rule files found" in said


@needs("amtool")
def test_alertmanager_takes_its_configuration() -> None:
    said = run("amtool", "check-config", "dashboards/demo/alertmanager.yml")
    assert "1 receivers" in said
