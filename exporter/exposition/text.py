"""How an exposition is written: heads and samples, and foreign text made safe in between.

Text format 0.0.4 and OpenMetrics 1.0 share their sample lines; only the metadata differs. Formats:
prometheus.io/docs/instrumenting/exposition_formats and the OpenMetrics 1.0.0 specification. Label
values come out valid, bounded, escaped and never ambiguous.
"""

import hashlib
import re
from collections.abc import Sequence
from typing import Final, TypeVar

from exporter.core.labels import tag_label
from exporter.exposition.catalogue import Family, Series

MAX_LABEL_CHARS: Final = 200
"""Longest label value. Room for every name the clouds allow except pathological tags (AWS: 256)."""

MAX_IDENTITY_CHARS: Final = 600
"""Longest identity value: an Azure resource id may have about 450 characters."""

_Of = TypeVar("_Of")

_ELLIPSIS: Final = "…"
_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
_DIGEST_CHARS: Final = 12
# Control characters except tab and newline, and lone surrogates, which have no UTF-8.
_UNSAFE: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_ESCAPES: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def text_head(family: Family) -> str:
    """Return the metadata of a family in text format 0.0.4."""
    return _head(family.name, family)


def openmetrics_head(family: Family) -> str:
    """Return the metadata of a family in OpenMetrics."""
    name = family.openmetrics_name
    return _head(name, family) + (f"# UNIT {name} {family.unit}\n" if family.unit else "")


def _head(name: str, family: Family) -> str:
    return f"# HELP {name} {family.help}\n# TYPE {name} {family.kind}\n"


def identity_labels(names: Sequence[str], values: Sequence[str]) -> str:
    """Label pairs as they stand between the braces; no two identities become one."""
    pairs = zip(names, values, strict=True)
    return ",".join(f'{name}="{identity_value(value)}"' for name, value in pairs)


def series_labels(family: Family, series: Series[_Of]) -> str:
    """Label pairs of a machine's series, to be appended to those of its identity."""
    names = family.labels[len(family.labels) - len(series.labels) :]
    return f",{identity_labels(names, series.labels)}" if names else ""


def label_value(text: str) -> str:
    """Text as it stands between the quotes of a label; cut with an ellipsis where too long."""
    return _clip(_UNSAFE.sub(_REPLACEMENT, text), MAX_LABEL_CHARS).translate(_ESCAPES)


def identity_value(text: str) -> str:
    """Like ``label_value``, but two different texts never become one.

    A text that had to be changed ends in an ellipsis and a digest of the original.
    """
    clean = _UNSAFE.sub(_REPLACEMENT, text)
    if clean != text or len(clean) > MAX_IDENTITY_CHARS:
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        clean = clean[: MAX_IDENTITY_CHARS - _DIGEST_CHARS - 1]
        clean = f"{clean}{_ELLIPSIS}{digest[:_DIGEST_CHARS]}"
    return clean.translate(_ESCAPES)


def tag_labels(keys: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Pairs of tag key and label name, in the order given; repeated keys once.

    Where two keys would get the same name, the later one gets ``_2``, ``_3`` and so on.
    """
    names: dict[str, str] = {}
    for key in dict.fromkeys(keys):
        names[key] = _free_name(tag_label(key), set(names.values()))
    return tuple(names.items())


def _free_name(name: str, taken: set[str]) -> str:
    candidate, number = name, 2
    while candidate in taken:
        candidate, number = f"{name}_{number}", number + 1
    return candidate


def _clip(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + _ELLIPSIS
