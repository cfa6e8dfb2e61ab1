"""History: the series of the live exposition, put together by series."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from exporter.core.model import Usage
from exporter.core.units import Ratio
from exporter.exposition.catalogue import FAMILIES, HISTORIC
from exporter.exposition.history import History
from exporter.exposition.render import Renderer
from exporter.exposition.spool import Spool
from tests.support.snapshots import TIME, a_view, rich_snapshot

NOT_HISTORIC = (
    "carbon_grid_forecast_",
    "carbon_grid_marginal_percentile",
    "carbon_collector_",
    "carbon_api_",
    "carbon_buckets_",
    "carbon_repriced_",
    "carbon_catch_up_",
    "carbon_exposition_",
    "carbon_build_",
    "process_",
    "python_",
)
"""What is of the exporter itself, looks ahead, or cannot be: backfill prices with final values."""


def lines_of(text: str) -> dict[str, float]:
    """Return series, as they stand in an exposition, and their values."""
    samples = (line for line in text.splitlines() if line and not line.startswith("#"))
    return {series: float(value) for series, _, value in (s.rpartition(" ") for s in samples)}


def live(name: str) -> bool:
    return not name.startswith(NOT_HISTORIC)


def test_every_family_is_historic_or_known_not_to_be() -> None:
    assert {family.name for family in HISTORIC} == {f.name for f in FAMILIES if live(f.name)}


def test_history_has_exactly_the_series_and_values_of_the_live_exposition(tmp_path: Path) -> None:
    snapshot = rich_snapshot()
    shown = Renderer(version="1", tags=["team", "awkward"]).render(snapshot).openmetrics.plain
    expected = {s: v for s, v in lines_of(shown.decode()).items() if live(s)}
    history = History(tmp_path, tags=["team", "awkward"])
    history.record(snapshot)
    history.write(tmp_path / "om.txt")
    text = (tmp_path / "om.txt").read_text()
    told = [line.rsplit(" ", 2) for line in text.splitlines() if not line.startswith("#")]
    values = {series: float(value) for series, value, _ in told}
    assert {stamp for _, _, stamp in told} == {str(int(snapshot.time))}
    assert values == expected
    assert history.series == len(values)


@pytest.mark.parametrize("most_samples", [1, 40, 10**6])
def test_what_goes_over_the_disk_is_what_stays_in_memory(tmp_path: Path, most_samples: int) -> None:
    """Machines come and go, gauges too; the reference parser refuses what is out of order."""
    history = History(tmp_path, labels={"job": "j", "instance": 'a"b'}, most_samples=most_samples)
    times = range(int(TIME), int(TIME) + 3000, 300)
    for number, time in enumerate(times):
        views = [a_view(one) for one in range(1, 5) if number % one == 0]
        views[0] = replace(views[0], now=None) if number % 3 == 0 else views[0]
        snapshot = replace(rich_snapshot(), time=float(time), resources=tuple(views))
        history.record(snapshot, grids=number < 5)
    history.write(tmp_path / "om.txt")
    history.close()
    text = (tmp_path / "om.txt").read_text()
    series: dict[str, list[float]] = {}
    for family in text_string_to_metric_families(text):  # type: ignore[no-untyped-call] # none upstream
        for sample in family.samples:
            assert sample.labels["instance"] == 'a"b'
            key = f"{sample.name}{sorted(sample.labels.items())}"
            series.setdefault(key, []).append(float(sample.timestamp))
    assert all(stamps == sorted(set(stamps)) for stamps in series.values())
    energy = [stamps for key, stamps in series.items() if "resource_energy" in key]
    assert sorted(map(len, energy)) == [3, 4, 5, 10]
    grid = next(stamps for key, stamps in series.items() if "grid_intensity_gco2eq" in key)
    assert grid == [float(time) for time in times[:5]]
    assert len(series) == history.series
    assert sum(map(len, series.values())) == history.samples
    assert [path.name for path in tmp_path.iterdir()] == ["om.txt"]


def test_no_samples_are_a_valid_file(tmp_path: Path) -> None:
    History(tmp_path).write(tmp_path / "om.txt")
    assert (tmp_path / "om.txt").read_text() == "# EOF\n"


def test_a_second_sample_at_one_time_is_left_out(tmp_path: Path) -> None:
    spool = Spool(1, tmp_path)
    column = spool.column(0, "a")
    at = spool.at(60)
    column.add(at, 1.0)
    column.add(at, 2.0)
    assert list(spool.lines(0)) == ["a 1.0 60\n"]


def test_what_cannot_be_written_leaves_the_old_file_as_it_was(tmp_path: Path) -> None:
    target = tmp_path / "om.txt"
    target.mkdir()
    history = History(tmp_path)
    history.record(rich_snapshot())
    with pytest.raises(OSError, match=r"om\.txt"):
        history.write(target)
    assert [path.name for path in tmp_path.iterdir()] == ["om.txt"]


@pytest.mark.parametrize("most_samples", [1, 10**6])
def test_between_two_snapshots_counters_rise_evenly_and_gauges_stay(
    tmp_path: Path, most_samples: int
) -> None:
    history = History(tmp_path, most_samples=most_samples)
    for number, instead in enumerate([(), (), (TIME + 300, TIME + 420), (TIME + 750,)]):
        time = TIME + 300 * number
        view = a_view(1, energy=1000.0 * number)
        now = replace(view.now, usage=Usage(Ratio(number / 10))) if view.now else None
        snapshot = replace(rich_snapshot(), time=time, resources=(replace(view, now=now),))
        history.record(snapshot, instead=[int(each) for each in instead])
    history.write(tmp_path / "om.txt")
    history.close()
    told: dict[str, list[tuple[int, float]]] = {}
    for line in (tmp_path / "om.txt").read_text().splitlines():
        if not line.startswith("#"):
            series, value, stamp = line.rsplit(" ", 2)
            told.setdefault(series.partition("{")[0], []).append(
                (int(stamp) - int(TIME), float(value))
            )
    assert told["carbon_resource_energy_joules_total"] == [
        (0, 0.0),
        (300, 1000.0),
        (420, pytest.approx(1400.0)),
        (750, pytest.approx(2500.0)),
        (900, 3000.0),
    ]
    gauge = [(0, 0.0), (300, 0.1), (420, 0.1), (750, 0.2), (900, 0.3)]
    assert told["carbon_resource_cpu_utilization_ratio"] == gauge
    assert history.samples == sum(map(len, told.values()))


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")
def test_prometheus_takes_it_in(tmp_path: Path) -> None:
    history = History(tmp_path, tags=["team", "awkward"], labels={"job": "carbon-exporter"})
    for number in range(3):
        history.record(replace(rich_snapshot(), time=TIME + 300 * number))
    history.write(tmp_path / "om.txt")
    command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "om.txt", "blocks"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "blocks").glob("*/meta.json"))) == 1
