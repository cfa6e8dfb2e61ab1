"""What holds for every kind, whoever writes the next one: found by its file."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from exporter.core.errors import AuthError
from exporter.providers.azure.errors import Call
from exporter.providers.azure.kind import Kind, Listing
from exporter.providers.azure.kinds import NAMES, kind_of
from exporter.providers.azure.kinds.vm import Vm
from tests.support.provider_azure import AzureHarness

ROLE = Path(__file__).parents[4] / "deploy" / "iam" / "azure.json"


@pytest.fixture(params=NAMES)
def kind(request: pytest.FixtureRequest) -> Kind:
    made: Kind = kind_of(request.param)()
    return made


def test_a_kind_goes_by_the_name_of_its_file_and_has_tests_of_its_own(kind: Kind) -> None:
    assert kind.name in NAMES
    assert Path(__file__).with_name(f"test_{kind.name}.py").is_file()


def test_a_kind_says_what_it_counts_and_is_listed_in_an_order_that_can_be_paged(
    kind: Kind,
) -> None:
    assert kind.what
    assert "_" in kind.resource_type
    assert "| project id," in kind.query
    assert kind.query.endswith("| order by id asc")


def test_no_two_kinds_count_the_same_thing() -> None:
    assert len({kind_of(name).resource_type for name in NAMES}) == len(NAMES)


def test_the_role_holds_what_every_kind_needs(kind: Kind) -> None:
    assert kind.permission in json.loads(ROLE.read_text(encoding="utf-8"))["Actions"]


class Farm(Vm):
    """An optional kind, which may be listed as long as its test lets it."""

    what = "farms"
    resource_type = "farm_field"
    optional = True
    allowed = True

    def machines(self, rows: Sequence[Mapping[str, Any]], call: Call) -> Listing:
        if not self.allowed:
            message = "no right to look at fields"
            raise AuthError(message)
        return super().machines(rows, call)


def test_an_optional_kind_that_may_not_be_listed_stays_as_it_was_with_one_warning(
    harness: AzureHarness,
) -> None:
    farm = Farm()
    provider = harness.provider
    vars(provider)["_kinds"] = (*provider._kinds, farm)
    before = {one.key for one in provider.discover().machines}
    farm.allowed = False

    with capture_logs() as logs:
        denied = [provider.discover() for _ in range(2)]

    assert any(key.resource_type == "farm_field" for key in before)
    for inventory in denied:
        assert {one.key for one in inventory.machines} == before
        assert inventory.failures == ()
    assert [(log["kind"], log["error"]) for log in logs if "kind" in log] == [
        ("test_kinds", "no right to look at fields")
    ]
