"""The adapters of the tests in place of the product's, and an empty working directory."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from exporter.core.errors import ConfigError, Problem
from exporter.settings import Settings, load
from exporter.settings.sections import PACKAGES

Load = Callable[..., Settings]
Refuse = Callable[..., dict[str, Problem]]


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(PACKAGES, "providers", "tests.support.adapters.providers")
    monkeypatch.setitem(PACKAGES, "grids", "tests.support.adapters.grids")


@pytest.fixture
def load_text(tmp_path: Path) -> Load:
    """Load a file with this text, under these variables."""

    def load_it(text: str, environ: Mapping[str, str] | None = None) -> Settings:
        path = tmp_path / "config.yml"
        path.write_text(text, encoding="utf-8")
        return load(path, environ or {})

    return load_it


@pytest.fixture
def refused(load_text: Load) -> Refuse:
    """Load what must be refused; return the problems by key."""

    def refuse(text: str, environ: Mapping[str, str] | None = None) -> dict[str, Problem]:
        with pytest.raises(ConfigError) as caught:
            load_text(text, environ)
        assert "hunter2" not in str(caught.value)
        return {problem.key: problem for problem in caught.value.problems}

    return refuse
