"""Google Cloud under the contract of providers."""

from pathlib import Path

from tests.support.provider_gcp import GcpHarness
from tests.support.providers import Fleet, Harness


def make(fleet: Fleet, folder: Path) -> Harness:  # noqa: ARG001 - it needs no files
    """Build a small world of it with a known truth."""
    return GcpHarness(fleet)
