"""docs/configuration.md says what the models say."""

import subprocess
import sys
from pathlib import Path

from exporter.settings import Settings
from exporter.settings.sections import PACKAGES, config_of, kinds_of

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")


def test_the_page_has_not_drifted() -> None:
    command = [sys.executable, "docs/build/configuration.py", "--check"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


def test_every_key_of_every_model_is_described() -> None:
    models = [Settings, *(config_of(key, kind) for key in PACKAGES for kind in kinds_of(key))]
    for model in models:
        assert model is not None
        for name, field in model.model_fields.items():
            assert field.description, (model, name)
            assert f"| `{name}` |" in PAGE
