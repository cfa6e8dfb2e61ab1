"""The shipped table of GPUs and other accelerators."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """Power of one accelerator.

    ``idle_low`` is the lower end of what idle may be, ``maximum_high`` the upper end of what it may
    draw at work: ``maximum`` itself where the maker states a TDP, more where it is assumed.
    """

    model: str
    idle: Watts
    maximum: Watts
    idle_low: Watts
    maximum_high: Watts
    source: str


@cache
def gpus() -> Mapping[str, Gpu]:
    """Return the accelerators by model name."""
    return {line["gpu_model"]: _gpu(line) for line in rows("gpu")}


@cache
def named(text: str) -> Gpu | None:
    """Find a part by the name that a cloud gives it, e.g. ``NVIDIA T4g`` or ``nvidia-tesla-t4``."""
    words = _words(text)
    return gpus().get(_ALIASES.get(words, "")) or _by_words().get(words)


@cache
def _by_words() -> Mapping[str, Gpu]:
    return {_words(model): gpu for model, gpu in gpus().items()}


def _words(text: str) -> str:
    found = re.findall(r"[a-z0-9]+", text.lower().removesuffix("-vws"))
    return " ".join(word for word in found if word not in _MAKERS)


def _gpu(line: Mapping[str, str]) -> Gpu:
    return Gpu(
        model=line["gpu_model"],
        idle=Watts(float(line["idle_watts"])),
        maximum=Watts(float(line["max_watts"])),
        idle_low=Watts(float(line["idle_watts_low"])),
        maximum_high=Watts(float(line["max_watts_high"])),
        source=line["source"],
    )
