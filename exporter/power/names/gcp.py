"""Compute Engine: ``n2d-highmem-8`` is series, class and vCPUs.

Google Cloud, "Machine families resource and comparison guide", and the pages of GPU and TPU
machine types. ``-8g`` is a number of GPUs, ``-4t`` of TPU chips; ``-lssd``, ``-metal`` and ``-ext``
change neither CPU nor memory. The letter after the generation is the maker: d AMD, a ARM.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from exporter.core.units import MIB_PER_GIB
from exporter.power.names.reading import Lineage, Maker, Reading

_SUFFIX: Final = re.compile(r"-(?:lssd|nolssd|standardlssd|highlssd|metal|ext)$")
_CUSTOM: Final = re.compile(r"(?:([a-z]+\d+[a-z]*)-)?custom-(\d+|micro|small|medium)-(\d+)")
_NAME: Final = re.compile(r"([a-z]+\d*[a-z]*)-([a-z]+)-(\d+)([gt]?)")
_TIB: Final = re.compile(r"([a-z]+\d+[a-z]*)-(\d+)-(\d+)t")

_SHARED: Final = {"micro": 0.25, "small": 0.5, "medium": 1.0}
"""vCPUs that a shared-core type is guaranteed, of the two that it sees."""

SEEN_BY_SHARED: Final = 2.0

_CLASSES: Final[Mapping[tuple[str, str], float]] = {
    ("", "highcpu"): 2.0,
    ("", "standard"): 4.0,
    ("", "highmem"): 8.0,
    ("", "megamem"): 14.9,
    ("", "ultramem"): 26.0,
    ("", "hypermem"): 15.5,
    ("c4", "standard"): 3.75,
    ("c4", "highmem"): 7.75,
    ("c4d", "standard"): 3.75,
    ("c4d", "highmem"): 7.75,
    ("c4n", "standard"): 3.75,
    ("c4n", "highmem"): 7.75,
    ("e2", "highcpu"): 1.0,
    ("g4", "standard"): 3.75,
    ("h4d", "standard"): 3.75,
    ("h4d", "highmem"): 7.75,
    ("m2", "ultramem"): 28.3,
    ("m2", "hypermem"): 21.3,
    ("m3", "megamem"): 15.25,
    ("m3", "ultramem"): 30.5,
    ("n1", "highcpu"): 0.9,
    ("n1", "standard"): 3.75,
    ("n1", "highmem"): 6.5,
    ("n2", "highcpu"): 1.0,
    ("n2d", "highcpu"): 1.0,
    ("x4", "megamem"): 12.8,
}
"""GiB of a vCPU by series and class; those of every series have an empty one."""

_GPUS: Final[Mapping[tuple[str, str], tuple[str, float, float]]] = {
    ("a2", "highgpu"): ("NVIDIA A100 40GB", 12, 85),
    ("a2", "megagpu"): ("NVIDIA A100 40GB", 6, 85),
    ("a2", "ultragpu"): ("NVIDIA A100 80GB", 12, 170),
    ("a3", "highgpu"): ("NVIDIA H100", 26, 234),
    ("a3", "megagpu"): ("NVIDIA H100", 26, 234),
    ("a3", "edgegpu"): ("NVIDIA H100", 26, 234),
    ("a3", "ultragpu"): ("NVIDIA H200", 28, 369),
    ("a4", "highgpu"): ("NVIDIA B200", 28, 496),
    ("a4x", "highgpu"): ("NVIDIA GB200", 35, 221),
    ("a4x", "maxgpu"): ("NVIDIA GB300", 36, 240),
    ("ct3", "hightpu"): ("TPU v3", 24, 85),
    ("ct3p", "hightpu"): ("TPU v3", 12, 85),
    ("ct4p", "hightpu"): ("TPU v4", 60, 102),
    ("ct5l", "hightpu"): ("TPU v5e", 28, 48),
    ("ct5lp", "hightpu"): ("TPU v5e", 28, 48),
    ("ct5p", "hightpu"): ("TPU v5p", 52, 112),
    ("ct6e", "standard"): ("TPU v6e", 45, 180),
    ("tpu7x", "standard"): ("TPU v7 (Ironwood)", 56, 240),
    ("tpu7x", "ultranet"): ("TPU v7 (Ironwood)", 56, 240),
}
"""Accelerator of a type, and vCPUs and GiB for each."""

_UNKNOWN_GPU: Final = ("", 28.0, 370.0)
"""Of an accelerator that no rule knows: vCPUs and GiB for each as in the largest machines of today,
a3-ultragpu and a4-highgpu."""

_G2: Final = {24: 2, 48: 4, 96: 8}
_CT6E_VCPUS: Final = {1: 44.0, 4: 180.0, 8: 180.0}
_RENAMED: Final = ("n1-ultramem-", "n1-megamem-")


def read(name: str) -> Reading | None:
    """Return what the name tells of its size; None where that is nothing."""
    plain = _stripped(name)
    custom = _CUSTOM.fullmatch(plain)
    if custom:
        return _custom(custom[2], float(custom[3]))
    in_tib = _TIB.fullmatch(plain)
    if in_tib:
        memory = 1024.0 * float(in_tib[3])
        return Reading(
            vcpus=float(in_tib[2]), memory_gib=memory, rule="vCPUs and TiB in the name", exact=True
        )
    found = _NAME.fullmatch(plain)
    if found is None or not int(found[3]):
        return None
    family, kind, number, unit = found[1], found[2], int(found[3]), found[4]
    return _with_units(family, kind, number, unit) if unit else _sized(family, kind, number)


def _custom(vcpus: str, mib: float) -> Reading | None:
    """A custom type: the last number is always MiB."""
    if vcpus in _SHARED:
        return Reading(
            vcpus=_SHARED[vcpus],
            full_vcpus=SEEN_BY_SHARED,
            memory_gib=mib / MIB_PER_GIB,
            rule=f"custom type: {vcpus} shared core, {mib:g} MiB",
            exact=True,
        )
    if not int(vcpus) or not mib:
        return None
    return Reading(
        vcpus=float(vcpus),
        memory_gib=mib / MIB_PER_GIB,
        rule=f"custom type: {vcpus} vCPUs, {mib:g} MiB",
        exact=True,
    )


def _with_units(family: str, kind: str, number: int, unit: str) -> Reading:
    model, vcpus_each, gib_each = _GPUS.get((family, kind), _UNKNOWN_GPU)
    vcpus = number * vcpus_each
    if family == "ct6e":
        vcpus = _CT6E_VCPUS.get(number, vcpus)
    if family.startswith("ct5l") and number == 1:
        vcpus = 24.0
    what = "GPUs" if unit == "g" else "TPU chips"
    return Reading(
        vcpus=vcpus,
        memory_gib=number * gib_each,
        rule=f"{number} {what} in the name",
        exact=bool(model),
        gpu_model=model,
        gpu_count=float(number),
    )


def _sized(family: str, kind: str, vcpus: int) -> Reading:
    ratio = _CLASSES.get((family, kind)) or _CLASSES.get(("", kind), 4.0)
    model, count = "", 0.0
    if family == "g2":
        model, count = "NVIDIA L4", float(_G2.get(vcpus, 1))
    elif family == "g4":
        model, count = "NVIDIA RTX PRO 6000 Blackwell SE", vcpus / 48.0
    return Reading(
        vcpus=float(vcpus),
        memory_gib=vcpus * ratio,
        rule=f"{vcpus} vCPUs of class {kind}, {ratio:g} GiB each",
        gpu_model=model,
        gpu_count=count,
    )


def _stripped(name: str) -> str:
    plain = name.lower()
    while _SUFFIX.search(plain):
        plain = _SUFFIX.sub("", plain)
    return plain


def same_as(name: str) -> Iterator[str]:
    """Yield types of the same hardware: without a suffix, under their newer name."""
    plain = _stripped(name)
    if plain != name.lower():
        yield plain
    if plain.startswith(_RENAMED):
        yield f"m1{plain.removeprefix('n1')}"


def is_custom(name: str) -> bool:
    """Whether a name is that of a custom type."""
    return _CUSTOM.fullmatch(_stripped(name)) is not None


def lineage(name: str) -> Lineage | None:
    """Return where the series stands."""
    found = re.match(r"([a-z]+)(\d+)([a-z]*)", series(name))
    if found is None:
        return None
    makers = {"d": Maker.AMD, "a": Maker.ARM}
    if found[1] == "a":  # machines of GPUs: an x says that these stand beside Grace
        makers = {"x": Maker.ARM}
    maker = makers.get(found[3][:1], Maker.INTEL)
    return Lineage(letters=found[1], maker=maker, generation=int(found[2]))


def series(name: str) -> str:
    """Return the head, e.g. ``n2d``."""
    head = name.lower().partition("-")[0]
    return "n1" if head == "custom" else head


def group(name: str) -> str:
    """Return series and class, whose sizes have the same memory for each vCPU."""
    return "-".join(_stripped(name).split("-")[:2])
