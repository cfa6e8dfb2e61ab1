from datetime import datetime, timedelta
from typing import Any

import pytest

from exporter.demo.estate import Estate, EstateMachine
from exporter.demo.gcp import GcpFake, Limits
from tests.demo.gcp.asking import DATA, NOON, SHOP, START, Get, named
from tests.support.clock import ManualClock

LIST = f"projects/{SHOP}/aggregated/instances"
DATA_LIST = f"projects/{DATA}/aggregated/instances"


def listed(document: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - JSON
    return [i for scope in document["items"].values() for i in scope.get("instances", ())]


def one(document: Any, machine: EstateMachine) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return next(i for i in listed(document) if i["id"] == machine.resource_id)


def stamp(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def test_spot_machines_and_accelerators_say_so(get: Get, estate: Estate) -> None:
    found = one(get(DATA_LIST).json(), named(estate, "demo-training-iowa-01"))
    assert found["scheduling"]["provisioningModel"] == "SPOT"
    (accelerator,) = found["guestAccelerators"]
    assert accelerator["acceleratorType"].endswith("/nvidia-tesla-a100")
    assert accelerator["acceleratorCount"] == 1


def test_a_machine_that_restarts_passes_through_all_states(
    get: Get, estate: Estate, clock: ManualClock
) -> None:
    machine = named(estate, "demo-build-seine-01")
    run = next(r for r in estate.runs(machine, START, START + 7200) if r.start > START)
    assert run.end is not None
    states = {}
    for moment in (run.start, run.start + 20, run.end - 1, run.end, run.end + 20):
        clock.set(NOON + timedelta(seconds=moment - START))
        states[moment] = one(get(DATA_LIST).json(), machine)
    assert [found["status"] for found in states.values()] == [
        "STAGING",
        "RUNNING",
        "RUNNING",
        "STOPPING",
        "TERMINATED",
    ]
    before, after = states[run.start + 20], states[run.end + 20]
    assert stamp(before["lastStartTimestamp"]) == run.start > stamp(before["lastStopTimestamp"])
    assert stamp(after["lastStopTimestamp"]) == run.end
    assert stamp(after["creationTimestamp"]) == estate.created_at(machine) < run.start


def test_deleted_machines_are_not_listed(get: Get, estate: Estate, clock: ManualClock) -> None:
    gcp = estate.of("gcp")
    machine = gcp.members_between(START, START + 60)[0]
    (run,) = gcp.runs(machine, START - 86_400, START + 86_400)
    assert run.end is not None
    shown = []
    for moment in (run.start - 1, run.start, run.end - 1, run.end):
        clock.set(NOON + timedelta(seconds=moment - START))
        ids = {i["id"] for i in listed(get(LIST).json())}
        shown.append(machine.resource_id in ids)
    assert shown == [False, True, True, False]


def test_every_zone_is_there_with_machines_or_a_warning(get: Get) -> None:
    items = get(LIST).json()["items"]
    assert {"zones/europe-west1-b", "zones/us-central1-f", "zones/europe-north1-a"} <= set(items)
    for scope, item in items.items():
        if "instances" not in item:
            assert item["warning"]["code"] == "NO_RESULTS_ON_PAGE"
            assert item["warning"]["data"] == [{"key": "scope", "value": scope}]
    assert "warning" in items["zones/us-central1-f"]


@pytest.mark.parametrize("size", ["1", "4", "500"])
def test_pages_hold_so_many_machines_and_add_up(get: Get, size: str) -> None:
    whole = [i["id"] for i in listed(get(LIST).json())]
    found: list[str] = []
    token = ""
    while True:
        page = get(LIST, maxResults=size, **({"pageToken": token} if token else {})).json()
        ids = [i["id"] for i in listed(page)]
        assert len(ids) <= int(size)
        found += ids
        token = page.get("nextPageToken", "")
        if not token:
            break
        assert len(ids) == int(size)
    assert found == whole


def test_pages_of_one_answer_show_the_same_time(get: Get, clock: ManualClock) -> None:
    whole = [i["id"] for i in listed(get(LIST).json())]
    first = get(LIST, maxResults="5").json()
    clock.advance(7 * 86_400)
    rest = get(LIST, pageToken=first["nextPageToken"]).json()
    assert [i["id"] for i in [*listed(first), *listed(rest)]] == whole


def test_a_page_is_never_larger_than_the_limit(
    get: Get, estate: Estate, clock: ManualClock
) -> None:
    with GcpFake(estate, clock, limits=Limits(instances=2)) as small:
        assert len(listed(get(LIST, of=small, maxResults="500").json())) == 2


def test_a_fields_mask_leaves_what_it_names(get: Get) -> None:
    mask = "nextPageToken,items/*/instances(id,scheduling/provisioningModel,labels)"
    document = get(LIST, fields=mask, maxResults="3").json()
    assert set(document) == {"items", "nextPageToken"}
    for item in document["items"].values():
        for instance in item.get("instances", ()):
            assert set(instance) == {"id", "scheduling", "labels"}
            assert set(instance["scheduling"]) == {"provisioningModel"}
    codes = get(LIST, fields="items/*/warning/code").json()["items"]["zones/us-central1-f"]
    assert codes == {"warning": {"code": "NO_RESULTS_ON_PAGE"}}


@pytest.mark.parametrize(
    "params",
    [
        {"maxResults": "501"},
        {"maxResults": "0"},
        {"maxResults": "many"},
        {"pageToken": "bm90IG91cnM="},
        {"filter": "status=RUNNING"},
        {"fields": "items(id"},
        {"fields": "a,,b"},
    ],
)
def test_what_google_would_not_understand_is_refused(get: Get, params: dict[str, str]) -> None:
    answer = get(LIST, **params)
    assert answer.status_code == 400
    assert answer.json()["error"]["errors"][0]["reason"] == "invalid"


@pytest.mark.parametrize(
    "path", ["projects/somebody-elses/aggregated/instances", "projects/x/global/images"]
)
def test_what_does_not_exist_is_not_found(get: Get, path: str) -> None:
    answer = get(path)
    assert answer.status_code == 404
    assert answer.json()["error"]["errors"][0]["reason"] == "notFound"


def test_a_shared_core_type_and_one_with_accelerators_say_so(get: Get, estate: Estate) -> None:
    zone = named(estate, "demo-bastion-ghislain-01").zone
    assert get(f"projects/{SHOP}/zones/{zone}/machineTypes/e2-micro").json()["isSharedCpu"]
    zone = named(estate, "demo-serving-iowa-01").zone
    found = get(f"projects/{DATA}/zones/{zone}/machineTypes/g2-standard-4").json()
    assert found["accelerators"] == [
        {"guestAcceleratorType": "nvidia-l4", "guestAcceleratorCount": 1}
    ]


def test_a_type_is_not_found_where_nobody_uses_it(get: Get) -> None:
    answer = get(f"projects/{SHOP}/zones/europe-west1-b/machineTypes/x9-standard-8")
    assert answer.status_code == 404
