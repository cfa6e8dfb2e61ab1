"""The stage of the demo: the simulated estate on loopback, and settings that point at it.

The adapters that run on it are the production ones, unchanged.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Final

from exporter.core.clock import SystemClock
from exporter.demo.aws import AwsFake
from exporter.demo.aws.world import access_key_id
from exporter.demo.estate import Estate, demo_estate
from exporter.demo.grid import GridFake
from exporter.settings import Settings

LAG_SECONDS: Final = 20
"""How long the demo's clouds hold back a bucket: short, so that the page moves from the start."""

SETTLE: Final = "25s"
RESOLUTION: Final = "1m"
POLL: Final = "15s"


@contextmanager
def demo_stage(*, listen: str) -> Iterator[Settings]:
    """Start the loopback fakes and yield the settings of a daemon that watches them."""
    estate, clock = demo_estate().of("aws"), SystemClock()
    with ExitStack() as stack:
        aws = stack.enter_context(AwsFake(estate, clock, lag_seconds=LAG_SECONDS))
        grid = stack.enter_context(GridFake(estate.intensity, clock, zones=estate.zones))
        stack.enter_context(_environment(aws_environment(estate)))
        yield Settings.model_validate(demo_settings(estate, listen, aws.url, grid.url))


def demo_settings(estate: Estate, listen: str, aws_url: str, grid_url: str) -> dict[str, object]:
    """Say what the demo daemon watches: every account of the estate, and this machine."""
    first, *others = estate.accounts
    timing = {"settle": SETTLE}
    return {
        "listen": listen,
        "poll_interval": POLL,
        "resolution": RESOLUTION,
        "tags": ["team", "service", "env"],
        "providers": [
            {"kind": "aws", "name": f"aws:{first}", "endpoint_url": aws_url, **timing},
            *(
                {"kind": "aws", "role_arn": demo_role(other), "endpoint_url": aws_url, **timing}
                for other in others
            ),
            {"kind": "host"},
        ],
        "grids": [{"kind": "demo", "url": grid_url}],
    }


def demo_role(account: str) -> str:
    """Return the role that the demo assumes in an account."""
    return f"arn:aws:iam::{account}:role/carbon-exporter-demo"


def aws_environment(estate: Estate) -> Mapping[str, str]:
    """Return the environment in which AWS clients know the demo's invented credentials only."""
    return {
        "AWS_ACCESS_KEY_ID": access_key_id(estate.accounts[0]),
        "AWS_SECRET_ACCESS_KEY": "demo",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_PROFILE": "",
        "AWS_SESSION_TOKEN": "",
    }


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables (an empty value unsets) and put back what was there.

    The demo must not even read a user's real credentials, let alone sign with them.
    """
    before = {name: os.environ.get(name) for name in values}
    _apply(values)
    try:
        yield
    finally:
        _apply({name: value or "" for name, value in before.items()})


def _apply(values: Mapping[str, str]) -> None:
    for name, value in values.items():
        if value:
            os.environ[name] = value
        else:
            os.environ.pop(name, None)
