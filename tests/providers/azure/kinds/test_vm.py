"""Rows of Resource Graph as machines, and all of them."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from exporter.core.errors import BadPayloadError
from exporter.core.model import Machine, RunState
from exporter.providers.azure import graph, inventory
from exporter.providers.azure.inventory import call_for
from exporter.providers.azure.kind import Kind
from exporter.providers.azure.kinds._listing import provider_id
from exporter.providers.azure.kinds.vm import Vm
from exporter.providers.azure.kinds.vmss import Vmss
from tests.support.provider_azure import OTHER_SUBSCRIPTION, SUBSCRIPTION
from tests.support.wire_azure import Wire, reply

CALL = call_for("Microsoft.Compute/virtualMachines/read", [SUBSCRIPTION])
VM, VMSS_VM = Vm(), Vmss()
ID = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/RG/providers/Microsoft.Compute/virtualMachines/A"
)

SET = ID.replace("virtualMachines/A", "virtualMachineScaleSets/aks-pool-1")


def row(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    plain = {
        "id": ID,
        "name": "A",
        "location": "westeurope",
        "zones": ["2"],
        "subscriptionId": SUBSCRIPTION.upper(),
        "tags": {"team": "shop"},
        "vmSize": "Standard_D2s_v5",
        "skuName": "",
        "powerState": "PowerState/running",
        "timeCreated": "2024-05-06T07:08:09.1234567Z",
    }
    return plain | changes


def machine(told: dict[str, Any], kind: Kind) -> Machine:
    (found,) = kind.machines([told], CALL).machines
    return found


def test_a_row_becomes_a_machine() -> None:
    found = machine(row(), VM)

    assert found.key == ("azure", SUBSCRIPTION, "westeurope", "azure_vm", ID.lower())
    assert found.name == "A"
    assert found.instance_type == "Standard_D2s_v5"
    assert found.cloud_zone == "westeurope-2"
    assert found.tags == {"team": "shop"}
    assert found.launched_at == datetime(2024, 5, 6, 7, 8, 9, 123456, tzinfo=UTC)
    assert found.stopped_at is None


@pytest.mark.parametrize("spell", [str, str.lower], ids=["as Compute", "in lower case"])
@pytest.mark.parametrize(
    "node",
    [
        # A describe output of an AKS node, and the node of a cluster made by aks-engine.
        "aks_rg_eastus/providers/Microsoft.Compute/virtualMachines/aks-nodepool1-28993262-0",
        "6iec4/providers/Microsoft.Compute/virtualMachineScaleSets/6iec4-master/virtualMachines/0",
    ],
)
def test_a_node_is_called_as_the_controller_of_azure_calls_it(
    node: str, spell: Callable[[str], str]
) -> None:
    told = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{node}"

    assert machine(row(id=spell(told)), VM).provider_id == f"azure://{told}"


def test_of_a_nodes_name_only_the_resource_group_is_put_in_lower_case() -> None:
    group = f"azure:///subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Compute"

    assert machine(row(), VM).provider_id == f"{group}/virtualMachines/A"
    flexible = machine(row(scaleSet=SET), VMSS_VM)
    assert flexible.provider_id == f"{group}/virtualMachines/A"


@pytest.mark.parametrize("other", ["/x", "virtualMachines/A/extensions/b"])
def test_what_is_no_machine_of_compute_cannot_be_a_node(other: str) -> None:
    assert provider_id(ID.replace("virtualMachines/A", other)) == ""


@pytest.mark.parametrize(
    ("code", "state"),
    [
        ("PowerState/running", RunState.RUNNING),
        ("PowerState/starting", RunState.RUNNING),
        ("PowerState/stopping", RunState.RUNNING),
        ("PowerState/stopped", RunState.RUNNING),
        ("PowerState/deallocating", RunState.RUNNING),
        ("powerstate/DEALLOCATED", RunState.STOPPED),
        ("PowerState/hibernated", RunState.STOPPED),
        ("PowerState/unknown", RunState.RUNNING),
        ("", RunState.RUNNING),
        (None, RunState.RUNNING),
    ],
)
def test_only_a_machine_without_a_host_is_stopped(code: str | None, state: RunState) -> None:
    assert machine(row(powerState=code), VM).state is state


@pytest.mark.parametrize("zones", [None, [], ""])
def test_a_machine_may_be_in_no_zone(zones: object) -> None:
    assert machine(row(zones=zones), VM).cloud_zone == ""


def test_an_instance_of_a_scale_set_has_its_size_in_the_sku() -> None:
    found = machine(row(vmSize="", skuName="Standard_F4s_v2"), VMSS_VM)

    assert found.instance_type == "Standard_F4s_v2"
    assert found.key.resource_type == "azure_vmss_vm"


@pytest.mark.parametrize(
    ("told", "kind", "group"),
    [
        ({}, VM, ""),
        ({"id": f"{SET}/virtualMachines/0"}, VMSS_VM, "aks-pool-1"),
        ({"id": f"{SET}/virtualMachines/0".upper()}, VMSS_VM, "AKS-POOL-1"),
        ({"scaleSet": SET}, VM, "aks-pool-1"),
    ],
)
def test_the_group_is_the_scale_set(told: dict[str, str], kind: Kind, group: str) -> None:
    assert machine(row(**told), kind).group == group


def test_a_node_of_aks_names_its_cluster_and_pool() -> None:
    tags = {"aks-managed-cluster-name": "main", "aks-managed-poolName": "big"}

    node, plain = machine(row(tags=tags), VMSS_VM), machine(row(), VM)

    assert (node.cluster, node.node_pool) == ("main", "big")
    assert (plain.cluster, plain.node_pool) == ("", "")


@pytest.mark.parametrize(
    ("priority", "kind", "lifecycle"),
    [
        ("Spot", VM, "spot"),
        ("Low", VMSS_VM, "spot"),
        ("Regular", VMSS_VM, "on_demand"),
        ("", VM, "on_demand"),
        ("", VMSS_VM, ""),
        (None, VMSS_VM, ""),
    ],
)
def test_what_azure_may_take_back_is_spot(priority: str | None, kind: Kind, lifecycle: str) -> None:
    assert machine(row(priority=priority), kind).lifecycle == lifecycle


@pytest.mark.parametrize("tags", [None, {}])
def test_a_machine_may_have_no_tags(tags: object) -> None:
    assert machine(row(tags=tags), VM).tags == {}


def test_a_tag_may_be_empty() -> None:
    assert machine(row(tags={"a": None, "b": ""}), VM).tags == {"a": "", "b": ""}


@pytest.mark.parametrize("text", ["", None, "yesterday"])
def test_a_time_that_cannot_be_read_is_no_time(text: str | None) -> None:
    assert machine(row(timeCreated=text), VM).launched_at is None


@pytest.mark.parametrize("key", ["id", "subscriptionId", "location"])
def test_a_row_without_identity_fails_the_listing(key: str) -> None:
    with pytest.raises(BadPayloadError, match="without id, subscription or location"):
        machine(row(**{key: None}), VM)


def test_both_tables_are_asked_for_the_listed_subscriptions(wire: Wire) -> None:
    wire.answers = [reply({"data": [row()], "resultTruncated": "false"}), reply({"data": []})]

    listed = [
        one
        for kind in (VM, VMSS_VM)
        for one in inventory.list_kind(wire.connection(), kind, [SUBSCRIPTION]).machines
    ]

    assert [one.name for one in listed] == ["A"]
    first, second = wire.bodies()
    assert first["subscriptions"] == second["subscriptions"] == [SUBSCRIPTION]
    assert first["options"] == {"$top": 1000, "resultFormat": "objectArray"}
    assert first["query"].startswith("Resources\n| where type =~ 'microsoft.compute/virtualm")
    assert second["query"].startswith("ComputeResources\n")
    assert "project id" in first["query"]


def test_pages_follow_each_other_by_their_token(wire: Wire) -> None:
    wire.answers = [
        reply({"data": [row(id=f"{ID}1")], "$skipToken": "one", "resultTruncated": "true"}),
        reply({"data": [row(id=f"{ID}2")], "$skipToken": "two"}),
        reply({"data": [row(id=f"{ID}2"), row(id=f"{ID}3")]}),
        reply({"data": []}),
    ]

    listed = [
        one
        for kind in (VM, VMSS_VM)
        for one in inventory.list_kind(wire.connection(), kind, [SUBSCRIPTION]).machines
    ]

    assert [one.key.resource_id[-1] for one in listed] == ["1", "2", "3"]
    tokens = [body["options"].get("$skipToken") for body in wire.bodies()]
    assert tokens == [None, "one", "two", None]


def test_a_full_quota_is_not_waited_for_and_an_empty_one_is(wire: Wire) -> None:
    left = {"x-ms-user-quota-remaining": "3", "x-ms-user-quota-resets-after": "00:00:05"}
    none = {"x-ms-user-quota-remaining": "0", "x-ms-user-quota-resets-after": "00:00:05"}
    wire.answers = [
        reply({"data": [], "$skipToken": "one"}, headers=left),
        reply({"data": [], "$skipToken": "two"}, headers=none),
        reply({"data": []}, headers=none),
    ]

    assert list(graph.rows(wire.connection(), CALL, "Resources", [SUBSCRIPTION])) == []
    assert wire.naps.seconds == [5.0]


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"data": None},
        {"data": {}},
        {"data": [1]},
        {"data": [], "resultTruncated": "true"},
    ],
)
def test_an_answer_without_its_rows_fails_the_listing(
    wire: Wire, document: dict[str, object]
) -> None:
    wire.answers = [reply(document)]

    with pytest.raises(BadPayloadError):
        list(graph.rows(wire.connection(), CALL, "Resources", [SUBSCRIPTION]))


def test_pages_that_do_not_end_fail_the_listing(wire: Wire) -> None:
    wire.answers = [reply({"data": [], "$skipToken": "again"})]

    with pytest.raises(BadPayloadError, match="do not end"):
        list(graph.rows(wire.connection(), CALL, "Resources", [SUBSCRIPTION]))


def test_more_subscriptions_than_a_query_takes_are_asked_in_parts(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph, "SUBSCRIPTIONS", 1)
    wire.answers = [reply({"data": [{"id": 1}]})]
    both = [SUBSCRIPTION, OTHER_SUBSCRIPTION]

    assert len(list(graph.rows(wire.connection(), CALL, "Resources", both))) == 2
    assert [body["subscriptions"] for body in wire.bodies()] == [[one] for one in both]
