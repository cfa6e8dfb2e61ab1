"""What the demo estate has in Azure: rows of alike machines over two subscriptions.

The subscriptions are invented. All names say ``demo``. Every machine starts and stops on whole five
minutes, because Azure's inventory tells neither time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from exporter.core.model import Disk
from exporter.demo.estate import azure_types as t
from exporter.demo.estate.disks import managed
from exporter.demo.estate.hashing import seed_of
from exporter.demo.estate.lives import (
    HOUR,
    Life,
    always,
    office_hours,
    on_and_off,
    stepped,
    stopped,
)
from exporter.demo.estate.machines import BurstGroup, EstateMachine, MachineType

SHOP_SUBSCRIPTION: Final = "de300000-0000-4000-8000-000000000001"
DATA_SUBSCRIPTION: Final = "de300000-0000-4000-8000-000000000002"
VM: Final = "azure_vm"
SCALE_SET_VM: Final = "azure_vmss_vm"
"""Resource types: a virtual machine, and an instance of a uniform scale set."""
STEP: Final = 300

AWKWARD_TAGS: Final[Mapping[str, Mapping[str, str]]] = {
    "demo-web-meer-01": {"team": 'the "shop" team', "service": "demo\\web\\n"},
    "demo-web-meer-02": {"service": "demo web\nsecond line", "cost center": "4711"},
    "demo-web-meer-03": {"team": "shop 🛒🌱", "service": "خدمة العرض"},
    "demo-api-meer-01": {"service": "demo-" + "é" * 251},
    "demo-api-meer-02": {"env": "", "team": "<shop> & {sons}='1'"},
}
"""Tag values that must come through every format unharmed; 256 characters is Azure's longest."""


@dataclass(frozen=True, slots=True)
class _Region:
    name: str
    grid_zone: str
    utc_offset_minutes: int


_MEER: Final = _Region("westeurope", "NL", 60)
_GAVLE: Final = _Region("swedencentral", "SE-SE3", 60)
_EAST: Final = _Region("eastus", "US-MIDA-PJM", -300)


@dataclass(frozen=True, slots=True)
class _Row:
    """``count`` machines that differ in name, zone, launch and noise only.

    A ``scale_set`` makes them instances of it, numbered from 0 on.
    """

    name: str
    count: int
    machine_type: MachineType
    shape: str
    subscription: str = field(kw_only=True)
    region: _Region = field(kw_only=True)
    team: str = field(kw_only=True)
    env: str = field(default="prod", kw_only=True)
    schedule: Life = field(default=always, kw_only=True)
    spot: bool = field(default=False, kw_only=True)
    zonal: bool = field(default=True, kw_only=True)
    keeps_hardware: bool = field(default=False, kw_only=True)
    scale_set: str = field(default="", kw_only=True)
    group: str = field(default="", kw_only=True)
    twin: bool = field(default=False, kw_only=True)
    more_tags: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    disks: tuple[Disk, ...] = field(default=(managed(30),), kw_only=True)

    def machine(self, number: int) -> EstateMachine:
        """Return the machine with a number, from 1 on."""
        zone = f"{self.region.name}-{number % 3 + 1}" if self.zonal else ""
        if self.scale_set:
            return self.instance(number - 1, zone)
        name = f"demo-{'edge' if self.twin else self.name}-{number:02d}"
        return self._machine(name, zone, f"virtualMachines/{name}", VM)

    def instance(self, number: int, zone: str) -> EstateMachine:
        """Return the instance of the scale set with a number."""
        path = f"virtualMachineScaleSets/{self.scale_set}/virtualMachines/{number}"
        return self._machine(f"{self.scale_set}_{number}", zone, path, SCALE_SET_VM)

    def _machine(self, name: str, zone: str, path: str, resource_type: str) -> EstateMachine:
        group = self.group or f"Demo-RG-{self.team or 'None'}"
        scope = f"/subscriptions/{self.subscription}/resourceGroups/{group}"
        cloud_id = f"{scope}/providers/Microsoft.Compute/{path}"
        seed = seed_of(cloud_id.lower())
        return EstateMachine(
            provider="azure",
            account=self.subscription,
            region=self.region.name,
            zone=zone,
            grid_zone=self.region.grid_zone,
            resource_type=resource_type,
            resource_id=cloud_id.lower(),
            name=name,
            machine_type=self.machine_type,
            shape=self.shape,
            schedule=stepped(self.schedule)(seed),
            seed=seed,
            tags=self._tags(name),
            utc_offset_minutes=self.region.utc_offset_minutes,
            spot=self.spot,
            cloud_id=cloud_id,
            keeps_hardware=self.keeps_hardware,
            disks=self.disks,
        )

    def _tags(self, name: str) -> Mapping[str, str]:
        service = f"demo-{self.name.rsplit('-', 1)[0]}"
        tags = {"team": self.team, "service": service, "env": self.env}
        return {**tags, **self.more_tags, **AWKWARD_TAGS.get(name, {})}


_shop_meer = partial(_Row, subscription=SHOP_SUBSCRIPTION, region=_MEER, team="shop")
_shop_gavle = partial(_Row, subscription=SHOP_SUBSCRIPTION, region=_GAVLE, team="shop")
_data_gavle = partial(_Row, subscription=DATA_SUBSCRIPTION, region=_GAVLE, team="data")
_data_east = partial(_Row, subscription=DATA_SUBSCRIPTION, region=_EAST, team="research")

_AKS: Final = _shop_meer(
    "aks-meer",
    3,
    t.D4AS_V5,
    "api",
    scale_set="aks-demopool-14730582-vmss",
    group="MC_Demo-RG-Shop_demo-shop_westeurope",
    more_tags={
        "aks-managed-cluster-name": "demo-shop",
        "aks-managed-poolName": "demopool",
        "aks-managed-orchestrator": "Kubernetes:1.33.2",
    },
)

_VAULT_DISKS: Final = (managed(64), managed(1024, "Premium_ZRS"))
_MART_DISKS: Final = (managed(64), managed(4095, "Standard_LRS"))

ROWS: Final = (
    _shop_meer("web-meer", 4, t.D2S_V5, "web"),
    _shop_meer("api-meer", 2, t.D4S_V5, "api"),
    _AKS,
    _shop_meer("twin-meer", 1, t.B2S, "burstable", twin=True, zonal=False),
    _shop_meer("forgotten-meer", 1, t.D4S_V5, "zombie", env="test"),
    _shop_meer("old-meer", 1, t.F4S_V2, "steady", schedule=stopped),
    _shop_meer("held-meer", 1, t.F4S_V2, "steady", schedule=stopped, keeps_hardware=True),
    _shop_gavle("web-gavle", 2, t.D4PS_V5, "web"),
    _shop_gavle(
        "desk-gavle",
        2,
        t.B2S,
        "burstable",
        env="dev",
        schedule=office_hours,
        disks=(managed(127, "StandardSSD_LRS"),),
    ),
    _data_gavle("vault-gavle", 2, t.E4S_V5, "database", disks=_VAULT_DISKS),
    _data_gavle("twin-gavle", 1, t.B2S, "burstable", twin=True, zonal=False),
    _data_gavle("build-gavle", 1, t.F4S_V2, "jobs", schedule=on_and_off, env="dev"),
    _data_east("mart-east", 1, t.E4AS_V5, "batch", disks=_MART_DISKS),
    _data_east("vision-east", 1, t.NC4AS_T4_V3, "training", spot=True),
    _data_east("weather-east", 1, t.HB120RS_V3, "batch", zonal=False),
    _data_east("prototype-east", 1, t.X8Z_V9, "jobs", env="test"),
)
"""The permanent machines; 25 in all."""

_BURST: Final = _shop_meer(
    "burst-meer", 1, t.F4S_V2, "jobs", spot=True, scale_set="demo-burst", zonal=False
)


def machines(copy: int) -> tuple[EstateMachine, ...]:
    """Return the permanent machines, or their copies of the same character under new names."""
    return tuple(
        row.machine(copy * row.count + number + 1) for row in ROWS for number in range(row.count)
    )


def groups(copies: int) -> tuple[BurstGroup, ...]:
    """Return the groups whose machines come and go, for so many copies of the estate."""
    burst = BurstGroup(
        template=_BURST.instance(0, ""),
        period=HOUR,
        fewest=copies,
        most=3 * copies,
        offset=300,
        spread=900,
        shortest=1200,
        longest=2100,
        naming=_member,
        start_step=STEP,
        end_step=STEP,
    )
    return (burst,)


def _member(template: EstateMachine, number: int, index: int, _: int) -> EstateMachine:
    """Scale sets count their instances up and never use a number twice."""
    member = _BURST.instance(number % 1_000_000 * 100 + index, template.zone)
    return replace(
        template, name=member.name, resource_id=member.resource_id, cloud_id=member.cloud_id
    )
