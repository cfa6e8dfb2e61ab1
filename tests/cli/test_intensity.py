import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from exporter.core.clock import epoch
from exporter.core.errors import UnreachableError
from exporter.core.model import Basis, Method, Standing
from tests.cli.conftest import Run
from tests.support.clock import ManualClock
from tests.support.stand_in_grid import HOUR, StandIn, always, stand_in

NOW = datetime(2026, 3, 2, 10, 20, tzinfo=UTC)
TEN = int(epoch(NOW)) // HOUR * HOUR


def wave(hour: int) -> float:
    """40 g at midnight, 63 g at 23 h, and so on each day."""
    return 40.0 + hour // HOUR % 24


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def breeze(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """France, live: 50 g at ten, with a forecast that falls to 20 g at three."""
    source = StandIn({"FR": wave}, clock)
    source.forecast = {"FR": lambda hour: 20.0 if hour // HOUR % 24 == 15 else 45.0}
    stand_in(monkeypatch, clock, source)
    return source


def test_a_live_zone_with_its_day_and_its_forecast(run: Run, breeze: StandIn) -> None:
    result = run("intensity", "FR", "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    told = json.loads(result.stdout)
    assert told["time"] == epoch(NOW)
    assert (told["grid_zone"], told["region"]) == ("FR", None)
    now = told["now"]
    assert now["gco2eq_per_kwh"] == 50.0
    assert (now["source"], now["method"], now["basis"]) == ("breeze", "average", "lifecycle")
    assert (now["fallback_level"], now["fallback"], now["estimated"]) == (0, "live", False)
    assert (now["valid_from"], now["age_seconds"]) == (TEN, 20 * 60)
    day = told["last_24h"]
    assert (day["low"], day["high"], day["seconds"]) == (40.0, 63.0, 24 * HOUR)
    assert day["mean"] == pytest.approx(sum(range(40, 64)) / 24)
    assert told["annual"]["zone"] == "FR"
    assert told["annual"]["known"] is True
    ahead = told["forecast"]
    assert ahead["source"] == "breeze"
    assert [hour["start"] for hour in ahead["hours"]] == [TEN + n * HOUR for n in range(1, 25)]
    assert ahead["cleanest"] == TEN + 5 * HOUR
    assert told["failures"] == []
    assert breeze.asked


def test_people_read_the_same_with_a_chart(run: Run, breeze: StandIn) -> None:
    result = run("intensity", "fr")
    assert (result.exit_code, result.stderr) == (0, "")
    for expected in (
        "FR  50 gCO2eq/kWh",
        "level 0: live",
        "source breeze, average, life cycle",
        "valid from 2026-03-02 10:00 UTC, 20m ago",
        "last 24 h: min 40, mean 51.5, max 63",
        "yearly average: ",
        "█ observed",
        "now",
        "cleanest hour: 2026-03-02 15:00 to 16:00 UTC, 20 g/kWh, -60%",
    ):
        assert expected in result.stdout
    assert "Forecast of" not in result.stdout
    assert "estimated" not in result.stdout
    breeze.estimated = True
    assert "20m ago, estimated" in run("intensity", "FR").stdout


@pytest.mark.usefixtures("breeze")
def test_a_forecast_is_listed_by_the_hour(run: Run) -> None:
    result = run("intensity", "FR", "--forecast", "6h")
    lines = result.stdout.splitlines()
    listed = [line.split() for line in lines if line.strip().startswith("2026-03-02")]
    assert [cells[1] for cells in listed] == [f"{hour}:00" for hour in range(11, 17)]
    assert [cells[2] for cells in listed] == ["45", "45", "45", "45", "20", "45"]
    assert [cells[1] for cells in listed if cells[-1] == "cleanest"] == ["15:00"]
    told = json.loads(run("intensity", "FR", "--forecast", "90m", "--json").stdout)
    assert len(told["forecast"]["hours"]) == 2


def test_our_own_forecast_tells_its_quantiles(
    run: Run, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = StandIn({"FR": wave}, clock)
    source.history_seconds = 7 * 24 * HOUR
    stand_in(monkeypatch, clock, source)
    told = json.loads(run("intensity", "FR", "--forecast", "12h", "--json").stdout)["forecast"]
    assert told["source"] == "seasonal"
    assert len(told["hours"]) == 12
    for hour in told["hours"]:
        assert hour["low"] <= hour["gco2eq_per_kwh"] <= hour["high"]


@pytest.mark.usefixtures("breeze")
def test_a_region_counts_with_its_pue(run: Run) -> None:
    region = json.loads(run("intensity", "aws:eu-west-3", "--json").stdout)["region"]
    assert (region["provider"], region["cloud_region"]) == ("aws", "eu-west-3")
    assert region["pue"] > 1
    assert region["gco2eq_per_kwh_it"] == pytest.approx(50.0 * region["pue"])
    assert "aws:eu-west-3 (Paris): " in run("intensity", "AWS:EU-West-3").stdout


def test_an_unknown_region_gets_the_worlds_average_and_a_warning(run: Run, breeze: StandIn) -> None:
    result = run("intensity", "aws:eu-wset-3", "--json")
    assert result.exit_code == 0
    assert "no aws region 'eu-wset-3' is known — did you mean 'eu-west-3'?" in result.stderr
    assert "world's average" in result.stderr
    told = json.loads(result.stdout)
    assert (told["grid_zone"], told["region"]["known"]) == ("WORLD", False)
    assert told["now"]["fallback_level"] == 4
    assert told["annual"]["known"] is False
    assert breeze.asked == []


@pytest.mark.usefixtures("breeze")
@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        (("FRA",), "no grid zone 'FRA' — did you mean 'FR'?"),
        (("nowhere",), "no grid zone 'nowhere' — Write a zone such as FR"),
        (("asw:eu-west-3",), "no provider 'asw' — did you mean 'aws'?"),
        (("FR", "--method", "mean"), "--method 'mean' — write one of average, marginal"),
        (("FR", "--forecast", "soon"), "--forecast 'soon' — write"),
        (("FR", "--forecast", "30d"), "--forecast '30d' — write 72h or less"),
    ],
)
def test_what_cannot_be_asked_is_explained(
    run: Run, arguments: tuple[str, ...], cause: str
) -> None:
    result = run("intensity", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert cause in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_when_every_source_fails_the_yearly_average_stands(
    run: Run, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = [StandIn({"FR": wave}, clock, name=name) for name in ("one", "two")]
    for source in sources:
        source.trouble = UnreachableError(f"{source.name}: no answer — check the network")
    stand_in(monkeypatch, clock, *sources)
    result = run("intensity", "FR")
    assert result.exit_code == 0
    assert result.stderr.splitlines() == [
        "one: no answer — check the network",
        "two: no answer — check the network",
    ]
    assert "level 4: annual average" in result.stdout
    assert "last 24 h: nothing observed" in result.stdout
    assert "█" not in result.stdout
    told = json.loads(run("intensity", "FR", "--forecast", "24h", "--json").stdout)
    assert told["now"]["fallback_level"] == 4
    assert told["now"]["gco2eq_per_kwh"] == told["annual"]["gco2eq_per_kwh"] > 0
    assert (told["last_24h"], told["forecast"]) == (None, None)
    assert [one["collector"] for one in told["failures"]] == ["one", "two"]


def test_a_day_that_was_observed_in_part_says_so(
    run: Run, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = StandIn({"FR": lambda hour: 80.0 if hour < TEN - 3 * HOUR else None}, clock)
    stand_in(monkeypatch, clock, source)
    told = json.loads(run("intensity", "FR", "--json").stdout)
    assert (told["now"]["fallback_level"], told["now"]["gco2eq_per_kwh"]) == (2, 80.0)
    assert told["last_24h"]["seconds"] == 20.75 * HOUR
    shown = run("intensity", "FR").stdout
    assert "level 2: last known" in shown
    assert "20.75 h of it observed" in shown
    assert "░" in shown.partition("observed   ")[0]


def test_marginal_is_a_signal_of_its_own(
    run: Run, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    breeze = StandIn({"FR": wave}, clock)
    moer = StandIn(
        {"FR": always(700)}, clock, name="moer", method=Method.MARGINAL, basis=Basis.DIRECT
    )
    stand_in(monkeypatch, clock, breeze, moer)
    told = json.loads(run("intensity", "FR", "--method", "marginal", "--json").stdout)
    assert (told["now"]["gco2eq_per_kwh"], told["now"]["method"]) == (700.0, "marginal")
    assert told["last_24h"]["mean"] == 700.0
    average = run("intensity", "FR")
    assert "FR  50 gCO2eq/kWh" in average.stdout
    assert "besides, not comparable: 700 (marginal, direct" in average.stdout
    moer.trouble = UnreachableError("moer: gone — wait")
    silent = run("intensity", "FR", "--method", "marginal")
    assert silent.exit_code == 1
    assert silent.stderr.splitlines() == [
        "moer: gone — wait",
        "no marginal intensity of FR is known: moer told none",
    ]


def standing(percentile: float, *, ago: int = 300) -> Standing:
    moment = int(epoch(NOW)) - ago
    return Standing(zone="FR", source="moer", moment=moment, percentile=percentile)


def test_a_marginal_value_comes_with_its_percentile(
    run: Run, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    moer = StandIn(
        {"FR": always(700)}, clock, name="moer", method=Method.MARGINAL, basis=Basis.DIRECT
    )
    moer.standings = (standing(96.0),)
    stand_in(monkeypatch, clock, moer)
    shown = run("intensity", "FR", "--method", "marginal").stdout
    assert "FR  700 gCO2eq/kWh" in shown
    line = "percentile 96 among the next 24 h, 0 cleanest, 100 dirtiest (moer, 2026-03-02 10:15 UTC"
    assert line in shown
    assert "percentile" not in run("intensity", "FR").stdout
    told = json.loads(run("intensity", "FR", "--method", "marginal", "--json").stdout)
    assert told["percentile"] == {
        "grid_zone": "FR",
        "method": "marginal",
        "source": "moer",
        "percentile": 96.0,
        "time": epoch(NOW) - 300,
        "age_seconds": 300.0,
    }
    moer.standings = (standing(96.0, ago=HOUR),)
    assert "percentile" not in run("intensity", "FR", "--method", "marginal").stdout


@pytest.mark.parametrize("place", ["FR", "aws:eu-west-3"])
def test_a_percentile_alone_is_told_without_an_intensity(
    run: Run, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    breeze = StandIn({"FR": wave}, clock)
    moer = StandIn(
        {"FR": lambda _hour: None}, clock, name="moer", method=Method.MARGINAL, basis=Basis.DIRECT
    )
    moer.standings = (standing(7.5),)
    stand_in(monkeypatch, clock, breeze, moer)
    result = run("intensity", place, "--method", "marginal", "--forecast", "6h")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "FR  marginal intensity not known" in result.stdout
    assert "percentile 7.5 among the next 24 h" in result.stdout
    assert "besides, not comparable: 50 (average, life cycle, breeze)" in result.stdout
    assert "no forecast" in result.stdout
    told = json.loads(run("intensity", place, "--method", "marginal", "--json").stdout)
    assert (told["now"], told["forecast"], told["percentile"]["percentile"]) == (None, None, 7.5)
    if told["region"]:
        assert told["region"]["gco2eq_per_kwh_it"] is None


@pytest.mark.usefixtures("breeze")
def test_without_a_marginal_source_the_right_one_is_named(run: Run) -> None:
    result = run("intensity", "FR", "--method", "marginal")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no source in use tells it — list `- kind: watttime`" in result.stderr


def test_a_configuration_without_machines_will_do(run: Run) -> None:
    Path("own.yml").write_text(
        "grids: []\nannual: {XX: 123}\nregions: {'ovh:GRA': {grid_zone: XX}}\n"
    )
    for place in ("XX", "ovh:GRA"):
        told = json.loads(run("intensity", place, "--config", "own.yml", "--json").stdout)
        assert (told["now"]["gco2eq_per_kwh"], told["now"]["fallback_level"]) == (123.0, 4)


def test_other_mistakes_of_a_configuration_are_told(run: Run) -> None:
    Path("own.yml").write_text("grids: [nso]\nprovders: [host]\n")
    result = run("intensity", "FR", "--config", "own.yml")
    assert result.exit_code == 2
    assert "did you mean 'neso'" in result.stderr


def test_plain_ascii_on_a_terminal_without_unicode(tmp_path: Path) -> None:
    (tmp_path / "own.yml").write_text("grids: []\nproviders: [host]\n")
    told = subprocess.run(
        [sys.executable, "-m", "exporter", "intensity", "azure:brazilsouth", "-c", "own.yml"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
        capture_output=True,
        check=True,
    )
    assert told.stdout.decode("ascii").splitlines()[1] == "  level 4: annual average"
