"""The verbs through the production adapters: the demo estate on loopback, and nobody at all."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from exporter.core.clock import SystemClock
from exporter.demo.aws import AwsFake, access_key_id
from exporter.demo.estate import Estate, demo_estate
from tests.cli.conftest import Run

ENVIRONMENT = {
    "AWS_SECRET_ACCESS_KEY": "hunter2hunter2",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


@dataclass(frozen=True, kw_only=True)
class World:
    estate: Estate
    run: Run


@pytest.fixture
def world(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[World]:
    estate = demo_estate()
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", access_key_id(estate.accounts[0]))
    with AwsFake(estate, SystemClock()) as aws:
        write_config(tmp_path, aws.url)
        yield World(estate=estate, run=run)


def write_config(folder: Path, url: str) -> None:
    section = f"{{kind: aws, endpoint_url: '{url}', max_attempts: 1, regions: [eu-west-1]}}"
    (folder / "carbon-exporter.yml").write_text(
        f"listen: 127.0.0.1:0\ngrids: []\nproviders: [{section}]\n"
    )


def test_discover_lists_the_estate_machines_of_the_account(world: World) -> None:
    result = world.run("discover", "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    machines = json.loads(result.stdout)["machines"]
    account = world.estate.accounts[0]
    permanent = {
        one.resource_id
        for one in world.estate.machines
        if (one.account, one.region) == (account, "eu-west-1")
    }
    assert len(permanent & {one["resource_id"] for one in machines}) > 5
    assert {(one["account"], one["cloud_region"]) for one in machines} == {(account, "eu-west-1")}
    assert all(one["watts_full"] >= one["watts_idle"] > 0 for one in machines)


def test_check_is_content_with_the_estate(world: World) -> None:
    result = world.run("check")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "ec2:DescribeInstances" in result.stdout
    assert "a month for" in result.stdout
    assert "hunter2" not in result.output


@pytest.mark.parametrize("verb", ["check", "discover"])
def test_credentials_that_are_refused_are_one_line_each(
    world: World, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA0000000000000000")
    result = world.run(verb)
    assert result.exit_code == 1
    assert "AWS does not accept these credentials" in result.output
    assert "Traceback" not in result.output
    assert "hunter2" not in result.output


@pytest.mark.parametrize("verb", ["check", "discover"])
def test_no_network_is_told_with_a_fix(world: World, verb: str, tmp_path: Path) -> None:
    write_config(tmp_path, "http://127.0.0.1:9")
    result = world.run(verb)
    assert result.exit_code == 1
    assert "no answer" in result.output
    assert "check network, proxy and endpoint" in result.output
    assert "Traceback" not in result.output


def test_no_credentials_are_told_with_a_fix(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    result = world.run("discover")
    assert result.exit_code == 1
    assert "no usable AWS credentials" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_wrong_region_is_bad_configuration(world: World, tmp_path: Path) -> None:
    path = tmp_path / "carbon-exporter.yml"
    path.write_text(path.read_text().replace("eu-west-1", "eu-wset-1"))
    result = world.run("discover")
    assert result.exit_code == 2
    assert "providers[0].regions[0]: 'eu-wset-1'" in result.stderr
    assert "eu-west-1" in result.stderr
