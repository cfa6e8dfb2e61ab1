"""No provider escapes the contract suite, and no kind of resource."""

from exporter.core.plugins import kinds
from exporter.demo.estate import Estate
from tests.support.contracts import complaints, kind_complaints, resource_types


def test_every_provider_is_under_the_contract() -> None:
    assert not complaints("providers"), "\n".join(complaints("providers"))


def test_every_kind_of_resource_is_in_the_demo_and_so_under_the_contract() -> None:
    assert not kind_complaints(), "\n".join(kind_complaints())


def test_a_kind_that_is_not_in_the_demo_is_told_with_what_to_write() -> None:
    told = kind_complaints(Estate(machines=()))

    for cloud in kinds("exporter.providers"):
        for name, resource_type in resource_types(cloud).items():
            (complaint,) = [one for one in told if f"providers/{cloud}/kinds/{name}.py" in one]
            assert f"some {resource_type} into exporter/demo/fleets/{cloud}.csv" in complaint
