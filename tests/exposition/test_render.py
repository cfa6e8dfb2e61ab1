import gzip
import math
import os
import subprocess
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import Metric
from structlog.testing import capture_logs

from exporter.core.model import Bounds, Power, RunState
from exporter.core.snapshot import ResourceView, Snapshot
from exporter.core.units import GCO2eqPerHour, Watts
from exporter.exposition.catalogue import FAMILIES, LABELS, PROCESS, Kind
from exporter.exposition.render import Body, MachineLabels, Renderer
from exporter.exposition.text import MAX_LABEL_CHARS
from tests.support.exposition import TAGS, parse_openmetrics, parse_text
from tests.support.snapshots import (
    AWKWARD,
    a_machine,
    a_now,
    a_region,
    a_view,
    rich_snapshot,
)

FILLED_BY_RENDERER = {
    "carbon_exposition_series",
    "carbon_exposition_series_limit",
    "carbon_exposition_series_dropped",
    "carbon_build_info",
    *(family.name for family in PROCESS),
}
GOLDEN = Path(__file__).parent.parent / "golden"


def values(metrics: Iterable[Metric], name: str) -> dict[tuple[tuple[str, str], ...], float]:
    return {
        tuple(sample.labels.items()): sample.value
        for metric in metrics
        for sample in metric.samples
        if sample.name == name
    }


def own_lines(body: Body) -> str:
    """Return the exposition without what differs between machines and runs."""
    volatile = ("process_", "python_", "# HELP process_", "# HELP python_", "# TYPE process_",
                "# TYPE python_", "# UNIT process_")  # fmt: skip
    lines = body.plain.decode().splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(volatile))


def test_totals_that_are_withheld_are_absent_and_gauges_go_on(renderer: Renderer) -> None:
    snapshot = Snapshot(
        time=1.0,
        resources=(a_view(1, withheld=True, now=a_now()), a_view(2)),
        regions=(a_region(withheld=True),),
        buckets_corrected=None,
    )
    metrics = list(parse_text(renderer.render(snapshot).text))
    assert len(values(metrics, "carbon_resource_energy_joules_total")) == 1
    assert len(values(metrics, "carbon_resource_emissions_gco2eq_total")) == 2
    assert len(values(metrics, "carbon_resource_emissions_gco2eq_per_hour")) >= 2
    assert len(values(metrics, "carbon_power_watts")) == 1
    for name in ("energy_joules", "emissions_gco2eq", "observed_seconds", "buckets_corrected"):
        assert values(metrics, f"carbon_{name}_total") == {}


@pytest.mark.parametrize("name", ["text", "openmetrics"])
def test_exposition_is_golden(renderer: Renderer, name: str) -> None:
    """A deliberate change is taken over by running this test with UPDATE_GOLDEN=1."""
    path = GOLDEN / f"metrics.{name}.txt"
    shown = own_lines(getattr(renderer.render(rich_snapshot()), name))
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(shown, encoding="utf-8")
    assert shown == path.read_text(encoding="utf-8")


def test_promtool_has_nothing_to_say(renderer: Renderer, promtool: str) -> None:
    page = renderer.render(rich_snapshot()).text.plain
    result = subprocess.run(
        [promtool, "check", "metrics"], input=page, capture_output=True, check=False
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")


def test_full_snapshot_shows_every_family_of_the_catalogue_and_no_other(
    renderer: Renderer,
) -> None:
    exposition = renderer.render(rich_snapshot())
    heads = exposition.text.plain.decode().splitlines()
    shown = [line.split()[2:4] for line in heads if line.startswith("# TYPE")]
    assert shown == [[family.name, family.kind] for family in FAMILIES]


def test_samples_have_the_labels_of_the_catalogue(renderer: Renderer) -> None:
    families = {family.name: family for family in FAMILIES}
    tags = ("tag_team", "tag_cost_center")
    for metric in parse_text(renderer.render(rich_snapshot()).text):
        for sample in metric.samples:
            extra = tags if sample.name == "carbon_resource_info" else ()
            assert tuple(sample.labels) == families[sample.name].labels + extra


def test_both_formats_say_the_same(renderer: Renderer) -> None:
    exposition = renderer.render(rich_snapshot())
    text = {s.name: s for m in parse_text(exposition.text) for s in m.samples}
    openmetrics = {s.name: s for m in parse_openmetrics(exposition.openmetrics) for s in m.samples}
    assert text == openmetrics


def test_openmetrics_names_counters_without_total_and_ends_with_eof(renderer: Renderer) -> None:
    page = renderer.render(rich_snapshot()).openmetrics.plain.decode()
    assert "# TYPE carbon_energy_joules counter\n# UNIT carbon_energy_joules joules\n" in page
    assert page.endswith("# EOF\n")
    assert "_created" not in page


def test_compressed_bodies_hold_the_same_bytes(renderer: Renderer) -> None:
    exposition = renderer.render(rich_snapshot())
    for body in (exposition.text, exposition.openmetrics):
        assert gzip.decompress(body.gzipped) == body.plain


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(exclude_categories=()), max_size=300))
def test_any_text_comes_back_from_both_parsers(text: str) -> None:
    view = a_view(machine=a_machine(name=text, tags={"team": text}))
    exposition = Renderer(version="1", tags=TAGS).render(Snapshot(time=1.0, resources=(view,)))
    for metrics in (parse_text(exposition.text), parse_openmetrics(exposition.openmetrics)):
        (labels,) = (dict(pairs) for pairs in values(metrics, "carbon_resource_info"))
        assert labels["name"] == labels["tag_team"]
        assert len(labels["name"]) == min(len(text), MAX_LABEL_CHARS)
        if text.isprintable() and len(text) <= MAX_LABEL_CHARS:
            assert labels["name"] == text


def test_awkward_tag_is_kept_as_far_as_it_is_text(renderer: Renderer) -> None:
    metrics = parse_text(renderer.render(rich_snapshot()).text)
    infos = [dict(pairs) for pairs in values(metrics, "carbon_resource_info")]
    (labels,) = (info for info in infos if info["resource_id"].endswith("3"))
    clean = AWKWARD.replace("\x00", "\ufffd").replace("\x1b", "\ufffd").replace("\udc80", "\ufffd")
    assert labels["name"] == labels["tag_cost_center"] == clean
    assert labels["tag_team"] == "x" * (MAX_LABEL_CHARS - 1) + "…"


@pytest.mark.parametrize(
    ("field", "place"),
    [
        ("group", "group"),
        ("cluster", "kubernetes_cluster"),
        ("node_pool", "node_pool"),
        ("provider_id", "provider_id"),
        ("lifecycle", "lifecycle"),
    ],
)
def test_what_the_cloud_says_of_a_machines_place_is_on_the_info_series(
    renderer: Renderer, field: str, place: str
) -> None:
    view = a_view(machine=a_machine(1, **{field: AWKWARD}))
    before = Snapshot(time=1.0, resources=(a_view(),))
    after = Snapshot(time=2.0, resources=(view,))
    (plain,) = values(parse_text(renderer.render(before).text), "carbon_resource_info")
    (placed,) = values(parse_text(renderer.render(after).text), "carbon_resource_info")
    assert dict(plain)[place] == ""
    assert dict(placed)[place].startswith('say "hi"\nback\\slash 🌍')


def test_machine_without_current_values_keeps_its_counters_only(renderer: Renderer) -> None:
    snapshot = Snapshot(time=1.0, resources=(a_view(now=None),))
    metrics = parse_text(renderer.render(snapshot).text)
    assert {metric.name for metric in metrics if metric.name.startswith("carbon_resource_")} == {
        "carbon_resource_info",
        "carbon_resource_energy_joules",
        "carbon_resource_emissions_gco2eq",
    }


def test_components_that_draw_nothing_are_left_out_and_the_rest_adds_up(
    renderer: Renderer,
) -> None:
    def components(power: Power) -> dict[str, float]:
        now = replace(a_now(), power=power, overhead=Watts(4.0))
        page = renderer.render(Snapshot(time=1.0, resources=(a_view(now=now),))).text
        shown = values(parse_text(page), "carbon_resource_power_watts")
        return {dict(labels)["component"]: watts for labels, watts in shown.items()}

    idle = Power(Watts(0.0), Watts(5.0), Watts(0.0), Watts(0.0), Watts(0.0))
    assert components(idle) == {"cpu": 0.0, "memory": 5.0, "overhead": 4.0}
    full = Power(Watts(9.0), Watts(5.0), Watts(150.0), Watts(2.0), Watts(1.0), Watts(3.0))
    assert components(full) == {**full._asdict(), "overhead": 4.0}


def test_counters_are_exact(renderer: Renderer) -> None:
    joules = 123_456_789_012.3456
    snapshot = Snapshot(time=1.0, regions=(a_region(energy=joules),))
    shown = values(parse_text(renderer.render(snapshot).text), "carbon_energy_joules_total")
    assert list(shown.values()) == [joules]


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_absent(renderer: Renderer, number: float) -> None:
    snapshot = Snapshot(
        time=1.0,
        resources=(a_view(energy=number),),
        regions=(a_region(power=Bounds(number, number, number)),),
    )
    page = renderer.render(snapshot).text.plain.decode()
    assert "carbon_resource_energy_joules_total" not in page
    assert "carbon_power_watts" not in page
    assert "carbon_resource_emissions_gco2eq_total{" in page


def test_region_without_current_machines_has_states_at_zero_but_no_power(
    renderer: Renderer,
) -> None:
    snapshot = Snapshot(time=1.0, regions=(a_region(power=None, rate=None, states={}),))
    metrics = parse_text(renderer.render(snapshot).text)
    assert list(values(metrics, "carbon_resources").values()) == [0.0] * 4
    assert not values(metrics, "carbon_power_watts")
    assert not values(metrics, "carbon_emissions_gco2eq_per_hour")


def test_collector_that_was_not_tried_has_failures_at_zero_but_no_success(
    renderer: Renderer,
) -> None:
    metrics = parse_text(renderer.render(rich_snapshot()).text)
    success = values(metrics, "carbon_collector_success")
    assert {dict(labels)["collector"]: value for labels, value in success.items()} == {
        "aws/111122223333": 1.0,
        "neso": 0.0,
    }
    failures = values(metrics, "carbon_collector_failures_total")
    by_reason = {(dict(k)["collector"], dict(k)["reason"]): v for k, v in failures.items()}
    assert len(by_reason) == 15
    assert by_reason["store", "auth"] == 0.0
    assert by_reason["neso", "unreachable"] == 3.0


def test_before_the_first_snapshot_there_are_self_metrics_only(renderer: Renderer) -> None:
    metrics = parse_openmetrics(renderer.render(None).openmetrics)
    prefixes = ("carbon_exposition_", "carbon_build_", "process_", "python_")
    assert all(metric.name.startswith(prefixes) for metric in metrics)
    assert not values(metrics, "carbon_exposition_timestamp_seconds")


def test_series_count_is_what_is_there(renderer: Renderer) -> None:
    exposition = renderer.render(rich_snapshot())
    metrics = parse_text(exposition.text)
    assert exposition.series == sum(len(metric.samples) for metric in metrics)
    assert values(metrics, "carbon_exposition_series") == {(): exposition.series}


def fleet() -> Snapshot:
    views = tuple(a_view(number, grams=float(number)) for number in range(1, 21))
    return replace(rich_snapshot(), resources=views)


def test_series_limit_drops_whole_machines_lowest_emitters_first() -> None:
    full = Renderer(version="1").render(fleet())
    limited = Renderer(version="1", max_series=full.series - 35).render(fleet())
    metrics = parse_text(limited.text)
    shown = {dict(labels)["resource_id"] for labels in values(metrics, "carbon_resource_info")}
    assert shown == {f"i-{number:017x}" for number in range(5, 21)}
    assert limited.series == full.series - 44
    assert values(metrics, "carbon_exposition_series_dropped") == {(): 44.0}
    assert values(metrics, "carbon_exposition_series_limit") == {(): full.series - 35}


def shown_of(renderer: Renderer, snapshot: Snapshot) -> set[str]:
    page = parse_text(renderer.render(snapshot).text)
    return {dict(labels)["resource_id"] for labels in values(page, "carbon_resource_info")}


def emitting(number: int, grams_per_hour: float, **changes: object) -> ResourceView:
    now = a_now()
    rate = replace(now.rate, operational=GCO2eqPerHour(grams_per_hour))
    return a_view(number, now=replace(now, rate=rate), **changes)  # type: ignore[arg-type] # by name


def test_above_the_series_limit_a_new_heavy_emitter_shows_and_a_little_more_changes_nothing() -> (
    None
):
    old = [emitting(number, 10.0, grams=9000.0) for number in range(1, 11)]
    base = replace(rich_snapshot(), resources=tuple(old))
    limit = Renderer(version="1").render(base).series
    renderer = Renderer(version="1", max_series=limit)
    newcomer = f"i-{11:017x}"
    little, heavy = (emitting(11, rate, grams=0.0) for rate in (11.0, 1000.0))
    assert newcomer in shown_of(renderer, replace(base, resources=(*old, heavy)))
    renderer = Renderer(version="1", max_series=limit)
    gone = replace(old[0].machine, state=RunState.GONE)
    shown_of(renderer, replace(base, resources=(*old, emitting(11, 1.0, grams=0.0))))
    assert newcomer not in shown_of(renderer, replace(base, resources=(*old, little)))
    dead = replace(old[0], machine=gone, now=None)
    assert newcomer in shown_of(renderer, replace(base, resources=(dead, *old[1:], little)))


def test_series_limit_never_touches_totals_grids_and_self_metrics() -> None:
    limited = Renderer(version="1", max_series=1).render(fleet())
    names = {metric.name for metric in parse_text(limited.text)}
    expected = {f.name for f in FAMILIES if not f.name.startswith("carbon_resource_")}
    assert names == {name.removesuffix("_total") for name in expected}
    assert limited.dropped == 20 * 11


def test_series_limit_is_logged_when_it_begins_and_when_it_ends() -> None:
    renderer = Renderer(version="1", max_series=1)
    with capture_logs() as logs:
        renderer.render(fleet())
        renderer.render(fleet())
        renderer.render(Snapshot(time=1.0))
    assert [entry["machines_left_out"] for entry in logs] == [20, 0]


def test_info_follows_the_machine(renderer: Renderer) -> None:
    renderer.render(fleet())
    renamed = a_view(machine=a_machine(name="new name"), grid_zone="BE")
    page = renderer.render(Snapshot(time=1.0, resources=(renamed,))).text.plain.decode()
    assert 'name="new name"' in page
    assert 'grid_zone="BE"' in page


def test_labels_are_kept_while_the_machine_is_there_and_then_forgotten() -> None:
    labels, view, other = MachineLabels(()), a_view(1), a_view(2)
    first = labels.of([view])[view.machine.key]
    assert labels.of([a_view(1), other])[view.machine.key] is first
    assert list(labels.of([other])) == [other.machine.key]
    assert labels.of([view])[view.machine.key] is not first


def test_catalogue_is_well_formed() -> None:
    names = [family.name for family in FAMILIES]
    assert len(names) == len(set(names))
    for family in FAMILIES:
        assert family.name.endswith("_total") == (family.kind is Kind.COUNTER)
        assert not set(family.help) & set('\n\\"')
        assert family.help.endswith(".")
        assert set(family.labels) <= set(LABELS)
        sources = (family.series, family.current, family.samples)
        assert sum(map(bool, sources)) == (0 if family.name in FILLED_BY_RENDERER else 1)
        if family.unit:
            assert family.openmetrics_name.endswith(f"_{family.unit}")


def test_process_families_are_those_of_prometheus_client() -> None:
    shown = {metric.name for metric in parse_text(Renderer(version="1").render(None).text)}
    assert {family.openmetrics_name for family in PROCESS} <= shown
