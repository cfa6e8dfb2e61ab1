"""Managed disks of machines, from their own records."""

from typing import Any

import pytest

from exporter.core.model import Disk, DiskKind, Machine
from exporter.demo.estate.disks import managed
from exporter.providers.azure.disks import of, users
from tests.support.provider_azure import AzureHarness

IDS = "/subscriptions/S/resourceGroups/RG/providers/Microsoft.Compute/disks"


def told(name: str, sku: str = "Premium_LRS", gib: int | None = 128, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of the record
    store = {"id": f"{IDS}/{name}", "storageAccountType": sku}
    return {"name": name, "diskSizeGB": gib, "managedDisk": store, **more}


def row(name: str, os_disk: dict[str, Any] | None, *data: dict[str, Any]) -> dict[str, Any]:
    return {"id": f"/vms/{name}", "osDisk": os_disk, "dataDisks": list(data)}


@pytest.mark.parametrize(
    ("sku", "kind"),
    [
        ("Standard_LRS", DiskKind.HDD),
        ("StandardSSD_LRS", DiskKind.SSD),
        ("StandardSSD_ZRS", DiskKind.SSD),
        ("Premium_LRS", DiskKind.SSD),
        ("Premium_ZRS", DiskKind.SSD),
        ("PremiumV2_LRS", DiskKind.SSD),
        ("UltraSSD_LRS", DiskKind.SSD),
    ],
)
def test_every_sku_stands_on_a_medium_and_is_kept_three_times(sku: str, kind: DiskKind) -> None:
    [disk] = of(row("a", told("os", sku)), {})

    assert disk == Disk(kind=kind, type=sku, size_gib=128.0, copies=3.0)


def test_the_disk_of_the_system_and_those_for_data_are_counted() -> None:
    found = of(
        row("a", told("os", gib=30), told("d1", gib=512), told("d2", "Standard_LRS", 4095)), {}
    )

    assert [disk.size_gib for disk in found] == [30.0, 512.0, 4095.0]


@pytest.mark.parametrize(
    "disk",
    [
        None,
        {},
        told("off", gib=None),
        {"name": "off", "managedDisk": {"id": f"{IDS}/off"}},
        {"name": "unmanaged", "vhd": {"uri": "https://x/y.vhd"}, "diskSizeGB": 30},
        told("ephemeral", diffDiskSettings={"option": "Local"}),
    ],
)
def test_what_is_not_told_or_stands_in_the_server_is_left_out(disk: dict[str, Any] | None) -> None:
    assert of(row("a", disk), {}) == ()
    assert of({"id": "/vms/a"}, {}) == ()


def test_a_disk_of_several_machines_is_shared_out_among_them() -> None:
    rows = [row("a", told("os-a"), told("shared")), row("b", told("os-b"), told("SHARED"))]

    shared = users([*rows, rows[0]])  # where a listing moves between pages, one may come twice

    assert [disk.size_gib for disk in of(rows[0], shared)] == [128.0, 64.0]
    assert [disk.size_gib for disk in of(rows[1], shared)] == [128.0, 64.0]


def test_disks_cost_no_request_of_their_own(harness: AzureHarness) -> None:
    machines = harness.provider.discover().machines

    assert machines[0].disks == (managed(30), managed(1024, "Standard_LRS"))
    assert harness.requests() == {"ResourceGraph": 3, "ListSkus": 2}


def one_of(harness: AzureHarness, name: str) -> Machine:
    return next(one for one in harness.provider.discover().machines if one.name == name)


def test_a_deallocated_machine_has_its_disks_again_when_it_runs(harness: AzureHarness) -> None:
    stopped = one_of(harness, "test-0003").disks
    harness.pass_time(1800)
    started = one_of(harness, "test-0003").disks

    assert (stopped, started) == ((), (managed(64),))
