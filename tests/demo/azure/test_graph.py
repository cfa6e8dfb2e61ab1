from datetime import timedelta

import pytest
import requests
from azure.core.exceptions import HttpResponseError

from exporter.demo.azure import EMPTY_SUBSCRIPTION, AzureFake, Fault, FaultKind, Limits
from exporter.demo.azure.tables import CHANGE_LAG
from exporter.demo.estate import Estate, EstateMachine
from tests.demo.azure.asking import DATA, INSTANCES, NOON, SHOP, START, VMS, Ask, Call, named
from tests.support.clock import ManualClock

PATH = "/providers/Microsoft.ResourceGraph/resources"
CHANGES = """
ResourceChanges
| where tostring(properties.targetResourceType) =~ 'microsoft.compute/virtualmachines'
| extend at=tostring(properties.changeAttributes.timestamp),
    power=properties.changes['properties.extended.instanceView.powerState.code']
| extend before=tostring(power.previousValue), after=tostring(power.newValue)
| where todatetime(at) >= datetime({since})
| project id, target=tolower(tostring(properties.targetResourceId)), at, before, after,
    kind=tostring(properties.changeType)
| order by id asc
"""


def test_virtual_machines_are_in_one_table_and_instances_in_another(
    ask: Ask, estate: Estate, clock: ManualClock
) -> None:
    azure = estate.of("azure")
    now = START + 1200
    clock.set(NOON + timedelta(minutes=20))
    vms, instances = ask(VMS).data, ask(INSTANCES).data
    assert {row["id"] for row in vms} == {
        m.cloud_id for m in azure.machines if m.resource_type == "azure_vm"
    }
    running = azure.members_between(now, now + 1)
    assert {row["id"] for row in instances} == {
        m.cloud_id
        for m in (*azure.machines, *running)
        if m.resource_type == "azure_vmss_vm" and azure.runs(m, now, now + 1)
    }
    assert {row["size"] for row in instances} == {"Standard_D4as_v5", "Standard_F4s_v2"}


def test_a_machine_outside_zones_and_a_spot_one_say_so(ask: Ask) -> None:
    query = "Resources | project name, zones, priority=tostring(properties.priority)"
    rows = {row["name"]: row for row in ask(query, subscriptions=[DATA]).data}
    assert rows["demo-weather-east-01"]["zones"] is None
    assert rows["demo-vision-east-01"]["priority"] == "Spot"
    assert rows["demo-weather-east-01"]["priority"] == ""


@pytest.mark.parametrize(
    ("name", "state"), [("demo-old-meer-01", "deallocated"), ("demo-held-meer-01", "stopped")]
)
def test_stopped_machines_keep_their_host_or_do_not(ask: Ask, name: str, state: str) -> None:
    (row,) = (row for row in ask(VMS).data if row["name"] == name)
    assert row["powerState"] == f"PowerState/{state}"


def test_deleted_instances_are_not_listed(ask: Ask, estate: Estate, clock: ManualClock) -> None:
    azure = estate.of("azure")
    machine = azure.members_between(START, START + 60)[0]
    (run,) = azure.runs(machine, START - 86_400, START + 86_400)
    assert run.end is not None
    shown = []
    for moment in (run.start - 1, run.start, run.end - 1, run.end):
        clock.set(NOON + timedelta(seconds=moment - START))
        shown.append(machine.cloud_id in {row["id"] for row in ask(INSTANCES).data})
    assert shown == [False, True, True, False]


def test_rows_are_of_the_subscriptions_that_are_asked_for(ask: Ask) -> None:
    both = ask(VMS, subscriptions=[SHOP, DATA]).data
    assert {row["subscriptionId"] for row in both} == {SHOP, DATA}
    assert ask(VMS).data == both
    only = ask(VMS, subscriptions=[DATA]).data
    assert {row["subscriptionId"] for row in only} == {DATA}
    assert ask(VMS, subscriptions=[EMPTY_SUBSCRIPTION]).data == []


def test_pages_add_up(ask: Ask, estate: Estate, clock: ManualClock) -> None:
    whole = ask(VMS).data
    with AzureFake(estate, clock, limits=Limits(rows=4)) as small:
        page = ask(VMS, of=small, top=1000)
        found = list(page.data)
        clock.advance(86_400)
        while page.skip_token:
            assert (page.count, page.result_truncated) == (4, "true")
            page = ask(VMS, of=small, top=1000, skip_token=page.skip_token)
            assert page.total_records == len(whole)
            found += page.data
        assert page.result_truncated == "false"
    assert found == whole


def test_a_client_may_want_smaller_pages(ask: Ask) -> None:
    page = ask(VMS, top=3)
    assert (page.count, len(page.data), bool(page.skip_token)) == (3, 3, True)
    assert ask(VMS, skip=20).data == ask(VMS).data[20:]


def test_without_ids_what_is_beyond_a_page_is_lost(ask: Ask) -> None:
    page = ask("Resources | project name", top=3)
    assert page.result_truncated == "true"
    assert page.skip_token is None


def test_the_quota_is_told_in_headers(call: Call) -> None:
    headers = call("POST", PATH, body={"query": VMS}).headers
    assert headers["x-ms-user-quota-remaining"] == "14"
    assert headers["x-ms-user-quota-resets-after"] == "00:00:05"


def test_a_change_is_on_record_only_some_time_later(
    ask: Ask, estate: Estate, clock: ManualClock
) -> None:
    machine = named(estate, "demo-build-gavle-01")
    run = next(r for r in estate.runs(machine, START, START + 7200) if r.start > START)
    query, counts = CHANGES.format(since="2026-03-02T12:00:00Z"), []
    for seconds in (CHANGE_LAG - 1, CHANGE_LAG):
        clock.set(NOON + timedelta(seconds=run.start + seconds - START))
        rows = ask(query).data
        started = [r for r in rows if r["target"] == machine.resource_id]
        counts.append(sum(r["after"] == "PowerState/running" for r in started))
    assert counts == [0, 1]


def test_creations_are_on_record_without_a_power_state(
    ask: Ask, estate: Estate, clock: ManualClock, web: EstateMachine
) -> None:
    created = estate.created_at(web)
    clock.set(NOON + timedelta(seconds=created + 3600 - START))
    rows = ask(CHANGES.format(since="2025-01-01T00:00:00Z")).data
    (mine,) = (row for row in rows if row["target"] == web.resource_id)
    assert (mine["kind"], mine["after"]) == ("Create", "")


def test_changes_are_forgotten_after_two_weeks_and_are_not_of_scale_sets(
    ask: Ask, estate: Estate
) -> None:
    rows = ask(CHANGES.format(since="2020-01-01T00:00:00Z")).data
    assert min(row["at"] for row in rows) >= "2026-02-16T12:00:30"
    assert not any("scalesets" in row["target"] for row in rows)
    assert {row["target"] for row in rows} <= {m.resource_id for m in estate.of("azure").machines}


def test_who_may_read_nothing_of_it_is_refused(ask: Ask, fake: AzureFake) -> None:
    with pytest.raises(HttpResponseError, match="AccessDenied") as caught:
        ask(VMS, subscriptions=["00000000-0000-4000-8000-000000000000"])
    assert caught.value.status_code == 403
    fake.faults.add(Fault(kind=FaultKind.MISSING_PERMISSION))
    with pytest.raises(HttpResponseError, match="might not have enough permission"):
        ask(VMS)


def test_who_may_read_a_part_gets_that_part(ask: Ask, fake: AzureFake) -> None:
    fake.faults.add(Fault(kind=FaultKind.MISSING_PERMISSION, subscription=SHOP))
    assert {row["subscriptionId"] for row in ask(VMS).data} == {DATA}
    with pytest.raises(HttpResponseError, match="AccessDenied"):
        ask(VMS, subscriptions=[SHOP])


@pytest.mark.parametrize(
    "query",
    [
        "",
        "Bicycles | project id",
        "Resources | where colour =~ 'green'",
        "Resources | summarize count()",
        "Resources | project id, sha256(name)",
        "Resources | where",
        "Resources | where name = ",
        "Resources | project ;",
        "Resources Resources",
    ],
)
def test_a_query_that_is_not_understood_is_refused(ask: Ask, query: str) -> None:
    with pytest.raises(HttpResponseError, match="InvalidQuery") as caught:
        ask(query)
    assert caught.value.status_code == 400


@pytest.mark.parametrize("options", [{"skip_token": "bm90IG91cnM="}, {"result_format": "table"}])
def test_options_that_are_not_understood_are_refused(ask: Ask, options: dict[str, str]) -> None:
    with pytest.raises(HttpResponseError) as caught:
        ask(VMS, **options)
    assert caught.value.status_code == 400


def test_a_body_without_a_query_is_refused(call: Call) -> None:
    answer = call("POST", PATH)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "InvalidQuery"


def test_a_body_that_is_no_json_is_refused(fake: AzureFake) -> None:
    answer = requests.post(fake.url + PATH, data=b"{", timeout=5)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadRequest")
