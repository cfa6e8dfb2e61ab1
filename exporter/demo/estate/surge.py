"""An accident: a scaling rule without a limit launches large machines until somebody stops it.

Unlike the rest of the estate it is at a time that the caller names, so that whoever looks at a
demo sees what an accident looks like.
"""

from typing import Final

from exporter.demo.estate.aws_fleet import SHOP_ACCOUNT
from exporter.demo.estate.aws_types import C7I_16XLARGE
from exporter.demo.estate.disks import ebs
from exporter.demo.estate.hashing import mix, seed_of
from exporter.demo.estate.machines import EstateMachine, instance_id
from exporter.demo.estate.schedules import Once

GROUP: Final = "demo-checkout-runaway"
SIZE: Final = 12
"""Machines: with them the estate emits two to three times as much, their account at least ten."""
SECONDS: Final = 17 * 60
"""From the first launch until the last machine is terminated."""
_SPREAD: Final = 60
"""Seconds within which all are launched, and later terminated."""
_REGION: Final = "us-east-1"


def machines(start: int, copies: int = 1) -> tuple[EstateMachine, ...]:
    """Return the machines of an accident that begins at an epoch second.

    One that begins at another time has others: clouds never use an identity twice. A larger
    estate, ``copies`` times the usual one, has a larger accident.
    """
    return tuple(_machine(start, number + 1) for number in range(SIZE * copies))


def _machine(start: int, number: int) -> EstateMachine:
    name = f"{GROUP}-{number:02d}"
    seed = seed_of(f"{SHOP_ACCOUNT}/{name}/{start}")
    return EstateMachine(
        provider="aws",
        account=SHOP_ACCOUNT,
        region=_REGION,
        zone=_REGION + "abc"[number % 3],
        grid_zone="US-MIDA-PJM",
        resource_type="ec2_instance",
        resource_id=instance_id(seed),
        name=name,
        machine_type=C7I_16XLARGE,
        shape="runaway",
        schedule=_life(start, seed),
        seed=seed,
        tags=_tags(name),
        utc_offset_minutes=-300,
        terminates=True,
        disks=(ebs(30),),
    )


def _life(start: int, seed: int) -> Once:
    launch = start + mix(seed, 1) % _SPREAD
    return Once(start=launch, end=start + SECONDS - mix(seed, 2) % _SPREAD)


def _tags(name: str) -> dict[str, str]:
    return {
        "Name": name,
        "team": "shop",
        "service": "demo-checkout",
        "env": "prod",
        "aws:autoscaling:groupName": GROUP,
    }
