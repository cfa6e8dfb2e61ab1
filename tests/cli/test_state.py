"""``state``: look into the file beside a running daemon, write it out, forget what left."""

import csv
import io
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from exporter.core.model import RegionKey
from exporter.engine.store import SCHEMA_VERSION, Store
from tests.cli.conftest import Run
from tests.support.clock import ManualClock
from tests.support.rig import HOUR, T0, Rig
from tests.support.sim import SimCloud, SimGrid, SimMachine, Span


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    """Return an engine that has counted for hours and holds its file."""
    clock = ManualClock()
    machines = [
        SimMachine(name="m", spans=[Span(T0 - 5000)]),
        SimMachine(name="n", spans=[Span(T0 - 5000, T0 + HOUR)], region="ie-two"),
    ]
    cloud = SimCloud(clock=clock, machines=machines)
    made = Rig(tmp_path / "state.db", [cloud], [SimGrid(clock=clock)], clock)
    made.every(300, T0 + 4 * HOUR)
    return made


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "c.yml"
    path.write_text(f"state: {tmp_path / 'state.db'}\nproviders: [{{kind: host, grid_zone: FR}}]\n")
    return path


def test_check_tells_what_is_in_the_file_of_a_running_daemon(run: Run, rig: Rig) -> None:
    told = run("state", "check", "--state", str(rig.path), "--json")
    assert told.exit_code == 0
    found = json.loads(told.stdout)
    assert (found["ok"], found["schema"]) == (True, SCHEMA_VERSION)
    (account,) = found["accounts"]
    held = rig.store.load()
    assert account == {
        "provider": "sim",
        "account": "acct",
        "collectors": ["sim"],
        "regions": 2,
        "resources": 2,
        "open_buckets": sum(map(len, held.buckets.values())),
        "last_seen": "2026-03-02T04:00:00+00:00",
    }
    clock_goes_on = rig.every(300, T0 + 5 * HOUR)
    assert clock_goes_on.resources, "and it was not disturbed"
    text = run("state", "check", "--state", str(rig.path)).stdout
    assert "sim/acct" in text
    assert "every checksum holds" in text


@pytest.mark.parametrize("as_json", [True, False])
def test_check_fails_for_a_file_whose_checksum_does_not_hold(
    run: Run, rig: Rig, as_json: bool
) -> None:
    rig.store.close()
    with closing(sqlite3.connect(rig.path, isolation_level=None)) as connection:
        connection.execute("UPDATE bucket SET energy = energy * 2")
    before = rig.path.read_bytes()
    told = run("state", "check", "--state", str(rig.path), *(["--json"] if as_json else []))
    assert told.exit_code == 1
    assert f"state file {rig.path}: content not understood (a row of bucket" in told.stdout
    assert rig.path.read_bytes() == before


@pytest.mark.parametrize("content", [None, b"", b"dear diary" * 1000])
def test_check_fails_where_there_is_no_state_file_and_makes_none(
    run: Run, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "none.db"
    if content is not None:
        path.write_bytes(content)
    told = run("state", "check", "--state", str(path))
    assert told.exit_code == 1
    assert f"state file {path}: " in told.stdout
    assert (path.read_bytes() if path.exists() else None) == content


def test_an_export_holds_each_total_to_the_last_bit(run: Run, rig: Rig) -> None:
    held = rig.store.load()
    found = json.loads(run("state", "export", "--state", str(rig.path)).stdout)
    sums = [(list(r["accounted"].values()), list(r["shown"].values())) for r in found["regions"]]
    assert sums == [tuple(tally) for _, tally in sorted(held.regions.items())]
    sums = [(list(r["accounted"].values()), list(r["shown"].values())) for r in found["resources"]]
    assert sums == [tuple(at.tally) for _, at in sorted(held.progress.items())]
    told = run("state", "export", "--format", "csv", "--state", str(rig.path)).stdout
    rows = list(csv.DictReader(io.StringIO(told)))
    assert [row["resource_id"] for row in rows] == ["", "", "m", "n"]
    joules = [float(row["accounted_energy_joules"]) for row in rows]
    tallies = [
        *(t for _, t in sorted(held.regions.items())),
        *(p.tally for p in held.progress.values()),
    ]
    assert joules == [tally.accounted[0] for tally in tallies]


def test_prune_refuses_while_a_daemon_holds_the_file(run: Run, rig: Rig, config: Path) -> None:
    assert rig.store.opened
    told = run("state", "prune", "--account", "sim/acct", "--config", str(config))
    assert told.exit_code == 1
    assert "another carbon-exporter uses it" in told.stderr


def test_prune_forgets_an_account_and_nothing_of_others(run: Run, rig: Rig, config: Path) -> None:
    other = SimCloud(
        clock=rig.clock,
        machines=[SimMachine(name="o", spans=[Span(T0 - 5000)])],
        kind="other",
        name="other",
    )
    rig.store.close()
    both = Rig(rig.path, [*rig.clouds, other], rig.grids, rig.clock)
    both.every(300, T0 + 5 * HOUR)
    before = both.store.load()
    both.store.close()
    asked = ("state", "prune", "--account", "sim/acct", "--config", str(config))
    told = run(*asked, "--dry-run")
    assert (told.exit_code, told.stdout.split(",")[0]) == (0, "would forget 2 resources")
    assert look_at(rig.path) == (list(before.resources), list(before.regions))
    assert run(*asked).exit_code == 0
    kept = [key for key in before.regions if key.provider == "other"]
    idents, regions = look_at(rig.path)
    assert (regions, len(idents)) == (kept, 1)
    again = Rig(rig.path, [other], rig.grids, rig.clock)
    again.watch = both.watch
    again.watch.regions = {key: sums for key, sums in both.watch.regions.items() if key in kept}
    again.every(300, T0 + 6 * HOUR)
    assert run(*asked).exit_code == 1, "it is forgotten"
    again.store.close()
    assert "knows no account sim/acct — it has other/acct" in run(*asked).stderr


def look_at(path: Path) -> tuple[list[int], list[RegionKey]]:
    store = Store.open(path)
    held = store.load()
    store.close()
    return list(held.resources), list(held.regions)


def test_prune_before_a_date_keeps_younger_machines_and_their_totals(
    run: Run, rig: Rig, config: Path
) -> None:
    rig.store.close()
    asked = ("state", "prune", "--account", "sim/acct", "--config", str(config))
    limit = "2026-03-02T03:00"
    assert run(*asked, "--before", limit).exit_code == 0
    idents, regions = look_at(rig.path)
    assert [key.cloud_region for key in regions] == ["fr-one"]
    assert idents == [1]
    assert run(*asked, "--before", "last week").exit_code == 2


def test_prune_refuses_an_account_that_is_configured_unless_forced(
    run: Run, tmp_path: Path, config: Path
) -> None:
    clock = ManualClock()
    cloud = SimCloud(
        clock=clock, machines=[SimMachine(name="m", spans=[Span(T0 - 5000)])], name="host"
    )
    rig = Rig(tmp_path / "state.db", [cloud], [SimGrid(clock=clock)], clock)
    rig.run()
    rig.store.close()
    asked = ("state", "prune", "--account", "sim/acct", "--config", str(config))
    told = run(*asked)
    assert told.exit_code == 1
    assert "may still be watched by host" in told.stderr
    assert run(*asked, "--force").exit_code == 0
    assert run("state", "prune", "--account", "sim", "--config", str(config)).exit_code == 2
