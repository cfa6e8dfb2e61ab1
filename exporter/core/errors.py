"""What can go wrong, in the product's own words.

Adapters translate foreign exceptions into these at their edge, with ``raise … from``. The
collector loop turns them into ``carbon_collector_failures_total{reason}`` and one log line.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar


class Reason(StrEnum):
    """Why a collector failed: the values of the ``reason`` label."""

    AUTH = "auth"
    THROTTLED = "throttled"
    UNREACHABLE = "unreachable"
    BAD_PAYLOAD = "bad_payload"
    NO_DATA = "no_data"


class CarbonExporterError(Exception):
    """Base of all errors that a user may see. ``str()`` of it is one line: cause and fix."""


class CollectorError(CarbonExporterError):
    """An upstream could not be read. ``scope`` says which part of it, e.g. a cloud region.

    ``minor`` says that it is about an odd item, or something that may be missing for good, while
    all else was read: it is told and counted once, as long as it lasts, and is no failure of the
    collector.

    ``str()`` must never contain a secret: adapters write the text, never the raw upstream body.
    """

    reason: ClassVar[Reason]

    def __init__(self, message: str, *, scope: str = "", minor: bool = False) -> None:
        super().__init__(message)
        self.scope = scope
        self.minor = minor


class AuthError(CollectorError):
    """Credentials are absent, expired or lack a permission; the message names the permission."""

    reason = Reason.AUTH


class ThrottledError(CollectorError):
    """The upstream asks us to slow down and retries were not enough."""

    reason = Reason.THROTTLED


class UnreachableError(CollectorError):
    """No answer in time: network, name resolution, time-out, or a 5xx after the last retry."""

    reason = Reason.UNREACHABLE


class BadPayloadError(CollectorError):
    """An answer that does not have the documented shape, unit or zone."""

    reason = Reason.BAD_PAYLOAD


class NoDataError(CollectorError):
    """A well-formed answer without the data that was asked for."""

    reason = Reason.NO_DATA


class StoreError(CarbonExporterError):
    """The state file cannot be read or written."""


class StoreLockedError(StoreError):
    """Another process uses the state file."""


class MissingExtraError(CarbonExporterError):
    """A configured adapter needs a package that is not installed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One mistake in the configuration: where, what stands there, what would be right."""

    key: str
    value: str
    fix: str

    def __str__(self) -> str:
        return f"{self.key}: {self.value} — {self.fix}"


class ConfigError(CarbonExporterError):
    """The configuration is wrong; carries every problem found, not just the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)
