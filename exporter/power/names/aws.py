"""EC2: ``m7gd.2xlarge`` is letters, generation, maker and options, then the size.

Amazon EC2 User Guide, "Instance type naming conventions" and the pages of the families. A maker's
letter stands first among the options (a AMD, g Graviton, i Intel); before generation 6 none means
Intel. The options after it (d local disk, n network, b EBS, e more, z clock, flex) vary a series.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from exporter.power.names.reading import Lineage, Maker, Reading

_NAME: Final = re.compile(r"([a-z]+)(\d+)([a-z]*)(?:-([a-z0-9]+))?\.([a-z0-9-]+)")
_MEMORY_IN_NAME: Final = re.compile(r"u(?:-|\d+[a-z]*-)(\d+)tb")
_XLARGES: Final = re.compile(r"(?:metal-(\d+)xl|(\d*)xlarge)")

METAL_VCPUS: Final = 96.0
"""vCPUs of a whole server where nothing tells: two 24-core CPUs, as m5.metal."""

_SMALL: Final = {"nano": 1.0, "micro": 1.0, "small": 1.0, "medium": 1.0, "large": 2.0}
_BURSTABLE_GIB: Final = {
    "nano": 0.5,
    "micro": 1.0,
    "small": 2.0,
    "medium": 4.0,
    "large": 8.0,
    "xlarge": 16.0,
    "2xlarge": 32.0,
}
_MAKERS: Final = {"a": Maker.AMD, "g": Maker.ARM, "i": Maker.INTEL}

_GIB_PER_VCPU: Final[Mapping[str, float]] = {
    "a1": 2.0,
    "c": 2.0,
    "d3en": 4.0,
    "dl2q": 8.0,
    "f1": 15.25,
    "f2": 10.67,
    "g5g": 2.0,
    "g6e": 8.0,
    "g7e": 10.67,
    "gr": 8.0,
    "hpc6id": 16.0,
    "hpc7g": 2.0,
    "im": 4.0,
    "inf1": 2.0,
    "is": 6.0,
    "p": 10.67,
    "p2": 15.25,
    "p3": 7.625,
    "p4": 12.0,
    "p6e": 6.67,
    "r": 8.0,
    "trn": 10.67,
    "trn1": 4.0,
    "vt": 2.0,
    "x": 16.0,
    "x1e": 30.5,
    "x2ie": 32.0,
    "x8aedz": 32.0,
    "i": 8.0,
    "z": 8.0,
    "d": 8.0,
    "dl": 8.0,
}
"""GiB of a vCPU by the longest head of the series; 4 in all others."""

_GPUS: Final = {
    "g4ad": "AMD Radeon Pro V520",
    "g4dn": "NVIDIA T4",
    "g5": "NVIDIA A10G",
    "g5g": "NVIDIA T4G",
    "g6": "NVIDIA L4",
    "g6e": "NVIDIA L40S",
    "g6f": "NVIDIA L4",
    "g7": "NVIDIA RTX PRO 4500 Blackwell SE",
    "g7e": "NVIDIA RTX PRO 6000 Blackwell SE",
    "gr6": "NVIDIA L4",
    "gr6f": "NVIDIA L4",
    "inf1": "AWS Inferentia",
    "inf2": "AWS Inferentia2",
    "p2": "NVIDIA K80",
    "p3": "NVIDIA V100",
    "p3dn": "NVIDIA V100",
    "p4d": "NVIDIA A100 40GB",
    "p4de": "NVIDIA A100 80GB",
    "p5": "NVIDIA H100",
    "p5e": "NVIDIA H200",
    "p5en": "NVIDIA H200",
    "trn1": "AWS Trainium",
    "trn1n": "AWS Trainium",
    "trn2": "AWS Trainium2",
    "trn2u": "AWS Trainium2",
    "trn3": "AWS Trainium3",
    "trn3u": "AWS Trainium3",
}
_TOKENS: Final = {
    "b200": "NVIDIA B200",
    "b300": "NVIDIA B300",
    "gb200": "NVIDIA GB200",
    "gb300": "NVIDIA GB300",
}
_ONE_EACH: Final = 4.0
"""Accelerators of the largest g5 to g6e sizes but the 48xlarge."""


def read(name: str) -> Reading | None:
    """Return what the name tells of its size; None where that is nothing.

    A bare ``metal`` tells nothing: it is as large as the largest size of its series.
    """
    found = _NAME.fullmatch(name) or re.fullmatch(r"(u)()()-(\d+tb\d)\.([a-z0-9-]+)", name)
    if found is None:
        return None
    letters, generation, options, extra, size = found.groups()
    series = f"{letters}{generation}{options}"
    vcpus = _vcpus(letters, options, size)
    if not vcpus:
        return None
    model, count = _accelerators(letters, series, extra or "", vcpus, size)
    memory, exact = _memory(name, letters, series, size, vcpus)
    rule = f"{size} of an EC2 type of {memory / vcpus:.3g} GiB a vCPU"
    return Reading(
        vcpus=vcpus,
        memory_gib=memory,
        rule=rule,
        exact=exact,
        gpu_model=model,
        gpu_count=count,
    )


def _vcpus(letters: str, options: str, size: str) -> float:
    xlarges = _XLARGES.fullmatch(size)
    if xlarges is None:
        small = _SMALL.get(size, 0.0)
        return 2.0 if letters == "t" and small else small
    whole_cores = letters == "hpc" and not options.startswith("g")
    return (2.0 if whole_cores else 4.0) * float(xlarges[1] or xlarges[2] or 1)


def _memory(name: str, letters: str, series: str, size: str, vcpus: float) -> tuple[float, bool]:
    in_name = _MEMORY_IN_NAME.match(name)
    if in_name:
        return 1024.0 * float(in_name[1]), True
    if letters == "t" and size in _BURSTABLE_GIB:
        return _BURSTABLE_GIB[size], True
    heads = (series[:length] for length in range(len(series), len(letters) - 1, -1))
    return vcpus * next((_GIB_PER_VCPU[h] for h in heads if h in _GIB_PER_VCPU), 4.0), False


def _accelerators(
    letters: str, series: str, extra: str, vcpus: float, size: str
) -> tuple[str, float]:
    model = _TOKENS.get(extra) or _GPUS.get(series, "")
    if letters in {"g", "gr"}:
        return model, _of_g(series, vcpus)
    if letters == "p":
        if series in {"p2", "p3"}:
            return model, max(1.0, vcpus / (4.0 if series == "p2" else 8.0))
        few = 4.0 if extra.startswith("gb") else 8.0
        return model, 1.0 if size == "4xlarge" else few
    if letters == "trn":
        return model, 1.0 if vcpus < 16.0 else 16.0  # noqa: PLR2004 - smallest sizes have one
    if letters == "inf":
        return model, _of_inf(series, vcpus)
    return "", 0.0


def _of_inf(series: str, vcpus: float) -> float:
    if series == "inf2":
        return max(1.0, vcpus / 16.0) if vcpus > 32.0 else 1.0  # noqa: PLR2004 - 8xlarge
    return {4.0: 1.0, 8.0: 1.0, 96.0: 16.0}.get(vcpus, 4.0)


def _of_g(series: str, vcpus: float) -> float:
    """Accelerators of graphics types: one up to 64 vCPUs, but four in 48 and 96, eight in 192."""
    if series.endswith("f"):
        return max(0.125, min(0.5, vcpus / 32.0))
    if series in {"g7", "g7e"}:
        return max(1.0, vcpus / 24.0)
    few = {48.0: _ONE_EACH, 96.0: _ONE_EACH, 192.0: 8.0}
    if series == "g2":
        return max(1.0, vcpus / 8.0)
    if series in {"g3", "g4ad"}:
        return max(1.0, vcpus / 16.0)
    return few.get(vcpus, 1.0)


def lineage(name: str) -> Lineage | None:
    """Return where the series stands; None where the name does not tell the maker of its CPU."""
    found = re.match(r"([a-z]+)(\d+)([a-z]*)", name)
    if found is None:
        return None
    letters, generation, options = found[1], int(found[2]), found[3]
    maker = Maker.ARM if letters == "a" else _MAKERS.get(options[:1])
    if maker is None and generation > _LAST_WITHOUT_LETTER:
        return None
    return Lineage(letters=letters, maker=maker or Maker.INTEL, generation=generation)


_LAST_WITHOUT_LETTER: Final = 5
"""Since generation 6 the maker's letter is never left out."""


def related(series: str) -> Iterator[tuple[str, bool]]:
    """Yield the series, then those that it varies, e.g. ``c8ib`` then ``c8i``; whether size too.

    A Mac that nobody knows is as large as the newest known Mac of its class of chip. A server of an
    unknown accelerator has the CPUs of the one with the accelerator before it (``p6e-gb300`` those
    of ``p6e-gb200``); its accelerators are its own.
    """
    yield series, True
    if series.startswith("mac"):
        chips = sorted(_MACS, key=lambda chip: not series.endswith(chip))
        yield from ((_MACS[chip], True) for chip in chips if _MACS[chip] != series)
        return
    body, _, token = series.partition("-")
    kind = re.match(r"[a-z]+", token)
    if kind:
        yield from ((f"{body}-{one}", False) for one in _TOKENS if one.startswith(f"{kind[0]}2"))
    found = re.fullmatch(r"([a-z]+\d+[agi]?)([a-z]*)", body)
    if found is None:
        return
    processor, options = found.groups()
    for length in range(len(options), -1, -1):
        if processor + options[:length] != series:
            yield processor + options[:length], True


_MACS: Final = {
    "pro": "mac-m4pro",
    "max": "mac-m4max",
    "ultra": "mac-m3ultra",
    "": "mac-m4",
}
"""The newest known Mac by how the name of its chip ends."""
