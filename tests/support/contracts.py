"""Who stands under the contract suites: every adapter of the product, found by its file's name.

The harness of the adapter ``exporter/<suite>/<kind>`` is the file ``harnesses/<kind>.py`` in
``tests/contracts/<suite>``. It says what to run on, or, in a text ``EXEMPT``, why nothing of the
contract applies.

Kinds of resources are under the contract of their cloud's provider by a machine of theirs in its
harness, and under the comparison with the truth by their machines in the demo's fleet.
"""

import importlib
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Final

from exporter.core.plugins import kinds
from exporter.demo.aws import registry
from exporter.demo.estate import Estate, demo_estate

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


def resource_types(cloud: str) -> dict[str, str]:
    """Return the resource type of each kind of a provider, by the kind's name."""
    package = f"exporter.providers.{cloud}.kinds"
    if not find_spec(package):
        return {}
    found = importlib.import_module(package)
    return {name: found.kind_of(name).resource_type for name in found.NAMES}


def kind_complaints(estate: Estate | None = None) -> list[str]:
    """Say which kinds of resources run in no demo, so that nothing compares them with the truth."""
    estate = estate or demo_estate()
    machines = (*estate.machines, *(group.template for group in estate.groups))
    fleet = {machine.resource_type for machine in machines}
    kinds_of = {cloud: resource_types(cloud) for cloud in kinds("exporter.providers")}
    return [
        *(
            f"exporter/providers/{cloud}/kinds/{name}.py has no machine in the demo: write how "
            f"they are named into exporter/demo/fleets/kinds.csv and some {resource_type} into "
            f"exporter/demo/fleets/{cloud}.csv"
            for cloud, found in kinds_of.items()
            for name, resource_type in found.items()
            if resource_type not in fleet
        ),
        *(
            f"exporter/providers/aws/kinds/{name}.py has no service in the simulated AWS: write a "
            f"file of exporter/demo/aws/services with KINDS, in which {resource_type} is"
            for name, resource_type in kinds_of["aws"].items()
            if resource_type not in registry.kinds()
        ),
    ]
