"""Odd answers of the clouds, as others saw them; the simulated clouds answer all other calls.

Seen in: AWS' API references and SDK examples (states, reasons, hibernation, capacity blocks, a
state code whose high byte is set), Google's references and cloudcost-exporter (partial answers,
AI zones, flexible start), Resource Graph's rows in azure-cost-mon (case of ids, display names of
regions, null tags), azure-sdk-for-go issue #23838 (501 of getBatch).
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from exporter.core.clock import epoch
from exporter.core.errors import CollectorError
from exporter.core.meter import ApiMeter
from exporter.core.model import Machine, RunState, Window
from exporter.demo._http import HttpRequest, Reply
from exporter.demo.aws import AwsFake
from exporter.demo.aws.wire import read_call
from exporter.demo.azure import AzureFake
from exporter.demo.gcp import GcpFake
from exporter.demo.gcp.compute import read_call as read_compute
from tests.support import provider_aws, provider_azure, provider_gcp
from tests.support.clock import ManualClock
from tests.support.provider_fakes import context_of

FOLDER: Final = Path(__file__).parent / "clouds"
NOON: Final = datetime(2026, 3, 2, 12, tzinfo=UTC)
RUNS, OFF, GONE = RunState.RUNNING, RunState.STOPPED, RunState.GONE


def recorded(name: str) -> bytes:
    return (FOLDER / name).read_bytes()


class Aws(AwsFake):
    """Gives recorded answers to some operations."""

    answers: Mapping[str, bytes]

    def reply(self, request: HttpRequest) -> Reply:
        answer = self.answers.get(read_call(request.headers, request.body).operation)
        if answer is None:
            return super().reply(request)
        return Reply(status=200, content_type="text/xml;charset=UTF-8", body=answer)


class Gcp(GcpFake):
    """Gives a recorded list of instances."""

    def reply(self, request: HttpRequest) -> Reply:
        if read_compute(request.path).operation == "instances.aggregatedList":
            return Reply(status=200, body=recorded("gce_instances.json"))
        return super().reply(request)


class Azure(AzureFake):
    """Gives recorded rows of virtual machines, and no metrics but a refusal."""

    refusal = (501, b'{"error":{"code":"NotImplemented","message":"It is not implemented."}}')

    def reply(self, request: HttpRequest) -> Reply:
        if request.path.endswith("metrics:getBatch"):
            status, body = self.refusal
            return Reply(status=status, body=body)
        if b'"Resources' in request.body:
            return Reply(status=200, body=recorded("graph_rows.json"))
        return super().reply(request)


def by_id(machines: tuple[Machine, ...]) -> dict[str, Machine]:
    return {machine.key.resource_id: machine for machine in machines}


@pytest.fixture
def aws_machines(tmp_path: Path) -> dict[str, Machine]:
    clock = ManualClock(NOON)
    fleet = provider_aws.usual_fleet(int(epoch(NOON)))
    with Aws(fleet, clock) as fake:
        fake.answers = {
            "DescribeInstances": recorded("ec2_instances.xml"),
            "DescribeDBInstances": recorded("rds_instances.xml"),
        }
        file = provider_aws.credentials(tmp_path)
        context = context_of(clock, ApiMeter())
        provider = provider_aws.build(context, fake.url, file, regions=["eu-west-1"])
        found = provider.discover()
        provider.close()
    return by_id(found.machines)


def test_ec2_states_are_read_by_their_names(aws_machines: dict[str, Machine]) -> None:
    states = {name: one.state for name, one in aws_machines.items() if name.startswith("i-")}
    assert states == {
        "i-0a01": RUNS,
        "i-0a02": OFF,
        "i-0a03": GONE,
        "i-0a04": GONE,
        "i-0a05": RUNS,
        "i-0a06": OFF,
    }


def test_ec2_ends_are_told_where_the_reason_tells_them(aws_machines: dict[str, Machine]) -> None:
    stopped = {name: one.stopped_at for name, one in aws_machines.items()}
    assert stopped["i-0a02"] == datetime(2026, 3, 2, 6, 12, 44, tzinfo=UTC)
    assert stopped["i-0a03"] == datetime(2026, 3, 2, 5, 0, 1, tzinfo=UTC)
    assert stopped["i-0a04"] is None
    assert aws_machines["i-0a03"].lifecycle == "spot"
    assert aws_machines["i-0a05"].lifecycle == "on_demand"
    assert aws_machines["i-0a04"].cloud_zone == ""


def test_rds_states_that_nobody_listed_run_and_serverless_is_left_out(
    aws_machines: dict[str, Machine],
) -> None:
    found = {n: one for n, one in aws_machines.items() if n.startswith("db-")}
    assert found.keys() == {"db-ORDERS", "db-MADE", "db-ASLEEP"}
    assert (found["db-ORDERS"].state, found["db-ASLEEP"].state) == (RUNS, OFF)
    assert found["db-MADE"].launched_at is None
    assert found["db-MADE"].cloud_zone == ""


def test_partial_answers_of_google_keep_what_was_read() -> None:
    clock = ManualClock(NOON)
    with Gcp(provider_gcp.usual_fleet(int(epoch(NOON))), clock) as fake:
        (provider,) = provider_gcp.build(context_of(clock, ApiMeter()), fake)
        found = provider.discover()
        provider.close()
    machines = {one.name: one for one in found.machines}
    assert {name: one.state for name, one in machines.items()} == {
        "web": RUNS,
        "repaired": OFF,
        "asleep": OFF,
        "flexible": OFF,
        "trainer": RUNS,
    }
    assert machines["trainer"].key.cloud_region == "us-central1"
    assert machines["asleep"].stopped_at == datetime(2026, 3, 2, 9, tzinfo=UTC)
    assert found.unseen_regions == {"us-west8"}
    assert [str(failure) for failure in found.failures if "us-west8" in str(failure)]


def test_rows_of_resource_graph_are_read_in_any_case() -> None:
    clock = ManualClock(NOON)
    with Azure(provider_azure.usual_fleet(int(epoch(NOON))), clock) as fake:
        config = provider_azure.config_of(fake.url, fake.metrics_url)
        (provider,) = provider_azure.providers_of(config, context_of(clock, ApiMeter()))
        found = [m for m in provider.discover().machines if m.key.resource_type == "azure_vm"]
        window = Window(start=int(epoch(NOON)) - 4200, end=int(epoch(NOON)) - 600, resolution=300)
        with pytest.raises(CollectorError) as caught:
            provider.read(found, window)
        provider.close()
    machines = {one.name: one for one in found}
    assert {name: one.state for name, one in machines.items()} == {
        "WEB": RUNS,
        "asleep": OFF,
        "hibernated": OFF,
        "just-made": RUNS,
    }
    assert {one.key.cloud_region for one in found} == {"westeurope"}
    assert machines["WEB"].key.resource_id == machines["WEB"].key.resource_id.lower()
    assert machines["asleep"].lifecycle == "spot"
    assert type(caught.value).__name__ == "UnreachableError"
