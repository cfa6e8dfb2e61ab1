"""Every recorded and documented JSON answer of any grid API, to try on the wrong parser."""

import json
from pathlib import Path
from typing import Any

from tests.support.grids import FIXTURES


def body(name: str) -> Any:  # noqa: ANN401 - a JSON document
    """Return one answer."""
    return json.loads((FIXTURES / name).read_text(encoding="utf-8"))


def bodies_but(*prefixes: str) -> list[str]:
    """Name the answers of all APIs but these."""
    names = sorted(path.name for path in Path(FIXTURES).glob("*.json"))
    return [name for name in names if not name.startswith(prefixes)]
