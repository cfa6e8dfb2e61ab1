"""The demo set up: the simulated estate on loopback, and settings that point at it.

The adapters that run on it are the production ones, unchanged.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from exporter.app.probe_grids import LiveGrid, Probe, answering, told
from exporter.core.clock import SystemClock, epoch
from exporter.core.ports import Clock
from exporter.data.regions import RegionTable
from exporter.demo.aws import AwsFake, access_key_id
from exporter.demo.azure import AzureFake
from exporter.demo.estate import Estate, demo_estate
from exporter.demo.gcp import GcpFake
from exporter.demo.grid import GridFake
from exporter.demo.lateness import PUNCTUAL, Lateness
from exporter.settings import Settings

SURGE_AFTER: Final = 60
"""Seconds from the start of the demo until its accident begins: first comes what is usual."""

LAG_SECONDS: Final = 20
"""How long the demo's clouds hold back a bucket: short, so that the page moves from the start."""

BUDGET_KG: Final = 900.0
"""A little less than the estate emits in a month: then the budget has something to say."""
SETTLE: Final = "25s"
RESOLUTION: Final = "1m"
POLL: Final = "15s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fakes:
    """The clouds and the grid of the demo on loopback, not yet listening."""

    estate: Estate
    aws: AwsFake
    gcp: GcpFake
    azure: AzureFake
    grid: GridFake

    @classmethod
    def of(cls, estate: Estate, clock: Clock, *, lag_seconds: float, lateness: Lateness) -> "Fakes":
        """Make the fakes of an estate; each shows only its own cloud's part of it."""
        return cls(
            estate=estate,
            aws=AwsFake(estate, clock, lag_seconds=lag_seconds, lateness=lateness),
            gcp=GcpFake(estate, clock, lag_seconds=lag_seconds, lateness=lateness),
            azure=AzureFake(estate, clock, lag_seconds=lag_seconds, lateness=lateness),
            grid=GridFake(estate.intensity, clock, zones=grid_zones(estate)),
        )

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Serve until the end of the block."""
        with self.aws, self.gcp, self.azure, self.grid:
            yield

    def providers(self) -> list[dict[str, object]]:
        """Return the sections of the settings that watch every account of the estate."""
        first, *others = self.estate.of("aws").accounts
        assumed: list[dict[str, object]] = [
            {"kind": "aws", "role_arn": demo_role(other), "endpoint_url": self.aws.url}
            for other in others
        ]
        return [
            {"kind": "aws", "name": f"aws:{first}", "endpoint_url": self.aws.url},
            *assumed,
            {
                "kind": "gcp",
                "projects": list(self.estate.of("gcp").accounts),
                "compute_endpoint": self.gcp.url,
                "monitoring_endpoint": f"http://{self.gcp.monitoring_address}",
            },
            {
                "kind": "azure",
                "subscriptions": list(self.estate.of("azure").accounts),
                "management_endpoint": self.azure.url,
                "metrics_endpoint": self.azure.metrics_url,
            },
        ]


def grid_zones(estate: Estate) -> tuple[str, ...]:
    """Return the zones of the estate and, sorted, those of all other regions of the clouds."""
    everywhere = sorted({region.grid_zone for region in RegionTable().all()})
    return tuple(dict.fromkeys((*estate.zones, *everywhere)))


@contextmanager
def demo_stage(*, listen: str, probes: Sequence[Probe]) -> Iterator[tuple[Settings, str]]:
    """Start the fakes on loopback; yield the settings of a daemon that watches them.

    With them comes a line that says which grids are live: those of the ``probes`` that answer
    within seconds. Without a probe nobody outside this machine is asked.

    A minute after the start an accident begins: each start has its own, and its machines.
    """
    live = answering(probes)
    reason = "no live source answered" if probes else "--offline"
    clock = SystemClock()
    estate = demo_estate(surge_at=int(epoch(clock.now())) + SURGE_AFTER)
    fakes = Fakes.of(estate, clock, lag_seconds=LAG_SECONDS, lateness=PUNCTUAL)
    with fakes.listening(), _environment(aws_environment(estate)):
        settings = Settings.model_validate(demo_settings(fakes, listen, live))
        yield settings, told(live, grid_zones(estate), reason=reason)


def demo_settings(fakes: Fakes, listen: str, live: Sequence[LiveGrid] = ()) -> dict[str, object]:
    """Say what the demo daemon watches: every account of the estate, and this machine.

    The simulated grid tells the zones that no live source declares, and never mixes with those.
    """
    invented = {
        "kind": "demo",
        "url": fakes.grid.url,
        "except_zones": [
            zone for zone in grid_zones(fakes.estate) if any(grid.covers(zone) for grid in live)
        ],
    }
    return {
        "listen": listen,
        "poll_interval": POLL,
        "resolution": RESOLUTION,
        "tags": ["team", "service", "env"],
        "budget_kgco2eq_per_month": BUDGET_KG,
        "providers": [
            *({**section, "settle": SETTLE} for section in fakes.providers()),
            {"kind": "host"},
        ],
        "grids": [*(grid.section for grid in live), invented],
    }


def demo_role(account: str) -> str:
    """Return the role that the demo assumes in an account."""
    return f"arn:aws:iam::{account}:role/carbon-exporter-demo"


def aws_environment(estate: Estate) -> Mapping[str, str]:
    """Return the environment in which AWS clients know the demo's invented credentials only."""
    return {
        "AWS_ACCESS_KEY_ID": access_key_id(estate.of("aws").accounts[0]),
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
