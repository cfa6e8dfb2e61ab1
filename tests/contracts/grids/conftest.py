"""Every source in turn, with retries that do not wait."""

from collections.abc import Iterator

import pytest
import stamina

from tests.support.grid_scene import SUBJECTS, Scene, stage


@pytest.fixture(autouse=True)
def _retries_do_not_wait() -> Iterator[None]:
    with stamina.set_testing(True, attempts=10, cap=True):
        yield


@pytest.fixture(params=SUBJECTS, ids=lambda subject: subject.kind)
def scene(request: pytest.FixtureRequest) -> Iterator[Scene]:
    with stage(request.param) as made:
        yield made
