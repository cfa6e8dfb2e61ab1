"""Regions and permissions of an account."""

from pathlib import Path

import pytest

from exporter.core.errors import AuthError, Reason
from exporter.core.model import Inventory
from exporter.demo.aws import Fault, FaultKind
from exporter.demo.estate import Estate
from tests.support.provider_aws import ACCOUNT, REGIONS, AwsHarness, machine
from tests.support.providers import HOUR, final_window

NO_REGIONS = Fault(kind=FaultKind.MISSING_PERMISSION, operation="DescribeRegions")


def regions_asked(inventory: Inventory) -> set[str]:
    return {machine.key.cloud_region for machine in inventory.machines}


@pytest.mark.parametrize(("resolution", "days"), [(60, 63), (300, 63), (3600, 455)])
def test_how_long_cloudwatch_keeps_data_depends_on_how_fine_it_is_wanted(
    tmp_path: Path, resolution: int, days: int
) -> None:
    harness = AwsHarness(tmp_path)

    kept = harness.provider.retention(resolution)
    harness.close()

    assert kept == days * 24 * HOUR


def test_all_enabled_regions_are_watched_unless_some_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    harness = AwsHarness(tmp_path, regions=None)

    inventory = harness.provider.discover()
    asked = harness.requests()["DescribeInstances"]
    harness.close()

    assert regions_asked(inventory) == set(REGIONS)
    assert not inventory.failures
    assert asked == len(REGIONS) + 1  # one enabled region is empty, disabled ones are not asked


def test_a_machine_in_a_local_zone_has_the_grid_of_its_city(tmp_path: Path) -> None:
    fleet = Estate(
        machines=(
            machine(1, "us-east-1", zone="us-east-1-bos-1a"),
            machine(2, "us-east-1", zone="us-east-1-wl1-tpa-wlz-1"),
            machine(3, "us-east-1", zone="us-east-1b"),
        )
    )
    harness = AwsHarness(tmp_path, fleet)

    inventory = harness.provider.discover()
    harness.close()

    grids = {found.cloud_zone: (found.grid_zone, found.pue) for found in inventory.machines}
    assert grids == {
        "us-east-1-bos-1a": ("US-NE-ISNE", 1.14),
        "us-east-1-wl1-tpa-wlz-1": ("US-FLA-TEC", 1.14),
        "us-east-1b": ("", None),
    }


@pytest.mark.parametrize(
    ("region", "cause"),
    [
        ("me-south-1", "is not enabled"),
        ("ap-east-1", "does not exist"),
        ("eu-west-9", "does not exist"),
    ],
)
def test_a_named_region_that_cannot_be_used_is_told_and_the_others_go_on(
    tmp_path: Path, region: str, cause: str
) -> None:
    harness = AwsHarness(tmp_path, regions=["eu-west-1", region])

    inventory = harness.provider.discover()
    harness.close()

    (failure,) = inventory.failures
    assert inventory.unseen_regions == {region}
    assert regions_asked(inventory) == {"eu-west-1"}
    assert str(failure).startswith(f"region {region} {cause} for account {ACCOUNT} — ")


def test_named_regions_do_without_the_permission_to_list_regions(tmp_path: Path) -> None:
    harness = AwsHarness(tmp_path)
    harness.fake.faults.add(NO_REGIONS)

    inventory = harness.provider.discover()
    harness.close()

    assert regions_asked(inventory) == set(REGIONS)
    assert not inventory.failures


def test_without_named_regions_the_permission_to_list_them_is_needed(tmp_path: Path) -> None:
    harness = AwsHarness(tmp_path, regions=None)
    harness.fake.faults.add(NO_REGIONS)

    with pytest.raises(AuthError, match=r"ec2:DescribeRegions .* deploy/iam/aws\.json"):
        harness.provider.discover()
    harness.close()


def test_regions_once_known_are_watched_while_they_cannot_be_listed(tmp_path: Path) -> None:
    harness = AwsHarness(tmp_path, regions=None)
    before = harness.provider.discover()
    harness.fake.faults.add(NO_REGIONS)

    after = harness.provider.discover()
    harness.close()

    assert after.machines == before.machines


def test_a_region_that_hangs_is_given_up_and_the_others_go_on(tmp_path: Path) -> None:
    harness = AwsHarness(tmp_path, timeout="2s")
    machines = harness.provider.discover().machines
    harness.fake.faults.add(Fault(kind=FaultKind.HANG, region="us-east-1"))

    inventory = harness.provider.discover()
    reading = harness.provider.read(machines, final_window(harness))
    harness.close()

    assert inventory.unseen_regions == {"us-east-1"}
    assert [failure.reason for failure in inventory.failures] == [Reason.UNREACHABLE]
    assert {key.cloud_region for key in reading.unread} == {"us-east-1"}
    assert {series.key.cloud_region for series in reading.series} == {"eu-west-1"}


def test_failures_of_many_requests_are_told_once_per_region(tmp_path: Path) -> None:
    harness = AwsHarness(tmp_path)
    machines = harness.provider.discover().machines
    harness.fake.faults.add(Fault(kind=FaultKind.THROTTLING, region="us-east-1"))

    reading = harness.provider.read(machines * 300, final_window(harness))
    requests = harness.requests()["GetMetricData"]
    harness.close()

    assert requests > 3
    assert len(reading.failures) == 1


def test_check_passes_where_every_permission_is_there(tmp_path: Path) -> None:
    harness = AwsHarness(tmp_path)

    checks = harness.provider.permissions()
    counted = harness.meter.usage()
    harness.close()

    assert [(check.permission, check.ok) for check in checks] == [
        ("sts:GetCallerIdentity", True),
        ("ec2:DescribeRegions", True),
        ("ec2:DescribeInstances", True),
        ("rds:DescribeDBInstances", True),
        ("ec2:DescribeInstanceTypes", True),
        ("cloudwatch:GetMetricData", True),
        ("ec2:DescribeVolumes", True),
        ("cloudwatch:ListMetrics", True),
    ]
    assert checks[0].message == f"account {ACCOUNT}"
    dollars = counted["aws", "GetMetricData"].dollars
    assert dollars == pytest.approx(len(REGIONS) * 0.00001)


@pytest.mark.parametrize(
    ("operation", "permission"),
    [
        ("DescribeRegions", "ec2:DescribeRegions"),
        ("DescribeInstances", "ec2:DescribeInstances"),
        ("DescribeInstanceTypes", "ec2:DescribeInstanceTypes"),
        ("GetMetricData", "cloudwatch:GetMetricData"),
    ],
)
def test_check_names_exactly_the_permission_that_is_missing(
    tmp_path: Path, operation: str, permission: str
) -> None:
    harness = AwsHarness(tmp_path, regions=None)
    harness.fake.faults.add(Fault(kind=FaultKind.MISSING_PERMISSION, operation=operation))

    missing = [check for check in harness.provider.permissions() if not check.ok]
    harness.close()

    (check,) = missing
    assert check.permission == permission
    assert permission in check.message
    assert "deploy/iam/aws.json" in check.message


@pytest.mark.parametrize(("services", "passes"), [(("ec2", "rds"), True), (("rds",), False)])
def test_check_warns_of_a_kind_that_may_not_be_listed_unless_it_is_all_that_is_wanted(
    tmp_path: Path, services: tuple[str, ...], *, passes: bool
) -> None:
    harness = AwsHarness(tmp_path, services=services)
    fault = Fault(kind=FaultKind.MISSING_PERMISSION, operation="DescribeDBInstances")
    harness.fake.faults.add(fault)

    checks = {check.permission: check for check in harness.provider.permissions()}
    harness.close()

    listing = checks["rds:DescribeDBInstances"]
    assert listing.ok == passes
    assert listing.message.startswith("warning: ") == passes
    assert "rds:DescribeDBInstances in " in listing.message


def test_check_says_that_the_credentials_are_refused(tmp_path: Path) -> None:
    harness = AwsHarness(tmp_path)
    harness.fake.faults.add(Fault(kind=FaultKind.INVALID_CREDENTIALS))

    (check,) = harness.provider.permissions()
    harness.close()

    assert not check.ok
    assert check.permission == "sts:GetCallerIdentity"


def test_check_names_the_region_that_refuses(tmp_path: Path) -> None:
    harness = AwsHarness(tmp_path, regions=["eu-west-1", "us-east-1", "me-south-1"])
    harness.fake.faults.add(
        Fault(kind=FaultKind.MISSING_PERMISSION, region="us-east-1", operation="GetMetricData")
    )

    missing = {c.permission: c.message for c in harness.provider.permissions() if not c.ok}
    harness.close()

    assert set(missing) == {"ec2:DescribeRegions", "cloudwatch:GetMetricData"}
    assert missing["ec2:DescribeRegions"].startswith("region me-south-1 is not enabled")
    assert "us-east-1" in missing["cloudwatch:GetMetricData"]
