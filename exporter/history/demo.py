"""The demo estate's past: the same fakes on loopback, asked for history."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from exporter.core.errors import MissingExtraError
from exporter.settings import Settings

RESOLUTION: Final = timedelta(minutes=5)
"""Coarser than the live demo's minute: a week is ready soon, and clouds keep no minutes so long."""


@contextmanager
def demo_past(listen: str) -> Iterator[Settings]:
    """Start the fakes; yield settings that read their past. Nobody outside this machine is asked.

    Raises:
        MissingExtraError: the demo watches three clouds, and an SDK is not installed.
    """
    try:
        # It brings every cloud's SDK.
        from exporter.app.demo_setup import demo_stage  # noqa: PLC0415
    except ModuleNotFoundError as error:
        message = (
            f"the demo needs the Python package {error.name!r}, which is not installed — "
            "run: pip install 'carbon-exporter[all]'"
        )
        raise MissingExtraError(message) from error
    with demo_stage(listen=listen, probes=()) as (settings, _):
        yield settings


def on_coarse_buckets(settings: Settings, ends: list[int]) -> Settings:
    """Return settings with the coarse resolution, where history then still ends in time."""
    whole = all(end % int(RESOLUTION.total_seconds()) == 0 for end in ends)
    return settings.model_copy(update={"resolution": RESOLUTION}) if whole else settings
