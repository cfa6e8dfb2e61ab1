"""moto as a second opinion: another project's EC2 and CloudWatch, and watts worked out by hand."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.config import Config
from moto import mock_aws

from exporter.app.assembly import assemble
from exporter.app.build import build
from exporter.core.snapshot import ResourceView
from exporter.engine.store import Store
from exporter.settings import Settings
from tests.support.clock import ManualClock

REGION = "eu-west-3"
PUE = 1.11  # AWS, Europe, 2024
GRID = 31.0  # FR, 2025, gCO2eq/kWh

# moto starts every instance on a gp2 volume of 8 GiB, which EBS keeps twice: 1.2 W/TB each.
ROOT_VOLUME = 8 * 1024**3 / 1e12 * 2 * 1.2

# Type, CPU percent, IT watts by hand. P/TDP is the mean of the family's median curve at the load
# and of full-throttle work (0.714 of the dynamic range when half busy), TDP per vCPU from the SKU,
# memory what exceeds the curve's servers, in DDR4 of 32 GB at work. A CPU of a higher TDP than the
# measured ones' 205 W has a lower ratio: by (TDP/205)^(0.2 + 0.5 u - 1).
HIGHER = 240 / 205
IDLE, FULL = 0.1337 * HIGHER**-0.8, 1.0793 * HIGHER**-0.3
DDR4 = 1.1 * 0.087
BY_HAND = [
    # Skylake 8175M, 5 W per vCPU; half busy, two threads a core: 50 x (2 - .375) / 1.25 = 65 %
    (
        "m5.large",
        50.0,
        2
        * 5.0
        * ((0.6064 * HIGHER**-0.5 + 0.6951 * HIGHER**-0.45) / 2 + IDLE + 0.714 * (FULL - IDLE))
        / 2
        + DDR4 * (8 - 2 * 1.71),
    ),
    # the same CPU at rest
    ("m5.large", 0.0, 2 * 5.0 * IDLE + DDR4 * (8 - 2 * 1.71)),
    # and flat out, in a bigger size
    ("m5.4xlarge", 100.0, 16 * 5.0 * FULL + DDR4 * (64 - 16 * 1.71)),
]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        yield


def any_image() -> str:
    """Return one of moto's thousands of images, which it takes seconds to list."""
    ec2 = boto3.client("ec2", region_name=REGION)
    return ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]


def launch(instance_type: str, image: str) -> str:
    ec2 = boto3.client("ec2", region_name=REGION)
    made = ec2.run_instances(
        ImageId=image,
        MinCount=1,
        MaxCount=1,
        InstanceType=instance_type,  # type: ignore[arg-type]
    )
    return made["Instances"][0]["InstanceId"]


def report(instance_id: str, percent: float) -> None:
    """Put the CPU of the twenty minutes after the launch, one value every five."""
    metrics = boto3.client(
        "cloudwatch", region_name=REGION, config=Config(disable_request_compression=True)
    )
    now = datetime.now(UTC)
    metrics.put_metric_data(
        Namespace="AWS/EC2",
        MetricData=[
            {
                "MetricName": "CPUUtilization",
                "Dimensions": [{"Name": "InstanceId", "Value": instance_id}],
                "Timestamp": now + timedelta(minutes=5 * step),
                "Value": percent,
                "Unit": "Percent",
            }
            for step in range(1, 5)
        ],
    )


def watched() -> dict[str, ResourceView]:
    settings = Settings.model_validate(
        {"providers": [{"kind": "aws", "regions": [REGION], "settle": "1s"}], "grids": []}
    )
    app = build(settings, clock=ManualClock(datetime.now(UTC) + timedelta(minutes=30)))
    wired = assemble(app, Store.in_memory())
    assert wired.polled[0].collector.run()
    views = {view.machine.key.resource_id: view for view in wired.daemon.snapshot().resources}
    wired.store.close()
    app.close()
    return views


@pytest.mark.usefixtures("account")
def test_fleets_made_in_moto_draw_the_watts_worked_out_by_hand() -> None:
    image = any_image()
    fleet = [(launch(kind, image), percent, watts) for kind, percent, watts in BY_HAND]
    for instance_id, percent, _ in fleet:
        report(instance_id, percent)
    views = watched()
    assert len(views) == len(fleet)
    for instance_id, percent, without_storage in fleet:
        now, watts = views[instance_id].now, without_storage + ROOT_VOLUME
        assert now is not None
        assert now.utilization == percent / 100
        assert now.power.storage == pytest.approx(ROOT_VOLUME, rel=1e-9)
        assert now.power.it == pytest.approx(watts, rel=1e-9)
        assert now.power_bounds.central == pytest.approx(watts * PUE, rel=1e-9)
        assert now.rate.operational == pytest.approx(watts * PUE * GRID / 1000, rel=1e-9)
