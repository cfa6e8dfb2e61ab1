"""A fake for each test, and real boto3 clients that know its address only."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config

from exporter.demo.aws import AwsFake, access_key_id
from exporter.demo.estate import Estate, EstateMachine, demo_estate
from tests.demo.aws.asking import NOON, Connect, named
from tests.support.clock import ManualClock

SESSION: Any = boto3.Session(aws_access_key_id="unused", aws_secret_access_key="unused")
CONFIG = Config(
    connect_timeout=5, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 1}
)


@pytest.fixture
def clock() -> ManualClock:
    """Noon on a Monday, at an odd half minute."""
    return ManualClock(NOON + timedelta(seconds=30))


@pytest.fixture(scope="session")
def estate() -> Estate:
    return demo_estate().of("aws")


@pytest.fixture(scope="session")
def web(estate: Estate) -> EstateMachine:
    """One machine that has always run since its launch, measured every minute."""
    return named(estate, "demo-web-dublin-01")


@pytest.fixture
def fake(estate: Estate, clock: ManualClock) -> Iterator[AwsFake]:
    with AwsFake(estate, clock) as started:
        yield started


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Make a client for a fake: service, region, then credentials and options as wanted."""
    with ExitStack() as stack:

        def connect(
            fake: AwsFake, service: str, region: str = "eu-west-1", **options: object
        ) -> Any:  # noqa: ANN401 - boto3 makes its classes at run time
            settings: dict[str, Any] = {
                "aws_access_key_id": access_key_id(fake.accounts[0]),
                "aws_secret_access_key": "demo",
                "endpoint_url": fake.url,
                "config": CONFIG,
                **options,
            }
            client = SESSION.client(service, region, **settings)
            stack.callback(client.close)
            return client

        yield connect
