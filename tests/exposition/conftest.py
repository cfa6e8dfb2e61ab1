"""A renderer, promtool and a running server for each test that asks."""

import os
import shutil
from collections.abc import Iterator

import httpx
import pytest

from exporter.exposition.publisher import Publisher
from exporter.exposition.render import Renderer
from tests.support.clock import ManualClock
from tests.support.exposition import TAGS, running


@pytest.fixture
def renderer() -> Renderer:
    return Renderer(version="1.2.3", tags=TAGS)


@pytest.fixture
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        message = "promtool is missing: install the prometheus package or a Prometheus release"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return found


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def publisher(renderer: Renderer) -> Publisher:
    return Publisher(renderer)


@pytest.fixture
def client(publisher: Publisher) -> Iterator[httpx.Client]:
    with running(publisher) as client:
        yield client
