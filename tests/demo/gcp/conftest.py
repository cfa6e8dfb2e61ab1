"""A fake for each test, and real clients that know its addresses only."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials
from google.auth.transport.requests import AuthorizedSession
from google.cloud.monitoring_v3 import MetricServiceClient

from exporter.demo.estate import Estate, EstateMachine, demo_estate
from exporter.demo.gcp import GcpFake
from tests.demo.gcp.asking import NOON, Get, connected, named
from tests.support.clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    """Noon on a Monday, at an odd half minute."""
    return ManualClock(NOON + timedelta(seconds=30))


@pytest.fixture(scope="session")
def estate() -> Estate:
    return demo_estate()


@pytest.fixture(scope="session")
def web(estate: Estate) -> EstateMachine:
    """One machine that has always run since its launch."""
    return named(estate, "demo-web-ghislain-01")


@pytest.fixture
def fake(estate: Estate, clock: ManualClock) -> Iterator[GcpFake]:
    with GcpFake(estate, clock) as started:
        yield started


@pytest.fixture
def client(fake: GcpFake) -> Iterator[MetricServiceClient]:
    with connected(fake) as client:
        yield client


@pytest.fixture
def get(fake: GcpFake) -> Iterator[Get]:
    anonymous = AnonymousCredentials()  # type: ignore[no-untyped-call] # untyped upstream
    session = AuthorizedSession(  # type: ignore[no-untyped-call] # untyped upstream
        anonymous, refresh_status_codes=()
    )

    def get(path: str, timeout: float = 5, of: GcpFake = fake, **params: str) -> Any:  # noqa: ANN401 - a response
        return session.get(f"{of.url}/compute/v1/{path}", params=params, timeout=timeout)

    yield get
    session.close()  # type: ignore[no-untyped-call] # untyped upstream
