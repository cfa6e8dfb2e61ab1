"""The section ``kind: host``."""

from typing import Any

import pytest
from pydantic import ValidationError

from exporter.core.meter import ApiMeter
from exporter.core.plugins import kinds, load
from exporter.core.ports import AdapterContext
from exporter.providers.host import Config
from tests.support.clock import ManualClock
from tests.support.provider_host import logical_cpus
from tests.support.providers import NoTypes


def build(**settings: Any) -> Any:  # noqa: ANN401 - loaded by kind, as the composition root does
    module = load("exporter.providers", "host")
    context = AdapterContext(clock=ManualClock(), meter=ApiMeter(), types=NoTypes())
    (provider,) = module.build(module.Config(**settings), context)
    return provider


def test_it_is_found_by_its_file() -> None:
    assert {"aws", "host"} <= set(kinds("exporter.providers"))


def test_nothing_needs_to_be_told() -> None:
    provider = build()

    (machine,) = provider.discover().machines
    provider.close()

    assert (provider.name, provider.kind, provider.settle) == ("host", "host", 10)
    assert machine.key[:4] == ("host", "local", "local", "host")
    assert machine.grid_zone == ""
    assert machine.pue == 1.0
    assert machine.shape.vcpus == logical_cpus()


def test_what_is_told_is_taken() -> None:
    provider = build(
        name="my laptop",
        account="team",
        region="office",
        grid_zone="JP-TK",
        pue=1.4,
        resource_id="box-1",
        settle="30s",
    )

    (machine,) = provider.discover().machines
    provider.close()

    assert (provider.name, provider.settle) == ("my laptop", 30)
    assert machine.key == ("host", "team", "office", "host", "box-1")
    assert (machine.grid_zone, machine.pue) == ("JP-TK", 1.4)


@pytest.mark.parametrize(
    ("settings", "fix"),
    [
        ({"grid_zone": "France"}, "such as FR"),
        ({"pue": 0.9}, "greater than or equal to 1"),
        ({"pue": float("nan")}, "pue"),
        ({"account": ""}, "at least 1 character"),
        ({"zone": "FR"}, "Extra inputs are not permitted"),
    ],
)
def test_a_mistake_says_what_would_be_right(settings: dict[str, Any], fix: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Config.model_validate({"kind": "host", **settings})

    assert fix in str(refused.value)
