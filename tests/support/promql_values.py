"""What expressions of the dashboards come to, as `promtool` computes it from given series."""

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.boards import filled

NEEDS_PROMTOOL = pytest.mark.skipif(
    not shutil.which("promtool"), reason="promtool is not installed"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Series in promtool's notation, one value every ``interval``, and the reader's choices."""

    series: Mapping[str, str]
    interval: str
    choices: Mapping[str, str]

    def check(self, folder: Path, expression: str, at: str, expected: Mapping[str, float]) -> None:
        """Assert that an expression gives these labels and values, to a thousandth, at a time."""
        done = self._run(folder, expression, at, expected)
        assert done.returncode == 0, done.stdout + done.stderr

    def _run(
        self, folder: Path, expression: str, at: str, expected: Mapping[str, float]
    ) -> subprocess.CompletedProcess[str]:
        samples = [{"labels": labels, "value": value} for labels, value in expected.items()]
        asked = {"expr": f"round({self._chosen(expression)}, 0.001)", "eval_time": at}
        inputs = [{"series": name, "values": values} for name, values in self.series.items()]
        test = {
            "interval": self.interval,
            "input_series": inputs,
            "promql_expr_test": [{**asked, "exp_samples": samples}],
        }
        file = folder / "test.yml"
        file.write_text(json.dumps({"tests": [test]}), encoding="utf-8")
        command: Sequence[str] = ("promtool", "test", "rules", str(file))
        return subprocess.run(command, check=False, capture_output=True, text=True)

    def _chosen(self, expression: str) -> str:
        for name, value in self.choices.items():
            expression = expression.replace(f"${{{name}:regex}}", value)
            expression = expression.replace(f"${name}", value)
        return filled(expression)
