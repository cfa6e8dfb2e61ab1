"""The AWS provider against the simulated AWS on loopback."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from exporter.core.plugins import load
from exporter.core.ports import AdapterContext, TypeCatalogue
from exporter.demo.aws import (
    PUNCTUAL,
    AwsFake,
    Fault,
    FaultKind,
    Lateness,
    Limits,
    access_key_id,
)
from exporter.demo.estate import (
    Architecture,
    Cycle,
    Estate,
    EstateMachine,
    MachineType,
    Once,
    demo_estate,
)
from exporter.demo.estate.disks import ebs
from exporter.demo.estate.hashing import mix
from exporter.providers.aws.provider import AwsProvider
from tests.support.clock import ManualClock
from tests.support.provider_fakes import AWKWARD, DAY, FakeHarness, context_of
from tests.support.providers import HOUR, SECRET, Fleet, Part, Trouble

ACCOUNT: Final = "111122223333"
OTHER_ACCOUNT: Final = "444455556666"
EXTERNAL_ID: Final = "told-to-nobody-else"
REGIONS: Final = ("eu-west-1", "us-east-1")
MANY: Final = 2500

LARGE: Final = MachineType(name="m5.large", vcpus=2, memory_gib=8)
DB_LARGE: Final = replace(LARGE, name="db.m5.large")
ARM: Final = MachineType(
    name="c7g.xlarge", vcpus=4, memory_gib=8, architecture=Architecture.ARM, threads_per_core=1
)
GPU: Final = MachineType(
    name="g4dn.xlarge", vcpus=4, memory_gib=16, gpu_model="T4", gpu_count=1, gpu_memory_mib=16384
)

LATE: Final = Lateness(late_share=0.3, partial_share=0.6)

_FAULTS: Final = {
    Trouble.THROTTLED: FaultKind.THROTTLING,
    Trouble.UNAVAILABLE: FaultKind.UNAVAILABLE,
    Trouble.RESET: FaultKind.RESET,
    Trouble.EXPIRED: FaultKind.EXPIRED_CREDENTIALS,
    Trouble.INVALID: FaultKind.INVALID_CREDENTIALS,
    Trouble.DENIED: FaultKind.MISSING_PERMISSION,
    Trouble.GARBAGE: FaultKind.HTML,
    Trouble.TRUNCATED: FaultKind.TRUNCATED,
}


def machine(number: int, region: str = REGIONS[0], **changes: Any) -> EstateMachine:  # noqa: ANN401 - fields of the record
    """Make a machine of the test fleet; it has run for ever unless told otherwise."""
    plain = EstateMachine(
        provider="aws",
        account=ACCOUNT,
        region=region,
        zone=f"{region}a",
        grid_zone="IE",
        resource_type="ec2_instance",
        resource_id=f"i-0de30{mix(number, 0) >> 16:012x}",
        name=f"test-{number:04d}",
        machine_type=LARGE,
        shape="web",
        schedule=Once(start=0),
        seed=number,
        tags={"Name": f"test-{number:04d}", "team": "shop"},
        detailed=False,
    )
    return replace(plain, **changes)


def database(number: int, region: str = REGIONS[0], **changes: Any) -> EstateMachine:  # noqa: ANN401 - fields of the record
    """Make a database of the test fleet."""
    plain = machine(
        number,
        region,
        resource_type="rds_instance",
        resource_id=f"db-TEST{number:022d}",
        name=f"test-db-{number:04d}",
        machine_type=DB_LARGE,
        shape="database",
        tags={"team": "shop"},
        detailed=True,
    )
    return replace(plain, **changes)


def further(region: str) -> list[EstateMachine]:
    """Make one machine of each kind that is not written here, as the demo's fleet has it."""
    first: dict[str, EstateMachine] = {}
    for one in demo_estate().of("aws").machines:
        first.setdefault(one.resource_type, one)
    return [
        replace(
            one,
            account=ACCOUNT,
            region=region,
            zone=f"{region}a",
            grid_zone="IE",
            resource_id=f"{one.resource_id}{REGIONS.index(region)}",
            schedule=Once(start=0),
        )
        for resource_type, one in first.items()
        if resource_type not in {"ec2_instance", "rds_instance"}
    ]


def usual_fleet(moment: int) -> Estate:
    """One machine of each sort that the contract speaks of, and a sister in the other region."""
    stopped = Cycle(anchor=moment - DAY - 6000, period=2 * HOUR, length=HOUR + 1234)
    ended = Once(start=moment - 2 * HOUR - 77, end=moment - 1801)
    awkward = {"Name": AWKWARD, "carbon:owner": AWKWARD, "empty": ""}
    return Estate(
        machines=(
            machine(1, disks=(ebs(30), ebs(500, "st1"))),
            machine(2, detailed=True, machine_type=ARM),
            machine(3, schedule=stopped, disks=(ebs(8, "standard"),)),
            machine(4, schedule=ended, terminates=True, disks=(ebs(30),)),
            machine(5, tags=awkward, machine_type=GPU, gpu_agent=True, disks=(ebs(100, "io2"),)),
            machine(6, region=REGIONS[1]),
            machine(7, region=REGIONS[1], account=OTHER_ACCOUNT),
            database(8, disks=(ebs(100, "gp2"),)),
            database(9, region=REGIONS[1]),
            *further(REGIONS[0]),
            *further(REGIONS[1]),
        )
    )


def credentials(folder: Path, account: str = ACCOUNT) -> Path:
    """Write a credentials file with the profile ``test``."""
    path = folder / "credentials"
    path.write_text(
        f"[test]\naws_access_key_id = {access_key_id(account)}\naws_secret_access_key = {SECRET}\n",
        encoding="utf-8",
    )
    return path


def build(
    context: AdapterContext,
    url: str,
    file: Path,
    **settings: Any,  # noqa: ANN401 - config keys
) -> AwsProvider:
    """Make the provider as the composition root does: by kind, from its config."""
    module = load("exporter.providers", "aws")
    given = {
        "kind": "aws",
        "regions": REGIONS,
        "endpoint_url": url,
        "profile": "test",
        "credentials_file": file,
        "max_attempts": 1,
        "timeout": "10s",
    }
    config = module.Config.model_validate(given | settings)
    (provider,) = module.build(config, context)
    assert isinstance(provider, AwsProvider)
    return provider


class AwsHarness(FakeHarness):
    """A fake with a fleet, and the provider of its first account."""

    lacks: Mapping[Part, str] = {Part.COUNTERS: "it asks an API"}
    unstable_seconds = 120
    regions = REGIONS
    many = MANY
    machine = staticmethod(machine)
    usual_fleet = staticmethod(usual_fleet)
    fake: AwsFake
    fault = Fault

    def __init__(
        self,
        folder: Path,
        fleet: Fleet | Estate = Fleet.USUAL,
        *,
        types: TypeCatalogue | None = None,
        clock: ManualClock | None = None,
        limits: Limits | None = None,
        **settings: Any,  # noqa: ANN401 - config keys
    ) -> None:
        super().__init__(fleet, clock)
        self.fake = AwsFake(
            self.estate,
            self.clock,
            lag_seconds=self.unstable_seconds,
            lateness=LATE if fleet is Fleet.LATE else PUNCTUAL,
            limits=limits,
            external_ids={OTHER_ACCOUNT: EXTERNAL_ID},
        ).start()
        self.context = context_of(self.clock, self.meter, types)
        self.file = credentials(folder)
        self.provider = build(self.context, self.fake.url, self.file, **settings)

    def cause(self, trouble: Trouble, *, scope: str | None = None) -> None:
        self.fake.faults.add(Fault(kind=_FAULTS[trouble], region=scope))

    def dollars(self) -> float:
        return self.fake.metrics_requested * 0.01 / 1000

    def close(self) -> None:
        self.close_all((self.provider,))
