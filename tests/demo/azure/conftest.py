"""A fake for each test, and real clients that know its address only."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest
import requests
from azure.mgmt.resourcegraph import ResourceGraphClient
from azure.mgmt.resourcegraph.models import QueryRequest, QueryRequestOptions
from azure.monitor.querymetrics import MetricsClient

from exporter.demo.azure import AzureFake, DemoCredential
from exporter.demo.estate import Estate, EstateMachine, demo_estate
from tests.demo.azure.asking import NOON, Ask, Call, Connect, named
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
    """One machine that has always run since its creation."""
    return named(estate, "demo-web-meer-01")


@pytest.fixture
def fake(estate: Estate, clock: ManualClock) -> Iterator[AzureFake]:
    with AzureFake(estate, clock) as started:
        yield started


@pytest.fixture
def credential() -> DemoCredential:
    return DemoCredential()


@pytest.fixture
def ask(fake: AzureFake, credential: DemoCredential) -> Iterator[Ask]:
    with ExitStack() as stack:

        def ask(
            query: str,
            subscriptions: list[str] | None = None,
            of: AzureFake = fake,
            **options: object,
        ) -> Any:  # noqa: ANN401 - the SDK's model
            client = stack.enter_context(ResourceGraphClient(credential, base_url=of.url))
            request = QueryRequest(
                query=query,
                subscriptions=subscriptions,
                options=QueryRequestOptions(**options),  # type: ignore[arg-type] # the SDK checks
            )
            return client.resources(request, enforce_https=False, retry_total=0)

        yield ask


@pytest.fixture
def connect(fake: AzureFake, credential: DemoCredential) -> Iterator[Connect]:
    with ExitStack() as stack:

        def connect(region: str = "westeurope", of: AzureFake = fake) -> MetricsClient:
            endpoint = of.metrics_url.format(region=region)
            return stack.enter_context(MetricsClient(endpoint, credential))

        yield connect


@pytest.fixture
def client(connect: Connect) -> MetricsClient:
    """The metrics of westeurope."""
    return connect()


@pytest.fixture
def call(fake: AzureFake) -> Iterator[Call]:
    with requests.Session() as session:

        def call(
            method: str,
            path: str,
            query: Mapping[str, str] | None = None,
            body: Any = None,  # noqa: ANN401 - JSON
            **headers: str,
        ) -> Any:  # noqa: ANN401 - a response
            given = {"Authorization": "Bearer demo", **headers}
            url = path if path.startswith("http") else fake.url + path
            return session.request(method, url, params=query, json=body, headers=given, timeout=5)

        yield call
