"""Every query of every dashboard in a real Prometheus that two exporters of one estate feed.

They disagree, as a pair for high availability does for a poll, or an old and a new version during a
rollout: about a machine's name, type and team, about a region's place, by some grams. No query may
fail by it, and nothing may count twice.
"""

import json
import re
from collections.abc import Iterator, Mapping

import pytest

from exporter.exposition.catalogue import FAMILIES, Kind
from tests.support.boards import BOARDS, Json, filled, with_data
from tests.support.prometheus import NEEDS_PROMETHEUS, Labels, Prometheus, holding

pytestmark = NEEDS_PROMETHEUS

DAYS = 9
STEP = 1200
"""Seconds between two samples of the past; counters and gauges do not need more."""
FINE_STEP = 300
"""Seconds between two readings of utilisation, of which most of a week must be there."""
AT = 1_765_540_800
"""2025-12-12T12:00Z, the end of the history."""
SINCE = AT - DAYS * 86400
SEEN_EVERY = 240
"""Seconds between two samples of the last hours: what a scrape would give."""

PLACE = {"provider": "aws", "account": "1", "cloud_region": "eu-west-1"}
OTHER = {"provider": "aws", "account": "1", "cloud_region": "eu-west-3"}
MACHINES = ("i-idle", "i-busy", "i-large")
CPU = {"i-idle": 0.01, "i-busy": 0.8, "i-large": 0.2}

VALUES: Mapping[str, tuple[float, ...]] = {
    "scope": (20, 5),
    "component": (30, 10),
    "horizon": (300,),
    "state": (3, 0),
    "quality": (1, 0.01),
}
CHOICES: Mapping[str, tuple[str, ...]] = {
    "scope": ("operational", "embodied"),
    "component": ("cpu", "overhead"),
    "horizon": ("1h", "24h"),
    "state": ("measured", "stopped"),
    "quality": ("measured", "missing"),
    "method": ("average",),
    "basis": ("lifecycle",),
    "grid_zone": ("IE", "FR"),
    "collector": ("aws:1",),
    "reason": ("auth",),
    "api": ("Get",),
    "direction": ("up", "down"),
}
OF_PROCESS = {"carbon_build_info", "process_start_time_seconds"}


def places(labels: tuple[str, ...]) -> list[dict[str, str]]:
    """All identities that a family has series of."""
    if "resource_id" in labels:
        kind = {"resource_type": "ec2_instance"}
        return [{**PLACE, **kind, "resource_id": machine} for machine in MACHINES]
    if "account" in labels:
        return [PLACE, OTHER]
    if "cloud_region" in labels:
        return [{"provider": "aws", "cloud_region": r} for r in ("eu-west-1", "eu-west-3")]
    return [{"provider": "aws"}] if "provider" in labels else [{}]


def series(job: str) -> Iterator[tuple[str, dict[str, str], float, bool]]:
    """Name, labels, value (or growth an hour) and whether it is a counter, of one exporter."""
    off = 1.0 if job == "a" else 1.001
    for family in FAMILIES:
        for place in places(family.labels):
            for labels in split(family.labels, place):
                stamp = family.name.endswith(("_timestamp_seconds", "start_time_seconds"))
                value = value_of(family.name, labels) * (1 if stamp else off)
                counter = family.kind is Kind.COUNTER
                yield family.name, labels | described(family.labels, labels, job), value, counter


def split(names: tuple[str, ...], place: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Give a place's labels with each choice of the labels that split a family."""
    open_names = [name for name in names if name in CHOICES and name not in place]
    if "cloud_region" in names:
        open_names = [name for name in open_names if name != "grid_zone"]
    found: list[dict[str, str]] = [dict(place)]
    for name in open_names:
        found = [{**labels, name: choice} for labels in found for choice in CHOICES[name]]
    yield from found


def described(names: tuple[str, ...], labels: Mapping[str, str], job: str) -> dict[str, str]:
    """Give the labels that only describe, about which the two exporters disagree."""
    zone = "IE" if labels.get("cloud_region") == "eu-west-1" else "FR"
    said = {
        "grid_zone": labels.get("grid_zone", zone),
        "name": f"{labels.get('resource_id', '')} of {job}",
        "instance_type": "m5.large" if job == "a" else "m5.xlarge",
        "location": "Dublin" if job == "a" else "Ireland",
        "latitude": "53",
        "longitude": "-6",
        "source": "grid" if job == "a" else "second",
        "confidence": "sku",
        "version": "1" if job == "a" else "2",
    }
    kept = {name: said[name] for name in names if name in said}
    return kept | ({"tag_team": f"team {job}"} if "instance_type" in names else {})


def value_of(name: str, labels: Mapping[str, str]) -> float:
    """Choose a plausible value; of counters, the growth in an hour."""
    fixed = {
        "_timestamp_seconds": AT - 300,
        "start_time_seconds": AT - 300,
        "cpu_utilization_ratio": CPU.get(labels.get("resource_id", ""), 0.0),
        "gpu_utilization_ratio": 0.0,
        "fallback_level": 0.0,
        "pue_ratio": 1.2,
        "gco2eq_per_kwh": 40.0 if {"FR", "eu-west-3"} & set(labels.values()) else 300.0,
        "low_watts": 60.0,
        "low_gco2eq_per_hour": 60.0,
        "high_watts": 130.0,
        "high_gco2eq_per_hour": 130.0,
    }
    found = next((value for end, value in fixed.items() if name.endswith(end)), None)
    split_by = next((label for label in VALUES if label in labels), None)
    if found is None and split_by:
        values = VALUES[split_by]
        return values[min(CHOICES[split_by].index(labels[split_by]), len(values) - 1)]
    return 100.0 if found is None else found


_USUAL = "account:carbon_emissions_gco2eq_per_hour"
_ACCOUNT = 'provider="aws",account="1"'
_IDLE = 'alertname="CarbonMachineIdle",severity="info"'
RULES_MADE = (
    (f"{_USUAL}:avg5m", _ACCOUNT, 200.0),
    (f"{_USUAL}:usual", _ACCOUNT, 150.0),
    (f"{_USUAL}:excess", _ACCOUNT, 50.0),
    ("estate:carbon_emissions_gco2eq_per_hour:notable", "", 5.0),
    ("ALERTS", f'{_IDLE},alertstate="firing",resource_id="i-idle"', 1.0),
    ("ALERTS_FOR_STATE", f'{_IDLE},resource_id="i-idle"', AT - 900.0),
)
"""Series that rules make, which know no scrape job: their own tests try how they come about."""


def times(name: str) -> Iterator[int]:
    step = FINE_STEP if name.endswith("_utilization_ratio") else STEP
    yield from range(SINCE, AT - 7200, step)
    yield from range(AT - 7200, AT + 1, SEEN_EVERY)


def history() -> Iterator[str]:
    """Write all series of both exporters as OpenMetrics text with timestamps."""
    by_name: dict[str, list[str]] = {}
    for job in ("a", "b"):
        target = {"job": job, "instance": f"{job}:9180"}
        for name, labels, value, counter in series(job):
            told = ",".join(f"{k}={json.dumps(v)}" for k, v in {**labels, **target}.items())
            of_series = by_name.setdefault(name, [])
            for at in times(name):
                shown = value * (at - SINCE) / 3600 + (500 if job == "b" else 0)
                of_series.append(f"{name}{{{told}}} {shown if counter else value} {at}")
    by_name |= {
        name: [f"{name}{{{told}}} {value} {at}" for at in times(name)]
        for name, told, value in RULES_MADE
    }
    for name, samples in by_name.items():
        kind = "counter" if name.endswith("_total") else "gauge"
        yield f"# TYPE {name.removesuffix('_total')} {kind}"
        yield from samples


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    with holding(tmp_path_factory.mktemp("two"), history()) as running:
        yield running


def distinct(values: list[tuple[Labels, float]]) -> list[tuple[Labels, float]]:
    return [({}, value) for value in {round(value) for _, value in values}]


def asked(expression: str, job: str) -> str:
    """Fill the variables in: a day's range, the region to compare with, and the scrape jobs."""
    chosen = expression.replace("${job:regex}", job)
    chosen = chosen.replace("${target:regex}", "eu-west-3").replace("${zone:regex}", "IE")
    return filled(chosen)


TARGETS: dict[str, Json] = {
    f"{name}:{panel['id']}:{target['refId']}": target
    for name, board in BOARDS.items()
    for panel in with_data(board)
    for target in panel["targets"]
    if "expr" in target
}
NOTES = {
    f"{name}:{note['name']}": note["expr"]
    for name, board in BOARDS.items()
    for note in board["annotations"]["list"]
}
OF_THE_EXPORTERS = re.compile(
    r"carbon_(api|collector|exposition|build|buckets|catch|repriced|regions_unknown)|process_|ALERTS|"
    r"scrape_"
)
"""Families that tell of an exporter itself: two exporters do send twice as many requests."""
SPELLINGS = "teams.json:3:A"
"""Counts the values of a tag: two exporters that spell it differently are two values."""
OF_SOURCES = re.compile(r"source\b")


SILENT = re.compile(
    r".*:[A-G]t$"  # tonnes, where it is kilograms
    r"|(kiosk.json:7|overview.json:1[1-4]|teams.json:6):B"  # others, where all are drawn
    r"|grid.json:(9:[CDE]|10:C|11:[BCD])"  # horizons that the estate does not forecast
    r"|grid.json:6:A"  # needs WattTime
    r"|health.json:13:[BCDE]"  # levels of fallback, where all is live
    r"|health.json:1[56]:[AB]|machines.json:1[24]:[AB]|teams.json:9:[AB]"  # nothing is amiss
)
"""Queries that rightly find nothing in this estate."""


OF_THE_ESTATE = [
    name
    for name, target in TARGETS.items()
    if not OF_THE_EXPORTERS.search(target["expr"]) and name != SPELLINGS
]


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_no_query_fails_where_two_exporters_disagree(target: Json, prometheus: Prometheus) -> None:
    expression = asked(target["expr"], ".*")
    if target.get("range"):
        prometheus.over_time(expression, AT - 3600, AT, SEEN_EVERY)
    else:
        prometheus.now(expression, AT)


@pytest.mark.parametrize("expression", NOTES.values(), ids=NOTES)
def test_no_annotation_fails_where_two_exporters_disagree(
    expression: str, prometheus: Prometheus
) -> None:
    prometheus.over_time(asked(expression, ".*"), AT - 3600, AT, SEEN_EVERY)


@pytest.mark.parametrize("name", OF_THE_ESTATE)
def test_two_exporters_of_one_estate_count_as_one(name: str, prometheus: Prometheus) -> None:
    target = TARGETS[name]
    one = prometheus.now(asked(target["expr"], "a"), AT)
    two = prometheus.now(asked(target["expr"], ".*"), AT)
    if OF_SOURCES.search(target["expr"]):
        # Two sources of one grid are two lines, each with a value that is right.
        one, two = distinct(one), distinct(two)
    assert len(two) == len(one)
    expected = sorted(value for _, value in one)
    assert sorted(value for _, value in two) == pytest.approx(expected, rel=0.01, abs=0.01)


@pytest.mark.parametrize("name", [name for name in TARGETS if not SILENT.fullmatch(name)])
def test_every_query_finds_something(name: str, prometheus: Prometheus) -> None:
    """A query that finds nothing would pass the others."""
    expression = asked(TARGETS[name]["expr"], ".*")
    assert prometheus.now(expression, AT) or "scrape_" in expression
