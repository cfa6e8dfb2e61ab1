"""The section ``kind: azure``: what is accepted, and what a mistake is told."""

from typing import Any

import pytest
from pydantic import ValidationError

from exporter.core.meter import ApiMeter
from exporter.providers.azure import Config, build
from tests.support.clock import ManualClock
from tests.support.provider_azure import OTHER_SUBSCRIPTION, SUBSCRIPTION
from tests.support.provider_fakes import context_of

LOOPBACK = {
    "management_endpoint": "http://127.0.0.1:1234/",
    "metrics_endpoint": "http://127.0.0.1:1234/metrics/{region}",
}


def config(**settings: Any) -> Config:  # noqa: ANN401 - config keys
    return Config.model_validate({"kind": "azure", **settings})


def test_nothing_but_the_kind_is_needed() -> None:
    plain = config()

    assert plain.collectors == ("azure",)
    assert plain.collectors == ("azure",)
    assert plain.management_scope == "https://management.azure.com/.default"
    assert plain.metrics_url("eastus") == "https://eastus.metrics.monitor.azure.com"
    assert plain.metrics_audience == "https://metrics.monitor.azure.com"
    assert not plain.simulated


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"name": "west"}, ("west",)),
        ({"subscriptions": [SUBSCRIPTION]}, (f"azure:{SUBSCRIPTION}",)),
        ({"subscriptions": [SUBSCRIPTION], "name": "west"}, ("west",)),
        (
            {"subscriptions": [SUBSCRIPTION, OTHER_SUBSCRIPTION]},
            (f"azure:{SUBSCRIPTION}", f"azure:{OTHER_SUBSCRIPTION}"),
        ),
        (
            {"subscriptions": [SUBSCRIPTION, OTHER_SUBSCRIPTION], "name": "west"},
            (f"west:{SUBSCRIPTION}", f"west:{OTHER_SUBSCRIPTION}"),
        ),
    ],
)
def test_each_listed_subscription_has_a_collector(
    settings: dict[str, Any], names: tuple[str, ...]
) -> None:
    section = config(**settings)
    providers = build(section, context_of(ManualClock(), ApiMeter()))

    assert section.collectors == names
    assert tuple(provider.name for provider in providers) == names
    for provider in providers:
        provider.close()


def test_a_subscription_is_watched_once_however_often_it_is_listed() -> None:
    ids = [SUBSCRIPTION, f" {SUBSCRIPTION.upper()} "]

    assert config(subscriptions=ids).subscriptions == (SUBSCRIPTION,)


@pytest.mark.parametrize(
    ("settings", "fix"),
    [
        ({"subscriptions": ["Production"]}, "not the name; `az account list"),
        ({"subscriptions": []}, "list at least one"),
        ({"tenant_id": "contoso.onmicrosoft.com"}, "write the id"),
        ({"managed_identity_client_id": "1"}, "write the id"),
        ({"management_endpoint": "management.azure.com"}, "write an address such as https://"),
        ({"management_endpoint": "https://me:word@azure.com"}, "without user, password"),
        ({"management_endpoint": "http://management.azure.com"}, "never sent in the clear"),
        ({"management_endpoint": "http://127.0.0.1.example.com"}, "never sent in the clear"),
        ({"metrics_endpoint": "http://10.0.0.1/{region}"}, "never sent in the clear"),
        ({"metrics_endpoint": "https://metrics.monitor.azure.com"}, "a host of its own"),
        ({"management_endpoint": "http://127.0.0.1:1"}, "do not mix"),
        ({"metrics_endpoint": "http://127.0.0.1:1/{region}"}, "do not mix"),
        ({"log_analytics_workspace": "production"}, "write the id"),
        ({"logs_endpoint": "http://api.loganalytics.io"}, "never sent in the clear"),
        (
            {"logs_endpoint": "http://127.0.0.1:1", "log_analytics_workspace": SUBSCRIPTION},
            "do not mix",
        ),
        ({**LOOPBACK, "log_analytics_workspace": SUBSCRIPTION}, "do not mix"),
        ({"max_attempts": 0}, "greater than or equal to 1"),
        ({"timeout": "0s"}, "positive time span"),
        ({"regions": ["eastus"]}, "not permitted"),
    ],
)
def test_a_mistake_is_told_with_what_would_be_right(settings: dict[str, Any], fix: str) -> None:
    with pytest.raises(ValidationError, match="1 validation error") as mistake:
        config(**settings)

    assert fix in str(mistake.value)


@pytest.mark.parametrize("host", ["127.0.0.1:80", "localhost:80", "[::1]:80"])
def test_plain_http_is_for_test_servers_on_this_machine(host: str) -> None:
    section = config(
        management_endpoint=f"http://{host}", metrics_endpoint=f"http://{host}/metrics/{{region}}"
    )

    assert section.simulated
    assert section.metrics_url("eastus") == f"http://{host}/metrics/eastus"


def test_a_slash_at_the_end_of_an_address_makes_no_difference() -> None:
    assert config(**LOOPBACK).management_endpoint == "http://127.0.0.1:1234"


def test_a_sovereign_cloud_has_its_own_audiences() -> None:
    section = config(
        management_endpoint="https://management.usgovcloudapi.net",
        metrics_endpoint="https://{region}.metrics.monitor.azure.us",
    )

    assert section.management_scope == "https://management.usgovcloudapi.net/.default"
    assert section.metrics_audience == "https://metrics.monitor.azure.us"
    assert section.metrics_url("usgovvirginia") == "https://usgovvirginia.metrics.monitor.azure.us"


def test_the_finality_of_a_bucket_can_be_set() -> None:
    context = context_of(ManualClock(), ApiMeter())
    providers = [*build(config(), context), *build(config(settle="10m"), context)]

    assert [provider.settle for provider in providers] == [300, 600]
    for provider in providers:
        provider.close()
