"""No source escapes the contract suite."""

from tests.support.contracts import complaints


def test_every_source_is_under_the_contract() -> None:
    assert not complaints("grids"), "\n".join(complaints("grids"))
