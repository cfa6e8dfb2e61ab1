"""Machine types that the shipped table lacks."""

from collections.abc import Iterator
from typing import Any

import pytest

from exporter.core.errors import BadPayloadError
from exporter.core.model import Machine
from exporter.data.gpus import gpus
from exporter.demo.estate import Estate, MachineType
from exporter.demo.gcp import Fault, FaultKind
from exporter.power.catalogue import Types
from exporter.power.measured import MeasuredModel
from exporter.providers.gcp import shapes
from exporter.providers.gcp.errors import Call
from tests.support.provider_gcp import CUSTOM, GcpHarness, machine

CALL = Call(permission=shapes.PERMISSION, project="test-shop-123456")
UNKNOWN = MachineType(name="z9-standard-16", vcpus=16, memory_gib=64)
NO_TYPES = Fault(kind=FaultKind.MISSING_PERMISSION, operation="machineTypes.get")


@pytest.fixture
def harness() -> Iterator[GcpHarness]:
    fleet = (machine(1), machine(2, machine_type=CUSTOM), machine(3, machine_type=UNKNOWN))
    made = GcpHarness(Estate(machines=fleet), types=Types())
    yield made
    made.close()


def by_type(harness: GcpHarness) -> dict[str, Machine]:
    return {one.instance_type: one for one in harness.provider.discover().machines}


def test_only_types_that_the_table_lacks_are_asked_for_and_only_once(harness: GcpHarness) -> None:
    found = by_type(harness)
    harness.provider.discover()

    assert harness.requests()["machineTypes.get"] == 1
    assert found["n2-standard-2"].shape is None
    assert found["n2-custom-8-16384"].shape is None
    shape = found["z9-standard-16"].shape
    assert shape is not None
    assert (shape.vcpus, shape.memory_gib) == (16, 64)


def test_a_custom_type_is_modelled_with_the_size_in_its_name(harness: GcpHarness) -> None:
    profile = MeasuredModel(Types()).profile(by_type(harness)["n2-custom-8-16384"])

    assert profile.modelled
    assert (profile.machine.vcpus, profile.machine.memory_gib) == (8, 16)


def test_without_the_right_the_machines_are_listed_and_it_is_told(harness: GcpHarness) -> None:
    harness.fake.faults.add(NO_TYPES)
    inventory = harness.provider.discover()
    harness.heal()

    assert len(inventory.machines) == 3
    assert ["compute.machineTypes.get" in str(failure) for failure in inventory.failures] == [True]
    assert by_type(harness)["z9-standard-16"].shape is not None


def test_a_type_that_nobody_knows_is_no_failure(harness: GcpHarness) -> None:
    connection = harness.provider._connected()
    facts = shapes.TypeFacts(Types())

    assert facts.learn({"z9-gone-1": "europe-west1-b"}, connection, CALL.project) is None
    assert facts.find("z9-gone-1", ()) is None


def document(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {"guestCpus": 4, "memoryMb": 16384, "isSharedCpu": False, **changes}


def test_a_document_tells_size_sharing_architecture_and_gpus() -> None:
    gpus = [{"guestAcceleratorType": "nvidia-l4-vws", "guestAcceleratorCount": 1}]

    shape = shapes.shape(document(architecture="ARM64", isSharedCpu=True, accelerators=gpus), CALL)

    assert (shape.vcpus, shape.memory_gib) == (4, 16)
    assert shape.architectures == ("arm64",)
    assert shape.shared_core
    assert (shape.gpu_model, shape.gpu_count) == ("NVIDIA L4", 1)


def test_an_accelerator_without_a_name_of_ours_keeps_its_own() -> None:
    tpus = [{"guestAcceleratorType": "ct9z", "guestAcceleratorCount": 4}]

    assert shapes.shape(document(accelerators=tpus), CALL).gpu_model == "ct9z"


@pytest.mark.parametrize("missing", ["guestCpus", "memoryMb"])
def test_a_type_without_a_size_is_refused(missing: str) -> None:
    with pytest.raises(BadPayloadError, match="without vCPUs or memory"):
        shapes.shape(document(**{missing: None}), CALL)


def test_only_shared_core_and_unknown_types_may_burst() -> None:
    facts = shapes.TypeFacts(Types())

    assert facts.may_burst("e2-micro", None)
    assert facts.may_burst("z9-standard-16", None)
    assert not facts.may_burst("n2-standard-2", None)
    assert not facts.may_burst("z9-standard-16", shapes.shape(document(), CALL))


def test_every_accelerator_of_ours_is_in_the_shipped_table() -> None:

    assert set(shapes._ACCELERATORS.values()) <= set(gpus())
