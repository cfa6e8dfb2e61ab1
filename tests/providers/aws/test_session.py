"""Credentials: found, assumed, renewed, refused, replaced."""

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import botocore.session
import pytest

from exporter.core.errors import AuthError, UnreachableError
from exporter.core.meter import ApiMeter
from exporter.core.plugins import load
from exporter.core.ports import AdapterContext
from exporter.demo.aws import Fault, FaultKind, access_key_id
from exporter.providers.aws import Config
from exporter.providers.aws.models import shared_loader
from exporter.providers.aws.session import Connection
from tests.support.clock import ManualClock
from tests.support.provider_aws import (
    ACCOUNT,
    EXTERNAL_ID,
    OTHER_ACCOUNT,
    AwsHarness,
    credentials,
)
from tests.support.provider_fakes import context_of
from tests.support.providers import SECRET, NoTypes

ROLE = f"arn:aws:iam::{OTHER_ACCOUNT}:role/reader"


@pytest.fixture
def issued_ago(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Let the simulated STS issue credentials for an hour that began so long ago.

    botocore compares their expiry with the real clock.
    """

    def issue(ago: timedelta) -> None:
        clock = ManualClock(datetime.now(UTC) - ago)
        monkeypatch.setattr("exporter.demo.aws.services.sts.SystemClock", lambda: clock)

    return issue


@pytest.fixture
def no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE", "BOTO_CONFIG"):
        monkeypatch.setenv(name, str(tmp_path / "nothing"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def test_a_role_shows_the_machines_of_its_own_account(tmp_path: Path) -> None:
    harness = AwsHarness(tmp_path, role_arn=ROLE, external_id=EXTERNAL_ID, name="other")

    machines = harness.provider.discover().machines
    requests = harness.requests()
    counted = harness.meter.usage()
    harness.close()

    assert {machine.key.account for machine in machines} == {OTHER_ACCOUNT}
    assert requests["AssumeRole"] == 1
    assert counted["aws", "AssumeRole"].requests == 1


@pytest.mark.parametrize("external_id", [None, "wrong"])
def test_a_role_that_refuses_us_is_named_with_the_fix(
    tmp_path: Path, external_id: str | None
) -> None:
    harness = AwsHarness(tmp_path, role_arn=ROLE, external_id=external_id)

    with pytest.raises(AuthError) as refused:
        harness.provider.discover()
    harness.close()

    assert ROLE in str(refused.value)
    assert "external_id" in str(refused.value)


def test_credentials_of_a_role_are_renewed_while_it_runs(
    tmp_path: Path, issued_ago: Callable[[timedelta], None]
) -> None:
    issued_ago(timedelta(minutes=52))  # botocore renews ten minutes before the end
    harness = AwsHarness(tmp_path, role_arn=ROLE, external_id=EXTERNAL_ID)

    first = harness.provider.discover()
    assumed = harness.requests()["AssumeRole"]
    second = harness.provider.discover()
    again = harness.requests()["AssumeRole"]
    harness.close()

    assert again > assumed
    assert first.machines == second.machines
    assert not second.failures


def test_credentials_that_are_expired_when_issued_point_to_the_clock(
    tmp_path: Path, issued_ago: Callable[[timedelta], None]
) -> None:
    issued_ago(timedelta(days=1))
    harness = AwsHarness(tmp_path, role_arn=ROLE, external_id=EXTERNAL_ID)

    with pytest.raises(AuthError, match="check this clock"):
        harness.provider.discover()
    harness.close()


def test_credentials_replaced_in_the_file_are_used_without_a_restart(tmp_path: Path) -> None:
    harness = AwsHarness(tmp_path)
    credentials(tmp_path, "000000000000")

    with pytest.raises(AuthError, match="check the key"):
        harness.provider.discover()
    credentials(tmp_path, ACCOUNT)

    assert harness.provider.discover().machines
    harness.close()


@pytest.mark.usefixtures("no_credentials")
def test_without_credentials_it_says_how_to_give_them(tmp_path: Path) -> None:
    harness = AwsHarness(tmp_path, profile=None, credentials_file=tmp_path / "nothing")

    with pytest.raises(AuthError, match="set profile, or AWS_ACCESS_KEY_ID"):
        harness.provider.discover()
    sent = harness.requests()
    harness.close()

    assert not sent


@pytest.mark.usefixtures("no_credentials")
def test_an_empty_profile_in_the_environment_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", access_key_id(ACCOUNT))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    shared_loader.cache_clear()
    harness = AwsHarness(tmp_path, profile=None, credentials_file=None)

    machines = harness.provider.discover().machines
    harness.close()

    assert machines


def test_a_profile_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    harness = AwsHarness(tmp_path, profile="nobody")

    with pytest.raises(AuthError, match="correct the profile"):
        harness.provider.discover()
    harness.close()


def test_a_first_region_that_is_switched_off_is_not_the_end(tmp_path: Path) -> None:
    harness = AwsHarness(tmp_path)
    harness.fake.faults.add(
        Fault(kind=FaultKind.INVALID_CREDENTIALS, service="sts", region="eu-west-1")
    )

    inventory = harness.provider.discover()
    harness.close()

    assert inventory.machines
    assert {machine.key.account for machine in inventory.machines} == {ACCOUNT}


def test_the_account_id_is_asked_for_until_it_is_known_and_then_kept(tmp_path: Path) -> None:
    harness = AwsHarness(tmp_path)
    harness.fake.faults.add(Fault(kind=FaultKind.UNAVAILABLE, service="sts"), times=1)

    with pytest.raises(UnreachableError, match="sts:GetCallerIdentity"):
        harness.provider.discover()
    for _ in range(3):
        harness.provider.discover()
    requests = harness.requests()
    harness.close()

    assert requests["GetCallerIdentity"] == 2


def test_the_sdk_tries_again_and_every_attempt_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _seconds: None)
    harness = AwsHarness(tmp_path, max_attempts=3, regions=["eu-west-1"])
    harness.fake.faults.add(
        Fault(kind=FaultKind.THROTTLING, operation="DescribeInstances"), times=2
    )

    inventory = harness.provider.discover()
    counted = harness.meter.usage()["aws", "DescribeInstances"].requests
    harness.close()

    assert inventory.machines
    assert counted == 3


def test_accounts_share_the_api_models_in_memory(tmp_path: Path) -> None:
    context = AdapterContext(clock=ManualClock(), meter=ApiMeter(), types=NoTypes())
    config = Config(profile="test", credentials_file=credentials(tmp_path))

    cores: list[botocore.session.Session] = [
        Connection(config, context, "eu-west-1")._session._session for _ in range(3)
    ]

    loaders = [core.get_component("data_loader") for core in cores]
    assert loaders[0] is loaders[1] is loaders[2]
    assert len(set(loaders[0].search_paths)) == len(loaders[0].search_paths)


def test_credentials_that_a_process_never_prints_are_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config"
    config.write_text("[profile hanging]\ncredential_process = sleep 20\n", encoding="utf-8")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    module = load("exporter.providers", "aws")
    section = module.Config(
        regions=("eu-west-1",), profile="hanging", timeout=timedelta(seconds=0.05)
    )
    (provider,) = module.build(section, context_of(ManualClock(), ApiMeter()))
    with closing(provider), pytest.raises(UnreachableError, match=r"no credentials within 0\.75 s"):
        provider.discover()
