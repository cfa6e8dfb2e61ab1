"""The section ``kind: aws``: what is accepted, and what a mistake is told."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from exporter.core.meter import ApiMeter
from exporter.core.ports import AdapterContext
from exporter.providers.aws import Config, build
from exporter.providers.aws.kinds import NAMES
from exporter.providers.aws.models import partitions, shared_loader
from tests.support.clock import ManualClock
from tests.support.providers import SomeTypes

ROLE = "arn:aws:iam::123456789012:role/path/carbon-exporter"


def config(**settings: Any) -> Config:  # noqa: ANN401 - config keys
    return Config.model_validate({"kind": "aws", **settings})


def test_nothing_but_the_kind_is_needed() -> None:
    plain = config()

    assert plain.regions is None
    assert plain.collectors == ("aws",)


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"name": "production", "role_arn": ROLE}, "production"),
        ({"role_arn": ROLE}, "aws:123456789012"),
        ({"profile": "dev"}, "aws"),
    ],
)
def test_the_collector_is_named_after_what_tells_accounts_apart(
    settings: dict[str, str], name: str
) -> None:
    assert config(**settings).collectors == (name,)


@pytest.mark.parametrize(
    ("settings", "fix"),
    [
        ({"regions": ["eu-west-1a"]}, "availability zone; write its region, eu-west-1"),
        ({"regions": ["eu-wst-9"]}, "did you mean eu-west-"),
        ({"regions": ["EU_WEST_1"]}, "did you mean eu-west-1"),
        ({"regions": ["?"]}, "write a name such as eu-west-1"),
        ({"regions": []}, "at least 1 item"),
        ({"regions": ["eu-west-1", "cn-north-1"]}, "one section for each"),
        ({"role_arn": "carbon-exporter"}, "arn:aws:iam::123456789012:role/"),
        ({"role_arn": "arn:aws:iam::123456789012:user/me"}, "arn:aws:iam::123456789012:role/"),
        ({"role_arn": ROLE, "regions": ["us-gov-west-1"]}, "of the same partition"),
        ({"external_id": "abc"}, "add role_arn"),
        ({"role_arn": ROLE, "external_id": "two words"}, "letters, digits"),
        ({"session_name": "a"}, "2 to 64"),
        ({"endpoint_url": "localhost:4566"}, "https://"),
        ({"endpoint_url": "https://user:word@example.com"}, "without user or password"),
        ({"region": "eu-west-1"}, "Extra inputs are not permitted"),
        ({"max_attempts": 0}, "greater than or equal to 1"),
        ({"timeout": "soon"}, "write a time span"),
    ],
)
def test_a_mistake_says_what_would_be_right(settings: dict[str, Any], fix: str) -> None:
    with pytest.raises(ValidationError) as refused:
        config(**settings)

    assert fix in str(refused.value)


def test_regions_are_known_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    partitions.cache_clear()
    shared_loader.cache_clear()

    assert config(regions=["eu-west-1"], profile="somebody").regions == ("eu-west-1",)


@pytest.mark.parametrize(
    ("region", "first"), [("eu-west-9", "us-east-1"), ("cn-north-9", "cn-north-1")]
)
def test_a_region_newer_than_the_sdk_can_be_named_and_is_not_asked_first(
    region: str, first: str
) -> None:
    assert region not in partitions()
    assert config(regions=[region]).regions == (region,)
    assert config(regions=[region]).first_regions(None) == (first,)


@pytest.mark.parametrize("region", ["eu-wst-1", "eu-west-0", "eu-west-12", "moon-1", "eu-west-9a"])
def test_what_cannot_be_a_newer_region_is_a_mistake(region: str) -> None:
    with pytest.raises(ValidationError):
        config(regions=[region])


def test_services_are_all_unless_named_and_each_once() -> None:
    assert config().services == NAMES
    assert config(services=["rds", "ec2", "rds"]).services == ("ec2", "rds")
    assert config(services=["rds"]).services == ("rds",)


@pytest.mark.parametrize("services", [[], ["s3"], ["ec2", "RDS"]])
def test_services_that_are_not_watched_are_refused(services: list[str]) -> None:
    with pytest.raises(ValidationError, match="services"):
        config(services=services)


def test_a_region_named_twice_is_watched_once() -> None:
    assert config(regions=["eu-west-1", "eu-west-1"]).regions == ("eu-west-1",)


@pytest.mark.parametrize(
    ("settings", "default", "regions"),
    [
        ({}, None, ("us-east-1",)),
        ({}, "eu-west-3", ("eu-west-3", "us-east-1")),
        ({}, "cn-northwest-1", ("cn-northwest-1", "cn-north-1")),
        ({"regions": ["eu-west-1", "eu-west-2"]}, None, ("eu-west-1", "us-east-1")),
        ({"regions": ["eu-west-1"]}, "eu-west-3", ("eu-west-1", "eu-west-3", "us-east-1")),
        ({"regions": ["us-gov-west-1"]}, "eu-west-3", ("us-gov-west-1", "us-gov-east-1")),
        ({"role_arn": ROLE.replace("aws:", "aws-cn:", 1)}, "eu-west-3", ("cn-north-1",)),
        ({"role_arn": ROLE}, "eu-west-3", ("eu-west-3", "us-east-1")),
    ],
)
def test_the_first_call_goes_to_a_region_of_the_right_partition(
    settings: dict[str, Any], default: str | None, regions: tuple[str, ...]
) -> None:
    assert config(**settings).first_regions(default) == regions


@pytest.mark.parametrize(("settings", "seconds"), [({}, 300), ({"settle": "10m"}, 600)])
def test_settle_is_five_minutes_unless_told_otherwise(
    settings: dict[str, str], seconds: int
) -> None:
    context = AdapterContext(clock=ManualClock(), meter=ApiMeter(), types=SomeTypes())
    (provider,) = build(config(**settings), context)

    assert provider.settle == seconds
    assert provider.monthly_cost(1000, timedelta(minutes=5)) == pytest.approx(86.4)
    provider.close()
