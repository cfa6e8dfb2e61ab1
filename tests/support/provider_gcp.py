"""The Google Cloud provider against the simulated Google Cloud on loopback."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from exporter.core.plugins import load
from exporter.core.ports import AdapterContext, TypeCatalogue
from exporter.demo.estate import Architecture, Cycle, Estate, EstateMachine, MachineType, Once
from exporter.demo.estate.disks import persistent
from exporter.demo.gcp import PUNCTUAL, Fault, FaultKind, GcpFake, Lateness, Limits
from exporter.providers.gcp.provider import GcpProvider
from tests.support.clock import ManualClock
from tests.support.provider_fakes import AWKWARD, DAY, FakeHarness, context_of
from tests.support.providers import HOUR, Fleet, Part, Trouble

PROJECT: Final = "test-shop-123456"
OTHER_PROJECT: Final = "test-data-654321"
SCOPE: Final = "test-scoping-987654"
REGIONS: Final = ("europe-west1", "us-central1")
MANY: Final = 2500

STANDARD: Final = MachineType(name="n2-standard-2", vcpus=2, memory_gib=8)
ARM: Final = MachineType(
    name="t2a-standard-4", vcpus=4, memory_gib=16, architecture=Architecture.ARM, threads_per_core=1
)
CUSTOM: Final = MachineType(name="n2-custom-8-16384", vcpus=8, memory_gib=16)

GPU: Final = MachineType(
    name="a2-highgpu-1g", vcpus=12, memory_gib=85, gpu_model="nvidia-tesla-a100", gpu_count=1
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
        provider="gcp",
        account=PROJECT,
        region=region,
        zone=f"{region}-b",
        grid_zone="BE",
        resource_type="gce_instance",
        resource_id=f"{4_000_000_000_000_000_000 + number}",
        name=f"test-{number:04d}",
        machine_type=STANDARD,
        shape="web",
        schedule=Once(start=0),
        seed=number,
        tags={"team": "shop"},
        cpu_platform="Intel Cascade Lake",
    )
    return replace(plain, **changes)


def usual_fleet(moment: int) -> Estate:
    """One machine of each kind that the contract speaks of, and a sister in the other project."""
    stopped = Cycle(anchor=moment - DAY - 6000, period=2 * HOUR, length=HOUR + 1234)
    awkward = {"owner": AWKWARD, "empty": ""}
    return Estate(
        machines=(
            machine(1, disks=(persistent(10), persistent(500, "pd-standard"))),
            machine(2, machine_type=ARM, cpu_platform="Ampere Altra"),
            machine(3, schedule=stopped, disks=(persistent(20, "pd-ssd"),)),
            machine(4, machine_type=CUSTOM, spot=True),
            machine(
                5,
                name=AWKWARD,
                tags=awkward,
                machine_type=GPU,
                gpu_agent=True,
                disks=(persistent(50, regional=True),),
            ),
            machine(6, region=REGIONS[1]),
            machine(7, region=REGIONS[1], account=OTHER_PROJECT, name="test-0006"),
        )
    )


def build(
    context: AdapterContext,
    fake: GcpFake,
    **settings: Any,  # noqa: ANN401 - config keys
) -> tuple[GcpProvider, ...]:
    """Make the providers as the composition root does: by kind, from their config."""
    module = load("exporter.providers", "gcp")
    given = {
        "kind": "gcp",
        "compute_endpoint": fake.url,
        "monitoring_endpoint": f"http://{fake.monitoring_address}",
        "max_attempts": 1,
        "timeout": "10s",
    }
    if "metrics_scope" not in settings:
        given["projects"] = [PROJECT]
    config = module.Config.model_validate(given | settings)
    providers: tuple[GcpProvider, ...] = module.build(config, context)
    return providers


class GcpHarness(FakeHarness):
    """A fake with a fleet, and the provider of its first project."""

    lacks: Mapping[Part, str] = {
        Part.COUNTERS: "it asks an API",
        Part.READS_OVER_HTTP: "gRPC, which has a deadline for each call, is spoken by its library",
        Part.SCOPES: "one request reads all regions of a project",
        Part.ENDED: "Compute Engine does not list deleted machines",
    }
    unstable_seconds = 240
    regions = REGIONS
    many = MANY
    machine = staticmethod(machine)
    usual_fleet = staticmethod(usual_fleet)
    fake: GcpFake
    fault = Fault

    def __init__(
        self,
        fleet: Fleet | Estate = Fleet.USUAL,
        *,
        types: TypeCatalogue | None = None,
        clock: ManualClock | None = None,
        limits: Limits | None = None,
        scopes: Mapping[str, tuple[str, ...]] | None = None,
        **settings: Any,  # noqa: ANN401 - config keys
    ) -> None:
        super().__init__(fleet, clock)
        self.fake = GcpFake(
            self.estate,
            self.clock,
            lag_seconds=self.unstable_seconds,
            lateness=LATE if fleet is Fleet.LATE else PUNCTUAL,
            limits=limits,
            scopes=scopes or {SCOPE: (PROJECT, OTHER_PROJECT)},
        ).start()
        self.context = context_of(self.clock, self.meter, types)
        self.providers = build(self.context, self.fake, **settings)
        self.provider = self.providers[0]

    def cause(self, trouble: Trouble, *, scope: str | None = None) -> None:
        self.fake.faults.add(Fault(kind=_FAULTS[trouble], project=scope))

    def dollars(self) -> float:
        return self.fake.series_returned * 0.50 / 1_000_000

    def close(self) -> None:
        self.close_all(self.providers)
