import json
from dataclasses import replace

from exporter.core.errors import AuthError
from tests.cli.conftest import Cloud, Run


def test_machines_are_listed_with_their_watts(configured: Run, cloud: Cloud) -> None:
    result = configured("discover", "--json")
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert document["failures"] == []
    first, second, third = document["machines"]
    assert (first["resource_id"], first["instance_type"]) == ("i-1", "m5.large")
    assert (first["grid_zone"], second["grid_zone"]) == ("FR", "SE-SE3")
    assert 0 < first["watts_idle"] < first["watts_half"] < first["watts_full"]
    assert (third["state"], third["confidence"]) == ("stopped", "unknown-type")
    assert cloud.closed


def test_the_table_has_one_line_for_each_machine(configured: Run) -> None:
    result = configured("discover")
    assert result.exit_code == 0
    assert sum("i-" in line for line in result.stdout.splitlines()) == 3
    assert "machines: 3, running: 2" in result.stdout
    assert result.stderr == ""


def test_a_part_that_failed_is_told_and_the_rest_is_listed(
    configured: Run, cloud: Cloud, refusal: AuthError
) -> None:
    cloud.failures = (refusal,)
    table, document = configured("discover"), configured("discover", "--json")
    assert (table.exit_code, document.exit_code) == (1, 1)
    assert table.stderr == "aws:test: eu-north-1: access denied — attach the policy\n"
    told = json.loads(document.stdout)
    assert len(told["machines"]) == 3
    assert told["failures"][0]["reason"] == "auth"


def test_a_provider_that_is_down_is_one_line(configured: Run, cloud: Cloud) -> None:
    cloud.down = True
    result = configured("discover")
    assert result.exit_code == 1
    assert result.stderr == "aws:test: no answer from the cloud — check the network\n"
    assert "machines: 0" in result.stdout
    assert cloud.closed


def test_text_of_a_cloud_is_not_read_as_markup(configured: Run, cloud: Cloud) -> None:
    cloud.machines = (replace(cloud.machines[0], name="[red]x[/] :smile:"),)
    assert "[red]x[/] :smile:" in configured("discover").stdout
