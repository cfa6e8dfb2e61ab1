"""The table of yearly averages is part of the package: there is no API that could fail."""

from typing import Final

EXEMPT: Final = "it asks nobody; tests/grids/test_annual.py looks at it"
