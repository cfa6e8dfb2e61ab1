"""A process of its own that is a cloud and its grid: so their work is not counted as the daemon's.

It writes one line of JSON that says where it listens and how to watch it; then it answers every
line on its standard input with the number of requests so far, and ends with that input.
"""

import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from exporter.core.clock import SystemClock, epoch
from exporter.demo.aws import AwsFake, access_key_id
from exporter.demo.azure import AzureFake
from exporter.demo.estate import Estate, EstateMachine, EstateState, demo_estate
from exporter.demo.gcp import GcpFake
from exporter.demo.grid import GridFake

MACHINES: Final[Mapping[str, str]] = {
    "aws": "ec2_instance",
    "gcp": "gce_instance",
    "azure": "azure_vm",
}
"""Clouds that can be stood for, and the resource type that is counted as a machine there."""

_DAY: Final = 86_400
_FIRST_ESTATE: Final = 500


def fleet(cloud: str, wanted: int, now: float) -> Estate:
    """Return an estate of so many machines of one account.

    All have been on since before yesterday, stay so, and are measured every minute.
    """
    size = max(_FIRST_ESTATE, wanted)
    while True:
        estate = demo_estate(size).of(cloud)
        machines = _steady(estate, MACHINES[cloud], now)
        if len(machines) >= wanted:
            return Estate(machines=tuple(replace(m, detailed=True) for m in machines[:wanted]))
        size *= 2


def _steady(estate: Estate, kind: str, now: float) -> Sequence[EstateMachine]:
    account = next(machine.account for machine in estate.machines)
    return [
        machine
        for machine in estate.machines
        if (machine.account, machine.resource_type) == (account, kind)
        and estate.state_at(machine, now) is EstateState.RUNNING
        and [run.end for run in estate.runs(machine, now - _DAY, now + _DAY)] == [None]
    ]


def main() -> None:
    """Serve until the standard input ends."""
    cloud, wanted = sys.argv[1], int(sys.argv[2])
    clock = SystemClock()
    estate = fleet(cloud, wanted, epoch(clock.now()))
    grid = GridFake(estate.intensity, clock, zones=estate.zones).start()
    fake: AwsFake | GcpFake | AzureFake
    account, regions = estate.accounts[0], sorted({m.region for m in estate.machines})
    setting: dict[str, object]
    environment: dict[str, str] = {}
    if cloud == "aws":
        fake = AwsFake(estate, clock).start()
        setting = {"endpoint_url": fake.url, "regions": regions}
        environment = {
            "AWS_ACCESS_KEY_ID": access_key_id(account),
            "AWS_SECRET_ACCESS_KEY": "bench",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }
    elif cloud == "gcp":
        fake = GcpFake(estate, clock).start()
        setting = {
            "projects": [account],
            "compute_endpoint": fake.url,
            "monitoring_endpoint": fake.monitoring_url,
        }
    else:
        fake = AzureFake(estate, clock).start()
        setting = {
            "subscriptions": [account],
            "management_endpoint": fake.url,
            "metrics_endpoint": fake.metrics_url,
        }
    _write(
        provider={"kind": cloud, **setting},
        grid=grid.url,
        environment=environment,
        account=account,
        regions=regions,
    )
    for _ in sys.stdin:
        counts = {operation: count for (_, operation), count in fake.requests.items()}
        _write(at=time.time(), requests=counts)


def _write(**values: object) -> None:
    print(json.dumps(values), flush=True)


if __name__ == "__main__":
    main()
