import sys
import types

import pytest

from exporter.core.errors import MissingExtraError
from exporter.core.plugins import kinds, load


def test_kinds_are_the_file_names_without_private_ones() -> None:
    assert {"annual", "demo", "neso"} <= set(kinds("exporter.grids"))
    assert not [kind for kind in kinds("exporter.grids") if kind.startswith("_")]


def test_an_adapter_is_found_by_its_kind() -> None:
    assert load("exporter.grids", "neso").Config(kind="neso").kind == "neso"


def test_a_missing_package_names_the_extra_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("exporter.providers.aws")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "boto3", None)
    monkeypatch.setitem(sys.modules, "botocore", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'carbon-exporter\[aws\]'"):
        load("exporter.providers", "aws")


def test_a_defect_of_our_own_is_not_taken_for_a_missing_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    package = types.ModuleType("exporter_fake")
    package.__path__ = []
    monkeypatch.setitem(sys.modules, "exporter_fake", package)
    with pytest.raises(ModuleNotFoundError, match=r"exporter_fake\.aws"):
        load("exporter_fake", "aws")
