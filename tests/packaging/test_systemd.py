"""The unit of systemd: understood by systemd where that is installed, hardened and bounded."""

import shutil
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).resolve().parents[2] / "deploy/systemd/carbon-exporter.service"
LINES = [line for line in UNIT.read_text().splitlines() if line and not line.startswith(("#", "["))]
SET = dict(line.split("=", 1) for line in LINES)


def test_it_can_take_neither_the_machine_nor_a_right() -> None:
    assert {"MemoryMax", "TasksMax", "LimitNOFILE"} <= SET.keys()
    assert SET["CapabilityBoundingSet"] == ""
    assert (SET["NoNewPrivileges"], SET["DynamicUser"], SET["ProtectSystem"]) == (
        "yes",
        "yes",
        "strict",
    )


def test_it_is_killed_only_after_it_had_its_time_to_stop() -> None:
    assert float(SET["TimeoutStopSec"]) > 9


def test_it_keeps_its_state_where_it_may_write() -> None:
    assert f"CARBON_STATE=/var/lib/{SET['StateDirectory']}/" in SET["Environment"]


@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)
def test_systemd_understands_it(tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    unit.write_text(
        UNIT.read_text().replace("/opt/carbon-exporter/bin/carbon-exporter", "/bin/true")
    )
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False
    )
    assert (done.returncode, [line for line in done.stderr.splitlines() if UNIT.name in line]) == (
        0,
        [],
    )
