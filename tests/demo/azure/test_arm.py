import time

import pytest

from exporter.demo.azure import (
    EMPTY_SUBSCRIPTION,
    AzureFake,
    DemoCredential,
    Fault,
    FaultKind,
    Limits,
)
from exporter.demo.estate import Estate
from tests.demo.azure.asking import DATA, SHOP, Call
from tests.support.clock import ManualClock

VERSION = {"api-version": "2022-12-01"}
SKUS = f"/subscriptions/{DATA}/providers/Microsoft.Compute/skus"
INSIGHTS = f"/subscriptions/{SHOP}/providers/Microsoft.Insights"


def test_all_subscriptions_that_can_be_seen_are_listed(call: Call, fake: AzureFake) -> None:
    found = call("GET", "/subscriptions", VERSION).json()["value"]
    assert [one["subscriptionId"] for one in found] == [SHOP, DATA, EMPTY_SUBSCRIPTION]
    assert fake.subscriptions == (SHOP, DATA, EMPTY_SUBSCRIPTION)
    assert {one["state"] for one in found} == {"Enabled"}
    assert found[0]["id"] == f"/subscriptions/{SHOP}"


def test_subscriptions_come_in_pages(call: Call, estate: Estate, clock: ManualClock) -> None:
    with AzureFake(estate, clock, limits=Limits(subscriptions=2)) as small:
        first = call("GET", f"{small.url}/subscriptions", VERSION).json()
        second = call("GET", first["nextLink"]).json()
        assert first["nextLink"].startswith(small.url)
    assert [len(page["value"]) for page in (first, second)] == [2, 1]
    assert "nextLink" not in second


def test_one_subscription_can_be_asked_for(call: Call) -> None:
    assert call("GET", f"/subscriptions/{SHOP}", VERSION).json()["subscriptionId"] == SHOP


def test_who_has_no_role_sees_an_empty_list(call: Call, fake: AzureFake) -> None:
    fake.faults.add(Fault(kind=FaultKind.MISSING_PERMISSION))
    assert call("GET", "/subscriptions", VERSION).json()["value"] == []
    answer = call("GET", f"/subscriptions/{SHOP}", VERSION)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "AuthorizationFailed")


def test_sizes_of_all_regions_are_listed_without_a_filter(call: Call) -> None:
    found = call("GET", SKUS, VERSION).json()["value"]
    assert {one["locations"][0] for one in found} == {"eastus", "swedencentral", "westeurope"}
    arm = next(one for one in found if one["name"] == "Standard_D4ps_v5")
    assert {"name": "CpuArchitectureType", "value": "Arm64"} in arm["capabilities"]


def test_other_filters_are_refused(call: Call) -> None:
    assert call("GET", SKUS, VERSION | {"$filter": "name eq 'x'"}).status_code == 400


def test_the_metrics_provider_is_registered_or_not(call: Call, fake: AzureFake) -> None:
    states = [call("GET", INSIGHTS, VERSION).json()["registrationState"]]
    fake.faults.add(Fault(kind=FaultKind.NOT_REGISTERED, subscription=SHOP))
    states.append(call("GET", INSIGHTS, VERSION).json()["registrationState"])
    assert states == ["Registered", "NotRegistered"]


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("/subscriptions", {}, 400),
        ("/subscriptions/00000000-0000-4000-8000-000000000000", VERSION, 404),
        (f"/subscriptions/{SHOP}/providers/Microsoft.Colour/shades", VERSION, 403),
        ("/", VERSION, 403),
    ],
)
def test_what_is_not_there_is_refused(
    call: Call, path: str, query: dict[str, str], status: int
) -> None:
    answer = call("GET", path, query)
    assert answer.status_code == status
    assert answer.json()["error"]["message"]


def test_tokens_are_good_for_an_hour() -> None:
    credential = DemoCredential()
    token = credential.get_token("https://management.azure.com/.default")
    info = credential.get_token_info("https://management.azure.com/.default")
    assert token.token == info.token == "demo-token.management.azure.com"
    assert 3000 < token.expires_on - time.time() <= 3600
    assert credential.scopes == ["https://management.azure.com/.default"] * 2
