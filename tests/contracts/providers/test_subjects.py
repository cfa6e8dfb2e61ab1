"""No provider escapes the contract suite."""

from tests.support.contracts import complaints


def test_every_provider_is_under_the_contract() -> None:
    assert not complaints("providers"), "\n".join(complaints("providers"))
