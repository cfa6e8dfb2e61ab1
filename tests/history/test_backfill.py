"""Backfill over the wire against exact ground truth, and where the past is not whole."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from exporter.app.assembly import assemble
from exporter.app.build import App, build
from exporter.app.demo_setup import Fakes, aws_environment
from exporter.core.clock import epoch, from_epoch
from exporter.core.model import Bounds, ResourceKey
from exporter.core.ports import PowerProfile
from exporter.core.units import Ratio, Watts
from exporter.demo.aws import Fault as AwsFault
from exporter.demo.aws import FaultKind as AwsKind
from exporter.demo.estate import Estate, EstateMachine, FacilityWatts, demo_estate
from exporter.demo.grid import Fault as GridFault
from exporter.demo.lateness import PUNCTUAL
from exporter.engine.store import Store
from exporter.history import Backfill, BackfillRequest, Plan, Report, make_plan
from exporter.history import prepare_state as prepared_state
from exporter.settings import Settings
from tests.support.clock import ManualClock

HOUR = 3600
STEP = 300
SETTLE = 300
NOW = datetime(2099, 3, 2, 10, 7, 13, tzinfo=UTC)
"""Monday. Far ahead: botocore compares the expiry of assumed credentials with the real clock."""
UNTIL = int(epoch(datetime(2099, 3, 2, 10, 0, tzinfo=UTC)))
SINCE = UNTIL - 3 * HOUR
"""07:00: office hours begin within it."""
LABELS = {"job": "carbon-exporter", "instance": "127.0.0.1:9180"}
GROUPS_OF_MACHINES = ("provider", "account", "cloud_region", "resource_type", "resource_id")

_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')

Series = dict[tuple[str, frozenset[tuple[str, str]]], list[tuple[float, float]]]
"""Sample name and labels to (time, value), in the order of the file."""


@dataclass
class Past:
    """The estate's fakes, an app on them, and what one backfill of it came to."""

    fakes: Fakes
    app: App
    clock: ManualClock
    folder: Path
    slept: list[float]

    def plan(self, **wishes: object) -> Plan:
        wanted = {"since": SINCE, "step": STEP, "labels": LABELS, **wishes}
        return make_plan(self.app, BackfillRequest(**wanted))  # type: ignore[arg-type] # by name

    def fill(self, plan: Plan | None = None) -> tuple[Report, Series]:
        output = self.folder / "om.txt"
        heard: list[tuple[str, int, int]] = []

        def tell(what: str, done: int, total: int) -> None:
            heard.append((what, done, total))

        report = Backfill(
            self.app, plan or self.plan(), output, tell, sleep=self.slept.append
        ).run()
        assert list(dict.fromkeys(what for what, _, _ in heard)) == [
            "reading the grids",
            "reading and counting",
            "writing",
        ]
        return report, parsed(output)


def silent(_what: str, _done: int, _total: int) -> None:
    """Show no progress."""


def parsed(file: Path) -> Series:
    """Read samples; tests/exposition has the reference parser read such files."""
    lines: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    with file.open(encoding="utf-8") as text:
        for line in text:
            if not line.startswith("#"):
                series, value, stamp = line.rsplit(" ", 2)
                lines[series].append((float(stamp), float(value)))
    return {identity(series): samples for series, samples in lines.items()}


def identity(series: str) -> tuple[str, frozenset[tuple[str, str]]]:
    name, _, labels = series.partition("{")
    return name, frozenset(_LABEL.findall(labels))


def of(series: Series, name: str, **labels: str) -> Series:
    wanted = set(labels.items())
    return {key: v for key, v in series.items() if key[0] == name and wanted <= key[1]}


def last(series: Series, name: str, **labels: str) -> float:
    (found,) = of(series, name, **labels).values()
    return found[-1][1]


Stage = Callable[..., Past]


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    for name, value in aws_environment(demo_estate()).items():
        if value:
            monkeypatch.setenv(name, value)
        else:
            monkeypatch.delenv(name, raising=False)
    with ExitStack() as stack:

        def start(estate: Estate, providers: tuple[str, ...] = ("aws", "gcp", "azure")) -> Past:
            clock = ManualClock(NOW)
            few = len(estate.machines) < len(lasting(demo_estate()).machines)
            regions = sorted({m.region for m in estate.of("aws").machines}) if few else []
            fakes = Fakes.of(estate, clock, lag_seconds=120, lateness=PUNCTUAL)
            stack.enter_context(fakes.listening())
            sections = [
                {**one, "regions": regions} if regions and one["kind"] == "aws" else one
                for one in fakes.providers()
                if one["kind"] in providers
            ]
            grids = [{"kind": "demo", "url": fakes.grid.url}]
            settings = {"providers": sections, "grids": grids, "tags": ["team"]}
            app = build(Settings.model_validate(settings), clock=clock)
            stack.callback(app.close)
            return Past(fakes, app, clock, tmp_path, [])

        yield start


def lasting(estate: Estate) -> Estate:
    """Leave out what pauses or ends within hours: clouds forget when it did."""
    machines = tuple(m for m in estate.machines if not m.name.startswith("demo-build-"))
    return replace(estate, machines=machines, groups=())


def facility_watts(app: App, plan: Plan) -> FacilityWatts:
    """Return what the product's power model and PUE make of a machine of the estate."""
    listed = {one.key: one for account in plan.accounts for one in account.inventory.machines}

    @cache
    def site(machine: EstateMachine) -> tuple[PowerProfile, float]:
        known = replace(
            listed[key_of(machine)], cpu_platform=machine.cpu_platform, disks=machine.disks
        )
        region = app.regions.find(machine.provider, machine.region)
        return app.power.profile(known), region.pue

    def drawn(
        machine: EstateMachine, utilization: Ratio, gpu: Ratio | None, read: Watts | None
    ) -> Watts:
        profile, pue = site(machine)
        if read is not None:
            profile = profile.with_gpu_watts(Bounds(read, read, read))
        return Watts(profile.power(utilization, gpu).it * pue)

    return drawn


def key_of(machine: EstateMachine) -> ResourceKey:
    """Identity of a machine of the estate as the adapters tell it; Azure ids know no case."""
    azure = machine.provider == "azure"
    ident = machine.resource_id.lower() if azure else machine.resource_id
    place = (machine.provider, machine.account, machine.region)
    return ResourceKey(*place, machine.resource_type, ident)


def test_hours_of_three_clouds_equal_the_ground_truth(stage: Stage) -> None:
    estate = lasting(demo_estate())
    past = stage(estate)
    plan = past.plan()
    report, series = past.fill(plan)
    assert report.gaps == ()
    watts = facility_watts(past.app, plan)
    sums: defaultdict[tuple[str, ...], list[float]] = defaultdict(lambda: [0.0, 0.0])
    compared = 0
    for machine in estate.machines:
        truth = estate.truth(machine, SINCE, UNTIL, resolution=STEP, facility_watts=watts)
        key = key_of(machine)
        labels = dict(zip(GROUPS_OF_MACHINES, key, strict=True))
        if not of(series, "carbon_resource_energy_joules_total", **labels):
            assert truth.joules == 0.0, machine.name
            continue
        compared += 1
        joules = last(series, "carbon_resource_energy_joules_total", **labels)
        grams = last(
            series, "carbon_resource_emissions_gco2eq_total", scope="operational", **labels
        )
        assert joules == pytest.approx(truth.joules, rel=1e-9), machine.name
        assert grams == pytest.approx(truth.grams, rel=1e-9), machine.name
        sums[key[:3]][0] += truth.joules
        sums[key[:3]][1] += truth.grams
    assert compared >= 110
    for place, (joules, grams) in sums.items():
        labels = dict(zip(GROUPS_OF_MACHINES[:3], place, strict=True))
        shown = last(series, "carbon_energy_joules_total", **labels)
        told = last(series, "carbon_emissions_gco2eq_total", scope="operational", **labels)
        assert shown == pytest.approx(joules, rel=1e-9), place
        assert told == pytest.approx(grams, rel=1e-9), place


def few(count: int, *, name: str = "") -> Estate:
    """Return some machines of AWS that never stop, or those of a name."""
    usual = demo_estate().of("aws").machines
    some = [m for m in usual if name in m.name and m.resource_type == "ec2_instance"]
    return Estate(machines=tuple(some[:count]))


def test_stamps_are_those_at_which_a_live_exporter_knows_and_close_up_to_the_seam(
    stage: Stage,
) -> None:
    past = stage(few(2), ("aws",))
    begin = UNTIL - 6 * HOUR
    _, series = past.fill(past.plan(since=begin))
    ((_, samples),) = of(series, "carbon_emissions_gco2eq_total", scope="embodied").items()
    stamps = [at for at, _ in samples]
    assert stamps[:12] == [begin + SETTLE + STEP * number for number in range(12)]
    assert (stamps[-2], stamps[-1]) == (UNTIL + SETTLE - 15, UNTIL + SETTLE)
    assert all(0 < right - left <= STEP for left, right in pairwise(stamps))
    assert samples[0][1] == 0.0
    rises = [(b - a) / (t - s) for (s, a), (t, b) in pairwise(samples)]
    assert rises == pytest.approx([rises[0]] * len(rises), rel=1e-6)
    assert all(set(LABELS.items()) <= labels for _, labels in series)


def test_a_run_that_the_cloud_forgot_is_found_in_the_data(stage: Stage) -> None:
    """Of the day before the inventory tells nothing any more; the data tells all but its edges."""
    estate = Estate(machines=tuple(m for m in demo_estate().of("aws").machines if "desk" in m.name))
    assert estate.machines
    past = stage(estate, ("aws",))
    past.clock.set(NOW + timedelta(days=1))
    plan = past.plan(since=SINCE)
    _, series = past.fill(plan)
    watts = facility_watts(past.app, plan)
    end = plan.accounts[0].until
    for machine in estate.machines:
        truth = estate.truth(machine, SINCE, end, resolution=STEP, facility_watts=watts)
        key = dict(zip(GROUPS_OF_MACHINES, key_of(machine), strict=True))
        joules = last(series, "carbon_resource_energy_joules_total", **key)
        day = (SINCE, SINCE + 15 * HOUR)
        assert estate.truth(machine, *day, resolution=STEP, facility_watts=watts).joules > 0
        assert joules == pytest.approx(truth.joules, rel=0.01), machine.name
        assert joules >= truth.joules * (1 - 1e-9)


def test_a_cloud_that_refuses_is_named_and_the_others_go_on(stage: Stage) -> None:
    past = stage(
        Estate(machines=(*few(1).machines, demo_estate().of("gcp").machines[0])), ("aws", "gcp")
    )
    past.fakes.aws.faults.add(AwsFault(kind=AwsKind.EXPIRED_CREDENTIALS))
    report, series = past.fill(past.plan(since=UNTIL - HOUR))
    assert {gap.collector.split(":")[0] for gap in report.gaps} == {"aws"}
    assert of(series, "carbon_energy_joules_total", provider="gcp")
    assert not of(series, "carbon_energy_joules_total", provider="aws")


def test_what_cannot_be_read_is_tried_again_then_named_and_counted_missing(stage: Stage) -> None:
    past = stage(few(2), ("aws",))
    plan = past.plan(since=UNTIL - HOUR)
    past.fakes.aws.faults.add(AwsFault(kind=AwsKind.THROTTLING, operation="GetMetricData"))
    report, series = past.fill(plan)
    assert [pause for pause in past.slept if pause] == [5.0, 20.0, 60.0]
    (gap,) = report.gaps
    assert (gap.start, gap.end) == (UNTIL - HOUR, UNTIL)
    assert gap.what == "the CPU of 2 machines"
    missing = of(series, "carbon_observed_seconds_total", quality="missing").values()
    assert sum(samples[-1][1] for samples in missing) == 2 * HOUR
    for samples in of(series, "carbon_energy_joules_total").values():
        assert samples[-1][1] == 0.0


def test_a_grid_that_is_down_is_named_and_the_yearly_average_prices(stage: Stage) -> None:
    past = stage(few(1), ("aws",))
    past.fakes.grid.inject(GridFault.FORBIDDEN)
    report, series = past.fill(past.plan(since=UNTIL - HOUR))
    (gap,) = report.gaps
    assert (gap.collector, gap.what) == ("demo", f"the grid of {few(1).machines[0].grid_zone}")
    levels = of(series, "carbon_grid_intensity_fallback_level").values()
    assert {value for samples in levels for _, value in samples} == {4.0}


def test_a_daemon_on_the_prepared_state_counts_on_without_gap_or_overlap(stage: Stage) -> None:
    estate = few(3)
    past = stage(estate, ("aws",))
    plan = past.plan(since=UNTIL - HOUR)
    _, series = past.fill(plan)
    state = past.folder / "state.db"
    prepared_state(state, plan)
    past.clock.advance(2 * HOUR + 77)
    live = assemble(past.app, Store.open(state))
    try:
        for polled in live.polled:
            assert polled.collector.run()
        snapshot = live.daemon.snapshot()
        (final,) = {polled.collector.final for polled in live.polled if polled.collector.final}
    finally:
        live.store.close()
    watts = facility_watts(past.app, plan)
    begin = UNTIL - HOUR
    for machine in estate.machines:
        truth = estate.truth(machine, begin, final, resolution=STEP, facility_watts=watts)
        (view,) = [v for v in snapshot.resources if v.machine.key == key_of(machine)]
        key = dict(zip(GROUPS_OF_MACHINES, key_of(machine), strict=True))
        before = last(series, "carbon_resource_energy_joules_total", **key)
        assert before > 0
        assert view.energy > 0
        assert before + view.energy == pytest.approx(truth.joules, rel=1e-9)


def test_history_ends_where_each_collector_began_to_count(stage: Stage) -> None:
    machines = (*few(1).machines, demo_estate().of("gcp").machines[0])
    past = stage(Estate(machines=machines), ("aws", "gcp"))
    names = {provider.kind: provider.name for provider in past.app.providers}
    began = {names["aws"]: UNTIL - 1800, names["gcp"]: UNTIL - 600}
    report, series = past.fill(past.plan(since=UNTIL - HOUR, counted_since=began))
    assert report.gaps == ()
    name = "carbon_energy_joules_total"
    ends = {
        provider: {samples[-1][0] for samples in of(series, name, provider=provider).values()}
        for provider in ("aws", "gcp")
    }
    assert ends == {"aws": {UNTIL - 1800 + SETTLE}, "gcp": {UNTIL - 600 + SETTLE}}
    grids = of(series, "carbon_grid_intensity_gco2eq_per_kwh").values()
    assert {samples[-1][0] for samples in grids} == {UNTIL - 1800 + SETTLE}


def test_what_no_cloud_keeps_is_not_asked_for(stage: Stage) -> None:
    past = stage(few(1), ("aws",))
    plan = past.plan(since=epoch(NOW - timedelta(days=100)))
    (account,) = plan.accounts
    assert from_epoch(account.start) - (NOW - timedelta(days=63)) < timedelta(minutes=10)
    (note,) = plan.notes
    assert "63 days" in note


def test_a_folder_gets_a_file_for_each_day(stage: Stage) -> None:
    past = stage(few(1), ("aws",))
    folder = past.folder / "days"
    folder.mkdir()
    midnight = UNTIL - 10 * HOUR
    plan = past.plan(since=midnight - HOUR, until=midnight + HOUR)
    report = Backfill(past.app, plan, folder, silent).run()
    assert [file.name for file in report.files] == ["2099-03-01.om", "2099-03-02.om"]
    days = [parsed(file) for file in report.files]
    times = [
        [at for samples in of(day, "carbon_energy_joules_total").values() for at, _ in samples]
        for day in days
    ]
    assert times[0][-1] < midnight <= times[1][0] <= midnight + 2 * STEP
    assert times[1][-1] == midnight + HOUR + SETTLE
    assert sorted(folder.iterdir()) == list(report.files)
