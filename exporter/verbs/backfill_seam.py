"""Where history must end: asked of the state file, or of the daemon that holds it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
from pydantic import BaseModel, ValidationError

from exporter.app.backfill import counted_since
from exporter.core.errors import StoreError
from exporter.verbs.errors import UsageError
from exporter.verbs.explain import DEFAULT_URL, DaemonError

_PATH: Final = "/api/v1/summary"
_TIMEOUT_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Seam:
    """Since when live counters count, epoch seconds by collector, and how that is known."""

    counted_since: Mapping[str, int]
    how: str


class _Told(BaseModel):
    name: str
    counting_since: float | None = None


class _Answer(BaseModel):
    collectors: tuple[_Told, ...]


def live_counters(state: Path | None, url: str, listen: str) -> Seam:
    """Ask the daemon at ``url`` if one is named, else the state file, else nobody.

    Raises:
        UsageError: ``url`` is not an address.
        DaemonError: the daemon does not answer, or does not tell.
        StoreError: the state file cannot be read.
    """
    if url:
        return Seam(counted_since=_asked(url), how=f"where the counters of {url} begin")
    if state is None or not state.exists():
        where = "" if state is None else f": there is no state file {state}"
        return Seam(counted_since={}, how=f"now{where}")
    try:
        found = counted_since(state)
    except StoreError as error:
        message = f"{error}; or name the daemon that uses it: --url http://{_shown(listen)}"
        raise StoreError(message) from error
    return Seam(counted_since=found, how=f"where the counters in {state} begin")


def _asked(url: str) -> dict[str, int]:
    try:
        answer = httpx.get(f"{url.rstrip('/')}{_PATH}", timeout=_TIMEOUT_SECONDS)
        told = _Answer.model_validate(answer.json()).collectors
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        message = f"--url {url!r} — write an address such as {DEFAULT_URL}"
        raise UsageError(message) from error
    except httpx.HTTPError as error:
        message = f"no daemon answers at {url} — start it, or name the end with --until"
        raise DaemonError(message) from error
    except (ValidationError, ValueError) as error:
        message = f"{url} does not answer as a carbon-exporter that is ready — try again soon"
        raise DaemonError(message) from error
    known = {one.name: int(one.counting_since) for one in told if one.counting_since is not None}
    if not known:
        message = f"the daemon at {url} does not tell since when it counts — use --until"
        raise DaemonError(message)
    return known


def _shown(listen: str) -> str:
    return f"127.0.0.1{listen}" if listen.startswith(":") else listen
