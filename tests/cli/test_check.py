import json
import socket
from pathlib import Path

import pytest

from exporter.core.errors import AuthError, UnreachableError
from exporter.engine.store import Store
from tests.cli.conftest import Cloud, Grid, Run, a_machine


def failures(run: Run) -> dict[str, str]:
    """Subjects and messages of what failed, which must also decide the exit code."""
    result = run("check", "--json")
    document = json.loads(result.stdout)
    failed = {f["subject"]: f["message"] for f in document["findings"] if not f["ok"]}
    assert result.exit_code == bool(failed)
    assert document["ok"] is not bool(failed)
    return failed


def test_all_is_told_and_nothing_is_left_behind(configured: Run, cloud: Cloud, grid: Grid) -> None:
    result = configured("check")
    assert result.exit_code == 0
    for told in (
        "aws:test ec2:DescribeInstances",
        "eu-north-1 1, eu-west-3 2",
        "aws eu-west-3: grid zone FR, PUE 1.11, fed by breeze, then yearly average",
        "aws eu-north-1: grid zone SE-SE3, PUE",
        "about $1,000.50 a month for 2 running machines, polled every 10m",
        "state: carbon-exporter.db",
        "listen: 127.0.0.1:0",
        "all is well",
    ):
        assert told in result.stdout
    assert grid.asked == [["FR"]]
    assert cloud.closed
    assert [path.name for path in Path().iterdir()] == ["carbon-exporter.yml"]


def test_each_refused_permission_is_named(configured: Run, cloud: Cloud) -> None:
    cloud.denied = ("cloudwatch:GetMetricData",)
    assert failures(configured) == {
        "aws:test cloudwatch:GetMetricData": "told of cloudwatch:GetMetricData"
    }


def test_regions_that_failed_are_told_beside_those_that_did_not(
    configured: Run, cloud: Cloud, refusal: AuthError
) -> None:
    cloud.failures = (refusal,)
    assert failures(configured) == {"aws:test machines": str(refusal)}
    assert "eu-west-3 2" in configured("check").stdout


def test_a_provider_that_is_down_has_no_machines_and_no_bill(configured: Run, cloud: Cloud) -> None:
    cloud.down = True
    assert list(failures(configured)) == ["aws:test machines"]
    told = configured("check").stdout
    assert "a month" not in told
    assert "none found" not in told
    assert "1 of " in told


def test_a_grid_source_that_is_down_is_told(configured: Run, grid: Grid) -> None:
    grid.trouble = UnreachableError("breeze: no answer — annual averages stand in")
    assert failures(configured) == {"grid breeze": "breeze: no answer — annual averages stand in"}


def test_a_region_without_a_grid_says_how_to_tell_it(configured: Run, cloud: Cloud) -> None:
    cloud.machines = (a_machine(1, "m5.large", "moon-base-1"),)
    result = configured("check")
    assert result.exit_code == 0
    assert "grid zone WORLD" in result.stdout
    assert "tell the grid by grid_zone" in result.stdout


def test_a_state_file_that_is_none_is_told(configured: Run, tmp_path: Path) -> None:
    (tmp_path / "carbon-exporter.db").write_bytes(b"no database at all" * 100)
    before = (tmp_path / "carbon-exporter.db").read_bytes()
    assert list(failures(configured)) == ["state"]
    assert (tmp_path / "carbon-exporter.db").read_bytes() == before


def test_a_directory_in_place_of_the_state_file_is_told(configured: Run, tmp_path: Path) -> None:
    (tmp_path / "carbon-exporter.db").mkdir()
    assert list(failures(configured)) == ["state"]


def test_a_state_file_that_is_there_is_kept(configured: Run, tmp_path: Path) -> None:
    Store.open(tmp_path / "carbon-exporter.db").close()
    assert failures(configured) == {}
    assert (tmp_path / "carbon-exporter.db").exists()


def test_a_port_in_use_is_told(configured: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setenv("CARBON_LISTEN", address)
        assert "in use" in failures(configured)["listen"]


def test_a_wrong_configuration_is_all_mistakes_and_exit_code_2(run: Run) -> None:
    Path("bad.yml").write_text("listne: x\nresolution: 7m\nproviders: [hots]\n")
    result = run("check", "--config", "bad.yml")
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 3
    assert result.stdout == ""
