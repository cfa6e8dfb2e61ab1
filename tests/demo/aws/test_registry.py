"""The services of the fake are found from their files."""

from pathlib import Path

from exporter.demo.aws import registry, services
from exporter.demo.estate import Estate


def test_every_kind_of_the_estate_is_listed_by_an_operation_that_exists(estate: Estate) -> None:
    kinds = registry.kinds()
    assert {machine.resource_type for machine in estate.templates} == kinds.keys()
    operations = {name for _, name in registry.operations()}
    assert {kind.listed_by for kind in kinds.values()} <= operations


def test_every_namespace_has_one_dimension() -> None:
    kinds = registry.kinds().values()
    assert registry.dimensions() == {kind.namespace: kind.dimension for kind in kinds}
    assert len({kind.namespace for kind in kinds}) == len(kinds)


def test_every_file_of_a_service_declares_something() -> None:
    folder = Path(services.__path__[0])
    names = {path.stem for path in folder.glob("[a-z]*.py")}
    modules = {module.__name__.rpartition(".")[2]: module for module in registry.services()}
    assert names == modules.keys()
    for name in names - {"cloudwatch"}:
        assert hasattr(modules[name], "OPERATIONS") or hasattr(modules[name], "KINDS"), name
