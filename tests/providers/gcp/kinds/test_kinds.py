"""What holds for every kind, whoever writes the next one: found by its file."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from structlog.testing import capture_logs

from exporter.core.errors import UnreachableError
from exporter.core.meter import ApiMeter
from exporter.core.model import Machine, ResourceKey, RunState, UsageSeries
from exporter.core.ports import AdapterContext
from exporter.core.units import Ratio
from exporter.providers.gcp import permissions
from exporter.providers.gcp.config import Config
from exporter.providers.gcp.errors import DeniedError
from exporter.providers.gcp.kind import Kind, Listing, Metric, Permission
from exporter.providers.gcp.kinds import NAMES, kind_of
from exporter.providers.gcp.kinds.gce import CPU
from exporter.providers.gcp.session import Connection
from tests.support.clock import ManualClock
from tests.support.provider_gcp import GcpHarness
from tests.support.providers import NoTypes, final_window

ROOT = Path(__file__).parents[4]
CONTEXT = AdapterContext(clock=ManualClock(), meter=ApiMeter(), types=NoTypes())
CONFIG = Config(projects=("test-shop-123456",))


@pytest.fixture(params=NAMES)
def kind(request: pytest.FixtureRequest) -> Kind:
    made: Kind = kind_of(request.param)(CONFIG, CONTEXT)
    return made


def some_machine(resource_type: str) -> Machine:
    return Machine(
        key=ResourceKey("gcp", "test-shop-123456", "europe-west1", resource_type, "1"),
        name="one",
        instance_type="n2-standard-2",
        state=RunState.RUNNING,
    )


def test_a_kind_goes_by_the_name_of_its_file_and_has_tests_of_its_own(kind: Kind) -> None:
    assert kind.name in NAMES
    assert Path(__file__).with_name(f"test_{kind.name}.py").is_file()


def test_a_kind_says_what_it_counts_and_what_tells_of_it(kind: Kind) -> None:
    assert kind.what
    assert "_" in kind.resource_type
    assert kind.metrics
    assert len({metric.role for metric in kind.metrics}) == len(kind.metrics)
    for metric in kind.metrics:
        assert metric.key({}).resource_type == kind.resource_type
    machine = some_machine(kind.resource_type)
    point = kind.point(machine, {metric.role: {} for metric in kind.metrics})
    assert point.key == machine.key


def test_no_two_kinds_count_the_same_thing() -> None:
    assert len({kind_of(name).resource_type for name in NAMES}) == len(NAMES)


def test_the_role_holds_what_the_kinds_need_and_nothing_else() -> None:
    kinds = [kind_of(name)(CONFIG, CONTEXT) for name in NAMES]
    role = yaml.safe_load((ROOT / "deploy/iam/gcp.yaml").read_text(encoding="utf-8"))

    assert set(role["includedPermissions"]) == permissions.names(kinds)
    assert len(set(role["includedPermissions"])) == len(role["includedPermissions"])


# A kind beside the instances


class Farm(Kind):
    """A kind that monitoring alone does not show; it lists what its test tells it to."""

    what = "farms"
    resource_type = "farm_field"
    listing = Permission(name="farm.fields.list", api="fields.list", probe=lambda *_: None)
    metrics = (
        Metric(
            type=CPU.type,
            resource=CPU.resource,
            key=lambda labels: CPU.key(labels)._replace(resource_type="farm_field"),
            whole=2.0,
            meaning="harvest",
        ),
    )
    outcome: "Listing | DeniedError | UnreachableError" = Listing(machines=())

    def list(self, connection: Connection, project: str) -> Listing:  # noqa: ARG002 - told
        if isinstance(self.outcome, Listing):
            return self.outcome
        raise self.outcome

    def point(self, machine: Machine, answers: Mapping[str, Mapping[int, Ratio]]) -> UsageSeries:
        return UsageSeries(key=machine.key, cpu=answers["cpu"])


@pytest.fixture
def farm() -> Farm:
    return Farm(CONFIG, CONTEXT)


def with_farm(harness: GcpHarness, farm: Farm) -> GcpHarness:
    """Let the provider watch the farm too, as if there were a file of it."""
    provider = harness.provider
    vars(provider)["_kinds"] = (*provider._kinds, farm)
    provider._by_type[farm.resource_type] = farm
    return harness


def test_a_kind_that_may_not_be_listed_is_left_out_with_one_warning(farm: Farm) -> None:
    harness = with_farm(GcpHarness(), farm)
    field = some_machine("farm_field")
    farm.outcome = Listing(machines=(field,))
    whole = harness.provider.discover()
    farm.outcome = DeniedError("no right to look at fields")

    with capture_logs() as logs:
        denied = [harness.provider.discover() for _ in range(2)]
    harness.close()

    for inventory in denied:
        assert {one.key for one in inventory.machines} == {one.key for one in whole.machines}
        assert inventory.failures == ()
        assert not inventory.unseen_all
    (warning,) = logs
    assert (warning["kind"], warning["error"]) == ("test_kinds", "no right to look at fields")


def test_a_kind_that_fails_leaves_the_others_and_tells_that_something_is_not_seen(
    farm: Farm,
) -> None:
    harness = with_farm(GcpHarness(), farm)
    farm.outcome = UnreachableError("silence")

    inventory = harness.provider.discover()
    harness.close()

    assert inventory.machines
    assert inventory.unseen_all
    assert [str(failure) for failure in inventory.failures] == ["silence"]


def test_each_kind_is_read_by_its_own_metric_and_scale(farm: Farm) -> None:
    harness = with_farm(GcpHarness(), farm)
    machine = next(
        one
        for one in harness.provider.discover().machines
        if one.state is RunState.RUNNING and one.instance_type == "n2-standard-2"
    )
    twin = Machine(
        key=machine.key._replace(resource_type="farm_field"),
        name="field",
        instance_type="",
        state=RunState.RUNNING,
    )
    window = final_window(harness)

    reading = harness.provider.read([machine, twin], window)
    harness.close()

    points = {series.key.resource_type: series.cpu for series in reading.series}
    assert set(points["farm_field"]) == set(points["gce_instance"]) != set()
    for at, ratio in points["gce_instance"].items():
        assert points["farm_field"][at] == pytest.approx(ratio / 2)
