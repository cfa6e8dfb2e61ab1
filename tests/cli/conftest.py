"""The command line in this process, with an invented cloud in place of a configured one."""

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from exporter import app
from exporter.cli.main import cli
from exporter.core.errors import AuthError, CollectorError, UnreachableError
from exporter.core.model import (
    Basis,
    GridReading,
    Inventory,
    Machine,
    Method,
    PermissionCheck,
    Reading,
    ResourceKey,
    RunState,
    Window,
)
from exporter.core.plugins import ProviderConfig
from exporter.settings import Settings
from tests.support.loggers import loggers_restored
from tests.support.providers import Plain

Run = Callable[..., Result]


def a_machine(
    number: int, kind: str, region: str = "eu-west-3", state: RunState = RunState.RUNNING
) -> Machine:
    key = ResourceKey("aws", "111122223333", region, "ec2_instance", f"i-{number}")
    return Machine(key=key, name=f"web-{number}", instance_type=kind, state=state)


class Cloud(Plain):
    """A provider that answers what a test gave it."""

    name = "aws:test"
    kind = "aws"
    settle = 300

    def __init__(self) -> None:
        self.machines: tuple[Machine, ...] = (
            a_machine(1, "m5.large"),
            a_machine(2, "m5.large", "eu-north-1"),
            a_machine(3, "x9.unheard-of", state=RunState.STOPPED),
        )
        self.failures: tuple[CollectorError, ...] = ()
        self.denied: tuple[str, ...] = ()
        self.down = False
        self.closed = False

    def discover(self) -> Inventory:
        if self.down:
            message = "no answer from the cloud — check the network"
            raise UnreachableError(message)
        return Inventory(machines=self.machines, failures=self.failures)

    def read(self, machines: Sequence[Machine], window: Window) -> Reading:
        raise AssertionError((machines, window))

    def permissions(self) -> list[PermissionCheck]:
        wanted = ("ec2:DescribeInstances", "cloudwatch:GetMetricData")
        return [
            PermissionCheck(permission=name, ok=name not in self.denied, message=f"told of {name}")
            for name in wanted
        ]

    def monthly_cost(self, machines: int, poll_interval: timedelta) -> float:
        return machines * 1000.5 / (poll_interval / timedelta(minutes=5))

    def close(self) -> None:
        self.closed = True


class Grid:
    """A live source of one zone."""

    name = "breeze"
    method = Method.AVERAGE
    basis = Basis.LIFECYCLE
    refresh_seconds = 900
    history_seconds = 0

    def __init__(self) -> None:
        self.trouble: CollectorError | None = None
        self.asked: list[list[str]] = []

    def covers(self, zone: str) -> bool:
        return zone == "FR"

    def fetch(self, zones: Collection[str], start: int, end: int) -> GridReading:
        assert start < end
        self.asked.append(list(zones))
        if self.trouble:
            raise self.trouble
        return GridReading(points=())

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def _loggers() -> Iterator[None]:
    with loggers_restored():
        yield


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run the command line in an empty directory without any variable of ours."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("CARBON_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "200")

    def run_it(*arguments: str) -> Result:
        return CliRunner().invoke(cli, arguments, prog_name="carbon-exporter")

    return run_it


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def grid() -> Grid:
    return Grid()


@pytest.fixture
def configured(
    run: Run, cloud: Cloud, grid: Grid, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Run:
    """Run with the invented cloud and grid configured."""
    section = ProviderConfig(kind="aws", poll_interval=timedelta(minutes=10))

    def build(settings: Settings) -> app.App:
        bare = real(settings.model_copy(update={"providers": (), "grids": ()}))
        return replace(bare, providers=(cloud,), sections={cloud.name: section}, sources=(grid,))

    real = app.build
    monkeypatch.setattr(app, "build", build)
    (tmp_path / "carbon-exporter.yml").write_text("listen: 127.0.0.1:0\nproviders: [host]\n")
    return run


@pytest.fixture
def refusal() -> AuthError:
    return AuthError("eu-north-1: access denied — attach the policy", scope="eu-north-1")
