"""Scaling group, cluster, node pool and lifecycle of an instance, from what AWS says itself."""

from typing import Any

import pytest

from exporter.core.model import Machine
from exporter.providers.aws import system_tags
from exporter.providers.aws.errors import Call
from exporter.providers.aws.kinds.ec2 import machine
from exporter.providers.aws.shapes import TypeFacts
from tests.support.providers import NoTypes

CALL = Call(permission="ec2:DescribeInstances", region="eu-west-1", account="111122223333")


def read(tags: dict[str, str], **changes: Any) -> Machine:  # noqa: ANN401 - fields of the answer
    item = {
        "InstanceId": "i-1",
        "State": {"Name": "running"},
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
    }
    return machine(item | changes, CALL, TypeFacts(NoTypes()))


def test_a_node_of_a_managed_group_has_group_cluster_and_node_pool() -> None:
    node = read(
        {
            "aws:autoscaling:groupName": "eks-workers-1a2b",
            "eks:cluster-name": "prod",
            "eks:nodegroup-name": "workers",
        }
    )

    assert (node.group, node.cluster, node.node_pool) == ("eks-workers-1a2b", "prod", "workers")


def test_an_instance_of_its_own_has_no_place() -> None:
    plain = read({"Name": "web", "cluster": "not by AWS"})

    assert (plain.group, plain.cluster, plain.node_pool) == ("", "", "")


@pytest.mark.parametrize(
    "tags",
    [
        {"aws:eks:cluster-name": "prod"},
        {"eks:cluster-name": "prod"},
        {"eks:eks-cluster-name": "prod"},
        {"kubernetes.io/cluster/prod": "owned"},
        {"kubernetes.io/cluster/other": "shared", "kubernetes.io/cluster/prod": "owned"},
        {"kubernetes.io/cluster/zeta": "shared", "kubernetes.io/cluster/prod": "shared"},
        {"kubernetes.io/cluster/other": "owned", "aws:eks:cluster-name": "prod"},
        {"aws:eks:cluster-name": "", "eks:cluster-name": "prod"},
    ],
)
def test_each_way_to_name_the_cluster_is_understood(tags: dict[str, str]) -> None:
    assert system_tags.cluster(tags) == "prod"


@pytest.mark.parametrize(
    "key", ["eks:nodegroup-name", "eks:kubernetes-node-pool-name", "karpenter.sh/nodepool"]
)
def test_each_way_to_name_the_node_pool_is_understood(key: str) -> None:
    assert system_tags.node_pool({key: "workers"}) == "workers"


@pytest.mark.parametrize(
    ("told", "lifecycle"),
    [
        ({"InstanceLifecycle": "spot"}, "spot"),
        ({}, "on_demand"),
        ({"InstanceLifecycle": "capacity-block"}, "on_demand"),
    ],
)
def test_only_spot_is_spot(told: dict[str, str], lifecycle: str) -> None:
    assert read({}, **told).lifecycle == lifecycle
