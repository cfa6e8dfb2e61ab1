"""The shipped tables of GPUs and other accelerators, and of what a server draws around them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from exporter.core.model import Bounds
from exporter.core.units import Watts
from exporter.data import rows

_MAKERS: Final = frozenset(
    {"amd", "aws", "habana", "intel", "nvidia", "pro", "qualcomm", "radeon", "tesla", "xilinx"}
)
_ALIASES: Final = {
    "rtx server 6000": "NVIDIA RTX PRO 6000 Blackwell SE",
    "rtx 6000": "NVIDIA RTX PRO 6000 Blackwell SE",
    "rtx 4500": "NVIDIA RTX PRO 4500 Blackwell SE",
    "virtex ultrascale vu9p": "Xilinx VU9P FPGA",
    "virtex ultrascale vu47p": "AMD VU47P FPGA",
    "h100 80gb": "NVIDIA H100",
    "h100 mega 80gb": "NVIDIA H100",
    "h200 141gb": "NVIDIA H200",
}
"""Parts as clouds name them, without their makers."""

_UNKNOWN: Final = "unknown accelerator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """What a server draws around its accelerators: fans, switches, network cards, supplies.

    ``fixed`` is that of the whole server, of which each of ``gpus`` accelerators has its share;
    ``factor`` is what comes on top of the accelerators' own watts.
    """

    name: str
    gpus: float
    fixed: Bounds
    factor: Bounds
    source: str
    year: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """Power of one accelerator as clouds count them, which may be half a board.

    ``deep_idle`` is the least with nothing loaded. ``context`` is what it draws with a driver
    awake or a model in its memory, but no work: low, central, high. ``cap`` is its power limit,
    ``maximum`` the most that it may draw: above the cap where that is assumed.
    """

    model: str
    deep_idle: Watts
    context: Bounds
    cap: Watts
    maximum: Watts
    node: Node
    source: str
    year: str


@cache
def gpus() -> Mapping[str, Gpu]:
    """Return the accelerators by model name, without the unknown one."""
    return {name: gpu for name, gpu in _lines().items() if name != _UNKNOWN}


def unknown() -> Gpu:
    """Return what is assumed of an accelerator that the table lacks."""
    return _lines()[_UNKNOWN]


@cache
def named(text: str) -> Gpu | None:
    """Find a part by the name that a cloud gives it, e.g. ``NVIDIA T4g`` or ``nvidia-tesla-t4``."""
    words = _words(text)
    return gpus().get(_ALIASES.get(words, "")) or _by_words().get(words)


@cache
def _lines() -> Mapping[str, Gpu]:
    nodes = {line["node"]: line for line in rows("node_overhead")}
    return {line["gpu_model"]: _gpu(line, nodes[line["node"]]) for line in rows("gpu")}


@cache
def _by_words() -> Mapping[str, Gpu]:
    return {_words(model): gpu for model, gpu in gpus().items()}


def _words(text: str) -> str:
    found = re.findall(r"[a-z0-9]+", text.lower().removesuffix("-vws"))
    return " ".join(word for word in found if word not in _MAKERS)


def _gpu(line: Mapping[str, str], node: Mapping[str, str]) -> Gpu:
    context = _ends(line, "idle_context")
    return Gpu(
        model=line["gpu_model"],
        deep_idle=Watts(min(float(line["idle_deep_low"]), context.low)),
        context=context,
        cap=Watts(float(line["cap_watts"])),
        maximum=Watts(max(float(line["cap_watts"]), float(line["max_high"]))),
        node=_node(node, float(line["node_gpus"])),
        source=line["source"],
        year=line["year"],
    )


def _node(line: Mapping[str, str], gpus: float) -> Node:
    return Node(
        name=line["node"],
        gpus=gpus,
        fixed=_ends(line, "fixed_watts"),
        factor=_ends(line, "factor_on_gpu_watts"),
        source=line["source"],
        year=line["year"],
    )


def _ends(line: Mapping[str, str], name: str) -> Bounds:
    return Bounds(float(line[f"{name}_low"]), float(line[name]), float(line[f"{name}_high"]))
