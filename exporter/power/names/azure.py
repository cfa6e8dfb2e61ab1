"""Azure: ``Standard_E8-2ads_v5`` is family, vCPUs, vCPUs to use, features and version.

Microsoft, "Azure virtual machine sizes naming conventions" and the pages of the series. Names are
the same in any case. Features: a AMD, p ARM, none Intel; d local disk, s premium disks, b and n
more of disk and network, i isolated, r RDMA, e confidential: all these leave CPU and memory as
they are; l half, m double, t a part of the memory.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import combinations
from math import log2
from typing import Final

from exporter.power.names.reading import Lineage, Maker, Reading

_NAME: Final = re.compile(
    r"(?:standard|basic)_([a-z]+?)(\d+)(?:-(\d+))?([a-z]*)(?:-(\d+))?((?:_[a-z0-9]+)*)"
)
_OFFER: Final = re.compile(r"_(?:promo|special|adhtype\d+)$")
_CONSTRAINED: Final = re.compile(
    r"((?:standard|basic)_[a-z]+\d+)(?:-(\d+))?([a-z]*)(?:-(\d+))?(.*)"
)
_VERSION: Final = re.compile(r"_v(\d+)$")
_CHIP: Final = re.compile(r"(?!v\d{1,2}$)[a-z]+\d{1,4}[a-z]*")
_CLASS: Final = re.compile(r"_(\d+)(?:_v\d+)?$")

_OLD_D: Final = {
    1: (1, 3.5),
    2: (2, 7),
    3: (4, 14),
    4: (8, 28),
    5: (16, 56),
    11: (2, 14),
    12: (4, 28),
    13: (8, 56),
    14: (16, 112),
    15: (20, 140),
}
_OLD_A: Final = {
    0: (1, 0.75),
    1: (1, 1.75),
    2: (2, 3.5),
    3: (4, 7),
    4: (8, 14),
    5: (2, 14),
    6: (4, 28),
    7: (8, 56),
    8: (8, 56),
    9: (16, 112),
    10: (8, 56),
    11: (16, 112),
}
_OLD_G: Final = {1: (2, 28), 2: (4, 56), 3: (8, 112), 4: (16, 224), 5: (32, 448)}
"""Sizes whose number is a place in a list: vCPUs and GiB."""

_OLD_B: Final = {"b1ls": 0.5, "b1s": 1.0, "b1ms": 2.0}

_GIB_PER_VCPU: Final[Mapping[str, float]] = {
    "b": 4.0,
    "d": 4.0,
    "dc": 4.0,
    "e": 8.0,
    "ec": 8.0,
    "f": 2.0,
    "fx": 10.5,
    "h": 7.0,
    "hb": 4.0,
    "hc": 8.0,
    "hx": 8.0,
    "l": 8.0,
    "nc": 18.7,
    "nd": 18.7,
    "ng": 2.0,
    "np": 16.8,
    "nv": 9.33,
    "pb": 18.7,
}
_WITH_GPU: Final[Mapping[tuple[str, str], float]] = {
    ("nc", "a10"): 12.5,
    ("nc", "a100"): 9.17,
    ("nc", "h100"): 8.0,
    ("nc", "rtxpro6000bse"): 4.0,
    ("nc", "t4"): 7.0,
    ("nd", "a100"): 9.4,
    ("nd", "gb200"): 7.03,
    ("nd", "gb300"): 6.75,
    ("nd", "h100"): 19.8,
    ("nd", "h200"): 19.3,
    ("nd", "mi300x"): 19.3,
    ("nv", "a10"): 9.17,
    ("nv", "v710"): 4.8,
}
_BY_VERSION: Final[Mapping[tuple[str, int], float]] = {
    ("dc", 3): 8.0,
    ("nc", 1): 9.33,
    ("nd", 4): 9.4,
    ("nv", 2): 18.7,
    ("nv", 4): 3.5,
}
"""GiB of a vCPU by family and accelerator, or by family and version where no name tells that."""

_TIB_CLASS_GIB: Final = 950.0
"""GiB of a ``_3_`` in the name of an M size, for each."""

_LARGEST_E_GIB: Final = 672.0
"""Memory of the largest E sizes up to version 5, which have less than 8 GiB a vCPU."""

_GPUS: Final = {
    "a10": "NVIDIA A10",
    "b200": "NVIDIA B200",
    "b300": "NVIDIA B300",
    "gb200": "NVIDIA GB200",
    "gb300": "NVIDIA GB300",
    "h200": "NVIDIA H200",
    "l4": "NVIDIA L4",
    "l40s": "NVIDIA L40S",
    "mi300x": "AMD MI300X",
    "mi325x": "AMD MI325X",
    "rtxpro4500bse": "NVIDIA RTX PRO 4500 Blackwell SE",
    "rtxpro6000bse": "NVIDIA RTX PRO 6000 Blackwell SE",
    "t4": "NVIDIA T4",
    "v620": "AMD Radeon Pro V620",
    "v710": "AMD Radeon Pro V710",
}
_OLD_GPUS: Final[Mapping[tuple[str, int], tuple[str, float]]] = {
    ("nc", 1): ("NVIDIA K80", 6),
    ("nc", 2): ("NVIDIA P100", 6),
    ("nc", 3): ("NVIDIA V100", 6),
    ("nd", 1): ("NVIDIA P40", 6),
    ("nd", 2): ("NVIDIA V100", 5),
    ("np", 1): ("Xilinx U250", 10),
    ("nv", 1): ("NVIDIA M60", 6),
    ("nv", 2): ("NVIDIA M60", 6),
    ("nv", 3): ("NVIDIA M60", 12),
    ("nv", 4): ("AMD Radeon MI25", 32),
}
"""Series whose name lacks the accelerator: which, and vCPUs for each."""

_VCPUS_PER_GPU: Final[Mapping[tuple[str, str], float]] = {
    ("nc", "a10"): 16,
    ("nc", "a100"): 24,
    ("nc", "h100"): 40,
    ("nc", "rtxpro6000bse"): 144,
    ("nc", "t4"): 16,
    ("ng", "v620"): 32,
    ("nv", "a10"): 36,
    ("nv", "v710"): 24,
}
_LEAVE_THE_REST: Final = "nibrdse"
_CHANGE_MEMORY: Final = "lmt"


def read(name: str) -> Reading | None:
    """Return what the name tells of its size; None where that is nothing."""
    parts = _parts(name)
    if parts is None:
        return None
    family, number, usable, features, tail = parts
    version = _version(tail)
    held, memory, exact = _size(family, number, features, tail)
    if not held:
        return None
    model, count = _accelerators(family, held, features, tail)
    part = float(usable) if usable and float(usable) < held else 0.0
    rule = f"Azure size {family.upper()}, version {version}"
    return Reading(
        vcpus=part or held,
        reserved_vcpus=held if part else 0.0,
        memory_gib=memory,
        rule=f"{rule}, {part:g} of {held:g} vCPUs" if part else rule,
        exact=exact,
        gpu_model=model,
        gpu_count=count,
    )


def _parts(name: str) -> tuple[str, int, str, str, str] | None:
    """Family, number, vCPUs to use, features and what follows them, all in lower case."""
    found = _NAME.fullmatch(_OFFER.sub("", name.lower()))
    if found is None:
        return None
    family, number, before, features, after, tail = found.groups()
    if family in {"ds", "gs"}:  # premium disks, before features had a place of their own
        family, features = family[0], features + "s"
    if family in {"ncc", "ecc", "dcc"}:  # confidential
        family = family[:2]
    return family, int(number), before or after or "", features, tail


def _version(tail: str) -> int:
    found = _VERSION.search(tail)
    return int(found[1]) if found else 1


def _size(family: str, number: int, features: str, tail: str) -> tuple[float, float, bool]:
    """VCPUs, GiB, and whether the rule knows this very size."""
    version = _version(tail)
    listed: Mapping[int, tuple[float, float]] = {}
    if family == "d" and version <= 2 and not set("ap") & set(features):  # noqa: PLR2004 - v1, v2
        listed = _OLD_D
    elif family == "a" and version == 1:
        listed = _OLD_A
    elif family == "g":
        listed = _OLD_G
    if number in listed:
        vcpus, memory = listed[number]
        return float(vcpus), float(memory), True
    vcpus = float(number)
    if family == "m":
        memory, exact = _memory_of_m(vcpus, features, tail)
        return vcpus, memory, exact
    if family == "b" and f"b{number}{features}" in _OLD_B and version == 1:
        return vcpus, _OLD_B[f"b{number}{features}"], True
    return vcpus, _memory(family, vcpus, features, tail), False


def _memory(family: str, vcpus: float, features: str, tail: str) -> float:
    version, gpu = _version(tail), _chip(tail)
    small = _small_ratio(family, features, version)
    if small:
        return vcpus * small
    of_version = None if gpu else _BY_VERSION.get((family, version))
    ratio = _WITH_GPU.get((family, gpu)) or of_version or _GIB_PER_VCPU.get(family, 4.0)
    if "l" in features and family in {"d", "nc"}:
        ratio /= 2.0
    if "m" in features and family in {"fx", "h", "nd", "nv", "ng"}:
        ratio *= 2.0
    memory = vcpus * ratio
    return min(memory, _LARGEST_E_GIB) if family == "e" and version <= 5 else memory  # noqa: PLR2004


def _small_ratio(family: str, features: str, version: int) -> float:
    """GiB of a vCPU in the families whose features tell it; 0 in others."""
    if family == "b":
        ratio = 0.5 if "t" in features else 2.0 if "l" in features else 4.0
        return 2.0 if (version, features) == (1, "s") else ratio
    if family == "a":
        return 8.0 if "m" in features else 2.0
    if family == "f" and "a" in features:
        return 8.0 if "m" in features else 2.0 if "l" in features else 4.0
    return 0.0


def _memory_of_m(vcpus: float, features: str, tail: str) -> tuple[float, bool]:
    in_name = _CLASS.search(tail)
    if in_name and not _VERSION.fullmatch(tail):
        return float(in_name[1]) * _TIB_CLASS_GIB, True
    if "x" in features:
        return vcpus * 25.0, False
    if "b" in features or "l" in features:
        return vcpus * 8.0, False
    if "t" in features:
        return vcpus * 6.0, False
    ratio = 28.0 if "m" in features else 14.0
    return vcpus * (20.0 if _version(tail) == 3 else ratio), False  # noqa: PLR2004 - Mv3


def _chip(tail: str) -> str:
    """The accelerator that a name names, e.g. ``a100``; one that nobody knows as it is named."""
    known = (*_GPUS, "a100", "h100")
    parts = tail.split("_")
    named = (part for part in parts if part in known)
    return next(named, next(filter(_CHIP.fullmatch, parts), ""))


def _accelerators(family: str, vcpus: float, features: str, tail: str) -> tuple[str, float]:
    if not family.startswith("n"):
        return "", 0.0
    version, chip = _version(tail), _chip(tail)
    if family == "nd" and (chip or version > 2):  # noqa: PLR2004 - whole servers since NDv4
        return _model(family, chip or "a100" * (version == 4), features), (  # noqa: PLR2004
            4.0 if chip.startswith("gb") else 8.0
        )
    if chip:
        return _model(family, chip, features), _number(family, chip, vcpus)
    model, each = _OLD_GPUS.get((family, version), ("", 24.0))
    count = vcpus / each
    return model, count if family == "nv" and version == 4 else max(1.0, count)  # noqa: PLR2004


def _model(family: str, chip: str, features: str) -> str:
    if chip == "a100":
        if family == "nc":
            return "NVIDIA A100 80GB PCIe"
        return "NVIDIA A100 80GB" if "m" in features else "NVIDIA A100 40GB"
    if chip == "h100":
        return "NVIDIA H100 NVL" if family == "nc" else "NVIDIA H100"
    return _GPUS.get(chip, "")


def _number(family: str, chip: str, vcpus: float) -> float:
    count = vcpus / _VCPUS_PER_GPU.get((family, chip), 24.0)
    if chip.startswith("rtxpro") and count < 0.6:  # noqa: PLR2004 - halves down to sixteenths
        return 2.0 ** round(log2(vcpus / 128.0))
    if family in {"nv", "ng"}:  # shares of one
        return min(count, 1.0) if chip == "v710" else count
    return float(max(1, round(count)))


def same_as(name: str) -> Iterator[str]:
    """Yield the size of which a name is only a price offer."""
    plain = _OFFER.sub("", name.lower())
    if plain != name.lower():
        yield plain


def whole(name: str) -> tuple[str, float] | None:
    """Return the whole size of a constrained one, in lower case, and the vCPUs that may be used."""
    found = _CONSTRAINED.fullmatch(_OFFER.sub("", name.lower()))
    if found is None or not (found[2] or found[4]):
        return None
    return f"{found[1]}{found[3]}{found[5]}", float(found[2] or found[4])


def lineage(name: str) -> Lineage | None:
    """Return where the series stands."""
    parts = _parts(name)
    if parts is None:
        return None
    family, _, _, features, tail = parts
    grace = family.startswith("n") and _chip(tail).startswith("gb")
    arm = grace or "p" in features
    maker = Maker.AMD if "a" in features else Maker.ARM if arm else Maker.INTEL
    return Lineage(letters=family, maker=maker, generation=_version(tail))


def series(name: str) -> str:
    """Return family, features and what follows, without any number of vCPUs."""
    found = _NAME.fullmatch(_OFFER.sub("", name.lower()))
    return name if found is None else f"{found[1]}{found[4]}{found[6]}"


def related(name: str) -> Iterator[tuple[str, bool]]:
    """Yield series whose CPU is that of the size, and whether their memory is too."""
    own = series(name)
    yield own, True
    found = _NAME.fullmatch(_OFFER.sub("", name.lower()))
    if found is None:
        return
    family, features, tail = found[1], found[4], found[6]
    seen = {own}
    for letters, same_memory in (
        (_LEAVE_THE_REST, True),
        (_LEAVE_THE_REST + _CHANGE_MEMORY, False),
    ):
        removable = [at for at, letter in enumerate(features) if letter in letters]
        for count in range(1, len(removable) + 1):
            for gone in combinations(removable, count):
                left = "".join(f for at, f in enumerate(features) if at not in gone)
                other = f"{family}{left}{tail}"
                if other not in seen:
                    seen.add(other)
                    yield other, same_memory
