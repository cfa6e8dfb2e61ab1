"""Instances of DescribeInstances become machines."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.errors import BadPayloadError
from exporter.core.model import Machine, ResourceKey, RunState
from exporter.providers.aws.errors import Call
from exporter.providers.aws.kinds.ec2 import machine, transition_time
from exporter.providers.aws.shapes import TypeFacts
from tests.support.providers import NoTypes

CALL = Call(permission="ec2:DescribeInstances", region="eu-west-1", account="111122223333")
LAUNCHED = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)


def read(**changes: Any) -> Machine:  # noqa: ANN401 - fields of the answer
    item = {
        "InstanceId": "i-1",
        "InstanceType": "m5.large",
        "State": {"Name": "running"},
        "LaunchTime": LAUNCHED,
        "Placement": {"AvailabilityZone": "eu-west-1b"},
    }
    return machine(item | changes, CALL, TypeFacts(NoTypes()))


def test_a_node_is_called_as_the_controller_of_aws_calls_it() -> None:
    """Seen in describe output of EKS nodes and in cloud-provider-aws' instances.go."""
    outpost = "arn:aws:outposts:eu-west-1:1:outpost/op-1"

    assert read(InstanceId="i-0abc").provider_id == "aws:///eu-west-1b/i-0abc"
    assert read(OutpostArn=outpost).provider_id == "aws:///eu-west-1b/i-1"
    assert read(Placement=None).provider_id == ""


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("pending", RunState.STOPPED),
        ("running", RunState.RUNNING),
        ("stopping", RunState.RUNNING),
        ("stopped", RunState.STOPPED),
        ("shutting-down", RunState.GONE),
        ("terminated", RunState.GONE),
    ],
)
def test_every_state_of_the_api_has_a_meaning(name: str, state: RunState) -> None:
    assert read(State={"Name": name}).state is state


def test_an_instance_without_tags_has_no_name() -> None:
    plain = read()

    assert plain.key == ResourceKey("aws", "111122223333", "eu-west-1", "ec2_instance", "i-1")
    assert (plain.name, plain.tags, plain.cloud_zone) == ("", {}, "eu-west-1b")


def test_an_instance_on_an_outpost_stands_where_the_outpost_does() -> None:
    arn = "arn:aws:outposts:eu-west-1:111122223333:outpost/op-0a1b2c3d4e5f67890"
    assert read(OutpostArn=arn).cloud_zone == "op-0a1b2c3d4e5f67890"


@pytest.mark.parametrize("broken", [{"State": {"Name": "dreaming"}}, {"InstanceId": None}])
def test_an_instance_that_cannot_be_understood_is_an_error(broken: dict[str, Any]) -> None:
    with pytest.raises(BadPayloadError, match="without id or state"):
        read(**broken)


@pytest.mark.parametrize(
    ("reason", "moment"),
    [
        ("User initiated (2026-11-22 22:25:04 GMT)", datetime(2026, 11, 22, 22, 25, 4, tzinfo=UTC)),
        ("User initiated (2026-11-22 22:25:04 UTC)", datetime(2026, 11, 22, 22, 25, 4, tzinfo=UTC)),
        (
            "Server.SpotInstanceTermination (2026-01-02T03:04:05Z)",
            datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        ),
        ("User initiated", None),
        ("User initiated (2026-13-45 99:99:99 GMT)", None),
        ("User initiated (2026-11-22 22:25:04 CET)", None),
        ("", None),
    ],
)
def test_the_stop_time_is_read_where_there_is_one(reason: str, moment: datetime | None) -> None:
    assert transition_time(reason) == moment


@given(st.text())
def test_any_text_may_stand_where_the_stop_time_does(reason: str) -> None:
    moment = transition_time(reason)

    assert moment is None or moment.tzinfo is UTC


def test_the_time_of_an_earlier_stop_is_not_taken_for_this_one() -> None:
    old = "User initiated (2026-02-01 00:00:00 GMT)"

    assert read(State={"Name": "stopped"}, StateTransitionReason=old).stopped_at is None


def test_a_machine_that_is_stopping_has_not_stopped() -> None:
    asked = "User initiated (2026-03-01 11:00:00 GMT)"

    assert read(State={"Name": "stopping"}, StateTransitionReason=asked).stopped_at is None
