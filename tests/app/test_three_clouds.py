"""Three clouds in one daemon: poll intervals, independent failure, names, imports."""

import subprocess
import sys
from collections.abc import Callable

import pytest

from exporter.app.demo_setup import Fakes
from exporter.core.meter import ApiUsage
from exporter.core.snapshot import Snapshot
from exporter.demo.aws import Fault as AwsFault
from exporter.demo.aws import FaultKind as AwsKind
from exporter.demo.azure import Fault as AzureFault
from exporter.demo.azure import FaultKind as AzureKind
from exporter.demo.estate import demo_estate
from exporter.demo.gcp import Fault as GcpFault
from exporter.demo.gcp import FaultKind as GcpKind
from tests.app.test_truth import HOUR, MINUTE, Rehearse, rehearse, without_short_pauses

__all__ = ["rehearse"]  # the fixture

Switch = Callable[[Fakes], None]

TROUBLE: dict[str, dict[str, Switch]] = {
    "aws": {
        "throttling": lambda fakes: fakes.aws.faults.add(AwsFault(kind=AwsKind.THROTTLING)),
        "credentials": lambda fakes: fakes.aws.faults.add(
            AwsFault(kind=AwsKind.EXPIRED_CREDENTIALS)
        ),
        "garbage": lambda fakes: fakes.aws.faults.add(AwsFault(kind=AwsKind.HTML)),
    },
    "gcp": {
        "throttling": lambda fakes: fakes.gcp.faults.add(GcpFault(kind=GcpKind.THROTTLING)),
        "credentials": lambda fakes: fakes.gcp.faults.add(
            GcpFault(kind=GcpKind.EXPIRED_CREDENTIALS)
        ),
        "garbage": lambda fakes: fakes.gcp.faults.add(GcpFault(kind=GcpKind.HTML)),
    },
    "azure": {
        "throttling": lambda fakes: fakes.azure.faults.add(AzureFault(kind=AzureKind.THROTTLING)),
        "credentials": lambda fakes: fakes.azure.faults.add(
            AzureFault(kind=AzureKind.EXPIRED_CREDENTIALS)
        ),
        "garbage": lambda fakes: fakes.azure.faults.add(AzureFault(kind=AzureKind.HTML)),
    },
}
CLEAR: dict[str, Switch] = {
    "aws": lambda fakes: fakes.aws.faults.clear(),
    "gcp": lambda fakes: fakes.gcp.faults.clear(),
    "azure": lambda fakes: fakes.azure.faults.clear(),
}


def totals(snapshot: Snapshot) -> dict[tuple[str, ...], tuple[float, float]]:
    return {tuple(r.key): (r.energy, r.operational) for r in snapshot.regions}


def dollars(usage: dict[tuple[str, str], ApiUsage], provider: str) -> float:
    return sum(used.dollars for (name, _), used in usage.items() if name == provider)


def test_poll_intervals_change_the_bill_and_not_the_grams(rehearse: Rehearse) -> None:
    """From the same hour on, polls of 5, 15 and 60 minutes end in the same joules and grams."""
    ended: list[dict[tuple[str, ...], tuple[float, float]]] = []
    billed: list[dict[str, float]] = []
    for every in (5 * MINUTE, 15 * MINUTE, 60 * MINUTE):
        rehearsal = rehearse(without_short_pauses(demo_estate()), float(every))
        rehearsal.poll(HOUR, every=HOUR)  # all start counting at the same time
        before = dict(rehearsal.snapshot.api)
        rehearsal.poll(2 * HOUR, every=every)
        usage = dict(rehearsal.snapshot.api)
        billed.append({p: dollars(usage, p) - dollars(before, p) for p in TROUBLE})
        ended.append(totals(rehearsal.snapshot))
    assert len(ended[0]) >= 10
    for other in ended[1:]:
        assert other.keys() == ended[0].keys()
        for key, sums in ended[0].items():
            assert list(other[key]) == pytest.approx(list(sums), rel=1e-9), key
    often, sometimes, seldom = (each["aws"] for each in billed)
    assert often / seldom == pytest.approx(12, rel=0.02)
    assert sometimes / seldom == pytest.approx(4, rel=0.02)
    for cloud in ("gcp", "azure"):
        assert billed[0][cloud] / billed[2][cloud] == pytest.approx(12, rel=0.1)


def test_a_cloud_in_trouble_disturbs_no_other_and_loses_nothing(rehearse: Rehearse) -> None:
    """One after the other, each in every kind of trouble, while the others go on."""
    estate = without_short_pauses(demo_estate())
    kinds = sum(len(kinds) for kinds in TROUBLE.values())
    whole = (30 + 15 * kinds + 45) * MINUTE
    quiet = rehearse(estate, 1.0)
    quiet.poll(15 * MINUTE, every=15 * MINUTE)  # both start counting at the same time
    quiet.poll(whole - 15 * MINUTE, every=whole - 15 * MINUTE)
    troubled = rehearse(estate, 2.0)
    troubled.poll(30 * MINUTE, every=15 * MINUTE)
    for cloud, kind in ((cloud, kind) for cloud, kinds in TROUBLE.items() for kind in kinds):
        TROUBLE[cloud][kind](troubled.fakes)
        troubled.poll(15 * MINUTE, every=15 * MINUTE)
        success = {v.name.split(":")[0]: v.success for v in troubled.snapshot.collectors}
        expected = {p: p != cloud for p in TROUBLE} | {"demo": True, "store": True}
        assert success == expected, (cloud, kind)
        CLEAR[cloud](troubled.fakes)
        sums = totals(troubled.snapshot).items()
        assert all(joules >= 0 for key, (joules, _) in sums if key[0] == cloud), (cloud, kind)
    troubled.poll(45 * MINUTE, every=15 * MINUTE)
    true = totals(quiet.snapshot)
    for key, sums_of_key in totals(troubled.snapshot).items():
        assert list(true[key]) == pytest.approx(list(sums_of_key), rel=1e-9), key


def test_one_name_in_two_zones_projects_and_subscriptions_stays_apart(rehearse: Rehearse) -> None:
    rehearsal = rehearse(demo_estate(), 1.0)
    rehearsal.poll(30 * MINUTE, every=15 * MINUTE)
    by_name: dict[tuple[str, str], list[float | None]] = {}
    for view in rehearsal.snapshot.resources:
        key = (view.machine.key.provider, view.machine.name)
        by_name.setdefault(key, []).append(view.now.utilization if view.now else None)
    shared = {key: values for key, values in by_name.items() if len(values) > 1}
    assert {provider for provider, _ in shared} >= {"gcp", "azure"}
    for key, values in shared.items():
        measured = [value for value in values if value is not None]
        assert len(set(measured)) == len(measured) > 1, key


@pytest.mark.parametrize(
    ("kind", "others"),
    [
        ("host", ("boto3", "grpc", "google.cloud", "azure")),
        ("aws", ("grpc", "google.cloud", "azure")),
        ("gcp", ("boto3", "azure")),
        ("azure", ("boto3", "grpc", "google.cloud")),
    ],
)
def test_only_the_configured_clouds_sdks_are_imported(kind: str, others: tuple[str, ...]) -> None:
    extra = {"gcp": "'projects': ['p-demo']"}.get(kind, "")
    program = (
        "import sys\n"
        "from exporter.app import build\n"
        "from exporter.settings import Settings\n"
        f"app = build(Settings.model_validate({{'providers': [{{'kind': '{kind}', {extra}}}]}}))\n"
        f"print([name for name in {others!r} if name in sys.modules])\n"
        "app.close()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]", done.stderr
