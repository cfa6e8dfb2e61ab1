"""EBS volumes of instances: what is asked, how often, and what a refusal leaves."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from exporter.core.errors import BadPayloadError, Reason
from exporter.core.model import Disk, DiskKind
from exporter.demo.aws import Fault, FaultKind, Limits
from exporter.demo.estate import Estate
from exporter.demo.estate.disks import ebs
from exporter.providers.aws.errors import Call
from exporter.providers.aws.volumes import VolumeFacts, VolumeSource, disk
from tests.support.clock import ManualClock
from tests.support.provider_aws import ACCOUNT, REGIONS, AwsHarness, database, machine
from tests.support.providers import HOUR

Make = Callable[..., AwsHarness]
CALL = Call(permission="ec2:DescribeVolumes", region="eu-west-1", account=ACCOUNT)
REFUSED = Fault(kind=FaultKind.MISSING_PERMISSION, operation="DescribeVolumes")


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[AwsHarness] = []

    def build(*given: Any, **settings: Any) -> AwsHarness:  # noqa: ANN401 - of the harness
        made.append(AwsHarness(tmp_path, *given, **settings))
        return made[-1]

    yield build
    for harness in made:
        harness.close()


def disks_of(harness: AwsHarness) -> dict[str, tuple[Disk, ...]]:
    return {one.key.resource_id: one.disks for one in harness.provider.discover().machines}


def asked(harness: AwsHarness) -> int:
    return harness.requests().get("DescribeVolumes", 0)


def fleet(*disks: tuple[Disk, ...]) -> Estate:
    return Estate(machines=tuple(machine(n + 1, disks=some) for n, some in enumerate(disks)))


@pytest.mark.parametrize(
    ("volume_type", "kind"),
    [
        ("gp2", DiskKind.SSD),
        ("gp3", DiskKind.SSD),
        ("io1", DiskKind.SSD),
        ("io2", DiskKind.SSD),
        ("st1", DiskKind.HDD),
        ("sc1", DiskKind.HDD),
        ("standard", DiskKind.HDD),
        ("newer9", DiskKind.SSD),
    ],
)
def test_every_type_stands_on_a_medium_and_is_kept_twice(volume_type: str, kind: DiskKind) -> None:
    assert disk(volume_type, 8.0) == Disk(kind=kind, type=volume_type, size_gib=8.0, copies=2.0)


def test_the_volumes_of_an_instance_are_listed_in_pages_with_one_call(make: Make) -> None:
    estate = fleet(*[(ebs(10 + n), ebs(500, "st1")) for n in range(7)])
    harness = make(estate, limits=Limits(volumes=5), regions=[REGIONS[0]])

    found = disks_of(harness)

    assert found == {m.resource_id: m.disks for m in estate.machines}
    assert asked(harness) == 3
    assert harness.meter.usage()["aws", "DescribeVolumes"].requests == 3
    assert harness.meter.usage()["aws", "DescribeVolumes"].dollars == 0.0


def test_a_region_is_asked_again_after_an_hour_or_for_a_volume_that_is_not_known(
    make: Make,
) -> None:
    harness = make(fleet((ebs(30),)), regions=[REGIONS[0]])

    for _ in range(4):
        disks_of(harness)
        harness.pass_time(600)
    often = asked(harness)
    harness.pass_time(HOUR)
    disks_of(harness)

    assert (often, asked(harness)) == (1, 2)


def test_a_region_without_volumes_is_not_asked(make: Make) -> None:
    harness = make(fleet((), ()))

    assert set(disks_of(harness).values()) == {()}
    assert asked(harness) == 0


def test_a_stopped_instance_keeps_its_volumes_and_a_terminated_one_has_none(make: Make) -> None:
    harness = make()

    found = disks_of(harness)

    assert found[harness.estate.machines[2].resource_id] == (ebs(8, "standard"),)
    assert found[harness.estate.machines[3].resource_id] == ()


def test_without_the_permission_instances_are_listed_without_volumes_and_it_is_told_once(
    make: Make,
) -> None:
    harness = make(
        Estate(machines=tuple(machine(n, REGIONS[n % 2], disks=(ebs(8),)) for n in (1, 2)))
    )
    harness.fake.faults.add(REFUSED)

    inventory = harness.provider.discover()

    assert [one.disks for one in inventory.machines] == [(), ()]
    [failure] = inventory.failures
    assert failure.reason is Reason.AUTH
    assert str(failure).startswith("ec2:DescribeVolumes in ")
    assert str(failure).endswith("attach the policy in deploy/iam/aws.json, or set volumes: false")
    assert not inventory.unseen_regions


@pytest.mark.parametrize(
    "kind", [FaultKind.MISSING_PERMISSION, FaultKind.THROTTLING, FaultKind.HTML]
)
def test_volumes_once_known_stay_while_they_cannot_be_listed(make: Make, kind: FaultKind) -> None:
    harness = make(fleet((ebs(30), ebs(500))), regions=[REGIONS[0]])
    before = disks_of(harness)
    harness.pass_time(2 * HOUR)
    harness.fake.faults.add(Fault(kind=kind, operation="DescribeVolumes"))

    inventory = harness.provider.discover()
    harness.heal()

    assert {one.key.resource_id: one.disks for one in inventory.machines} == before
    assert len(inventory.failures) == 1
    assert not harness.provider.discover().failures


def test_volumes_may_be_left_out_of_the_settings(make: Make) -> None:
    harness = make(
        Estate(machines=(machine(1, disks=(ebs(30),)), database(2, disks=(ebs(100),)))),
        volumes=False,
    )

    found = disks_of(harness)
    tried = {check.permission for check in harness.provider.permissions()}

    assert list(found.values()) == [(), (ebs(100),)]
    assert asked(harness) == 0
    assert "ec2:DescribeVolumes" not in tried


def test_check_warns_of_the_missing_permission_as_the_daemon_does_without(make: Make) -> None:
    harness = make()
    harness.fake.faults.add(REFUSED)

    checks = harness.provider.permissions()
    [missing] = [check for check in checks if check.permission == "ec2:DescribeVolumes"]

    assert all(check.ok for check in checks)
    assert missing.message.startswith("warning: refused in ")
    assert "volumes: false" in missing.message


def test_check_fails_where_volumes_cannot_be_listed_for_another_reason(make: Make) -> None:
    harness = make()
    harness.fake.faults.add(Fault(kind=FaultKind.THROTTLING, operation="DescribeVolumes"))

    failed = [check.permission for check in harness.provider.permissions() if not check.ok]

    assert failed == ["ec2:DescribeVolumes"]


def test_the_storage_of_a_database_is_its_own_and_an_aurora_volume_is_nobodys(make: Make) -> None:
    harness = make(Estate(machines=(database(1, disks=(ebs(300, "io1"),)), database(2))))

    assert list(disks_of(harness).values()) == [(ebs(300, "io1"),), ()]


# What the API tells


class Client:
    """EC2 with a list of volumes, and a count of how often it was asked for."""

    def __init__(self, volumes: list[dict[str, Any]]) -> None:
        self.volumes = volumes
        self.asked = 0

    def get_paginator(self, _name: str) -> "Client":
        return self

    def paginate(self, **_given: object) -> list[dict[str, Any]]:
        self.asked += 1
        return [{"Volumes": self.volumes}]


def attach(client: Any, *ids: list[str]) -> tuple[Any, ...]:  # noqa: ANN401 - stands for boto3's
    """Return the volumes of instances that have some of these attached."""
    source = VolumeSource(client=client, call=CALL, facts=VolumeFacts(ManualClock()))
    items = [
        {"BlockDeviceMappings": [{"Ebs": {"VolumeId": v, "Status": "attached"}} for v in some]}
        for some in ids
    ]
    return source.attach(items)


def volume(name: str, gib: int = 100, kind: str = "io2") -> dict[str, Any]:
    return {"VolumeId": name, "Size": gib, "VolumeType": kind}


def test_a_volume_of_several_instances_is_shared_out_among_them() -> None:
    disks, error = attach(Client([volume("vol-1"), volume("vol-2")]), ["vol-1"], ["vol-1", "vol-2"])

    half = replace(disk("io2", 100.0), size_gib=50.0)
    assert disks == [(half,), (half, disk("io2", 100.0))]
    assert error is None


def test_a_volume_of_which_nothing_is_told_is_left_out() -> None:
    disks, error = attach(Client([volume("vol-1")]), ["vol-1", "vol-new"])

    assert disks == [(disk("io2", 100.0),)]
    assert error is None


@pytest.mark.parametrize(
    "mappings", [[], [{}], [{"Ebs": None}], [{"Ebs": {"VolumeId": "vol-1", "Status": "detached"}}]]
)
def test_mappings_without_an_attached_volume_count_nothing(mappings: list[Any]) -> None:
    client: Any = Client([volume("vol-1")])
    source = VolumeSource(client=client, call=CALL, facts=VolumeFacts(ManualClock()))

    assert source.attach([{"BlockDeviceMappings": mappings}]) == ([()], None)
    assert client.asked == 0


@pytest.mark.parametrize("broken", [{"VolumeId": "vol-1"}, {"Size": 1, "VolumeType": "gp3"}])
def test_a_volume_that_cannot_be_read_is_a_failure_and_no_size(broken: dict[str, Any]) -> None:
    disks, error = attach(Client([broken]), ["vol-1"])

    assert disks == [()]
    assert isinstance(error, BadPayloadError)


def test_a_resized_volume_is_seen_within_the_hour() -> None:
    clock = ManualClock()
    client: Any = Client([volume("vol-1", 100)])
    facts = VolumeFacts(clock)
    item = {"BlockDeviceMappings": [{"Ebs": {"VolumeId": "vol-1", "Status": "attached"}}]}
    source = VolumeSource(client=client, call=CALL, facts=facts)

    source.attach([item])
    client.volumes = [volume("vol-1", 200)]
    early, _ = source.attach([item])
    clock.advance(HOUR)
    late, _ = source.attach([item])

    assert (early, late) == ([(disk("io2", 100.0),)], [(disk("io2", 200.0),)])
