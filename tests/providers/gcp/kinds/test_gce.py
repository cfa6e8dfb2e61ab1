"""One instance of the list, and lists with parts missing."""

from datetime import UTC, datetime
from typing import Any

import pytest

from exporter.core.errors import BadPayloadError, Reason
from exporter.core.model import Machine, RunState
from exporter.providers.gcp.errors import Call
from exporter.providers.gcp.kind import region_of
from exporter.providers.gcp.kinds import gce
from exporter.providers.gcp.shapes import TypeFacts
from tests.support.providers import SomeTypes

CALL = Call(permission=gce.PERMISSION, project="test-shop-123456")
URL = "https://www.googleapis.com/compute/v1/projects/test-shop-123456/zones/europe-west1-b"


def item(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    plain = {
        "id": "4520031799277581234",
        "name": "web-1",
        "machineType": f"{URL}/machineTypes/n2-standard-2",
        "status": "RUNNING",
        "cpuPlatform": "Intel Cascade Lake",
        "labels": {"team": "shop", "goog-k8s-cluster-name": "main"},
        "creationTimestamp": "2026-01-01T00:00:00.000-08:00",
        "lastStartTimestamp": "2026-02-01T01:02:03.456-08:00",
        "scheduling": {"provisioningModel": "STANDARD"},
    }
    return {key: value for key, value in (plain | changes).items() if value is not None}


def machine(zone: str = "europe-west1-b", **changes: Any) -> Machine:  # noqa: ANN401 - JSON
    facts = TypeFacts(SomeTypes("n2-standard-2", "n1-standard-8"))
    return gce.machine(item(**changes), zone, CALL, facts)


def test_an_instance_becomes_a_machine() -> None:
    found = machine()

    assert found.key == (
        "gcp",
        "test-shop-123456",
        "europe-west1",
        "gce_instance",
        "4520031799277581234",
    )
    assert (found.name, found.instance_type, found.cloud_zone) == (
        "web-1",
        "n2-standard-2",
        "europe-west1-b",
    )
    assert found.cpu_platform == "Intel Cascade Lake"
    assert found.launched_at == datetime(2026, 2, 1, 9, 2, 3, 456_000, tzinfo=UTC)
    assert found.tags == {
        "team": "shop",
        "goog-k8s-cluster-name": "main",
        "gcp:provisioning-model": "standard",
    }


def test_a_node_is_called_as_the_controller_of_google_calls_it() -> None:
    """Seen in OpenShift's tests of splitGCPNode: ``gce://openshift-qe/us-central1-a/…``."""
    assert machine().provider_id == "gce://test-shop-123456/europe-west1-b/web-1"
    assert machine(name=None).provider_id == ""


def test_a_node_of_gke_names_its_cluster_and_pool() -> None:
    labels = {"goog-k8s-cluster-name": "main", "goog-k8s-node-pool-name": "big"}

    node, plain = machine(labels=labels), machine(labels={})

    assert (node.cluster, node.node_pool) == ("main", "big")
    assert (plain.cluster, plain.node_pool) == ("", "")


@pytest.mark.parametrize(
    ("scheduling", "lifecycle"),
    [
        ({"provisioningModel": "SPOT", "preemptible": True}, "spot"),
        ({"provisioningModel": "STANDARD", "preemptible": True}, "spot"),
        ({"preemptible": True}, "spot"),
        ({"provisioningModel": "STANDARD", "preemptible": False}, "on_demand"),
        ({"provisioningModel": "RESERVATION_BOUND"}, "on_demand"),
        (None, "on_demand"),
    ],
)
def test_what_google_may_take_back_is_spot(
    scheduling: dict[str, Any] | None, lifecycle: str
) -> None:
    assert machine(scheduling=scheduling).lifecycle == lifecycle


@pytest.mark.parametrize(
    ("zone", "region"),
    [
        ("europe-west1-b", "europe-west1"),
        ("us-central1-ai1a", "us-central1"),
        ("northamerica-northeast1-c", "northamerica-northeast1"),
    ],
)
def test_the_region_is_the_zone_without_its_last_part(zone: str, region: str) -> None:
    assert region_of(zone) == region
    assert machine(zone=zone).key.cloud_region == region


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("PENDING", RunState.STOPPED),
        ("PROVISIONING", RunState.STOPPED),
        ("STAGING", RunState.STOPPED),
        ("RUNNING", RunState.RUNNING),
        ("PENDING_STOP", RunState.RUNNING),
        ("STOPPING", RunState.RUNNING),
        ("SUSPENDING", RunState.RUNNING),
        ("SUSPENDED", RunState.STOPPED),
        ("REPAIRING", RunState.STOPPED),
        ("TERMINATED", RunState.STOPPED),
        ("A_STATE_OF_TOMORROW", RunState.RUNNING),
    ],
)
def test_states_say_whether_hardware_is_held(status: str, state: RunState) -> None:
    assert machine(status=status).state is state


@pytest.mark.parametrize(
    ("changes", "stopped"),
    [
        (
            {"lastStopTimestamp": "2026-02-02T00:00:00.000-08:00"},
            datetime(2026, 2, 2, 8, tzinfo=UTC),
        ),
        ({"lastStopTimestamp": "2026-01-31T00:00:00.000-08:00"}, None),
        ({}, None),
        (
            {
                "lastStopTimestamp": "2026-01-31T00:00:00.000-08:00",
                "lastSuspendedTimestamp": "2026-02-03T00:00:00.000-08:00",
            },
            datetime(2026, 2, 3, 8, tzinfo=UTC),
        ),
    ],
)
def test_a_stop_belongs_to_the_latest_run_or_is_not_told(
    changes: dict[str, str], stopped: datetime | None
) -> None:
    assert machine(status="TERMINATED", **changes).stopped_at == stopped
    assert machine(status="RUNNING", **changes).stopped_at is None


def test_a_machine_that_never_started_was_launched_when_it_was_created() -> None:
    assert machine(lastStartTimestamp=None).launched_at == datetime(2026, 1, 1, 8, tzinfo=UTC)


def test_a_stopped_machine_has_no_cpu_platform() -> None:
    assert machine(cpuPlatform="Unknown CPU Platform").cpu_platform == ""
    assert machine(cpuPlatform=None).cpu_platform == ""


def test_a_spot_machine_says_so() -> None:
    spot = machine(scheduling={"provisioningModel": "SPOT"}, labels=None)

    assert spot.tags == {"gcp:provisioning-model": "spot"}
    assert machine(scheduling=None, labels=None).tags == {}


def test_gpus_attached_to_a_known_type_come_with_its_shape() -> None:
    gpus = [{"acceleratorType": f"{URL}/acceleratorTypes/nvidia-tesla-t4", "acceleratorCount": 2}]

    found = machine(machineType=f"{URL}/machineTypes/n1-standard-8", guestAccelerators=gpus)

    assert found.shape is not None
    assert (found.shape.gpu_model, found.shape.gpu_count) == ("NVIDIA T4", 2.0)
    assert machine().shape is None


@pytest.mark.parametrize("changes", [{"id": None}, {"status": None}, {"zone": "global"}])
def test_an_instance_without_identity_or_state_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(BadPayloadError, match="without id, status or zone"):
        machine(**changes)


@pytest.mark.parametrize("odd", ["yesterday", "10000-01-01T00:00:00Z", "0001-01-01T00:00:00+05:00"])
def test_a_time_that_cannot_be_read_is_not_known(odd: str) -> None:
    assert machine(lastStartTimestamp=odd).launched_at is None


@pytest.mark.parametrize(
    ("page", "regions", "whole"),
    [
        (
            {"unreachables": [f"{URL}", "zones/us-central1-a"]},
            {"europe-west1", "us-central1"},
            True,
        ),
        ({"unreachables": ["regions/us-east1"]}, {"us-east1"}, True),
        ({"items": {"zones/us-east1-b": {"warning": {"code": "UNREACHABLE"}}}}, {"us-east1"}, True),
        ({"items": {"zones/us-east1-b": {"warning": {"code": "NO_RESULTS_ON_PAGE"}}}}, set(), True),
        ({"warning": {"code": "PARTIAL_SUCCESS"}}, set(), False),
        ({"unreachables": ["global"]}, set(), False),
        ({}, set(), True),
    ],
)
def test_what_does_not_answer_is_unseen_and_not_gone(
    page: dict[str, Any], regions: set[str], whole: bool
) -> None:
    missing = gce._missing(page)
    listing = gce._listing((), missing, [], CALL)

    assert listing.unseen_regions == regions
    assert listing.whole is whole
    incomplete = [Reason.UNREACHABLE] if missing else []
    assert [failure.reason for failure in listing.failures] == incomplete
