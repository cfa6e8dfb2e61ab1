"""Who stands under the contract suites: every adapter of the product, found by its file's name.

The harness of the adapter ``exporter/<suite>/<kind>`` is the file ``harnesses/<kind>.py`` in
``tests/contracts/<suite>``. It says what to run on, or, in a text ``EXEMPT``, why nothing of the
contract applies.
"""

import importlib
from pathlib import Path
from types import ModuleType
from typing import Final

from exporter.core.plugins import kinds

CONTRACTS: Final = Path(__file__).parents[1] / "contracts"
NEEDED: Final = {
    "grids": "SUBJECTS, a tuple of tests.support.grids.Subject: the zone that is asked for and the "
    "answers of the API",
    "providers": "make(fleet, folder), which returns a tests.support.providers.Harness",
}
"""What a harness of each suite must have."""


def harnesses(suite: str, root: Path = CONTRACTS) -> dict[str, ModuleType]:
    """Import the harnesses of a suite, by kind."""
    names = sorted(path.stem for path in (root / suite / "harnesses").glob("*.py"))
    return {
        name: importlib.import_module(f"tests.contracts.{suite}.harnesses.{name}") for name in names
    }


def complaints(suite: str) -> list[str]:
    """Say which adapters no contract is proved on, and what to write where."""
    adapters, found = kinds(f"exporter.{suite}"), harnesses(suite)
    place = f"tests/contracts/{suite}/harnesses"
    return [
        *(
            f"exporter/{suite}/{kind} has no harness, so the contract suite does not run on it: "
            f"write {place}/{kind}.py with {NEEDED[suite]}"
            for kind in adapters
            if kind not in found
        ),
        *(
            f"{place}/{kind}.py has no adapter exporter/{suite}/{kind}: delete it"
            for kind in found
            if kind not in adapters
        ),
        *(
            f"{place}/{kind}.py says neither what to run on nor why not: write {NEEDED[suite]}, "
            "or a text EXEMPT"
            for kind, harness in found.items()
            if not _says(harness)
        ),
    ]


def _says(harness: ModuleType) -> bool:
    return any(getattr(harness, name, None) for name in ("SUBJECTS", "make", "EXEMPT"))
