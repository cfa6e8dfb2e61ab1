"""What CloudWatch agents report of GPUs: how busy each is, and what it draws, a metric for each."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from exporter.demo.aws.paging import next_token, position
from exporter.demo.aws.registry import Operation
from exporter.demo.aws.wire import Call, Code, require
from exporter.demo.aws.world import World
from exporter.demo.estate import EstateMachine

NAMESPACE: Final = "CWAgent"
METRIC: Final = "nvidia_smi_utilization_gpu"
POWER: Final = "nvidia_smi_power_draw"
INTERVAL: Final = 60
"""Seconds between two reports of an agent."""
_LISTED_FOR: Final = 14 * 86_400
"""ListMetrics shows a metric for two weeks after its last value."""

Dimensions = frozenset[tuple[str, str]]
"""Names and values: a metric is found by all of them, and by nothing less."""


def metrics_of(machine: EstateMachine, metric: str) -> list[Dimensions]:
    """Return the dimensions of each GPU's metric; none where no agent reports it."""
    if not (machine.gpu_power if metric == POWER else machine.gpu_agent):
        return []
    shared = {
        ("InstanceId", machine.resource_id),
        ("InstanceType", machine.instance_type),
        ("arch", "Demo"),
        ("name", machine.machine_type.gpu_model),
    }
    count = machine.machine_type.gpu_count
    return [frozenset({*shared, ("index", str(number))}) for number in range(count)]


def list_metrics(world: World, call: Call) -> Mapping[str, object]:
    """List metrics of agents, page by page.

    Raises:
        AwsError: the question is not one that the demo understands.
    """
    asked = (call.params.get("Namespace"), call.params.get("MetricName"))
    message = f"The demo lists {NAMESPACE} {METRIC} and {POWER} only."
    known = asked in ((NAMESPACE, METRIC), (NAMESPACE, POWER))
    require(known, Code.VALIDATION, message)
    wanted = call.params.get("Dimensions", [])
    moment, offset = position(call, world.now())
    found = [each for each in _listed(world, call, moment) if _has(each, wanted)]
    page = found[offset : offset + world.limits.metrics]
    token = next_token(moment, offset + len(page), len(found))
    name = str(call.params["MetricName"])
    answer: dict[str, object] = {"Metrics": [_facts(name, dimensions) for dimensions in page]}
    return answer if token is None else {**answer, "NextToken": token}


def _listed(world: World, call: Call, moment: float) -> Iterator[Dimensions]:
    recent = call.params.get("RecentlyActive") == "PT3H"
    kept = 3 * 3600 if recent else _LISTED_FOR
    for machine in world.measured(call, moment - kept, moment).values():
        if world.estate.runs(machine, moment - kept, moment):
            yield from metrics_of(machine, call.params["MetricName"])


def _has(dimensions: Dimensions, wanted: list[Mapping[str, Any]]) -> bool:
    have = dict(dimensions)
    return all(have.get(w["Name"]) == w.get("Value", have.get(w["Name"])) for w in wanted)


def _facts(metric: str, dimensions: Dimensions) -> Mapping[str, object]:
    told = [{"Name": name, "Value": value} for name, value in sorted(dimensions)]
    return {"Namespace": NAMESPACE, "MetricName": metric, "Dimensions": told}


OPERATIONS: Final[Mapping[tuple[str, str], Operation]] = {
    ("monitoring", "ListMetrics"): list_metrics,
}
