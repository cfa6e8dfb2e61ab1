import json
from pathlib import Path

import pytest

from exporter.verbs.choices import parse_cpu
from exporter.verbs.errors import UsageError
from tests.verbs.conftest import Run

ASKED = ("estimate", "m5.large", "--region", "eu-west-3", "--cpu", "40%", "--hours", "730")


def test_the_numbers_agree_with_each_other(run: Run) -> None:
    result = run(*ASKED, "--json")
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    [one] = document["estimates"]
    assert (document["utilization"], document["hours"]) == (0.4, 730)
    assert (one["provider"], one["cloud_region"], one["grid_zone"]) == ("aws", "eu-west-3", "FR")
    for end in ("low", "central", "high"):
        kwh = one["watts"][end] * 730 / 1000
        assert one["kwh"][end] == pytest.approx(kwh)
        grams = kwh * one["grid_gco2eq_per_kwh"]
        assert one["operational_gco2eq"][end] == pytest.approx(grams)
        total = grams + one["embodied_gco2eq"][end]
        assert one["total_gco2eq"][end] == pytest.approx(total)
    assert one["watts"]["low"] < one["watts"]["central"] < one["watts"]["high"]


def test_the_table_shows_them_with_their_source(run: Run) -> None:
    result = run(*ASKED)
    assert result.exit_code == 0
    assert "730 h at 40% CPU" in result.stdout
    assert "eu-west-3" in result.stdout
    assert "yearly average" in result.stdout


def test_regions_and_types_are_compared_lowest_first(run: Run) -> None:
    result = run(
        "estimate", "m5.large", "m6g.large", "-r", "eu-north-1", "-r", "ap-south-1", "--json"
    )
    totals = [e["total_gco2eq"]["central"] for e in json.loads(result.stdout)["estimates"]]
    assert len(totals) == 4
    assert totals == sorted(totals)


def test_all_regions_of_the_cloud(run: Run) -> None:
    result = run("estimate", "n1-standard-1", "--all-regions", "--json")
    found = json.loads(result.stdout)["estimates"]
    assert {one["provider"] for one in found} == {"gcp"}
    assert len({one["cloud_region"] for one in found}) == len(found) > 30


def test_a_configuration_overrides_the_tables(run: Run) -> None:
    Path("own.yml").write_text(
        "providers: [host]\nannual: {XX: 1000}\n"
        "regions: {'aws:eu-west-3': {grid_zone: XX, pue: 2}}\n"
    )
    result = run(*ASKED, "--json", "--config", "own.yml")
    [one] = json.loads(result.stdout)["estimates"]
    assert (one["grid_zone"], one["pue"], one["grid_gco2eq_per_kwh"]) == ("XX", 2, 1000)


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        (("m5.lagre", "-r", "eu-west-3"), "no machine type 'm5.lagre' — did you mean 'm5.large'?"),
        (("qqq", "-r", "x"), "carbon-exporter discover"),
        (("m5.lagre", "-p", "aws", "-r", "eu-west-3"), "no aws machine type 'm5.lagre' — did you"),
        (("m5.large", "-p", "gcp", "-r", "x"), "no gcp machine type 'm5.large'"),
        (("m5.large", "n1-standard-1", "-r", "x"), "no single cloud has m5.large, n1-standard-1"),
        (("m5.large", "-p", "asw", "-r", "x"), "no provider 'asw' — did you mean 'aws'? one of"),
        (("m5.large", "-r", "eu-wset-3"), "no aws region 'eu-wset-3' — did you mean 'eu-west-3'?"),
        (("m5.large", "-r", "qqq"), "--all-regions"),
        (("m5.large",), "add --region (repeat it to compare), or --all-regions"),
        (("m5.large", "-r", "eu-west-3", "--cpu", "140%"), "--cpu '140%' — write"),
        (("m5.large", "-r", "eu-west-3", "--hours", "0"), "--hours 0 — write a number above 0"),
        (("m5.large", "-r", "eu-west-3", "--hours", "nan"), "--hours nan — write"),
        (("m5.large", "-r", "eu-west-3", "--hours", "inf"), "--hours inf — write"),
    ],
)
def test_what_cannot_be_estimated_is_explained(
    run: Run, arguments: tuple[str, ...], cause: str
) -> None:
    result = run("estimate", *arguments)
    assert result.exit_code == 2
    assert cause in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("text", "ratio"),
    [
        ("40%", 0.4),
        ("40", 0.4),
        ("0.4", 0.4),
        ("1", 1.0),
        ("1%", 0.01),
        ("0", 0.0),
        ("100", 1.0),
        (" 12.5 % ", 0.125),
    ],
)
def test_utilisation_as_people_write_it(text: str, ratio: float) -> None:
    assert parse_cpu(text) == pytest.approx(ratio)


@pytest.mark.parametrize("text", ["", "%", "-1", "101", "1e9", "nan", "half", "40%%", "1,5"])
def test_other_utilisations_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="such as 40%"):
        parse_cpu(text)
