"""What the demo estate has in Amazon RDS, in the accounts of :mod:`aws_fleet`.

All databases start and stop on whole five minutes, because RDS tells neither time.
"""

from base64 import b32encode
from dataclasses import dataclass, field, replace
from typing import Final

from exporter.core.model import Disk
from exporter.demo.estate import aws_types as t
from exporter.demo.estate.aws_fleet import DATA_ACCOUNT, SHOP_ACCOUNT
from exporter.demo.estate.disks import ebs
from exporter.demo.estate.hashing import mix, seed_of
from exporter.demo.estate.lives import Life, always, office_hours, stepped, stopped
from exporter.demo.estate.machines import BurstGroup, EstateMachine, MachineType


def _db(machine_type: MachineType) -> MachineType:
    """Return the class of database that runs on a type."""
    return replace(machine_type, name=f"db.{machine_type.name}")


@dataclass(frozen=True, slots=True)
class _Database:
    name: str
    machine_type: MachineType
    account: str
    region: str
    grid_zone: str
    team: str
    env: str = field(default="prod", kw_only=True)
    schedule: Life = field(default=always, kw_only=True)
    utc_offset_minutes: int = field(default=0, kw_only=True)
    storage: Disk = field(default=ebs(100), kw_only=True)

    def machine(self, copy: int) -> EstateMachine:
        """Return the database, or its copy of the same character under a new name."""
        name = f"demo-{self.name}-{copy + 1:02d}"
        seed = seed_of(f"{self.account}/rds/{name}")
        return EstateMachine(
            provider="aws",
            account=self.account,
            region=self.region,
            zone=f"{self.region}{'abc'[copy % 3]}",
            grid_zone=self.grid_zone,
            resource_type="rds_instance",
            resource_id=_resource_id(seed),
            name=name,
            machine_type=_db(self.machine_type),
            shape="database",
            schedule=stepped(self.schedule)(seed),
            seed=seed,
            tags={"team": self.team, "service": f"demo-{self.name}", "env": self.env},
            utc_offset_minutes=self.utc_offset_minutes,
            disks=(self.storage,),
        )


def _resource_id(seed: int) -> str:
    """Return an id such as RDS gives: ``db-`` and 26 characters of base 32."""
    digits = b32encode(b"".join(mix(seed, n).to_bytes(8, "big") for n in range(2)))
    return f"db-DEMO{digits.decode()[:22]}"


_DUBLIN: Final = ("eu-west-1", "IE")
_PARIS: Final = ("eu-west-3", "FR")
_VIRGINIA: Final = ("us-east-1", "US-MIDA-PJM")
_MUMBAI: Final = ("ap-south-1", "IN-WE")

DATABASES: Final = (
    _Database("orders-db", t.M5_LARGE, SHOP_ACCOUNT, *_DUBLIN, "shop"),
    _Database(
        "staging-db",
        t.T4G_MEDIUM,
        SHOP_ACCOUNT,
        *_PARIS,
        "shop",
        env="dev",
        schedule=office_hours,
        utc_offset_minutes=60,
    ),
    _Database(
        "catalogue-db",
        t.R6G_XLARGE,
        SHOP_ACCOUNT,
        *_VIRGINIA,
        "shop",
        utc_offset_minutes=-300,
    ),
    _Database(
        "warehouse-db", t.R6G_XLARGE, DATA_ACCOUNT, *_DUBLIN, "data", storage=ebs(800, "io1")
    ),
    _Database(
        "archive-db",
        t.M5_LARGE,
        DATA_ACCOUNT,
        *_VIRGINIA,
        "research",
        schedule=stopped,
        utc_offset_minutes=-300,
        storage=ebs(200, "standard"),
    ),
    _Database("portal-db", t.T4G_MEDIUM, DATA_ACCOUNT, *_MUMBAI, "data", utc_offset_minutes=330),
)
"""The databases; six in all."""


def machines(copy: int) -> tuple[EstateMachine, ...]:
    """Return the databases, or their copies of the same character under new names."""
    return tuple(database.machine(copy) for database in DATABASES)


def groups(_copies: int) -> tuple[BurstGroup, ...]:
    """No database comes and goes."""
    return ()
