"""This machine under the contract of providers."""

from pathlib import Path

from tests.support.provider_host import HostHarness
from tests.support.providers import Fleet, Harness


def make(fleet: Fleet, folder: Path) -> Harness:  # noqa: ARG001 - it is one machine, always the same
    """Build a small world of it with a known truth."""
    return HostHarness()
