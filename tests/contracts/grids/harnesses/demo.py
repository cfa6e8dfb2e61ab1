"""The demo's own grid, which its fake speaks as it is."""

from typing import Final

from tests.support.grids import DEMO

SUBJECTS: Final = (DEMO,)
