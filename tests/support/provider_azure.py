"""The Azure provider against the simulated Azure on loopback."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from azure.core.credentials import AccessToken

from exporter.core.plugins import load
from exporter.core.ports import AdapterContext, TypeCatalogue
from exporter.demo.azure import PUNCTUAL, AzureFake, Fault, FaultKind, Lateness, Limits
from exporter.demo.estate import Architecture, Cycle, Estate, EstateMachine, MachineType, Once
from exporter.demo.estate.disks import managed
from exporter.providers.azure import AzureProvider, Config
from exporter.providers.azure.credentials import Credentials
from exporter.providers.azure.session import Connection
from tests.support.clock import ManualClock
from tests.support.provider_fakes import AWKWARD, DAY, FakeHarness, context_of
from tests.support.providers import HOUR, SECRET, Fleet, Part, Trouble

SUBSCRIPTION: Final = "11111111-2222-4333-8444-555555555555"
OTHER_SUBSCRIPTION: Final = "99999999-8888-4777-8666-555555555555"
REGIONS: Final = ("westeurope", "eastus")
MANY: Final = 2500

LARGE: Final = MachineType(name="Standard_D2s_v5", vcpus=2, memory_gib=8)
ARM: Final = MachineType(
    name="Standard_D4ps_v5",
    vcpus=4,
    memory_gib=16,
    architecture=Architecture.ARM,
    threads_per_core=1,
)
GPU: Final = MachineType(
    name="Standard_NC4as_T4_v3", vcpus=4, memory_gib=28, gpu_model="T4", gpu_count=1
)

LATE: Final = Lateness(late_share=0.3, partial_share=0.6)

_FAULTS: Final = {
    Trouble.THROTTLED: FaultKind.BARE_THROTTLING,
    Trouble.UNAVAILABLE: FaultKind.UNAVAILABLE,
    Trouble.RESET: FaultKind.RESET,
    Trouble.EXPIRED: FaultKind.EXPIRED_CREDENTIALS,
    Trouble.INVALID: FaultKind.INVALID_CREDENTIALS,
    Trouble.DENIED: FaultKind.MISSING_PERMISSION,
    Trouble.GARBAGE: FaultKind.HTML,
    Trouble.TRUNCATED: FaultKind.TRUNCATED,
}
_APIS: Final = {
    "resources": "ResourceGraph",
    "metrics:getBatch": "GetBatch",
    "skus": "ListSkus",
    "query": "LogsQuery",
    "provider": "GetProvider",
    "subscription": "Subscriptions",
    "subscriptions": "Subscriptions",
}


class Entra:
    """A credential whose tokens hold the secret that no message may show."""

    def get_token(self, *_scopes: str, **_options: object) -> AccessToken:
        return AccessToken(f"token-{SECRET}", 2**33)

    def close(self) -> None:
        """Nothing is open."""


class Naps:
    """Stands for sleeping: remembers how long, and moves no clock."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def machine(number: int, region: str = REGIONS[0], **changes: Any) -> EstateMachine:  # noqa: ANN401 - fields of the record
    """Make a machine of the test fleet; it has run for ever unless told otherwise."""
    plain = EstateMachine(
        provider="azure",
        account=SUBSCRIPTION,
        region=region,
        zone=f"{region}-1",
        grid_zone="NL",
        resource_type="azure_vm",
        resource_id="",
        name=f"test-{number:04d}",
        machine_type=LARGE,
        shape="web",
        schedule=Once(start=0),
        seed=number,
        tags={"team": "shop"},
    )
    made = replace(plain, **changes)
    path = f"virtualMachines/VM-{number:04d}"
    if made.resource_type == "azure_vmss_vm":
        path = f"virtualMachineScaleSets/Pool/virtualMachines/{number}"
    scope = f"/subscriptions/{made.account}/resourceGroups/Test-RG"
    cloud_id = f"{scope}/providers/Microsoft.Compute/{path}"
    return replace(made, cloud_id=cloud_id, resource_id=cloud_id.lower())


def usual_fleet(moment: int) -> Estate:
    """One machine of each kind that the contract speaks of, and a twin in the other account."""
    stopped = Cycle(anchor=moment - DAY - 6000, period=2 * HOUR, length=HOUR + 1234)
    awkward = {"owner": AWKWARD, "empty": ""}
    return Estate(
        machines=(
            machine(1, disks=(managed(30), managed(1024, "Standard_LRS"))),
            machine(2, machine_type=ARM),
            machine(3, schedule=stopped, disks=(managed(64),)),
            machine(
                4, resource_type="azure_vmss_vm", zone="", disks=(managed(128, "StandardSSD_ZRS"),)
            ),
            machine(5, name=AWKWARD, tags=awkward, machine_type=GPU),
            machine(6, region=REGIONS[1]),
            machine(6, region=REGIONS[1], account=OTHER_SUBSCRIPTION),
        )
    )


def config_of(url: str, metrics_url: str, **settings: Any) -> Config:  # noqa: ANN401 - config keys
    """Return the section of the test servers at two addresses."""
    given = {
        "kind": "azure",
        "subscriptions": [SUBSCRIPTION],
        "management_endpoint": url,
        "metrics_endpoint": metrics_url,
        "max_attempts": 1,
        "timeout": "10s",
    }
    config = load("exporter.providers", "azure").Config.model_validate(given | settings)
    assert isinstance(config, Config)
    return config


def providers_of(
    config: Config, context: AdapterContext, naps: Naps | None = None
) -> tuple[AzureProvider, ...]:
    """Make the providers as ``build`` does, with a credential that has something to hide."""
    credentials = Credentials(config, lambda _: Entra())
    return tuple(
        AzureProvider(
            config, context, Connection(config, context, credentials, naps or Naps()), subscription
        )
        for subscription in config.subscriptions or (None,)
    )


class AzureHarness(FakeHarness):
    """A fake with a fleet, and the provider of its first subscription."""

    lacks: Mapping[Part, str] = {
        Part.COUNTERS: "it asks an API",
        Part.SCOPES: "one query lists all regions of a subscription",
        Part.ENDED: "the simulated Azure keeps no record of deleted machines",
    }
    unstable_seconds = 180
    regions = REGIONS
    many = MANY
    machine = staticmethod(machine)
    usual_fleet = staticmethod(usual_fleet)
    fake: AzureFake
    fault = Fault

    def __init__(
        self,
        fleet: Fleet | Estate = Fleet.USUAL,
        *,
        types: TypeCatalogue | None = None,
        clock: ManualClock | None = None,
        limits: Limits | None = None,
        **settings: Any,  # noqa: ANN401 - config keys
    ) -> None:
        super().__init__(fleet, clock)
        self.naps = Naps()
        self.fake = AzureFake(
            self.estate,
            self.clock,
            lag_seconds=self.unstable_seconds,
            lateness=LATE if fleet is Fleet.LATE else PUNCTUAL,
            limits=limits,
        ).start()
        settings = {"logs_endpoint": self.fake.url} | settings
        config = config_of(self.fake.url, self.fake.metrics_url, **settings)
        context = context_of(self.clock, self.meter, types)
        self.providers = providers_of(config, context, self.naps)
        self.provider = self.providers[0]

    def reports_gpus(self, machine: EstateMachine) -> bool:
        return bool(machine.machine_type.gpu_count)

    def cause(self, trouble: Trouble, *, scope: str | None = None) -> None:
        self.fake.faults.add(Fault(kind=_FAULTS[trouble], region=scope))

    def requests(self) -> Mapping[str, int]:
        asked: Counter[str] = Counter()
        for (_, operation), times in self.fake.requests.items():
            asked[_APIS[operation]] += times
        return dict(asked)

    def dollars(self) -> float:
        return self.requests().get("GetBatch", 0) * 0.01 / 1000

    def close(self) -> None:
        self.close_all(self.providers)
