"""Every source in turn, with retries that do not wait."""

from collections.abc import Iterator

import pytest
import stamina

from tests.support.contracts import harnesses
from tests.support.grid_scene import Scene, stage

SUBJECTS = [one for made in harnesses("grids").values() for one in getattr(made, "SUBJECTS", ())]


@pytest.fixture(autouse=True)
def _retries_do_not_wait() -> Iterator[None]:
    with stamina.set_testing(True, attempts=10, cap=True):
        yield


@pytest.fixture(params=SUBJECTS, ids=lambda subject: subject.kind)
def scene(request: pytest.FixtureRequest) -> Iterator[Scene]:
    with stage(request.param) as made:
        yield made
