"""docs/grid-sources.md says what the sources declare."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import yaml

from exporter import grids
from exporter.core.plugins import load
from exporter.data import rows

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs" / "grid-sources.md").read_text(encoding="utf-8")
FACTS: Final = {facts.kind: facts for facts in grids.facts()}


def section(kind: str) -> str:
    return PAGE.partition(f"\n## `{kind}`\n")[2].partition("\n## ")[0]


def examples(text: str) -> list[dict[str, Any]]:
    blocks = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    return [entry for block in blocks for entry in yaml.safe_load(block)["grids"]]


def test_the_page_has_not_drifted() -> None:
    command = [sys.executable, "docs/build/grid_sources.py", "--check"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("kind", sorted(FACTS))
def test_every_fact_of_every_source_stands_in_its_section(kind: str) -> None:
    facts = FACTS[kind]
    told = (facts.title, facts.step, facts.lag, facts.forecast, facts.budget, facts.licence)
    for text in (*told, facts.attribution, facts.key, facts.url, *facts.notes, *facts.listed):
        assert text in section(kind)


@pytest.mark.parametrize("kind", sorted(FACTS))
def test_every_example_is_a_section_that_the_source_accepts(kind: str) -> None:
    (example,) = examples(section(kind))
    assert load("exporter.grids", kind).Config.model_validate(example).kind == kind


def test_the_example_of_a_whole_list_is_accepted() -> None:
    listed = examples(PAGE.partition("## Summary")[0])
    assert listed
    for example in listed:
        load("exporter.grids", example["kind"]).Config.model_validate(example)


def test_the_hosts_that_are_contacted_by_default_are_all_named() -> None:
    defaults = PAGE.partition("## What is on by default")[2].partition("\n## ")[0]
    for kind in grids.on_by_default():
        address = load("exporter.grids", kind).Config(kind=kind).base_url
        assert f"* `{httpx.URL(address).host}` ({kind})" in defaults
    assert defaults.count("\n* `") == len(grids.on_by_default())


def test_the_promise_is_that_of_the_tables() -> None:
    zones = [line["grid_zone"] for line in rows("regions")]
    free = [facts for facts in FACTS.values() if facts.listed and not facts.key]
    live = sum(any(zone in facts.listed for facts in free) for zone in zones)
    priced = sum(
        any(zone in facts.listed and grids.prices(facts) for facts in free) for zone in zones
    )
    promise = f"{live} of {len(zones)} known cloud regions have a live value then: {priced} of them"
    assert 0 < priced <= live < len(zones)
    assert f"\n{promise}" in PAGE


def test_each_zone_of_a_region_names_the_sources_that_declare_it() -> None:
    table = PAGE.partition("## Zones of the clouds' regions")[2]
    annual = {line["grid_zone"]: line["gco2eq_per_kwh"] for line in rows("annual")}
    for zone in {line["grid_zone"] for line in rows("regions")}:
        (line,) = re.findall(rf"^\| {re.escape(zone)} \|.*$", table, re.MULTILINE)
        named = set(re.findall(r"`(\w+)`", line))
        assert named == {kind for kind, facts in FACTS.items() if zone in facts.listed}
        assert f"| {annual[zone]} |" in line
