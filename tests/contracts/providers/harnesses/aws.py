"""AWS under the contract of providers."""

from pathlib import Path
from typing import Any

from tests.support.provider_aws import AwsHarness
from tests.support.providers import Fleet, Harness


def make(fleet: Fleet, folder: Path, **settings: Any) -> Harness:  # noqa: ANN401 - keys of its section
    """Build a small world of it with a known truth."""
    return AwsHarness(folder, fleet, **settings)
