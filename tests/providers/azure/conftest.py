"""Servers and providers of the tests of Azure, closed at their end."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.provider_azure import AzureHarness
from tests.support.wire_azure import Make, Wire


@pytest.fixture
def wire() -> Iterator[Wire]:
    wire = Wire()
    yield wire
    wire.close()


@pytest.fixture
def harness() -> Iterator[AzureHarness]:
    harness = AzureHarness()
    yield harness
    harness.close()


@pytest.fixture
def make() -> Iterator[Make]:
    """Make harnesses that are closed at the end."""
    made: list[AzureHarness] = []

    def build(*given: Any, **settings: Any) -> AzureHarness:  # noqa: ANN401 - of the harness
        made.append(AzureHarness(*given, **settings))
        return made[-1]

    yield build
    for harness in made:
        harness.close()
