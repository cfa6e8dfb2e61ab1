"""Sizes that the shipped table lacks."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from exporter.core.errors import CollectorError
from exporter.core.model import Machine, ResourceKey, RunState
from exporter.providers.azure import skus
from exporter.providers.azure.skus import SizeFacts, shape
from tests.support.provider_azure import SUBSCRIPTION
from tests.support.providers import NoTypes, SomeTypes
from tests.support.wire_azure import Wire, refused, reply

SIZE = "Standard_D2s_v9"
CALL = skus.call_for(SUBSCRIPTION, "eastus")


def capabilities(**facts: str) -> list[dict[str, str]]:
    told = {"vCPUs": "2", "MemoryGB": "8", "CpuArchitectureType": "x64", "vCPUsPerCore": "2"}
    return [{"name": name, "value": value} for name, value in (told | facts).items()]


def size(name: str = SIZE, **facts: str) -> dict[str, Any]:
    return {
        "resourceType": "virtualMachines",
        "name": name,
        "capabilities": capabilities(**facts),
    }


def one(instance_type: str = SIZE, region: str = "eastus") -> Machine:
    key = ResourceKey("azure", SUBSCRIPTION, region, "azure_vm", f"/{region}/{instance_type}")
    return Machine(key=key, name="", instance_type=instance_type, state=RunState.RUNNING)


def test_capabilities_become_a_shape() -> None:
    found = shape(capabilities(GPUs="4", PremiumIO="True", CpuArchitectureType="Arm64"))

    assert found is not None
    assert (found.vcpus, found.memory_gib, found.threads_per_core) == (2.0, 8.0, 2)
    assert found.architectures == ("arm64",)
    assert found.gpu_count == 4.0


@pytest.mark.parametrize(
    "facts", [{"vCPUs": ""}, {"vCPUs": "0"}, {"MemoryGB": "?"}, {"MemoryGB": ""}]
)
def test_a_size_without_vcpus_or_memory_has_no_shape(facts: dict[str, str]) -> None:
    assert shape(capabilities(**facts)) is None


def test_a_constrained_size_holds_the_whole_one_and_uses_a_part() -> None:
    found = shape(capabilities(vCPUs="8", vCPUsAvailable="2", MemoryGB="64"))
    usual = shape(capabilities(vCPUs="8", vCPUsAvailable="8", MemoryGB="64"))

    assert found is not None
    assert (found.vcpus, found.reserved_vcpus, found.memory_gib) == (2.0, 8.0, 64.0)
    assert usual is not None
    assert (usual.vcpus, usual.reserved_vcpus) == (8.0, 0.0)


def test_each_region_is_asked_once_and_only_where_the_table_lacks_a_size(wire: Wire) -> None:
    wire.answers = [reply({"value": [size()]})]
    facts, connection = SizeFacts(SomeTypes("Standard_B2s")), wire.connection()
    machines = [one(), one("Standard_B2s"), one("Standard_B2s", "westeurope"), one("")]

    facts.learn(machines, connection)
    facts.learn(machines, connection)

    assert [request.query["$filter"] for request in wire.asked] == ["location eq 'eastus'"]
    assert [facts.find(each) is None for each in machines] == [False, True, True, True]


def test_a_size_is_found_whatever_its_case(wire: Wire) -> None:
    wire.answers = [reply({"value": [size(SIZE.upper())]})]
    facts = SizeFacts(NoTypes())

    facts.learn([one()], wire.connection())

    assert facts.find(one()) is not None


def test_a_failure_is_logged_once_and_the_region_asked_again(wire: Wire) -> None:
    denied = refused("AuthorizationFailed", 403)
    wire.answers = [denied, denied, reply({"value": [size()]})]
    facts, connection = SizeFacts(NoTypes()), wire.connection()

    with capture_logs() as lines:
        facts.learn([one()], connection)
        facts.learn([one()], connection)
    unknown = facts.find(one())
    facts.learn([one()], connection)

    assert unknown is None
    assert facts.find(one()) is not None
    assert [line["subject"] for line in lines] == ["sizes in eastus", SIZE]
    assert "Microsoft.Compute/skus/read in eastus" in lines[0]["error"]


def test_all_pages_are_read_and_other_things_left_out(wire: Wire) -> None:
    disk = {"resourceType": "disks", "name": "Premium_LRS", "capabilities": []}
    wire.answers = [
        reply({"value": [disk, size("a")], "nextLink": f"{wire.url}/subscriptions/next?page=2"}),
        reply({"value": [size("b"), size("c", vCPUs="")]}),
    ]

    assert sorted(skus.shapes(wire.connection(), CALL)) == ["a", "b"]
    assert wire.asked[1].query == {"page": "2"}


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"value": None},
        {"value": [1]},
        {"value": [{"resourceType": "virtualMachines", "capabilities": [1]}]},
    ],
)
def test_an_answer_of_another_shape_is_a_failure(wire: Wire, document: dict[str, Any]) -> None:
    wire.answers = [reply(document)]

    with pytest.raises(CollectorError):
        skus.shapes(wire.connection(), CALL)


def test_pages_that_do_not_end_are_a_failure(wire: Wire) -> None:
    wire.answers = [reply({"value": [], "nextLink": f"{wire.url}/again"})]

    with pytest.raises(CollectorError, match="do not end"):
        skus.shapes(wire.connection(), CALL)
