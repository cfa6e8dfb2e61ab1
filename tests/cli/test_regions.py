"""The ranking of regions, asked of stand-ins, of a daemon, and of the keyless APIs on loopback."""

import json
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
import stamina

from exporter import app, grids
from exporter.cli.regions import find_out, summary_document
from exporter.core.clock import epoch, from_epoch
from exporter.core.errors import UnreachableError
from exporter.core.model import Basis, Method, Standing
from exporter.core.snapshot import Snapshot
from exporter.data.regions import RegionTable
from exporter.demo._http import HttpRequest
from exporter.demo.grid import GridFake
from exporter.engine.forecast import SeasonalForecaster
from exporter.engine.grid_view import GridViewer
from exporter.engine.intensity import IntensityBook
from exporter.engine.store import Store
from exporter.exposition.documents import ranking
from exporter.grids.annual import AnnualTable
from exporter.grids.eia import FLOW_PATH, FUEL_PATH, RESPONDENTS
from tests.cli.conftest import Run
from tests.support.clock import ManualClock
from tests.support.grid_script import GridScript
from tests.support.stand_in_grid import HOUR, StandIn, always, stand_in

NOW = datetime(2026, 3, 2, 10, 20, tzinfo=UTC)
TEN = int(epoch(NOW)) // HOUR * HOUR
ALL = RegionTable().all()
EIA_LAG_HOURS: Final = 12


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def breeze(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """France live at 60 g, Stockholm's grid at 10 g; the mean of France's day is 50 g."""
    source = StandIn(
        {"FR": lambda hour: 60.0 - 20.0 * (hour // HOUR % 2), "SE-SE3": always(10)}, clock
    )
    stand_in(monkeypatch, clock, source)
    return source


def told(run: Run, *arguments: str) -> Any:  # noqa: ANN401 -- JSON
    result = run("regions", *arguments, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def table(stdout: str) -> list[list[str]]:
    """The cells of the rows, told apart by the spaces between columns."""
    lines = [line for line in stdout.splitlines() if line[:6].strip().isdigit()]
    return [[cell.strip() for cell in line.split("   ") if cell.strip()] for line in lines]


@pytest.mark.usefixtures("breeze")
def test_all_regions_are_ranked_by_grid_times_pue(run: Run) -> None:
    document = told(run)
    rows = document["regions"]
    assert {(row["provider"], row["cloud_region"]) for row in rows} == {
        (region.provider, region.name) for region in ALL
    }
    keys = [row["gco2eq_per_kwh_it"] for row in rows]
    assert keys == sorted(keys)
    assert keys == pytest.approx([row["gco2eq_per_kwh"] * row["pue"] for row in rows])
    assert [row["rank"] for row in rows] == [1 + sum(k < key for k in keys) for key in keys]
    assert {row["grid_zone"] for row in rows[:3]} == {"SE-SE3"}
    assert {(row["method"], row["basis"]) for row in rows} == {("average", "lifecycle")}
    live = {row["grid_zone"] for row in rows if row["fallback_level"] == 0}
    assert live == {"FR", "SE-SE3"}
    assert all(row["gco2eq_per_kwh"] > 0 for row in rows)


@pytest.mark.usefixtures("breeze")
def test_a_row_tells_now_the_day_and_the_year(run: Run) -> None:
    [paris] = [row for row in told(run)["regions"] if row["cloud_region"] == "eu-west-3"]
    assert (paris["gco2eq_per_kwh"], paris["mean_24h"]) == (60.0, pytest.approx(50.0, abs=0.5))
    assert (paris["source"], paris["valid_from"], paris["age_seconds"]) == ("breeze", TEN, 1200)
    assert paris["annual"] > 0
    assert paris["annual_year"] == "2025"
    [shown] = [row for row in table(run("regions").stdout) if "eu-west-3" in row]
    assert shown[1:6] == ["aws", "eu-west-3", "Paris", "FR", "60"]
    assert shown[10:] == ["breeze", "live (0)", "20m"]


def test_a_region_is_the_same_object_as_in_the_api(run: Run, clock: ManualClock) -> None:
    source = StandIn({"FR": always(60)}, clock)
    book = IntensityBook([source], AnnualTable(), Store.in_memory(), clock, SeasonalForecaster())
    book.cover(["FR"], TEN, TEN + HOUR)
    viewer = GridViewer(book, AnnualTable(), [RegionTable().find("aws", "eu-west-3")])
    snapshot = Snapshot(time=epoch(NOW), region_intensities=viewer.look([], epoch(NOW)).regions)
    [served] = ranking(snapshot)
    with pytest.MonkeyPatch.context() as patch:
        stand_in(patch, clock, source)
        rows = told(run, "--provider", "aws")["regions"]
    [printed] = [row for row in rows if row["cloud_region"] == "eu-west-3"]
    varying = {"rank": 0, "mean_24h": 0}
    assert printed | varying == served | varying


@pytest.mark.usefixtures("breeze")
def test_regions_can_be_chosen_and_ordered(run: Run) -> None:
    aws = told(run, "--provider", "aws", "--limit", "3")["regions"]
    assert [row["provider"] for row in aws] == ["aws"] * 3
    assert aws[0]["rank"] == 1
    both = told(run, "-p", "aws", "-p", "gcp")["regions"]
    assert {row["provider"] for row in both} == {"aws", "gcp"}
    means = [row["mean_24h"] for row in told(run, "--sort", "mean")["regions"]]
    known = [mean for mean in means if mean is not None]
    assert means == known + [None] * (len(means) - len(known))
    assert known == sorted(known)
    by_year = told(run, "--sort", "annual")["regions"]
    yearly = [row["annual"] * row["pue"] for row in by_year]
    assert yearly == sorted(yearly)
    assert [row["rank"] for row in by_year] != sorted(row["rank"] for row in by_year)


def test_a_ranking_that_had_to_take_a_weaker_value_says_so(
    run: Run, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = StandIn({"FR": lambda hour: 60.0 if hour < TEN - HOUR else None}, clock, name="old")
    direct = StandIn({"FR": always(15)}, clock, name="metered", basis=Basis.DIRECT)
    stand_in(monkeypatch, clock, old, direct)
    flagged = [row for row in told(run)["regions"] if row["weaker"]]
    assert {row["grid_zone"] for row in flagged} == {"FR"}
    assert {(row["gco2eq_per_kwh"], row["fallback_level"]) for row in flagged} == {(60.0, 2)}
    shown = run("regions").stdout
    assert {row[-1] for row in table(shown) if "FR" in row} == {"weaker"}
    assert "weaker: a live value of this grid is known that counts combustion only" in shown
    fresh = StandIn({"FR": always(60)}, clock, name="fresh")
    stand_in(monkeypatch, clock, fresh, direct)
    assert not any(row["weaker"] for row in told(run)["regions"])
    assert "weaker" not in run("regions").stdout


def test_zones_that_have_not_had_their_turn_are_named(
    run: Run, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = StandIn(dict.fromkeys(("DE", "FR", "GB"), always(60)), clock)
    slow.at_once = 1
    stand_in(monkeypatch, clock, slow)
    assert told(run)["waiting_zones"] == ["FR", "GB"]
    result = run("regions")
    assert result.exit_code == 0
    assert "No value yet of FR, GB: " in result.stdout
    assert "--patience 10m" in result.stdout


@pytest.mark.usefixtures("run")
def test_patience_goes_on_until_all_have_answered(
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    slow = StandIn(dict.fromkeys(("DE", "FR", "GB"), always(60)), clock)
    slow.at_once = 1
    slow.refresh_seconds = 120
    stand_in(monkeypatch, clock, slow)
    found = find_out(None, (), Method.AVERAGE, patience=600, sleep=clock.advance)
    assert found.waiting == ()
    assert capsys.readouterr().err.splitlines() == [
        f"grid zones answered: {count} of 3" for count in (1, 2, 3)
    ]
    assert slow.asked == [["DE"], ["FR"], ["GB"]]
    assert clock.monotonic() < 10 * 60


@pytest.mark.usefixtures("run")
def test_patience_ends_in_time(
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    down = StandIn({"FR": always(60)}, clock)
    down.trouble = UnreachableError("breeze: no answer — check the network")
    stand_in(monkeypatch, clock, down)
    found = find_out(None, (), Method.AVERAGE, patience=HOUR, sleep=clock.advance)
    assert found.waiting == ("FR",)
    assert capsys.readouterr().err.splitlines()[-1] == "breeze: no answer — check the network"
    assert 3600 <= clock.monotonic() < 3700
    assert len(down.asked) == 5


@pytest.mark.usefixtures("run")
def test_a_zone_of_which_the_percentile_alone_is_told_is_not_waited_for(
    clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {"FR": always(700), "IE": lambda _hour: None}
    moer = StandIn(values, clock, name="moer", method=Method.MARGINAL, basis=Basis.DIRECT)
    moer.standings = (Standing(zone="IE", source="moer", moment=TEN, percentile=50.0),)
    stand_in(monkeypatch, clock, moer)
    found = find_out(None, (), Method.MARGINAL, patience=600, sleep=clock.advance)
    assert {view.grid.zone for view in found.views} == {"FR"}
    assert found.waiting == ()
    assert clock.monotonic() < 60


def test_marginal_regions_are_ranked_among_their_own(
    run: Run, clock: ManualClock, breeze: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    moer = StandIn(
        {"GB": always(400)}, clock, name="moer", method=Method.MARGINAL, basis=Basis.DIRECT
    )
    stand_in(monkeypatch, clock, breeze, moer)
    rows = told(run, "--method", "marginal")["regions"]
    assert {(row["grid_zone"], row["method"], row["mean_24h"]) for row in rows} == {
        ("GB", "marginal", 400.0)
    }
    shown = run("regions", "--method", "marginal").stdout
    left = sum(region.grid_zone != "GB" for region in ALL)
    assert f"{left} regions are left out" in shown
    assert not any(row["method"] == "marginal" for row in told(run)["regions"])


@pytest.mark.usefixtures("breeze")
@pytest.mark.parametrize(
    ("arguments", "code", "cause"),
    [
        (("--provider", "asw"), 2, "no provider 'asw' — did you mean 'aws'? one of aws, azure"),
        (("--sort", "age"), 2, "--sort 'age' — write one of now, mean, annual"),
        (("--limit", "0"), 2, "--limit 0 — write 1 or more"),
        (("--patience", "long"), 2, "--patience 'long' — write a time span"),
        (("--method", "mean"), 2, "--method 'mean' — write one of average, marginal"),
        (("--summary", "--method", "marginal"), 2, "--summary is about average intensities"),
        (("--sort", "annual", "--method", "marginal"), 2, "--sort annual is about average"),
        (("--method", "marginal"), 1, "list `- kind: watttime` under `grids:`"),
        (("--url", "ftp:/nowhere"), 2, "--url 'ftp:/nowhere' — write an address"),
        (("--url", "http://127.0.0.1:1"), 1, "no daemon answers at http://127.0.0.1:1 — start"),
    ],
)
def test_what_cannot_be_ranked_is_explained(
    run: Run, arguments: tuple[str, ...], code: int, cause: str
) -> None:
    result = run("regions", *arguments)
    assert (result.exit_code, result.stdout) == (code, "")
    assert cause in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_users_own_region_takes_part(run: Run) -> None:
    Path("own.yml").write_text(
        "grids: []\nannual: {XX: 1}\nregions: {'ovh:gra': {grid_zone: XX, pue: 1.2}}\n"
    )
    first = told(run, "--config", "own.yml", "--limit", "1")["regions"][0]
    assert (first["provider"], first["cloud_region"]) == ("ovh", "gra")
    assert first["gco2eq_per_kwh_it"] == pytest.approx(1.2)


# --- of a daemon ----------------------------------------------------------------------------------


def a_region(name: str, grams: float, pue: float, **more: object) -> dict[str, object]:
    return {
        "provider": "aws",
        "cloud_region": name,
        "location": "",
        "grid_zone": "XX",
        "method": "average",
        "basis": "lifecycle",
        "gco2eq_per_kwh": grams,
        "gco2eq_per_kwh_it": grams * pue,
        "pue": pue,
        "rank": 1,
        "source": "breeze",
        "fallback_level": 1,
        "fallback": "second source",
        "valid_from": TEN,
        "mean_24h": None,
        "annual": 90.0,
        "annual_year": "2025",
        "weaker": False,
    } | more


@pytest.fixture
def daemon() -> Iterator[GridScript]:
    document = {
        "time": epoch(NOW),
        "simulated": False,
        "regions": [
            a_region("b", 50, 1.4, weaker=True),
            a_region("a", 60, 1.1, mean_24h=70.0, added_later="x"),
            a_region("c", 5, 1.0, provider="gcp"),
            a_region("a", 1, 1.1, method="marginal", basis="direct"),
        ],
    }
    with GridScript({"/api/v1/regions": document}) as script:
        yield script


def test_a_daemons_values_are_taken_and_no_source_is_asked(
    run: Run, daemon: GridScript, breeze: StandIn
) -> None:
    rows = told(run, "--url", daemon.url, "--provider", "aws")["regions"]
    places = [(row["rank"], row["cloud_region"], row["weaker"]) for row in rows]
    assert places == [(1, "a", False), (2, "b", True)]
    assert [row["gco2eq_per_kwh_it"] for row in rows] == pytest.approx([66, 70])
    assert (rows[0]["mean_24h"], rows[0]["fallback_level"]) == (70.0, 1)
    assert daemon.paths == ["/api/v1/regions"]
    assert breeze.asked == []
    [marginal] = told(run, "--url", daemon.url, "--method", "marginal")["regions"]
    assert marginal["gco2eq_per_kwh"] == 1
    total = told(run, "--url", daemon.url, "--summary")["total"]
    assert (total["regions"], total["live"], total["promised"]) == (3, 3, None)


@pytest.mark.usefixtures("breeze")
@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        ("<html>", "does not answer as a carbon-exporter"),
        ([], "does not answer as a carbon-exporter"),
        ({"time": 1, "regions": [{"provider": "aws"}]}, "does not answer as a carbon-exporter"),
        (
            {"time": 1, "regions": [a_region("a", float("nan"), 1.1)]},
            "does not answer as a carbon-exporter",
        ),
        ((404, {"error": "no"}), "does not answer as a carbon-exporter"),
        ((503, {"error": "waiting for the first cycle"}), "is waiting for the first cycle"),
        ({"time": 1, "regions": []}, "it watches no cloud — leave --url out"),
    ],
)
def test_another_answer_is_explained(run: Run, answer: object, cause: str) -> None:
    with GridScript({"/api/v1/regions": answer}) as script:
        result = run("regions", "--url", script.url)
    assert (result.exit_code, result.stdout) == (1, "")
    assert cause in result.stderr
    assert len(result.stderr.splitlines()) == 1


# --- without a key --------------------------------------------------------------------------------


@pytest.fixture
def keyless(
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
    run: Run,  # noqa: ARG001 -- an empty directory
) -> Iterator[Path]:
    """The keyless sources of the ranking and New Zealand's on loopback, with our own clock."""
    monkeypatch.setattr(app, "build", partial(app.build, clock=clock))
    answers = {
        FUEL_PATH: partial(late_generation, clock),
        FLOW_PATH: {"response": {"total": "0", "data": []}},
        "/current_carbon_intensity": current(clock),
    }
    with ExitStack() as stack:
        stack.enter_context(stamina.set_testing(True, attempts=1))
        fake = stack.enter_context(GridFake(lambda _zone, _start: 100.0, clock, zones=None))
        script = stack.enter_context(GridScript(answers))
        urls = {"neso": fake.url, "energy_charts": fake.url, "eia": script.url, "em6": script.url}
        sections = [{"kind": kind, "base_url": url} for kind, url in urls.items()]
        config = Path("own.yml")
        config.write_text(json.dumps({"grids": sections}))
        yield config


def late_generation(clock: ManualClock, request: HttpRequest) -> dict[str, object]:
    """The EIA's answer, the newest hour half a day old."""
    query = request.query
    begin, end = (
        int(epoch(datetime.fromisoformat(f"{query[key]}:00Z"))) for key in ("start", "end")
    )
    newest = int(epoch(clock.now())) // HOUR * HOUR - EIA_LAG_HOURS * HOUR
    rows = [
        {
            "period": from_epoch(hour).strftime("%Y-%m-%dT%H"),
            "respondent": respondent,
            "fueltype": "NG",
            "value": "100",
            "value-units": "megawatthours",
        }
        for hour in range(min(end, newest), begin - 1, -HOUR)
        for respondent in RESPONDENTS.values()
    ]
    offset, length = int(query["offset"]), int(query["length"])
    page = rows[offset : offset + length]
    return {"response": {"total": str(len(rows)), "data": page}}


def current(clock: ManualClock) -> dict[str, object]:
    stamp = from_epoch(int(epoch(clock.now())) // 1800 * 1800).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"items": [{"timestamp": stamp, "nz_carbon_gkwh": 50.0}]}


def summary(keyless: Path, clock: ManualClock, patience: float) -> dict[str, Any]:
    found = find_out(keyless, (), Method.AVERAGE, patience=patience, sleep=clock.advance)
    document: dict[str, Any] = json.loads(json.dumps(summary_document(found)))
    return document


def regions_in(zones: Collection[str]) -> int:
    return sum(region.grid_zone in zones for region in ALL)


PLAYED: Final = [f for f in grids.keyless() if f.kind in {"neso", "energy_charts", "eia", "em6"}]
"""The sources that the fixture ``keyless`` plays."""
KNOWN: Final = grids.zones_of(PLAYED)
PRICED: Final = grids.zones_of(filter(grids.prices, PLAYED))
PROMISED: Final = regions_in(KNOWN)


def test_the_share_without_a_key_is_what_the_zone_table_promises(
    keyless: Path, clock: ManualClock
) -> None:
    document = summary(keyless, clock, 15 * 60)
    total = document["total"]
    assert document["failures"] == []
    assert document["waiting_zones"] == []
    assert (total["regions"], total["promised"], total["known"]) == (
        len(ALL),
        PROMISED,
        PROMISED,
    )
    assert total["direct"] == regions_in(KNOWN - PRICED) > 0
    assert total["live"] >= regions_in(["GB"])
    assert total["recent"] >= regions_in(list(RESPONDENTS))
    assert total["live"] + total["recent"] == regions_in(PRICED)
    assert total["annual"] == len(ALL) - PROMISED
    for share in document["providers"].values():
        assert share["known"] == share["promised"]
    assert 0 < clock.monotonic() < 15 * 60


def test_without_patience_the_rest_is_named_and_has_its_yearly_average(
    keyless: Path, clock: ManualClock
) -> None:
    document = summary(keyless, clock, 0)
    total, waiting = document["total"], document["waiting_zones"]
    assert document["failures"] == []
    assert waiting
    assert total["known"] == PROMISED - regions_in(waiting)
    assert clock.monotonic() == 0


def test_the_summary_is_a_table_for_people(keyless: Path, run: Run) -> None:
    result = run("regions", "--summary", "--config", str(keyless))
    assert result.exit_code == 0
    total = next(line for line in result.stdout.splitlines() if line.strip().startswith("total"))
    assert total.split()[1] == str(len(ALL))
    assert total.split()[-2:] == [str(PROMISED), f"({100 * PROMISED / len(ALL):.0f}%)"]
    assert "PROMISED WITHOUT A KEY" in result.stdout


def test_with_none_up_every_region_has_its_yearly_average(
    run: Run, monkeypatch: pytest.MonkeyPatch, clock: ManualClock
) -> None:
    monkeypatch.setattr(app, "build", partial(app.build, clock=clock))
    with GridScript({}) as script, stamina.set_testing(True, attempts=1):
        kinds = ("neso", "energy_charts", "eia", "em6")
        sections = [{"kind": kind, "base_url": script.url} for kind in kinds]
        Path("own.yml").write_text(json.dumps({"grids": sections}))
        document = told(run, "--config", "own.yml")
        result = run("regions", "--summary", "--json", "--config", "own.yml")
    rows = document["regions"]
    assert len(rows) == len(ALL)
    assert {(row["fallback_level"], row["fallback"]) for row in rows} == {(4, "annual average")}
    assert all(row["gco2eq_per_kwh"] == row["annual"] > 0 for row in rows)
    assert [one["collector"] for one in document["failures"]] == list(kinds)
    assert len(result.stderr.splitlines()) == len(kinds)
    total = json.loads(result.stdout)["total"]
    assert (total["known"], total["annual"], total["promised"]) == (0, len(ALL), PROMISED)
