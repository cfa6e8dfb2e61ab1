"""What the demo estate has in AWS: rows of alike machines over four regions and two accounts.

The accounts are example numbers of the AWS documentation. All names say ``demo``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from exporter.core.model import Disk
from exporter.demo.estate import aws_types as t
from exporter.demo.estate.disks import ebs
from exporter.demo.estate.hashing import seed_of
from exporter.demo.estate.lives import (
    HOUR,
    Life,
    always,
    office_hours,
    on_and_off,
    stopped,
    terminated,
    weekly_restart,
)
from exporter.demo.estate.machines import BurstGroup, EstateMachine, MachineType, instance_id
from exporter.demo.estate.schedules import DAY

SHOP_ACCOUNT: Final = "111122223333"
DATA_ACCOUNT: Final = "444455556666"

AWKWARD_TAGS: Final[Mapping[str, Mapping[str, str]]] = {
    "demo-web-dublin-01": {"team": 'the "shop" team', "service": "demo\\web\\n"},
    "demo-web-dublin-02": {"service": "demo web\nsecond line"},
    "demo-web-dublin-03": {"team": "shop 🛒🌱"},
    "demo-web-dublin-04": {"team": "צוות החנות", "service": "خدمة العرض"},
    "demo-api-paris-01": {"service": "demo-" + "é" * 251},
    "demo-api-paris-02": {"env": ""},
    "demo-api-paris-03": {"team": "<shop> & {sons}='1'", "env": " prod\t"},
}
"""Tag values that must come through every format unharmed; 256 characters is EC2's longest."""


@dataclass(frozen=True, slots=True)
class _Region:
    name: str
    grid_zone: str
    utc_offset_minutes: int


_DUBLIN: Final = _Region("eu-west-1", "IE", 0)
_PARIS: Final = _Region("eu-west-3", "FR", 60)
_VIRGINIA: Final = _Region("us-east-1", "US-MIDA-PJM", -300)
_MUMBAI: Final = _Region("ap-south-1", "IN-WE", 330)


@dataclass(frozen=True, slots=True)
class _Row:
    """``count`` machines that differ in name, zone, launch and noise only."""

    name: str
    count: int
    machine_type: MachineType
    shape: str
    account: str = field(kw_only=True)
    region: _Region = field(kw_only=True)
    team: str = field(kw_only=True)
    env: str = field(default="prod", kw_only=True)
    schedule: Life = field(default=always, kw_only=True)
    detailed: bool = field(default=True, kw_only=True)
    spot: bool = field(default=False, kw_only=True)
    terminates: bool = field(default=False, kw_only=True)
    scaling_group: bool = field(default=False, kw_only=True)
    cluster: str = field(default="", kw_only=True)
    disks: tuple[Disk, ...] = field(default=(ebs(30),), kw_only=True)
    gpu_agent: bool = field(default=False, kw_only=True)

    def machine(self, number: int) -> EstateMachine:
        """Return the machine with a number, from 1 on."""
        return self.named(f"demo-{self.name}-{number:02d}", "abc"[number % 3])

    def named(self, name: str, zone_letter: str) -> EstateMachine:
        """Return a machine of this row under a name."""
        seed = seed_of(f"{self.account}/{name}")
        return EstateMachine(
            provider="aws",
            account=self.account,
            region=self.region.name,
            zone=self.region.name + zone_letter,
            grid_zone=self.region.grid_zone,
            resource_type="ec2_instance",
            resource_id=instance_id(seed),
            name=name,
            machine_type=self.machine_type,
            shape=self.shape,
            schedule=self.schedule(seed),
            seed=seed,
            tags=self._tags(name),
            utc_offset_minutes=self.region.utc_offset_minutes,
            detailed=self.detailed,
            spot=self.spot,
            terminates=self.terminates,
            disks=self.disks,
            gpu_agent=self.gpu_agent,
        )

    def _tags(self, name: str) -> Mapping[str, str]:
        service = f"demo-{self.name.rsplit('-', 1)[0]}"
        tags = {"Name": name, "team": self.team, "service": service, "env": self.env}
        if self.scaling_group:
            tags["aws:autoscaling:groupName"] = f"demo-{self.name}"
        if self.cluster:
            tags["eks:cluster-name"], tags["eks:nodegroup-name"] = self.cluster, service
        return {**tags, **AWKWARD_TAGS.get(name, {})}


_shop_dublin = partial(_Row, account=SHOP_ACCOUNT, region=_DUBLIN, team="shop")
_shop_paris = partial(_Row, account=SHOP_ACCOUNT, region=_PARIS, team="shop")
_shop_virginia = partial(_Row, account=SHOP_ACCOUNT, region=_VIRGINIA, team="shop")
_data_dublin = partial(_Row, account=DATA_ACCOUNT, region=_DUBLIN, team="data")
_data_virginia = partial(_Row, account=DATA_ACCOUNT, region=_VIRGINIA, team="research")
_data_mumbai = partial(_Row, account=DATA_ACCOUNT, region=_MUMBAI, team="data")

_DATABASE_DISKS: Final = (ebs(30), ebs(500, "io2"))
_WAREHOUSE_DISKS: Final = (ebs(30), ebs(1000), ebs(4000, "st1"))
_TRAINING_DISKS: Final = (ebs(120), ebs(2000, "gp2"))

ROWS: Final = (
    _shop_dublin("web-dublin", 6, t.M5_LARGE, "web"),
    _shop_dublin("api-dublin", 4, t.C5_XLARGE, "api"),
    _shop_dublin("checkout-dublin", 4, t.C7I_XLARGE, "spike"),
    _shop_dublin("cache-dublin", 2, t.R6G_LARGE, "steady"),
    _shop_dublin(
        "orders-dublin", 2, t.M6A_2XLARGE, "database", detailed=False, disks=_DATABASE_DISKS
    ),
    _shop_dublin(
        "bastion-dublin", 1, t.T3_MICRO, "burstable", detailed=False, disks=(ebs(8, "gp2"),)
    ),
    _shop_dublin("forgotten-dublin", 1, t.M5_XLARGE, "zombie", team="", env="test"),
    _shop_paris("web-paris", 4, t.M6G_LARGE, "web"),
    _shop_paris("api-paris", 3, t.C7G_XLARGE, "api"),
    _shop_paris("desk-paris", 4, t.T3_LARGE, "burstable", env="dev", schedule=office_hours),
    _shop_paris("recommend-paris", 2, t.G4DN_XLARGE, "inference", gpu_agent=True),
    _shop_paris("migrated-paris", 1, t.M5_LARGE, "steady", schedule=stopped),
    _shop_virginia("web-virginia", 6, t.M7I_LARGE, "web", cluster="demo-virginia"),
    _shop_virginia("worker-virginia", 4, t.C7A_XLARGE, "jobs", cluster="demo-virginia"),
    _shop_virginia("search-virginia", 1, t.M5_2XLARGE, "api", schedule=weekly_restart),
    _shop_virginia(
        "trial-virginia", 1, t.M5_LARGE, "steady", env="test", schedule=terminated, terminates=True
    ),
    _data_dublin("warehouse-dublin", 4, t.R6G_XLARGE, "database", disks=_WAREHOUSE_DISKS),
    _data_virginia(
        "training-virginia", 2, t.P3_2XLARGE, "training", disks=_TRAINING_DISKS, gpu_agent=True
    ),
    _data_virginia("tuning-virginia", 2, t.G5_XLARGE, "training", spot=True),
    _data_virginia("nightly-virginia", 4, t.C5_4XLARGE, "batch"),
    _data_virginia("prototype-virginia", 1, t.X99Z_4XLARGE, "jobs", env="test"),
    _data_mumbai("portal-mumbai", 5, t.M5_LARGE, "web"),
    _data_mumbai("reports-mumbai", 3, t.M6A_XLARGE, "batch"),
    _data_mumbai("sensors-mumbai", 3, t.T4G_SMALL, "burstable", detailed=False),
    _data_mumbai("build-mumbai", 2, t.C6A_XLARGE, "jobs", env="dev", schedule=on_and_off),
)
"""The permanent machines; 72 in all."""

_BURST: Final = _shop_dublin("burst-dublin", 1, t.C7G_LARGE, "jobs", spot=True, scaling_group=True)
_LOADER: Final = _data_mumbai("loader-mumbai", 1, t.M6A_XLARGE, "training")


def machines(copy: int) -> tuple[EstateMachine, ...]:
    """Return the permanent machines, or their copies of the same character under new names."""
    return tuple(
        row.machine(copy * row.count + number + 1) for row in ROWS for number in range(row.count)
    )


def groups(copies: int) -> tuple[BurstGroup, ...]:
    """Return the groups whose machines come and go, for so many copies of the estate."""
    return (
        BurstGroup(
            template=_BURST.named("demo-burst-dublin", "a"),
            period=HOUR,
            fewest=2 * copies,
            most=6 * copies,
            offset=37,
            spread=1511,
            shortest=787,
            longest=1993,
            naming=_member,
        ),
        BurstGroup(
            template=_LOADER.named("demo-loader-mumbai", "b"),
            period=DAY,
            fewest=copies,
            most=copies,
            offset=HOUR + 13,
            spread=241,
            shortest=2 * HOUR + 2477,
            longest=2 * HOUR + 3517,
            naming=_member,
        ),
    )


def _member(template: EstateMachine, number: int, index: int, seed: int) -> EstateMachine:
    name = f"{template.name}-{number % 10_000:04d}-{index + 1}"
    tags = {**template.tags, "Name": name}
    return replace(template, name=name, resource_id=instance_id(seed), tags=tags)
