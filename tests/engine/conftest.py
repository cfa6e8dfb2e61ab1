"""A clock and a state file for every test of the engine; its log lines are caught."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.support.clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[Any]]:
    """Return what was logged so far."""
    with capture_logs() as caught:
        yield caught
