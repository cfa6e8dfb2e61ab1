"""What ``check`` tells: every permission, and which one is missing."""

import json
from pathlib import Path

import pytest

from exporter.core.model import PermissionCheck
from exporter.demo.azure import Fault, FaultKind
from exporter.demo.azure.logs import WORKSPACE
from exporter.providers.azure import gpu, lifecycle, metrics, skus
from exporter.providers.azure.kinds import NAMES as KINDS
from exporter.providers.azure.kinds import kind_of
from exporter.providers.azure.permissions import REGISTRATION, REGISTRATION_PERMISSION
from exporter.providers.azure.subscriptions import PERMISSION as SUBSCRIPTIONS
from tests.support.provider_azure import SUBSCRIPTION, AzureHarness
from tests.support.providers import SECRET, Fleet
from tests.support.wire_azure import Make

ROLE = Path(__file__).parents[3] / "deploy" / "iam" / "azure.json"
NAMES = [
    SUBSCRIPTIONS,
    *(kind_of(name).permission for name in KINDS),
    lifecycle.PERMISSION,
    skus.PERMISSION,
    REGISTRATION,
    metrics.PERMISSION,
]


def failed(checks: list[PermissionCheck]) -> dict[str, str]:
    return {check.permission: check.message for check in checks if not check.ok}


@pytest.mark.parametrize("subscriptions", [[SUBSCRIPTION], None])
def test_every_permission_is_tried(make: Make, subscriptions: list[str] | None) -> None:
    checks = make(subscriptions=subscriptions).provider.permissions()

    assert [check.permission for check in checks] == NAMES
    assert failed(checks) == {}


@pytest.mark.parametrize(
    ("fault", "permission", "fix"),
    [
        (
            Fault(kind=FaultKind.MISSING_PERMISSION, service="metrics"),
            metrics.PERMISSION,
            "assign the role Monitoring Reader",
        ),
        (
            Fault(kind=FaultKind.MISSING_PERMISSION, operation="skus"),
            skus.PERMISSION,
            "assign the role Reader",
        ),
        (
            Fault(kind=FaultKind.NOT_REGISTERED),
            REGISTRATION,
            f"az provider register --namespace Microsoft.Insights --subscription {SUBSCRIPTION}",
        ),
        (
            Fault(kind=FaultKind.MISSING_PERMISSION, operation="subscription"),
            SUBSCRIPTIONS,
            "assign the role Reader",
        ),
        (Fault(kind=FaultKind.NOT_FOUND), SUBSCRIPTIONS, "check its id and tenant"),
    ],
)
def test_what_is_missing_is_named_with_its_fix(
    harness: AzureHarness, fault: Fault, permission: str, fix: str
) -> None:
    harness.fake.faults.add(fault)

    missing = failed(harness.provider.permissions())

    assert list(missing) == [permission]
    assert fix in missing[permission]
    assert SUBSCRIPTION in missing[permission]
    assert SECRET not in missing[permission]


def test_a_configured_workspace_is_tried_too(make: Make) -> None:
    harness = make(log_analytics_workspace=WORKSPACE)
    checks = harness.provider.permissions()

    assert [check.permission for check in checks] == [*NAMES, gpu.PERMISSION]
    assert failed(checks) == {}

    harness.fake.faults.add(Fault(kind=FaultKind.MISSING_PERMISSION, service="logs"))
    missing = failed(harness.provider.permissions())

    assert list(missing) == [gpu.PERMISSION]
    assert "Log Analytics Reader" in missing[gpu.PERMISSION]
    assert "at the scope of the workspace" in missing[gpu.PERMISSION]


def test_what_the_graph_refuses_is_told_for_each_of_its_tables(harness: AzureHarness) -> None:
    harness.fake.faults.add(Fault(kind=FaultKind.MISSING_PERMISSION, service="graph"))

    missing = failed(harness.provider.permissions())

    assert list(missing) == [*(kind_of(name).permission for name in KINDS), lifecycle.PERMISSION]


def test_without_machines_there_is_nothing_to_try_metrics_on(make: Make) -> None:
    checks = make(Fleet.EMPTY).provider.permissions()

    told = {check.permission: check.message for check in checks}
    assert failed(checks) == {}
    assert told[metrics.PERMISSION] == told[skus.PERMISSION] == "no machine to try it on"


def test_several_subscriptions_are_told_together(make: Make) -> None:
    harness = make(subscriptions=None)
    harness.fake.faults.add(Fault(kind=FaultKind.MISSING_PERMISSION, service="metrics"))

    missing = failed(harness.provider.permissions())

    assert missing[metrics.PERMISSION].endswith("(and for 1 other subscriptions)")


def test_the_shipped_role_allows_just_what_is_asked_for() -> None:
    role = json.loads(ROLE.read_text(encoding="utf-8"))
    asked = {name for name in NAMES if name != REGISTRATION} | {
        REGISTRATION_PERMISSION,
        "Microsoft.ResourceGraph/resources/read",
        "Microsoft.Compute/virtualMachineScaleSets/read",
        *(
            gpu.PERMISSION.replace("*/", table)
            for table in ("", "InsightsMetrics/", "Perf/")  # not the logs of everything else
        ),
    }

    assert set(role["Actions"]) == asked
    assert all(action.endswith("/read") for action in role["Actions"])
    assert role["NotActions"] == role["DataActions"] == role["NotDataActions"] == []
