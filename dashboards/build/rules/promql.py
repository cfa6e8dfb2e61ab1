"""PromQL that rules share. Names and labels are those of the metric catalogue."""

from textwrap import dedent
from typing import Final

ACCOUNT: Final = "provider, account"
"""Labels of an account: the level ``account`` of recorded names."""
REGION: Final = "provider, account, cloud_region"
"""Labels of an account's region: the level ``region``."""
MACHINE: Final = "provider, account, cloud_region, resource_type, resource_id"
"""Labels of a machine: the level ``machine``."""


def labels(text: str) -> tuple[str, ...]:
    """Split a list of labels."""
    return tuple(text.split(", "))


def block(text: str, **parts: str) -> str:
    """Lay out an expression: each ``@part@`` becomes that part.

    A part of several lines must begin its line, and is indented as that line is.
    """
    lines = dedent(text).strip().splitlines()
    return "\n".join(_filled(line, parts) for line in lines)


def _filled(line: str, parts: dict[str, str]) -> str:
    margin = line[: len(line) - len(line.lstrip())]
    for name, part in parts.items():
        line = line.replace(f"@{name}@", part.replace("\n", f"\n{margin}"))
    return line


def of_machine(label: str, window: str = "") -> str:
    """One series for each machine with the label: from the info series, or from its last.

    A machine whose tag changed within the window has two info series; ``topk`` takes one.
    """
    info = "carbon_resource_info"
    keep = f"group by ({MACHINE}, {label})"
    if not window:
        return f"topk by ({MACHINE}) (1, {keep} ({info}))"
    return block(
        """
        topk by (@machine@) (1,
            @keep@ (@info@)
          or on (@machine@)
            @keep@ (last_over_time(@info@[@window@]))
        )
        """,
        machine=MACHINE,
        keep=keep,
        info=info,
        window=window,
    )
