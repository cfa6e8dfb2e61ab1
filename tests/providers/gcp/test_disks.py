"""Persistent disks of instances: what is asked, how often, and what a refusal leaves."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from exporter.core.errors import Reason
from exporter.core.model import Disk, DiskKind
from exporter.demo.estate import Estate
from exporter.demo.estate.disks import persistent
from exporter.demo.gcp import Fault, FaultKind, Limits
from exporter.providers.gcp.disks import DiskFacts
from exporter.providers.gcp.errors import Call
from exporter.providers.gcp.kinds import gce
from exporter.providers.gcp.shapes import TypeFacts
from tests.support.provider_gcp import OTHER_PROJECT, PROJECT, REGIONS, GcpHarness, machine
from tests.support.providers import NoTypes

Make = Callable[..., GcpHarness]
API = "disks.aggregatedList"
REFUSED = Fault(kind=FaultKind.MISSING_PERMISSION, operation=API)
URL = "https://www.googleapis.com/compute/v1/projects/test-shop-123456"
CALL = Call(permission=gce.PERMISSION, project=PROJECT)


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[GcpHarness] = []

    def build(*given: Any, **settings: Any) -> GcpHarness:  # noqa: ANN401 - of the harness
        made.append(GcpHarness(*given, **settings))
        return made[-1]

    yield build
    for harness in made:
        harness.close()


def disks_of(harness: GcpHarness) -> dict[str, tuple[Disk, ...]]:
    return {one.key.resource_id: one.disks for one in harness.provider.discover().machines}


def fleet(*disks: tuple[Disk, ...]) -> Estate:
    return Estate(
        machines=tuple(machine(n + 1, name=f"test-{n}", disks=some) for n, some in enumerate(disks))
    )


def asked(harness: GcpHarness) -> int:
    return harness.requests().get(API, 0)


def test_types_are_listed_in_pages_and_sizes_come_with_the_instances(make: Make) -> None:
    estate = fleet(*[(persistent(10 + n), persistent(500, "pd-standard")) for n in range(7)])
    harness = make(estate, limits=Limits(instances=5))

    found = disks_of(harness)

    assert found == {m.resource_id: m.disks for m in estate.machines}
    assert asked(harness) == 3
    assert harness.meter.usage()["gcp", API].requests == 3
    assert harness.meter.usage()["gcp", API].dollars == 0.0


def test_types_once_known_are_not_asked_for_again(make: Make) -> None:
    harness = make()

    first = disks_of(harness)
    harness.pass_time(86_400)
    second = disks_of(harness)

    assert first == second
    assert asked(harness) == 1


def test_machines_without_disks_ask_for_none(make: Make) -> None:
    harness = make(fleet((), ()))

    assert set(disks_of(harness).values()) == {()}
    assert asked(harness) == 0


def test_a_stopped_machine_keeps_its_disks(make: Make) -> None:
    harness = make()

    assert disks_of(harness)[harness.estate.machines[2].resource_id] == (persistent(20, "pd-ssd"),)


def test_a_regional_disk_is_kept_twice(make: Make) -> None:
    harness = make(fleet((persistent(200, "pd-ssd", regional=True),)))

    [(disk,)] = disks_of(harness).values()

    assert disk == Disk(kind=DiskKind.SSD, type="pd-ssd", size_gib=200.0, copies=2.0)


def test_where_disks_may_not_be_listed_all_count_as_ssds_and_it_is_told_once(make: Make) -> None:
    harness = make(fleet((persistent(10), persistent(500, "pd-standard"))))
    harness.fake.faults.add(REFUSED)

    with capture_logs() as logged:
        inventories = [harness.provider.discover() for _ in range(3)]
    [one] = inventories[0].machines
    harness.heal()

    assert [(disk.kind, disk.type, disk.size_gib) for disk in one.disks] == [
        (DiskKind.SSD, "", 10.0),
        (DiskKind.SSD, "", 500.0),
    ]
    assert not any(inventory.failures for inventory in inventories)
    [line] = [each for each in logged if "count as SSDs" in each["event"]]
    assert "compute.disks.list in project test-shop-123456" in line["error"]
    assert [disk.kind for disk in harness.provider.discover().machines[0].disks] == [
        DiskKind.SSD,
        DiskKind.HDD,
    ]


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (FaultKind.THROTTLING, Reason.THROTTLED),
        (FaultKind.UNAVAILABLE, Reason.UNREACHABLE),
        (FaultKind.HTML, Reason.BAD_PAYLOAD),
    ],
)
def test_a_list_of_disks_that_fails_is_told_and_the_machines_are_there(
    make: Make, kind: FaultKind, reason: Reason
) -> None:
    harness = make()
    harness.fake.faults.add(Fault(kind=kind, operation=API))

    inventory = harness.provider.discover()

    assert [failure.reason for failure in inventory.failures] == [reason]
    assert len(inventory.machines) == 6
    assert not inventory.unseen_all
    assert not inventory.unseen_regions


def test_each_project_has_its_own_disks(make: Make) -> None:
    twins = (
        machine(1, name="web", disks=(persistent(10),)),
        machine(2, name="web", disks=(persistent(10, "pd-standard"),), account=OTHER_PROJECT),
    )
    harness = make(Estate(machines=twins), projects=[PROJECT, OTHER_PROJECT])

    kinds = [provider.discover().machines[0].disks[0].kind for provider in harness.providers]

    assert kinds == [DiskKind.SSD, DiskKind.HDD]


def test_machines_that_only_monitoring_shows_keep_the_disks_known_before(make: Make) -> None:
    harness = make(fleet((persistent(10), persistent(500, "pd-standard"))))
    before = disks_of(harness)
    harness.fake.faults.add(
        Fault(kind=FaultKind.MISSING_PERMISSION, operation="instances.aggregatedList")
    )

    assert disks_of(harness) == before


# What the API tells


def document(number: int, *disks: dict[str, str]) -> dict[str, Any]:
    return {"id": str(number), "status": "RUNNING", "disks": list(disks)}


def attached(name: str, scope: str = f"zones/{REGIONS[0]}-b", **changes: str) -> dict[str, str]:
    plain = {"type": "PERSISTENT", "source": f"{URL}/{scope}/disks/{name}", "diskSizeGb": "100"}
    return plain | changes


def test_a_disk_of_several_machines_is_shared_out_among_them() -> None:
    documents = [document(1, attached("shared")), document(2, attached("shared"), attached("own"))]

    first, second = DiskFacts().of(documents, PROJECT)

    assert [disk.size_gib for disk in first] == [50.0]
    assert [disk.size_gib for disk in second] == [50.0, 100.0]


@pytest.mark.parametrize(
    "disk",
    [
        attached("local", type="SCRATCH"),
        {"type": "SCRATCH", "diskSizeGb": "375"},
        {"type": "PERSISTENT", "source": f"{URL}/zones/z-b/disks/unsized"},
    ],
)
def test_local_disks_and_those_without_a_size_are_left_out(disk: dict[str, str]) -> None:
    assert list(DiskFacts().of([document(1, disk)], PROJECT)) == [()]


def test_disks_are_those_of_the_machine() -> None:
    [disks] = DiskFacts().of([document(1, attached("data", f"regions/{REGIONS[0]}"))], PROJECT)

    one = gce.machine(document(1), "europe-west1-b", CALL, TypeFacts(NoTypes()), disks)

    assert one.disks == (Disk(kind=DiskKind.SSD, type="", size_gib=100.0, copies=2.0),)
