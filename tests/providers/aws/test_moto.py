"""moto as a second opinion: a simulation of AWS that others wrote, asked by the same provider."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import boto3
import pytest
from botocore.config import Config as SdkConfig
from moto import mock_aws

from exporter.core.clock import epoch
from exporter.core.meter import ApiMeter
from exporter.core.model import Disk, DiskKind, Machine, RunState, Window
from exporter.core.ports import AdapterContext
from exporter.providers.aws import AwsProvider, Config, build
from tests.support.clock import ManualClock
from tests.support.providers import NoTypes, points

REGION: Final = "eu-west-1"
IMAGE: Final = "ami-03cf127a"
"""One of the images that moto brings along; looking for one takes it seconds."""
NOW: Final = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
START: Final = int(epoch(NOW)) - 3600


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsProvider]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    context = AdapterContext(clock=ManualClock(NOW), meter=ApiMeter(), types=NoTypes())
    with mock_aws():
        (made,) = build(Config(regions=(REGION, "us-east-1")), context)
        yield made
        made.close()


def launch(count: int, instance_type: str = "m5.large", region: str = REGION) -> list[str]:
    client = boto3.client("ec2", region)
    made = client.run_instances(
        ImageId=IMAGE,
        InstanceType=instance_type,  # type: ignore[arg-type] # a literal of hundreds
        MinCount=count,
        MaxCount=count,
        TagSpecifications=[
            {"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": 'the "web"'}]}
        ],
    )
    client.close()
    return [one["InstanceId"] for one in made["Instances"]]


def found_database(provider: AwsProvider, name: str) -> Machine:
    return next(one for one in provider.discover().machines if one.name == name)


def measure(
    instance: str,
    percents: dict[int, float],
    namespace: str = "AWS/EC2",
    dimension: str = "InstanceId",
) -> None:
    report("CPUUtilization", percents, namespace, {dimension: instance})


def report(
    metric: str, percents: dict[int, float], namespace: str, dimensions: dict[str, str]
) -> None:
    # Compressed requests are not understood by moto.
    client = boto3.client("cloudwatch", REGION, config=SdkConfig(disable_request_compression=True))
    client.put_metric_data(
        Namespace=namespace,
        MetricData=[
            {
                "MetricName": metric,
                "Dimensions": [{"Name": n, "Value": v} for n, v in dimensions.items()],
                "Timestamp": NOW - timedelta(seconds=3600 - offset),
                "Value": percent,
                "Unit": "Percent",
            }
            for offset, percent in percents.items()
        ],
    )
    client.close()


def test_a_fleet_of_moto_is_listed_with_types_states_and_tags(provider: AwsProvider) -> None:
    running, stopped, ended = launch(3)
    (arm,) = launch(1, "c6g.4xlarge", "us-east-1")
    client = boto3.client("ec2", REGION)
    client.stop_instances(InstanceIds=[stopped])
    client.terminate_instances(InstanceIds=[ended])
    client.close()

    inventory = provider.discover()

    found = {machine.key.resource_id: machine for machine in inventory.machines}
    assert not inventory.failures
    assert {name: machine.state for name, machine in found.items()} == {
        running: RunState.RUNNING,
        stopped: RunState.STOPPED,
        ended: RunState.GONE,
        arm: RunState.RUNNING,
    }
    assert found[stopped].stopped_at is not None
    assert found[running].name == 'the "web"'
    shape = found[arm].shape
    assert shape is not None
    assert (shape.vcpus, shape.memory_gib, shape.architectures) == (16.0, 32.0, ("arm64",))
    assert shape.threads_per_core == 1


def test_what_was_put_into_cloudwatch_comes_out_as_means_of_buckets(provider: AwsProvider) -> None:
    measured, silent = launch(2)
    measure(measured, {0: 10.0, 60: 20.0, 299: 60.0, 300: 80.0, 900: 100.0})
    machines = provider.discover().machines

    reading = provider.read(machines, Window(start=START, end=START + 900, resolution=300))

    values = {key.resource_id: dict(found) for key, found in points(reading).items()}
    assert values == {
        measured: {START: pytest.approx(0.3), START + 300: pytest.approx(0.8)},
        silent: {},
    }
    assert not reading.unread


def test_volumes_attached_in_moto_are_found_resized_and_detached(provider: AwsProvider) -> None:
    one, other = launch(2)
    client: Any = boto3.client("ec2", REGION)
    made = client.create_volume(AvailabilityZone=f"{REGION}a", Size=500, VolumeType="st1")
    client.create_volume(AvailabilityZone=f"{REGION}a", Size=900, VolumeType="gp3")  # to nothing
    client.attach_volume(VolumeId=made["VolumeId"], InstanceId=one, Device="/dev/sdf")

    attached = {m.key.resource_id: m.disks for m in provider.discover().machines}
    client.detach_volume(VolumeId=made["VolumeId"], InstanceId=one, Device="/dev/sdf")
    detached = {m.key.resource_id: m.disks for m in provider.discover().machines}
    client.close()

    root = Disk(kind=DiskKind.SSD, type="gp2", size_gib=8.0, copies=2.0)
    data = Disk(kind=DiskKind.HDD, type="st1", size_gib=500.0, copies=2.0)
    assert attached == {one: (root, data), other: (root,)}
    assert detached == {one: (root,), other: (root,)}


def test_gpus_that_agents_report_to_moto_are_read(provider: AwsProvider) -> None:
    (equipped,) = launch(1, "g4dn.12xlarge")
    (plain,) = launch(1)
    for index, percent in enumerate([20.0, 40.0, 60.0, 80.0]):
        dimensions = {"InstanceId": equipped, "index": str(index), "name": "Tesla T4"}
        report("nvidia_smi_utilization_gpu", {0: percent, 60: percent}, "CWAgent", dimensions)
    machines = provider.discover().machines

    reading = provider.read(machines, Window(start=START, end=START + 300, resolution=300))

    gpus = {series.key.resource_id: dict(series.gpu) for series in reading.series}
    assert gpus == {equipped: {START: pytest.approx(0.5)}, plain: {}}
    assert not reading.failures


def test_databases_of_moto_are_listed_stopped_and_measured(provider: AwsProvider) -> None:
    client: Any = boto3.client("rds", REGION)
    client.create_db_instance(
        DBInstanceIdentifier="orders",
        DBInstanceClass="db.m5.large",
        Engine="postgres",
        AllocatedStorage=20,
        MasterUsername="demo",
        MasterUserPassword="invented-word",
        Tags=[{"Key": "team", "Value": 'the "shop"'}],
    )
    measure("orders", {0: 10.0, 60: 30.0}, "AWS/RDS", "DBInstanceIdentifier")

    running = found_database(provider, "orders")
    reading = provider.read((running,), Window(start=START, end=START + 300, resolution=300))
    client.stop_db_instance(DBInstanceIdentifier="orders")
    stopped = found_database(provider, "orders")
    client.close()

    assert running.key.resource_id.startswith("db-")
    assert (running.instance_type, running.tags) == ("db.m5.large", {"team": 'the "shop"'})
    assert running.shape is not None
    assert (running.shape.vcpus, running.shape.memory_gib) == (2.0, 8.0)
    assert [(disk.type, disk.size_gib) for disk in running.disks] == [("gp2", 20.0)]
    assert points(reading) == {running.key: {START: pytest.approx(0.2)}}
    assert (running.state, stopped.state) == (RunState.RUNNING, RunState.STOPPED)
    assert stopped.key == running.key


def test_an_account_without_instances_is_empty_and_not_a_failure(provider: AwsProvider) -> None:
    inventory = provider.discover()

    assert inventory.machines == ()
    assert inventory.failures == ()
