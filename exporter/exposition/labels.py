"""Labels in use: the identity of things, and what each label means."""

from collections.abc import Mapping
from typing import Final

REGION: Final = ("provider", "account", "cloud_region")
RESOURCE: Final = (*REGION, "resource_type", "resource_id")
"""Identity labels of a resource, in the order of ``core.model.ResourceKey``."""

INFO: Final = (
    "name",
    "instance_type",
    "cloud_zone",
    "grid_zone",
    "group",
    "cluster",
    "node_pool",
    "lifecycle",
    "confidence",
)
"""Labels of the info series besides the identity and the allow-listed tags."""

LABELS: Final[Mapping[str, str]] = {
    "provider": "Cloud: `aws`, `gcp`, `azure`; `host` is the machine that the exporter runs on",
    "account": "AWS account id, Google Cloud project, Azure subscription, or the host's name",
    "cloud_region": "Region as the cloud names it, for example `eu-west-3`",
    "resource_type": "Kind of resource, for example `ec2_instance` or `rds_instance`",
    "resource_id": "Id as the cloud gives it, for example `i-0abc…`",
    "name": "Name that people gave the machine; empty where it has none",
    "instance_type": "Machine type, for example `m5.large`",
    "cloud_zone": "Availability zone",
    "grid_zone": "Electricity grid zone that feeds the region, for example `FR` or `US-CAL-CISO`",
    "group": "Auto Scaling group or scale set that made the machine; empty where none did, and in "
    "Google Cloud, which does not list it",
    "cluster": "Kubernetes cluster (EKS, GKE, AKS) that the machine is a node of; empty where none",
    "node_pool": "Node group or node pool of that cluster",
    "lifecycle": "`spot` (the cloud may take the machine back) or `on_demand`; empty where unknown",
    "confidence": "How the CPU of a machine is known, the best first: `sku`, `family`, "
    "`multi-family`, `proxy`, `unknown-type`; empty for one that never ran while it was watched",
    "latitude": "Degrees north; empty where the table lacks the region",
    "longitude": "Degrees east",
    "location": "Where the region is, in words",
    "tag_*": "One label per allow-listed tag; empty where the machine lacks the tag",
    "component": "`cpu`, `memory`, `overhead` (cooling and conversion: PUE) always; `gpu`, "
    "`storage`, `network` only where they draw power",
    "scope": "`operational` (electricity) or `embodied` (share of the machine's manufacture)",
    "quality": "`measured`, `estimated` or `missing`: how a second of a machine was counted",
    "state": "`measured`, `stopped`, `unmodelled` (type in no table) or `silent` (no fresh data); "
    "every machine is in exactly one",
    "source": "Where a value of the grid comes from; `demo` is invented",
    "method": "`average` (all generation) or `marginal` (the plant that answers one more kWh)",
    "basis": "`lifecycle` or `direct` (combustion only); never compare one with the other",
    "horizon": "How far ahead: `1h`, `3h`, `6h`, `12h` or `24h`",
    "collector": "One per provider account and per grid source; `store` is the state file",
    "reason": "`auth`, `throttled`, `unreachable`, `bad_payload` or `no_data`",
    "api": "API operation that was called",
    "version": "Version of the exporter; on `python_info` that of Python",
    "implementation": "Python implementation",
    "major": "Python major version",
    "minor": "Python minor version",
    "patchlevel": "Python patch level",
}
"""Meaning of every label."""
