"""Each promtool that is here: Debian's of long ago, and a current one where somebody put it.

Prometheus 3 leaves the left end out of a range, among other things, so rules are tried with both.
The current one is the program that ``PROMTOOL3`` names, or ``promtool3`` on the path; without it,
its tests say so and are skipped.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass

import pytest


@dataclass(frozen=True, slots=True, kw_only=True)
class Promtool:
    """A program, or none with the reason."""

    name: str
    path: str | None
    missing: str

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run it; skip the test where there is none."""
        if self.path is None:
            pytest.skip(self.missing)
        command = [self.path, *arguments]
        return subprocess.run(command, check=False, capture_output=True, text=True)


PROMTOOLS = (
    Promtool(
        name="promtool",
        path=shutil.which("promtool"),
        missing="promtool is not installed",
    ),
    Promtool(
        name="promtool3",
        path=os.environ.get("PROMTOOL3") or shutil.which("promtool3"),
        missing="no promtool of Prometheus 3: neither PROMTOOL3 nor promtool3 on the path",
    ),
)
