"""Azure under the contract of providers."""

from pathlib import Path

from exporter.demo.azure.logs import WORKSPACE
from tests.support.provider_azure import AzureHarness
from tests.support.providers import Fleet, Harness


def make(fleet: Fleet, folder: Path) -> Harness:  # noqa: ARG001 - it needs no files
    """Build a small world of it with a known truth."""
    return AzureHarness(fleet, log_analytics_workspace=WORKSPACE)
