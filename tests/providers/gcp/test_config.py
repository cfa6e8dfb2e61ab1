"""The section ``kind: gcp``: what is accepted, and what a mistake is told."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from exporter.core.meter import ApiMeter
from exporter.providers.gcp import Config, build
from tests.support.clock import ManualClock
from tests.support.provider_fakes import context_of
from tests.support.provider_gcp import OTHER_PROJECT, PROJECT

READER = "reader@test-shop-123456.iam.gserviceaccount.com"


def config(**settings: Any) -> Config:  # noqa: ANN401 - config keys
    return Config.model_validate({"kind": "gcp", **settings})


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"projects": [PROJECT]}, ["gcp:test-shop-123456"]),
        ({"projects": [PROJECT], "name": "shop"}, ["shop"]),
        (
            {"projects": [PROJECT, OTHER_PROJECT, PROJECT]},
            ["gcp:test-shop-123456", "gcp:test-data-654321"],
        ),
        (
            {"projects": [PROJECT, OTHER_PROJECT], "name": "all"},
            ["all:test-shop-123456", "all:test-data-654321"],
        ),
        ({"projects": ["example.com:shop-1"]}, ["gcp:example.com:shop-1"]),
        ({"metrics_scope": PROJECT}, ["gcp:test-shop-123456"]),
        ({"metrics_scope": PROJECT, "name": "scope"}, ["scope"]),
    ],
)
def test_each_project_has_a_collector_and_a_scope_has_one(
    settings: dict[str, Any], names: list[str]
) -> None:
    parsed = config(**settings)
    providers = build(parsed, context_of(ManualClock(), ApiMeter()))

    assert list(parsed.collectors) == names
    assert [provider.name for provider in providers] == names
    for provider in providers:
        provider.close()


@pytest.mark.parametrize(
    ("settings", "fix"),
    [
        ({}, "write either projects or metrics_scope"),
        ({"projects": [PROJECT], "metrics_scope": PROJECT}, "either projects or metrics_scope"),
        ({"projects": []}, "at least 1 item"),
        ({"projects": ["123456789012"]}, "write the project id"),
        ({"projects": ["My Project"]}, "6 to 30"),
        ({"projects": ["projects/test-shop-123456"]}, "write a project id such as"),
        ({"metrics_scope": "123456789012"}, "write the project id"),
        ({"projects": [PROJECT], "inventory": "asset"}, "'compute' or 'monitoring'"),
        (
            {"projects": [PROJECT], "impersonate_service_account": "me@example.com"},
            "gserviceaccount",
        ),
        ({"projects": [PROJECT], "compute_endpoint": "compute.googleapis.com"}, "https://"),
        ({"projects": [PROJECT], "compute_endpoint": "http://compute.example"}, "write https://"),
        ({"projects": [PROJECT], "monitoring_endpoint": "http://10.0.0.1:80"}, "write https://"),
        ({"projects": [PROJECT], "monitoring_endpoint": "https://a.example/v3"}, "without a path"),
        ({"projects": [PROJECT], "compute_endpoint": "https://me:pw@a.example"}, "without a path"),
        ({"projects": [PROJECT], "max_attempts": 0}, "greater than or equal to 1"),
        ({"project": PROJECT}, "Extra inputs are not permitted"),
    ],
)
def test_a_mistake_is_told_with_what_would_be_right(settings: dict[str, Any], fix: str) -> None:
    with pytest.raises(ValidationError) as refused:
        config(**settings)

    assert fix in str(refused.value)


@pytest.mark.parametrize(
    "endpoint",
    ["https://compute-mine.p.googleapis.com", "http://127.0.0.1:9090", "http://[::1]:1/"],
)
def test_private_and_loopback_endpoints_are_accepted(endpoint: str) -> None:
    parsed = config(projects=[PROJECT], compute_endpoint=endpoint, monitoring_endpoint=endpoint)

    assert parsed.compute_endpoint == endpoint.rstrip("/")


def test_the_settle_time_is_the_clouds_unless_it_is_set() -> None:
    context = context_of(ManualClock(), ApiMeter())
    (usual,) = build(config(projects=[PROJECT]), context)
    (own,) = build(config(projects=[PROJECT], settle="10m"), context)

    assert (usual.settle, own.settle) == (300, 600)
    assert config(projects=[PROJECT]).timeout == timedelta(seconds=20)
    usual.close()
    own.close()
