"""Machine types that may use more CPU than they are sold with, by the clouds' documentation.

AWS: EC2 User Guide, "Key concepts for burstable performance instances", baseline for each vCPU.
Azure: pages of the B, Bsv2, Basv2 and Bpsv2 series, base performance over vCPUs. Google:
"Shared-core machine types", the guaranteed part of a vCPU; e2 types show two vCPUs.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_T3: Final = {
    "nano": "0.05",
    "micro": "0.1",
    "small": "0.2",
    "medium": "0.2",
    "large": "0.3",
    "xlarge": "0.4",
    "2xlarge": "0.4",
}
_AWS: Final[Mapping[str, Mapping[str, str]]] = {
    "t1": {"micro": "0.1"},
    "t2": _T3 | {"xlarge": "0.225", "2xlarge": "0.16875"},
    "t3": _T3,
    "t3a": _T3,
    "t4g": _T3,
    "t8i": _T3,
}
_AZURE: Final = {
    "B1ls": "0.05",
    "B1s": "0.1",
    "B1ms": "0.2",
    "B2s": "0.2",
    "B2ms": "0.3",
    "B4ms": "0.225",
}
_AZURE_LARGE: Final = "0.16875"
_AZURE_V2: Final = {"t": "0.2", "l": "0.3", "": "0.4"}
_GCP: Final = {"f1-micro": "0.2", "g1-small": "0.5"}
_GCP_PAIRS: Final = ("e2-micro", "e2-small", "e2-medium")


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """Cells of a type that may burst; empty where a cell does not apply."""

    baseline: str = ""
    full_vcpus: str = ""


def burst(provider: str, name: str) -> Burst | None:
    """Return what is documented of a type, or None for one that is not known to burst."""
    if provider == "gcp" and name in _GCP_PAIRS:
        return Burst(full_vcpus="2")
    baseline = {"aws": _aws, "azure": _azure, "gcp": _gcp}[provider](name)
    return Burst(baseline=baseline) if baseline else None


def _aws(name: str) -> str:
    series, _, size = name.partition(".")
    return _AWS.get(series, {}).get(size, "")


def _gcp(name: str) -> str:
    return _GCP.get(name, "")


def _azure(name: str) -> str:
    second = re.fullmatch(r"Standard_B\d+[ap]?(t|l|)s_v2", name)
    if second:
        return _AZURE_V2[second[1]]
    first = re.fullmatch(r"Standard_(B\d+l?m?s)", name)
    return _AZURE.get(first[1], _AZURE_LARGE) if first else ""
