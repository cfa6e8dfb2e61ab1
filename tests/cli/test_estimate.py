import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run

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
        total = one["operational_gco2eq"][end] + one["embodied_gco2eq"][end]
        if end == "central":
            assert one["operational_gco2eq"][end] == pytest.approx(grams)
            assert one["total_gco2eq"][end] == pytest.approx(total)
    assert one["operational_gco2eq"]["low"] < one["kwh"]["low"] * one["grid_gco2eq_per_kwh"]
    assert one["operational_gco2eq"]["high"] > one["kwh"]["high"] * one["grid_gco2eq_per_kwh"]
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
    ("typed", "answered", "confidence"),
    [
        ("standard_d4S_v3", "Standard_D4s_v3", "multi-family"),
        ("e2-custom-small-2048", "e2-custom-small-2048", "multi-family"),
        ("a5-highgpu-8g", "a5-highgpu-8g", "unknown-type"),
        ("m12g.large", "m12g.large", "unknown-type"),
    ],
)
def test_every_name_that_tells_a_size_is_estimated(
    run: Run, typed: str, answered: str, confidence: str
) -> None:
    provider = {"s": "azure", "m": "aws"}.get(typed[0], "gcp")
    region = {"azure": "westeurope", "aws": "eu-west-3", "gcp": "europe-west9"}[provider]
    result = run("estimate", typed, "-r", region, "--json")
    [one] = json.loads(result.stdout)["estimates"]
    assert (one["provider"], one["instance_type"]) == (provider, answered)
    assert one["confidence"] == confidence


FLEET = """type,count,provider,region,cpu,hours
m5.large,10,aws,eu-west-3,40%,730
n2-standard-4,3,,europe-west9,,
"Standard_D4s_v5",,azure,francecentral,0.2,24
"""


def written(text: str) -> str:
    Path("fleet.csv").write_text(text, encoding="utf-8")
    return "fleet.csv"


def estimates(run: Run, *arguments: str) -> dict[str, Any]:
    result = run("estimate", *arguments, "--json")
    assert result.exit_code == 0, result.stderr
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def test_the_lines_of_a_file_are_what_the_same_options_say(run: Run) -> None:
    found = estimates(run, "--from", written(FLEET), "--cpu", "70%", "--hours", "100")
    lines = {one["instance_type"]: one for one in found["estimates"]}
    assert [(one["count"], one["utilization"], one["hours"]) for one in lines.values()] != []
    options = {
        "m5.large": (10, ("-r", "eu-west-3", "--cpu", "40%", "--hours", "730")),
        "n2-standard-4": (3, ("-r", "europe-west9", "--cpu", "70%", "--hours", "100")),
        "Standard_D4s_v5": (1, ("-r", "francecentral", "--cpu", "20%", "--hours", "24")),
    }
    assert lines.keys() == options.keys()
    for name, (count, arguments) in options.items():
        [alone] = estimates(run, name, *arguments)["estimates"]
        assert lines[name]["count"] == count
        for amount in ("watts", "kwh", "operational_gco2eq", "embodied_gco2eq", "total_gco2eq"):
            expected = {end: count * value for end, value in alone[amount].items()}
            assert lines[name][amount] == pytest.approx(expected), (name, amount)


def test_the_total_is_the_sum_of_the_lines(run: Run) -> None:
    found = estimates(run, "--from", written(FLEET))
    [total] = found["totals"]
    assert total["count"] == 14
    for amount in ("watts", "kwh", "operational_gco2eq", "embodied_gco2eq", "total_gco2eq"):
        lines = {
            end: sum(one[amount][end] for one in found["estimates"])
            for end in ("low", "central", "high")
        }
        assert total[amount]["central"] == pytest.approx(lines["central"])
        assert lines["low"] * 0.999999 <= total[amount]["low"] <= total[amount]["central"]
        assert total[amount]["central"] <= total[amount]["high"] <= lines["high"] * 1.000001


def test_the_table_of_a_file_shows_counts_loads_and_the_total(run: Run) -> None:
    result = run("estimate", "--from", written(FLEET))
    assert result.exit_code == 0
    head, *_ = (line for line in result.stdout.splitlines() if "TYPE" in line)
    assert {"COUNT", "CPU", "HOURS", "CONFIDENCE"} <= set(head.split())
    [total] = [line for line in result.stdout.splitlines() if "TOTAL" in line]
    assert "14" in total


def test_one_machine_alone_has_no_total_row(run: Run) -> None:
    assert "TOTAL" not in run(*ASKED).stdout


def test_a_fleet_is_compared_across_regions_by_its_totals(run: Run) -> None:
    path = written("type,count\nm5.large,2\nm6g.large,5\n")
    found = estimates(run, "-f", path, "-p", "aws", "-r", "ap-south-1", "-r", "eu-north-1")
    assert len(found["estimates"]) == 4
    regions = [(one["provider"], one["cloud_region"], one["count"]) for one in found["totals"]]
    assert regions == [("aws", "eu-north-1", 7), ("aws", "ap-south-1", 7)]
    for total in found["totals"]:
        lines = [
            one["total_gco2eq"]["central"]
            for one in found["estimates"]
            if one["cloud_region"] == total["cloud_region"]
        ]
        assert total["total_gco2eq"]["central"] == pytest.approx(sum(lines))


def test_a_region_named_twice_is_compared_once(run: Run) -> None:
    asked = ("m5.large", "-r", "eu-west-3", "-r", "eu-west-3")
    assert len(estimates(run, *asked)["estimates"]) == 1


def test_a_file_as_spreadsheets_save_it_is_read(run: Run) -> None:
    path = written("\ufeffType , Region\r\nm5.large, eu-west-3\r\n\r\n,\r\n")
    [one] = estimates(run, "--from", path)["estimates"]
    assert (one["instance_type"], one["cloud_region"]) == ("m5.large", "eu-west-3")


def test_all_bad_lines_are_told_with_their_numbers(run: Run) -> None:
    path = written(
        "type,count,provider,region,cpu,hours\n"
        "m5.lagre,1,aws,eu-west-3,,\n"
        "\n"
        "m5.large,-3,,eu-west-3,,\n"
        "m5.large,1.5,,eu-west-3,,\n"
        "m5.large,1,,eu-wset-3,,\n"
        "m5.large,1,,eu-west-3,140%,\n"
        "m5.large,1,,eu-west-3,,never\n"
        "m5.large,1,,eu-west-3,,1,5\n"
        ",1,,eu-west-3,,\n"
        "m5.large,1,gpc,eu-west-3,,\n"
        "m5.large,1,,,,\n"
        "m5.large,1,aws,eu-west-3,1%,1\n"
    )
    result = run("estimate", "--from", path)
    assert (result.exit_code, result.stdout) == (2, "")
    causes = (
        (2, "did you mean 'm5.large'?"),
        (4, "count '-3'"),
        (5, "count '1.5'"),
        (6, "did you mean 'eu-west-3'?"),
        (7, "'140%'"),
        (8, "never"),
        (9, "'5' is in no column"),
        (10, "no type"),
        (11, "did you mean 'gcp'?"),
        (12, "no region"),
    )
    told = result.stderr.splitlines()
    assert len(told) == len(causes)
    for line, (number, cause) in zip(told, causes, strict=True):
        assert line.startswith(f"fleet.csv, line {number}: ")
        assert cause in line


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "the head must name the column type"),
        ("region\neu-west-3\n", "the head must name the column type"),
        ("type,type\nm5.large,\n", "each only once"),
        ("type,regoin\nm5.large,x\n", "no column 'regoin' — did you mean 'region'?"),
        ("type\n\n", "lists no machines"),
        ('type\n"m5.large\n', "CSV file in UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_is_explained(run: Run, text: str, cause: str) -> None:
    result = run("estimate", "--from", written(text), "-r", "eu-west-3")
    assert (result.exit_code, result.stdout) == (2, "")
    assert cause in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_file_that_is_no_text_or_not_there_is_explained(run: Run) -> None:
    Path("image.csv").write_bytes(b"\x89PNG\xff")
    for path in ("image.csv", "gone.csv"):
        result = run("estimate", "--from", path, "-r", "eu-west-3")
        assert result.exit_code == 2
        assert path in result.stderr


def test_a_line_that_has_its_place_is_not_compared(run: Run) -> None:
    result = run(
        "estimate", "--from", written("type,region\nm5.large,eu-west-3\n"), "--all-regions"
    )
    assert result.exit_code == 2
    assert "line 2: region 'eu-west-3' cannot be compared" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        (("m5.large", "--from", "x.csv"), "types and --from together"),
        ((), "name a machine type"),
        (("m5.large", "-r", "eu-west-3", "--model", "tedas"), "did you mean 'teads'? one of"),
    ],
)
def test_other_bad_usage(run: Run, arguments: tuple[str, ...], cause: str) -> None:
    result = run("estimate", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert cause in result.stderr


@pytest.mark.parametrize(
    ("kind", "place", "region", "grid"),
    [
        ("m5.large", "us-east-1-bos-1a", "us-east-1-bos-1a", "US-NE-ISNE"),  # Boston, not Virginia
        ("m5.large", "eu-west-1a", "eu-west-1", "IE"),
        ("g2-custom-8-32768", "us-central1-a", "us-central1", "US-MIDW-MISO"),
    ],
)
def test_a_zone_counts_where_it_stands_as_the_daemon_counts_it(
    run: Run, kind: str, place: str, region: str, grid: str
) -> None:
    [one] = json.loads(run("estimate", kind, "-r", place, "--json").stdout)["estimates"]
    assert (one["cloud_region"], one["grid_zone"]) == (region, grid)


def test_a_zone_of_no_known_city_is_refused(run: Run) -> None:
    result = run("estimate", "m5.large", "-r", "us-east-1-xxx-1a")
    assert result.exit_code == 2
    assert "no aws region 'us-east-1-xxx-1a'" in result.stderr


def test_grams_of_a_longer_time_are_surer_than_those_of_an_hour(run: Run) -> None:
    widths = []
    for hours in ("1", "24", "730", "8760"):
        asked = ("estimate", "m5.large", "-r", "eu-west-3", "--hours", hours, "--json")
        [one] = json.loads(run(*asked).stdout)["estimates"]
        low, high = one["grid_gco2eq_per_kwh_low"], one["grid_gco2eq_per_kwh_high"]
        assert low < one["grid_gco2eq_per_kwh"] < high
        grams = one["operational_gco2eq"]
        widths.append((high - low, (grams["high"] - grams["low"]) / grams["central"]))
    assert widths == sorted(widths, reverse=True)
