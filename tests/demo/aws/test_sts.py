from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from exporter.demo.aws import AwsFake
from tests.demo.aws.asking import Connect
from tests.support.clock import ManualClock


def role(account: str) -> str:
    return f"arn:aws:iam::{account}:role/carbon-exporter-demo"


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


def test_a_text_that_is_no_role_is_refused(fake: AwsFake, connect: Connect) -> None:
    with pytest.raises(ClientError, match="ValidationError"):
        connect(fake, "sts").assume_role(RoleArn="arn:aws:iam::demo:user/x", RoleSessionName="demo")


def test_a_key_of_nobody_is_refused(fake: AwsFake, connect: Connect) -> None:
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        connect(fake, "sts", aws_access_key_id="AKIANOBODY").get_caller_identity()
