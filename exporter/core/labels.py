"""How a cloud tag becomes a label name: the config checks it, the exposition shows it."""

import re
from typing import Final

MAX_LABEL_NAME_CHARS: Final = 100
_NOT_IN_NAMES: Final = re.compile(r"[^a-zA-Z0-9_]")


def tag_label(tag: str) -> str:
    """Return the label name that a cloud tag becomes on ``carbon_resource_info``.

    Two tags may become the same name; the config refuses such a pair.
    """
    return f"tag_{_NOT_IN_NAMES.sub('_', tag)}"[:MAX_LABEL_NAME_CHARS]
