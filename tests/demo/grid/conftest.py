from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial

import pytest
import stamina

from tests.demo.grid.asking import Scene, scene

Ask = Callable[..., Scene]


@pytest.fixture(autouse=True)
def _retries_do_not_wait() -> Iterator[None]:
    with stamina.set_testing(True, attempts=10, cap=True):
        yield


@pytest.fixture
def ask() -> Iterator[Ask]:
    """Set the scene for a source, by kind and keys of its section."""
    with ExitStack() as stack:
        yield partial(scene, stack)
