"""Which CPUs serve a machine type: by its compiled line, its series, or the series it varies."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from exporter.data.cpus import CpuModel
from exporter.power.names import related_series, series
from tools.tables.rows import Row

_DOCUMENTED: Final[Mapping[tuple[str, str], str]] = {
    ("aws", "g6f"): "EPYC 3rd Gen",
    ("aws", "gr6f"): "EPYC 3rd Gen",
    ("aws", "g7"): "Granite Rapids",
    ("aws", "inf1"): "Cascade Lake",
    ("aws", "inf2"): "EPYC 3rd Gen",
    ("aws", "t8i"): "Granite Rapids",
    ("aws", "trn1"): "Ice Lake",
    ("aws", "trn1n"): "Ice Lake",
}
"""Series that no compiled source gives a CPU: product pages of EC2 (AMD EPYC 7003 for inf2 and the
g6 series, second and third generation Xeon for inf1 and trn1, Xeon 6 for the newest Intel ones)."""

_ALIASES: Final = {
    "8259L": "Intel Xeon Platinum 8259CL",
    "7V13": "AMD EPYC 7763",
    "7763v": "AMD EPYC 7763",
    "E7 8880v3": "Intel Xeon E7-8880 v3",
}
"""Parts as sources spell them; the EPYC 7V13 is Azure's EPYC 7763."""

_OWN_PARTS: Final = re.compile(r"Standard_[HNG][A-Z]*\d")
"""Azure's series for high-performance work, GPUs and large memory of 2015: not its usual CPUs."""

_MAKERS: Final = re.compile(
    r"^(?:Intel Xeon (?:Platinum |Gold )?|Intel Core |AMD EPYC |Ampere Altra )"
)


class Cpus:
    """The CPU table, by family."""

    def __init__(self, models: Iterable[CpuModel]) -> None:
        self._models = tuple(models)

    @property
    def families(self) -> Mapping[str, str]:
        """Family of each model."""
        return {model.name: model.family for model in self._models}

    def cells(self, provider: str, name: str, families: str, told: str) -> str:
        """Return the model for each family of a type, ``|`` between; empty where not known."""
        found = (self._model(provider, name, family, told) for family in families.split("|"))
        return "|".join(found) if families else ""

    def _model(self, provider: str, name: str, family: str, told: str) -> str:
        own = provider == "azure" and _OWN_PARTS.match(name)
        named = next(self._named(family, told), "")
        if named or own:
            return named
        usual = (m.name for m in self._models if m.family == family and provider in m.default_of)
        return next(usual, "")

    def _named(self, family: str, told: str) -> Iterator[str]:
        """Models of the family in the order in which a source's text names them."""
        for part in told.split(";"):
            alias = next((to for text, to in _ALIASES.items() if text in part), "")
            for model in self._models:
                if model.family == family and (model.name == alias or _names(part, model.name)):
                    yield model.name


def families_of(provider: str, name: str, lines: Mapping[tuple[str, str], str]) -> str:
    """Return the CPU families of a type that no source gives any; empty if nothing tells.

    ``lines`` holds the families of the series that are known.
    """
    own = _DOCUMENTED.get((provider, series(provider, name)))
    if own:
        return own
    found = (lines.get((provider, one), "") for one in related_series(provider, name))
    return next(filter(None, found), "")


def by_series(lines: Iterable[Row]) -> dict[tuple[str, str], str]:
    """Return the CPU families of each series, as its first line with any has them."""
    found: dict[tuple[str, str], str] = {}
    for row in lines:
        if row["architectures"]:
            name = series(row["provider"], row["instance_type"])
            found.setdefault((row["provider"], name), row["architectures"])
    return found


def _names(text: str, model: str) -> bool:
    part = re.escape(_MAKERS.sub("", model))
    return re.search(rf"(?<!\w){part}(?!\w)(?! v\d)", text, re.IGNORECASE) is not None
