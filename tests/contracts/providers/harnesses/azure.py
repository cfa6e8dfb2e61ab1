"""Azure under the contract of providers."""

from pathlib import Path
from typing import Any

from exporter.demo.azure.logs import WORKSPACE
from tests.support.provider_azure import AzureHarness
from tests.support.providers import Fleet, Harness


def make(fleet: Fleet, folder: Path, **settings: Any) -> Harness:  # noqa: ARG001, ANN401 - keys of its section
    """Build a small world of it with a known truth."""
    return AzureHarness(fleet, log_analytics_workspace=WORKSPACE, **settings)
