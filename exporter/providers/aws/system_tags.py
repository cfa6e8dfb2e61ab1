"""What the tags that AWS and Kubernetes set themselves say of an instance's place."""

from collections.abc import Mapping
from typing import Final

_GROUP: Final = "aws:autoscaling:groupName"
"""Amazon EC2 Auto Scaling User Guide, "Tag Auto Scaling groups and instances"."""

_CLUSTERS: Final = ("aws:eks:cluster-name", "eks:cluster-name", "eks:eks-cluster-name")
"""Any node; nodes of managed groups; of Auto Mode and Karpenter (Amazon EKS User Guide)."""

_CLUSTER_PREFIX: Final = "kubernetes.io/cluster/"
"""The cluster's name follows; the value is ``owned`` or ``shared`` (cloud provider for AWS)."""

_NODE_POOLS: Final = (
    "eks:nodegroup-name",
    "eks:kubernetes-node-pool-name",
    "karpenter.sh/nodepool",
)
"""Managed node groups, EKS Auto Mode, Karpenter."""


def group(tags: Mapping[str, str]) -> str:
    """Return the name of the Auto Scaling group, or empty."""
    return tags.get(_GROUP, "")


def cluster(tags: Mapping[str, str]) -> str:
    """Return the name of the Kubernetes cluster, or empty; an owner before one that shares."""
    named = _first(tags, _CLUSTERS)
    if named:
        return named
    found = [key for key in tags if key.startswith(_CLUSTER_PREFIX)]
    owner = min(found, key=lambda key: (tags[key] != "owned", key), default="")
    return owner.removeprefix(_CLUSTER_PREFIX)


def node_pool(tags: Mapping[str, str]) -> str:
    """Return the name of the node group or node pool, or empty."""
    return _first(tags, _NODE_POOLS)


def _first(tags: Mapping[str, str], keys: tuple[str, ...]) -> str:
    return next((tags[key] for key in keys if tags.get(key)), "")
