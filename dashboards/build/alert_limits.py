"""The limits of alerts: read from ``rules/limits.yml``, where each stands with its reason.

That file is loaded by Prometheus beside the rules, and expressions read its series, so a limit is
changed there without generating anything. The number that it holds when the rules are made stands
in for a series that is missing: rules without their limits must not fall silent.
"""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

import yaml

FILE: Final = Path(__file__).resolve().parent.parent / "rules" / "limits.yml"
PREFIX: Final = "carbon_limit_"
_NUMBER: Final = re.compile(r"vector\((-?\d+(?:\.\d+)?)\)")


@cache
def all_limits() -> Mapping[str, str]:
    """Name, without the prefix, to the number as written."""
    groups = yaml.safe_load(FILE.read_text(encoding="utf-8"))["groups"]
    return {
        rule["record"].removeprefix(PREFIX): _number(rule["record"], rule["expr"])
        for group in groups
        for rule in group["rules"]
    }


def number(name: str) -> float:
    """Return the number itself, for what cannot read a series: a colour of a dashboard."""
    written = all_limits()[name]
    return float(written) if "." in written else int(written)


def vector(name: str) -> str:
    """PromQL of a limit as one series without labels; two Prometheus in one view are no fault."""
    return f"max({PREFIX}{name}) or vector({all_limits()[name]})"


def limit(name: str) -> str:
    """PromQL of a limit as a scalar, to compare with."""
    return f"scalar({vector(name)})"


def _number(record: str, expression: str) -> str:
    found = _NUMBER.fullmatch(expression)
    if not found:
        message = f"{FILE.name}: {record} must be vector(NUMBER), not {expression!r}"
        raise ValueError(message)
    return found[1]
