from typing import Any

from exporter.demo.estate import Estate
from exporter.demo.gcp import GcpFake, Limits
from tests.demo.gcp.asking import DATA, SHOP, Get, named
from tests.support.clock import ManualClock

INSTANCES = "projects/{}/aggregated/instances"
DISKS = "projects/{}/aggregated/disks"


def disks(document: Any) -> dict[str, dict[str, Any]]:  # noqa: ANN401 - JSON
    scopes = document["items"].values()
    return {one["selfLink"]: one for scope in scopes for one in scope.get("disks", ())}


def attached(document: Any, resource_id: str) -> list[dict[str, Any]]:  # noqa: ANN401 - JSON
    scopes = document["items"].values()
    listed = [one for scope in scopes for one in scope.get("instances", ())]
    found: list[dict[str, Any]] = next(o["disks"] for o in listed if o["id"] == resource_id)
    return found


def test_a_regional_disk_is_listed_under_its_region(get: Get, estate: Estate) -> None:
    machine = named(estate, "demo-cart-ghislain-01")

    _, regional = attached(get(INSTANCES.format(SHOP)).json(), machine.resource_id)
    listed = disks(get(DISKS.format(SHOP)).json())

    assert f"/regions/{machine.region}/disks/" in regional["source"]
    assert listed[regional["source"]]["type"].endswith("/diskTypes/pd-ssd")


def test_a_local_ssd_has_no_record_of_its_own(get: Get, estate: Estate) -> None:
    machine = named(estate, "demo-training-iowa-01")

    *own, local = attached(get(INSTANCES.format(DATA)).json(), machine.resource_id)

    assert local["type"] == "SCRATCH"
    assert "source" not in local
    assert len(own) == len(machine.disks)


def test_pages_add_up(estate: Estate, clock: ManualClock, get: Get) -> None:
    whole = disks(get(DISKS.format(SHOP)).json())
    with GcpFake(estate, clock, limits=Limits(instances=5)) as small:
        found: dict[str, dict[str, Any]] = {}
        token = ""
        while True:
            page = get(DISKS.format(SHOP), of=small, pageToken=token).json()
            found |= disks(page)
            token = page.get("nextPageToken", "")
            if not token:
                break
            assert len(disks(page)) == 5

    assert found == whole


def test_only_the_fields_that_are_asked_for_are_sent(get: Get) -> None:
    document = get(DISKS.format(SHOP), fields="kind,items/*/disks(type)").json()

    assert set(document) == {"kind", "items"}
    assert all(
        set(one) == {"type"} for scope in document["items"].values() for one in scope["disks"]
    )


def test_a_filter_is_refused(get: Get) -> None:
    assert get(DISKS.format(SHOP), filter="name=a").status_code == 400
