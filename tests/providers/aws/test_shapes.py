"""Types that the shipped table lacks are asked for, once."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from exporter.core.clock import epoch
from exporter.core.errors import BadPayloadError
from exporter.core.model import Machine, Shape
from exporter.data.machine_types import hardware_type
from exporter.demo.aws import Fault, FaultKind
from exporter.providers.aws.errors import Call
from exporter.providers.aws.shapes import TypeFacts, shape
from tests.support.clock import ManualClock
from tests.support.provider_aws import AwsHarness, usual_fleet
from tests.support.providers import NoTypes, SomeTypes

CALL = Call(permission="ec2:DescribeInstanceTypes", region="eu-west-1")


def by_type(machines: tuple[Machine, ...]) -> dict[str, Shape | None]:
    return {machine.instance_type: machine.shape for machine in machines}


def test_the_cloud_tells_what_the_table_lacks(tmp_path: Path) -> None:
    harness = AwsHarness(tmp_path, types=SomeTypes("m5.large"))

    shapes = by_type(harness.provider.discover().machines)
    harness.close()

    assert shapes["m5.large"] is None
    assert shapes["c7g.xlarge"] == Shape(
        vcpus=4.0, memory_gib=8.0, architectures=("arm64",), threads_per_core=1
    )
    assert shapes["g4dn.xlarge"] == Shape(
        vcpus=4.0,
        memory_gib=16.0,
        architectures=("x86_64",),
        threads_per_core=2,
        gpu_model="NVIDIA T4",
        gpu_count=1.0,
    )


def test_nothing_is_asked_where_the_table_knows_all(tmp_path: Path) -> None:
    fleet = usual_fleet(int(epoch(ManualClock().now()))).machines
    known = SomeTypes(*(hardware_type("aws", one.instance_type) for one in fleet))
    harness = AwsHarness(tmp_path, types=known)

    harness.provider.discover()
    asked = harness.requests()
    harness.close()

    assert "DescribeInstanceTypes" not in asked


def test_an_answer_is_remembered(tmp_path: Path) -> None:
    harness = AwsHarness(tmp_path)

    harness.provider.discover()
    first = harness.requests()["DescribeInstanceTypes"]
    harness.provider.discover()
    second = harness.requests()["DescribeInstanceTypes"]
    harness.close()

    assert first == second


def test_without_the_permission_machines_are_listed_and_the_permission_is_named(
    tmp_path: Path,
) -> None:
    harness = AwsHarness(tmp_path)
    denied = Fault(kind=FaultKind.MISSING_PERMISSION, operation="DescribeInstanceTypes")
    harness.fake.faults.add(denied)

    without = harness.provider.discover()
    harness.heal()
    after = harness.provider.discover()
    harness.close()

    assert len(without.machines) == len(after.machines)
    assert all("ec2:DescribeInstanceTypes in" in str(failure) for failure in without.failures)
    assert without.failures
    assert not without.unseen_regions
    assert set(by_type(without.machines).values()) == {None}
    assert not after.failures
    assert None not in by_type(after.machines).values()


class _Nobody:
    """Stands for a region whose type catalogue has none of the types asked for."""

    def get_paginator(self, _name: str) -> "_Nobody":
        return self

    def paginate(self, **_: object) -> list[dict[str, list[object]]]:
        return [{"InstanceTypes": []}]


def test_a_type_that_nobody_knows_is_logged_once() -> None:
    facts = TypeFacts(NoTypes())

    with capture_logs() as logs:
        for _ in range(2):
            facts.learn({"x9.huge"}, _Nobody(), CALL)  # type: ignore[arg-type] # a stand-in

    assert facts.find("x9.huge") is None
    assert [entry["instance_type"] for entry in logs] == ["x9.huge"]


def test_fractions_of_a_gpu_and_whole_servers_are_understood() -> None:
    read = shape(
        {
            "InstanceType": "g6f.metal",
            "VCpuInfo": {"DefaultVCpus": 8, "DefaultThreadsPerCore": 2},
            "MemoryInfo": {"SizeInMiB": 1536},
            "ProcessorInfo": {"SupportedArchitectures": ["i386", "x86_64"]},
            "GpuInfo": {
                "Gpus": [
                    {
                        "Name": "L4",
                        "Manufacturer": "NVIDIA",
                        "Count": 0,
                        "LogicalGpuCount": 1,
                        "GpuPartitionSize": 0.125,
                    }
                ]
            },
            "BareMetal": True,
            "BurstablePerformanceSupported": True,
        },
        CALL,
    )

    assert read == Shape(
        vcpus=8.0,
        memory_gib=1.5,
        architectures=("x86_64",),
        threads_per_core=2,
        gpu_model="NVIDIA L4",
        gpu_count=0.125,
        host_vcpus=8.0,
        shared_core=True,
    )


def test_a_type_without_size_is_an_error() -> None:
    with pytest.raises(BadPayloadError, match=r"m9\.large without vCPUs or memory"):
        shape({"InstanceType": "m9.large", "VCpuInfo": {}}, CALL)


def test_accelerators_that_are_no_gpus_are_counted() -> None:
    read = shape(
        {
            "InstanceType": "trn9.huge",
            "VCpuInfo": {"DefaultVCpus": 8},
            "MemoryInfo": {"SizeInMiB": 1024},
            "NeuronInfo": {"NeuronDevices": [{"Name": "Trainium", "Count": 16}]},
        },
        CALL,
    )
    assert (read.gpu_model, read.gpu_count) == ("AWS Trainium", 16.0)
