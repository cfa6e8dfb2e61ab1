from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from exporter.demo.aws import AwsFake
from exporter.demo.estate import Estate
from tests.demo.aws.asking import Connect
from tests.support.clock import ManualClock


def role(account: str) -> str:
    return f"arn:aws:iam::{account}:role/carbon-exporter-demo"


def test_the_default_key_is_of_the_first_account(fake: AwsFake, connect: Connect) -> None:
    identity = connect(fake, "sts").get_caller_identity()
    assert identity["Account"] == fake.accounts[0]
    assert "demo" in identity["Arn"]


def test_a_role_gives_keys_of_its_account(fake: AwsFake, connect: Connect) -> None:
    other = fake.accounts[1]
    answer = connect(fake, "sts").assume_role(
        RoleArn=role(other), RoleSessionName="demo", DurationSeconds=900
    )
    keys = answer["Credentials"]
    client = connect(
        fake,
        "sts",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    identity = client.get_caller_identity()
    assert identity["Account"] == other
    assert ":assumed-role/" in identity["Arn"]


def test_temporary_keys_expire_by_the_clock_of_the_sdk(
    fake: AwsFake, connect: Connect, clock: ManualClock
) -> None:
    """An SDK compares with the machine's clock; simulated time would be expired or eternal."""
    clock.set(datetime(2001, 1, 1, tzinfo=UTC))
    answer = connect(fake, "sts").assume_role(
        RoleArn=role(fake.accounts[1]), RoleSessionName="demo"
    )
    left = answer["Credentials"]["Expiration"] - datetime.now(UTC)
    assert timedelta(minutes=50) < left <= timedelta(hours=1)


def test_a_role_of_an_unknown_account_is_denied(fake: AwsFake, connect: Connect) -> None:
    with pytest.raises(ClientError, match=r"AccessDenied.*sts:AssumeRole"):
        connect(fake, "sts").assume_role(RoleArn=role("999999999999"), RoleSessionName="demo")


@pytest.mark.parametrize("given", [{}, {"ExternalId": "wrong"}])
def test_an_account_that_wants_an_external_id_denies_others(
    estate: Estate, clock: ManualClock, connect: Connect, given: dict[str, str]
) -> None:
    account = estate.accounts[1]
    with AwsFake(estate, clock, external_ids={account: "demo-id"}) as fake:
        client = connect(fake, "sts")
        with pytest.raises(ClientError, match="AccessDenied"):
            client.assume_role(RoleArn=role(account), RoleSessionName="demo", **given)
        assert client.assume_role(
            RoleArn=role(account), RoleSessionName="demo", ExternalId="demo-id"
        )


def test_a_text_that_is_no_role_is_refused(fake: AwsFake, connect: Connect) -> None:
    with pytest.raises(ClientError, match="ValidationError"):
        connect(fake, "sts").assume_role(RoleArn="arn:aws:iam::demo:user/x", RoleSessionName="demo")


def test_a_key_of_nobody_is_refused(fake: AwsFake, connect: Connect) -> None:
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        connect(fake, "sts", aws_access_key_id="AKIANOBODY").get_caller_identity()
