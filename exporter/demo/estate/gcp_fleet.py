"""What the demo estate has in Google Cloud: rows of alike machines over two projects.

The projects are invented. All names say ``demo``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from exporter.core.model import Disk
from exporter.demo.estate import gcp_types as t
from exporter.demo.estate.disks import persistent
from exporter.demo.estate.hashing import mix, seed_of
from exporter.demo.estate.lives import HOUR, Life, always, office_hours, on_and_off, stopped
from exporter.demo.estate.machines import BurstGroup, EstateMachine, MachineType

SHOP_PROJECT: Final = "demo-estate-shop"
DATA_PROJECT: Final = "demo-estate-data"
_CASCADE_LAKE: Final = "Intel Cascade Lake"
_ICE_LAKE: Final = "Intel Ice Lake"
_SAPPHIRE_RAPIDS: Final = "Intel Sapphire Rapids"
_ROME: Final = "AMD Rome"
_MILAN: Final = "AMD Milan"

AWKWARD_LABELS: Final[Mapping[str, Mapping[str, str]]] = {
    "demo-web-ghislain-01": {"service": "équipe-boutique_été"},
    "demo-web-ghislain-02": {"team": "צוות-החנות", "service": "خدمة-العرض"},
    "demo-web-ghislain-03": {"team": "買い物"},
    "demo-api-seine-01": {"service": "demo-" + "é" * 58},
    "demo-api-seine-02": {"env": ""},
}
"""Label values as odd as Google allows: lower-case letters of any script, digits, ``_`` and ``-``;
63 characters is the longest."""


@dataclass(frozen=True, slots=True)
class _Region:
    name: str
    zones: str
    grid_zone: str
    utc_offset_minutes: int


_GHISLAIN: Final = _Region("europe-west1", "bcd", "BE", 60)
_PARIS: Final = _Region("europe-west9", "abc", "FR", 60)
_IOWA: Final = _Region("us-central1", "abcf", "US-CENT-SWPP", -360)


@dataclass(frozen=True, slots=True)
class _Row:
    """``count`` machines that differ in name, zone, launch and noise only."""

    name: str
    count: int
    machine_type: MachineType
    shape: str
    cpu_platform: str
    project: str = field(kw_only=True)
    region: _Region = field(kw_only=True)
    team: str = field(kw_only=True)
    env: str = field(default="prod", kw_only=True)
    schedule: Life = field(default=always, kw_only=True)
    spot: bool = field(default=False, kw_only=True)
    cluster: str = field(default="", kw_only=True)
    twin: bool = field(default=False, kw_only=True)
    disks: tuple[Disk, ...] = field(default=(persistent(10),), kw_only=True)
    gpu_agent: bool = field(default=False, kw_only=True)

    def machine(self, number: int) -> EstateMachine:
        """Return the machine with a number, from 1 on."""
        zones = self.region.zones
        name = f"demo-{'edge' if self.twin else self.name}-{number:02d}"
        return self.named(name, zones[number % len(zones)])

    def named(self, name: str, zone_letter: str) -> EstateMachine:
        """Return a machine of this row under a name."""
        zone = f"{self.region.name}-{zone_letter}"
        seed = seed_of(f"{self.project}/{zone}/{name}")
        return EstateMachine(
            provider="gcp",
            account=self.project,
            region=self.region.name,
            zone=zone,
            grid_zone=self.region.grid_zone,
            resource_type="gce_instance",
            resource_id=numeric_id(seed),
            name=name,
            machine_type=self.machine_type,
            shape=self.shape,
            schedule=self.schedule(seed),
            seed=seed,
            tags=self._labels(name),
            utc_offset_minutes=self.region.utc_offset_minutes,
            spot=self.spot,
            cpu_platform=self.cpu_platform,
            disks=self.disks,
            gpu_agent=self.gpu_agent,
        )

    def _labels(self, name: str) -> Mapping[str, str]:
        service = f"demo-{self.name.rsplit('-', 1)[0]}"
        labels = {"team": self.team, "service": service, "env": self.env}
        if self.cluster:
            labels |= {
                "goog-gke-node": "",
                "goog-k8s-cluster-name": self.cluster,
                "goog-k8s-cluster-location": self.region.name,
                "goog-k8s-node-pool-name": f"pool-{self.name.split('-', maxsplit=1)[0]}",
            }
        return {**labels, **AWKWARD_LABELS.get(name, {})}


_shop_ghislain = partial(_Row, project=SHOP_PROJECT, region=_GHISLAIN, team="shop")
_shop_paris = partial(_Row, project=SHOP_PROJECT, region=_PARIS, team="shop")
_data_ghislain = partial(_Row, project=DATA_PROJECT, region=_GHISLAIN, team="data")
_data_paris = partial(_Row, project=DATA_PROJECT, region=_PARIS, team="data")
_data_iowa = partial(_Row, project=DATA_PROJECT, region=_IOWA, team="research")

_LAKE_DISKS: Final = (persistent(20), persistent(2000, "pd-standard"))
_CART_DISKS: Final = (
    persistent(20, "hyperdisk-balanced"),
    persistent(200, "pd-ssd", regional=True),
)
_TRAINING_DISKS: Final = (persistent(50), persistent(1000, "pd-ssd"))

ROWS: Final = (
    _shop_ghislain("web-ghislain", 4, t.E2_STANDARD_2, "web", "Intel Broadwell"),
    _shop_ghislain("gke-ghislain", 3, t.N2D_STANDARD_4, "api", _MILAN, cluster="demo-shop"),
    _shop_ghislain(
        "cart-ghislain", 2, t.C3_STANDARD_4, "spike", _SAPPHIRE_RAPIDS, disks=_CART_DISKS
    ),
    _shop_ghislain("bastion-ghislain", 1, t.E2_MICRO, "lent", _ROME),
    _shop_ghislain("twin-ghislain", 1, t.E2_SMALL, "lent", _ROME, twin=True),
    _shop_ghislain("leftover-ghislain", 1, t.N2_STANDARD_4, "zombie", _ICE_LAKE, env="test"),
    _shop_paris("api-seine", 2, t.T2D_STANDARD_2, "api", _MILAN),
    _shop_paris("twin-seine", 1, t.E2_STANDARD_2, "steady", _ROME, twin=True),
    _shop_paris("desk-seine", 2, t.E2_STANDARD_2, "web", _ROME, env="dev", schedule=office_hours),
    _shop_paris("moved-seine", 1, t.N2_STANDARD_4, "steady", "", schedule=stopped),
    _data_ghislain(
        "lake-ghislain", 2, t.N2_HIGHMEM_4, "database", _CASCADE_LAKE, disks=_LAKE_DISKS
    ),
    _data_ghislain("etl-ghislain", 1, t.N2_CUSTOM, "batch", _ICE_LAKE),
    _data_ghislain("twin-data", 1, t.E2_SMALL, "lent", _ROME, twin=True),
    _data_paris("build-seine", 1, t.N2_STANDARD_4, "jobs", _ICE_LAKE, schedule=on_and_off),
    _data_iowa("arm-iowa", 2, t.T2A_STANDARD_2, "jobs", "Ampere Altra"),
    _data_iowa("axion-iowa", 2, t.C4A_STANDARD_4, "api", "Google Axion"),
    _data_iowa(
        "training-iowa",
        1,
        t.A2_HIGHGPU_1G,
        "training",
        _CASCADE_LAKE,
        spot=True,
        disks=_TRAINING_DISKS,
        gpu_agent=True,
    ),
    _data_iowa("serving-iowa", 1, t.G2_STANDARD_4, "inference", _CASCADE_LAKE),
    _data_iowa("prototype-iowa", 1, t.X9_STANDARD_8, "jobs", "AMD Turin", env="test"),
)
"""The permanent machines; 30 in all."""

_BURST: Final = _shop_ghislain("burst-ghislain", 1, t.T2D_STANDARD_2, "jobs", _MILAN, spot=True)


def machines(copy: int) -> tuple[EstateMachine, ...]:
    """Return the permanent machines, or their copies of the same character under new names."""
    return tuple(
        row.machine(copy * row.count + number + 1) for row in ROWS for number in range(row.count)
    )


def groups(copies: int) -> tuple[BurstGroup, ...]:
    """Return the groups whose machines come and go, for so many copies of the estate.

    They end on whole five minutes: Google forgets a deleted machine with the time of its end.
    """
    burst = BurstGroup(
        template=_BURST.named("demo-burst-ghislain", "b"),
        period=HOUR,
        fewest=copies,
        most=3 * copies,
        offset=71,
        spread=1303,
        shortest=1187,
        longest=2099,
        naming=_member,
        end_step=300,
    )
    return (burst,)


def _member(template: EstateMachine, number: int, index: int, seed: int) -> EstateMachine:
    name = f"{template.name}-{number % 10_000:04d}-{index + 1}"
    return replace(template, name=name, resource_id=numeric_id(seed))


def numeric_id(seed: int) -> str:
    """Return an id like those of Compute Engine: a number of 19 digits."""
    return str(10**18 + mix(seed, 0) % 10**18)
