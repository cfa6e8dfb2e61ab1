import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from exporter.core.clock import epoch
from exporter.core.errors import UnreachableError
from tests.cli.conftest import Run
from tests.support.clock import ManualClock
from tests.support.stand_in_grid import HOUR, StandIn, always, stand_in

NOW = datetime(2026, 3, 2, 10, 20, tzinfo=UTC)
TEN = int(epoch(NOW)) // HOUR * HOUR


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def breeze(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """France at 50 g and 20 g from 15 to 17 h; Germany at 300 g and 10 g from 20 to 21 h."""
    source = StandIn({"FR": always(50.0), "DE": always(300.0)}, clock)
    source.forecast = {
        "FR": lambda hour: 20.0 if hour // HOUR % 24 in (15, 16) else 45.0,
        "DE": lambda hour: 10.0 if hour // HOUR % 24 == 20 else 300.0,
    }
    stand_in(monkeypatch, clock, source)
    return source


@pytest.mark.usefixtures("breeze")
def test_the_best_window_beside_now_the_best_place_and_the_latest_start(run: Run) -> None:
    result = run("window", "--duration", "2h", "--zone", "DE", "--zone", "FR", "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    told = json.loads(result.stdout)
    assert (told["best"]["place"], told["best"]["start"]) == ("FR", TEN + 5 * HOUR)
    assert told["best"]["gco2eq"] == pytest.approx(40.0)
    assert (told["now"]["place"], told["now"]["start"]) == ("DE", epoch(NOW))
    assert told["now"]["gco2eq"] == pytest.approx(600.0)
    assert told["static"]["place"] == "FR"
    assert told["latest"]["end"] == told["deadline"] == epoch(NOW) + 24 * HOUR
    assert told["saving_ratio"] == pytest.approx(1 - 40 / 600)
    assert told["unknown"] == []
    assert [(p["source"], p["age_seconds"], p["observed"]) for p in told["places"]] == [
        ("breeze", 1200, True),
        ("breeze", 1200, True),
    ]


@pytest.mark.usefixtures("breeze")
def test_people_read_the_same_in_80_columns(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    result = run("window", "--duration", "2h", "--zone", "DE", "--zone", "FR", "--power", "2kW")
    assert (result.exit_code, result.stderr) == (0, "")
    assert max(len(line.rstrip()) for line in result.stdout.splitlines()) <= 80
    for expected in (
        "2h at 2,000 W by 2026-03-03 10:20 UTC: start 2026-03-02 15:00",
        "in FR, -93 % against now",
        "FR: now observed, breeze, 20m old; ahead breeze, 48 h",
    ):
        assert expected in result.stdout
    rows = [line.split() for line in result.stdout.splitlines()]
    assert ["best", "15:00", "FR", "80", "80-80", "-93%"] in rows
    assert re.search(r"^FR +[▁▂▃▄▅▆▇█]+$", result.stdout, re.MULTILINE)
    assert re.search(r"^ +\^+$", result.stdout, re.MULTILINE)


@pytest.mark.usefixtures("breeze")
def test_an_interruptible_job_is_told_run_by_run(run: Run) -> None:
    options = ("--interruptible", "--resume-cost", "6m", "--duration", "3h", "--json")
    told = json.loads(run("window", "--zone", "FR", "--zone", "DE", *options).stdout)
    slices = [(one["place"], one["start"], one["end"]) for one in told["best"]["slices"]]
    assert slices == [
        ("FR", TEN + 5 * HOUR, TEN + 7 * HOUR),
        ("DE", TEN + 10 * HOUR, TEN + 11 * HOUR),
    ]
    assert told["best"]["gco2eq"] == pytest.approx(40 + 10 + 0.1 * 10)


@pytest.mark.usefixtures("breeze")
def test_regions_are_their_grid_times_pue_and_may_be_written_with_a_slash(run: Run) -> None:
    told = json.loads(run("window", "--duration", "1h", "-r", "aws/eu-west-3", "--json").stdout)
    assert told["best"]["place"] == "aws:eu-west-3"
    assert told["best"]["gco2eq"] > 20.0


@pytest.mark.usefixtures("breeze")
def test_a_time_instead_of_a_span_and_not_before(run: Run) -> None:
    options = ("--by", "2026-03-03T06:00Z", "--earliest", "7h", "--json", "--zone", "FR")
    told = json.loads(run("window", "--duration", "1h", *options).stdout)
    assert told["deadline"] == epoch(datetime(2026, 3, 3, 6, tzinfo=UTC))
    assert told["best"]["start"] >= epoch(NOW) + 7 * HOUR


@pytest.mark.usefixtures("breeze")
def test_a_policy_of_the_configuration_and_options_over_it(run: Run, tmp_path: Path) -> None:
    (tmp_path / "carbon-exporter.yml").write_text(
        "providers: [host]\npolicies:\n"
        "  nightly: {kind: window, duration: 2h, deadline: 12h, zone: FR, power_watts: 500}\n"
        "  batch: {kind: capacity, zone: FR}\n"
    )
    told = json.loads(run("window", "nightly", "--json").stdout)
    assert (told["duration_seconds"], told["power_watts"]) == (2 * HOUR, 500)
    assert told["best"]["gco2eq"] == pytest.approx(20.0)
    longer = json.loads(run("window", "nightly", "--duration", "1h", "--json").stdout)
    assert longer["duration_seconds"] == HOUR
    wrong = run("window", "nihgtly")
    assert (wrong.exit_code, "did you mean 'nightly'?" in wrong.stderr) == (2, True)
    other = run("window", "batch")
    assert (other.exit_code, "is a capacity" in other.stderr) == (2, True)


def test_nothing_known_is_exit_1_and_never_a_window(run: Run, breeze: StandIn) -> None:
    breeze.trouble = UnreachableError("no answer — check the network")
    result = run("window", "--duration", "1h", "--zone", "FR", "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "nothing is known of the hours ahead of FR" in result.stderr


@pytest.mark.usefixtures("breeze")
def test_a_place_without_a_forecast_is_left_out_and_told(run: Run) -> None:
    result = run("window", "--duration", "1h", "--zone", "ZA", "--zone", "FR")
    assert result.exit_code == 0
    assert "ZA is left out: no forecast of grid ZA is known" in result.stderr
    assert "\nZA" not in result.stdout


@pytest.mark.parametrize(
    ("arguments", "fix"),
    [
        (("--duration", "9h", "--deadline", "4h", "--zone", "FR"), "9h of work do not fit"),
        (("--zone", "FR"), "no --duration"),
        (("--duration", "1h"), "no place"),
        (("--duration", "1h", "--zone", "FRR"), "did you mean 'FR'?"),
        (("--duration", "1h", "-r", "aws:eu-wset-3"), "did you mean 'eu-west-3'?"),
        (("--duration", "1h", "-r", "eu-west-3"), "did you mean 'aws:eu-west-3'?"),
        (("--duration", "1h", "-r", "asw:eu-west-3"), "did you mean 'aws'?"),
        (("--duration", "1h", "--zone", "FR", "--power", "much"), "2kW"),
        (("--duration", "1h", "--zone", "FR", "--min-slice", "1h"), "--interruptible"),
        (("--duration", "1h", "--zone", "FR", "--by", "2026-03-03T06:00"), "add the zone"),
        (("--duration", "1h", "--zone", "FR", "--by", "9h", "--deadline", "9h"), "one of them"),
    ],
)
@pytest.mark.usefixtures("breeze")
def test_what_cannot_be_used_is_exit_2_and_says_what_would_be_right(
    run: Run, arguments: tuple[str, ...], fix: str
) -> None:
    result = run("window", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert fix in result.stderr


def test_the_simulated_grid_needs_nobody(run: Run) -> None:
    told = json.loads(run("window", "--demo", "--duration", "2h", "--zone", "DE", "--json").stdout)
    assert told["places"][0]["source"] == "demo"
    assert told["best"]["gco2eq"] <= told["now"]["gco2eq"]
