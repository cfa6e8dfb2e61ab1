"""One odd machine in a recorded listing, over the wire: the others are listed, and it is told."""

from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from exporter.core.clock import epoch
from exporter.core.meter import ApiMeter
from exporter.core.model import Inventory, RunState
from exporter.demo._http import HttpRequest, Reply
from tests.recorded.test_clouds import NOON, Aws, Azure, Gcp, recorded
from tests.support import provider_aws, provider_azure, provider_gcp
from tests.support.clock import ManualClock
from tests.support.provider_fakes import context_of

LEFT_OUT, LISTED = False, True
List = Callable[[Path, bytes], Inventory]


def aws(folder: Path, body: bytes) -> Inventory:
    clock = ManualClock(NOON)
    with Aws(provider_aws.usual_fleet(int(epoch(NOON))), clock) as fake:
        fake.answers = {
            "DescribeInstances": body,
            "DescribeDBInstances": recorded("rds_instances.xml"),
        }
        file = provider_aws.credentials(folder)
        context = context_of(clock, ApiMeter())
        provider = provider_aws.build(context, fake.url, file, regions=["eu-west-1"])
        with closing(provider):
            return provider.discover()


class OddGcp(Gcp):
    """Gives the list of instances that it was told."""

    body = b""

    def reply(self, request: HttpRequest) -> Reply:
        right = super().reply(request)
        listed = b"instanceAggregatedList" in right.body
        return Reply(status=200, body=self.body) if listed else right


def gcp(_folder: Path, body: bytes) -> Inventory:
    clock = ManualClock(NOON)
    with OddGcp(provider_gcp.usual_fleet(int(epoch(NOON))), clock) as fake:
        fake.body = body
        (provider,) = provider_gcp.build(context_of(clock, ApiMeter()), fake)
        with closing(provider):
            return provider.discover()


class OddAzure(Azure):
    """Gives the rows that it was told."""

    body = b""

    def reply(self, request: HttpRequest) -> Reply:
        if b'"Resources' in request.body:
            return Reply(status=200, body=self.body)
        return super().reply(request)


def azure(_folder: Path, body: bytes) -> Inventory:
    clock = ManualClock(NOON)
    with OddAzure(provider_azure.usual_fleet(int(epoch(NOON))), clock) as fake:
        fake.body = body
        config = provider_azure.config_of(fake.url, fake.metrics_url)
        (provider,) = provider_azure.providers_of(config, context_of(clock, ApiMeter()))
        with closing(provider):
            return provider.discover()


CLOUDS: Final[dict[str, tuple[List, str, str]]] = {
    "aws": (aws, "ec2_instances.xml", "ec2_instance"),
    "gcp": (gcp, "gce_instances.json", "gce_instance"),
    "azure": (azure, "graph_rows.json", "azure_vm"),
}
LAUNCH: Final = "<launchTime>2026-03-01T08:00:00.000Z</launchTime>"
STARTED: Final = '"lastStartTimestamp": "2026-03-01T00:12:41.900-08:00"'
MADE: Final = '"timeCreated": "2026-03-01T08:00:00.1234567Z"'
N2: Final = "/zones/europe-west1-b/machineTypes/n2-standard-2"
TYPE: Final = (
    f'"machineType": "https://www.googleapis.com/compute/v1/projects/test-shop-123456{N2}"'
)
ODD: Final = [
    ("aws", LAUNCH, "<launchTime>10000-01-01T00:00:00.000Z</launchTime>", LISTED),
    ("aws", LAUNCH, "<launchTime>yesterday</launchTime>", LISTED),
    ("aws", LAUNCH, "<launchTime/>", LISTED),
    ("aws", LAUNCH, "<launchTime>2026-03-01T13:30:00.000+05:30</launchTime>", LISTED),
    ("aws", "<instanceType>m5.large</instanceType>", "", LISTED),
    ("aws", "<availabilityZone>eu-west-1a</availabilityZone>", "", LISTED),
    ("aws", "<item><key>Name</key><value/></item>", "<item><key>Name</key></item>", LISTED),
    ("aws", "<name>running</name>", "<name>dreaming</name>", LEFT_OUT),
    ("aws", "<instanceId>i-0a01</instanceId>", "", LEFT_OUT),
    ("gcp", STARTED, '"lastStartTimestamp": "10000-01-01T00:00:00Z"', LISTED),
    ("gcp", STARTED, '"lastStartTimestamp": -1', LISTED),
    ("gcp", STARTED, '"lastStartTimestamp": "0001-01-01T00:00:00+05:00"', LISTED),
    ("gcp", '"name": "web"', '"name": null', LISTED),
    ("gcp", TYPE, '"machineType": null', LISTED),
    ("gcp", '"status": "RUNNING"', '"status": "DREAMING"', LISTED),
    ("gcp", '"status": "RUNNING"', '"status": null', LEFT_OUT),
    ("gcp", '"id": "6021970000000000001"', '"id": null', LEFT_OUT),
    ("gcp", '"scheduling": {"provisioningModel"', '"scheduling": 7, "x": {"y"', LEFT_OUT),
    ("gcp", '"zones/asia-east1-a": {', '"zones/nowhere": null, "zones/asia-east1-a": {', LISTED),
    ("azure", MADE, '"timeCreated": "10000-01-01T00:00:00Z"', LISTED),
    ("azure", MADE, '"timeCreated": "0001-01-01T00:00:00+05:00"', LISTED),
    ("azure", MADE, '"timeCreated": 7', LISTED),
    ("azure", '"name": "WEB"', '"name": null', LISTED),
    ("azure", '"vmSize": "Standard_D2s_v5"', '"vmSize": null', LISTED),
    ("azure", '"PowerState/running"', '"PowerState/dreaming"', LISTED),
    ("azure", '"tags": null', '"tags": 7', LEFT_OUT),
    ("azure", '"location": "West Europe"', '"location": null', LEFT_OUT),
]


@pytest.mark.parametrize(("cloud", "right", "odd", "listed"), ODD)
def test_one_odd_machine_takes_no_other_down(
    tmp_path: Path, cloud: str, right: str, odd: str, *, listed: bool
) -> None:
    discover, name, resource_type = CLOUDS[cloud]
    body = recorded(name).decode()
    assert right in body
    list_all = partial(discover, tmp_path)

    usual = list_all(body.encode())
    found = list_all(body.replace(right, odd, 1).encode())

    def keys(inventory: Inventory) -> set[str]:
        return {
            one.key.resource_id
            for one in inventory.machines
            if one.key.resource_type == resource_type
        }

    assert len(keys(usual)) > 1
    assert len(keys(usual) - keys(found)) == (0 if listed else 1)
    assert keys(found) <= keys(usual)
    news = {str(error): error for error in found.failures} | {}
    for known in usual.failures:
        news.pop(str(known), None)
    assert [error.minor for error in news.values()] == ([] if listed else [True])
    assert any(one.state is RunState.RUNNING for one in found.machines)
