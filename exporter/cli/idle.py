"""``idle``: the machines that did nothing for a week, and what switching them off saves."""

import os
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Final

import typer

from exporter import app, logs
from exporter.advice.idle import MEASURED, QUANTILE, SPAN, THRESHOLD, Idleness, Use, Week, judge
from exporter.app.assembly import bucket_rules
from exporter.cli._asked import ask, built_app, in_force
from exporter.cli._options import Config, Json
from exporter.cli._shown import (
    ABSENT,
    DAY,
    counting,
    lenient_output,
    number,
    print_failure,
    print_json,
    print_line,
    print_table,
    progress,
)
from exporter.core.clock import epoch, floor_to
from exporter.core.errors import CollectorError
from exporter.core.model import (
    IntensityInForce,
    Inventory,
    Machine,
    Method,
    Rate,
    ResourceKey,
    RunState,
    Usage,
    UsageSeries,
    Window,
)
from exporter.core.ports import Provider
from exporter.core.units import (
    GRAMS_PER_KILOGRAM,
    PERCENT,
    GCO2eqPerHour,
    Ratio,
    emission_rate,
)
from exporter.engine.estimate import facility_power, it_power
from exporter.history.demo import demo_past
from exporter.history.plan import slice_seconds
from exporter.settings import Settings, load

ORDER: Final = 96
SUMMARY: Final = "List machines that idled for a week, and what they would save."
EXAMPLES: Final = (
    "carbon-exporter idle",
    "carbon-exporter idle --all --json",
    "carbon-exporter idle --demo",
)

HOURS_PER_MONTH: Final = 730
"""A year of 8,760 hours over twelve."""
_COARSEST: Final = 300
"""Seconds: finer buckets tell no more of a week, and cost memory."""
_HEAD: Final = ("MACHINE", "TYPE", "REGION", "CPU", "SAVES kg", "BUILT kg")
_NAME: Final = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A machine with its verdict; grams are per hour."""

    machine: Machine
    idleness: Idleness
    intensity: IntensityInForce | None


@dataclass(slots=True, kw_only=True)
class _Seen:
    """What was read of a machine: values of the week, and from when there was any."""

    since: float | None = None
    cpu: "array[float]" = field(default_factory=lambda: array("d"))
    gpu: "array[float]" = field(default_factory=lambda: array("d"))

    def add(self, series: UsageSeries, week: int) -> None:
        """Take in a slice; what lies before the week only tells that the machine was there."""
        starts = [*series.cpu]
        if starts:
            first = min(starts)
            self.since = first if self.since is None else min(self.since, first)
        self.cpu.extend(value for at, value in series.cpu.items() if at >= week)
        self.gpu.extend(value for at, value in series.gpu.items() if at >= week)


def idle(
    *,
    every: Annotated[
        bool, typer.Option("--all", help="List the others too, with why they do not idle.")
    ] = False,
    demo: Annotated[
        bool, typer.Option("--demo", help="Ask nobody: take the simulated estate.")
    ] = False,
    config: Config = None,
    as_json: Json = False,
) -> int:
    """List the machines that did nothing for a week, and what switching them off saves.

    The last eight days are read from the configured clouds. Idle: CPU below 5 % in 99 % of seven
    days, measured in 80 % of them, and there when they began; a GPU that works, or that nobody
    measures, is no idling. SAVES is operational CO2eq a month, with the grid of now. BUILT is what
    its hardware stands for in a month: that does not end with it. Exit 1: a part was not read.
    """
    lenient_output()
    with _settings(config, demo=demo) as settings, built_app(settings) as built:
        verdicts, troubles = survey(built)
    shown = [one for one in verdicts if every or one.idleness.use is Use.IDLE]
    if as_json:
        print_json(document(shown, verdicts, troubles))
    else:
        _show(shown, verdicts, every=every)
        for name in _without_past(built):
            print_line(f"{name} keeps no history: its machines are not judged", style="dim")
    for trouble in troubles:
        print_failure(trouble)
    return int(bool(troubles))


@contextmanager
def _settings(config: Path | None, *, demo: bool) -> Iterator[Settings]:
    if demo:
        logs.configure("error", "auto")
        with demo_past("127.0.0.1:0") as settings:
            yield settings
        return
    settings = load(config, os.environ)
    logs.configure("error", settings.log_format)
    yield settings


def survey(built: app.App) -> tuple[list[Verdict], list[str]]:
    """Judge the machines of all providers, those that save most first; and what was not read."""
    weeks: list[tuple[Machine, Week]] = []
    troubles: list[str] = []
    for provider in built.providers:
        if provider.name in _without_past(built):
            continue
        inventory = _listed(provider)
        troubles += [f"{provider.name}: {error}" for error in inventory.failures]
        weeks += _weeks(built, provider, inventory, troubles)
    zones = sorted({_zone(built, machine) for machine, _ in weeks})
    book = app.ask_book(built)
    if zones:
        with progress(f"asking about {len(zones)} grid zones"):
            ask(built, book, zones, Method.AVERAGE)
    now = epoch(built.clock.now())
    verdicts = []
    for machine, week in weeks:
        force = in_force(book, _zone(built, machine), now, Method.AVERAGE)
        rate = _rate(built, machine, week, force)
        judged = judge(replace(week, rate=rate))
        verdicts.append(Verdict(machine=machine, idleness=judged, intensity=force))
    verdicts.sort(key=lambda one: (-(one.idleness.saves or 0.0), one.machine.key))
    return verdicts, troubles


def _without_past(built: app.App) -> list[str]:
    return [one.name for one in built.providers if not one.retention(_COARSEST)]


def _listed(provider: Provider) -> Inventory:
    try:
        with progress(f"listing machines of {provider.name}"):
            return provider.discover()
    except CollectorError as error:
        return Inventory(machines=(), unseen_all=True, failures=(error,))


def _weeks(
    built: app.App, provider: Provider, inventory: Inventory, troubles: list[str]
) -> list[tuple[Machine, Week]]:
    """Read eight days of every machine that runs, in slices."""
    running = [one for one in inventory.machines if one.state is RunState.RUNNING]
    if not running:
        return []
    resolution = max(_COARSEST, bucket_rules(built, provider).resolution)
    end = floor_to(epoch(built.clock.now()) - provider.settle, resolution)
    week = end - SPAN
    begin = max(week - DAY, end - provider.retention(resolution) + resolution)
    begin = floor_to(begin, resolution)
    length = slice_seconds(len(running), resolution)
    seen = {machine.key: _Seen() for machine in running}
    starts = range(begin, end, length)
    with counting(f"stretches of {provider.name}", len(starts)) as done:
        for number_of, start in enumerate(starts, 1):
            window = Window(start=start, end=min(end, start + length), resolution=resolution)
            troubles += _read(provider, running, window, seen, week)
            done(number_of)
    return [
        (machine, _week(built, machine, seen[machine.key], resolution, end)) for machine in running
    ]


def _read(
    provider: Provider,
    machines: Sequence[Machine],
    window: Window,
    seen: Mapping[ResourceKey, _Seen],
    week: int,
) -> list[str]:
    """Read a slice; returns what failed. What was not read lowers what was measured."""
    try:
        reading = provider.read(machines, window)
    except CollectorError as error:
        return [f"{provider.name}: {error}"]
    for series in reading.series:
        if series.key in seen:
            seen[series.key].add(series, week)
    return [f"{provider.name}: {error}" for error in reading.failures]


def _week(built: app.App, machine: Machine, seen: _Seen, resolution: int, end: int) -> Week:
    shape = machine.shape or built.types.find(machine.key.provider, machine.instance_type)
    return Week(
        key=machine.key,
        cpu=[Ratio(value) for value in seen.cpu],
        gpu=[Ratio(value) for value in seen.gpu],
        has_gpu=bool(shape and shape.gpu_count),
        buckets=SPAN // resolution,
        since=end if seen.since is None else seen.since,
        now=end,
    )


def _zone(built: app.App, machine: Machine) -> str:
    region = built.regions.find(machine.key.provider, machine.key.cloud_region)
    return machine.grid_zone or region.grid_zone


def _rate(
    built: app.App, machine: Machine, week: Week, force: IntensityInForce | None
) -> Rate | None:
    """Return grams per hour at the week's mean load, on the grid of now."""
    if not week.cpu or force is None:
        return None
    region = built.regions.find(machine.key.provider, machine.key.cloud_region)
    pue = region.pue if machine.pue is None else machine.pue
    profile = built.power.profile(machine)
    gpu = Ratio(sum(week.gpu) / len(week.gpu)) if week.gpu else None
    usage = Usage(Ratio(sum(week.cpu) / len(week.cpu)), gpu)
    watts = facility_power(it_power(profile, usage), pue)
    return Rate(
        operational=emission_rate(watts, force.gco2eq_per_kwh),
        embodied=GCO2eqPerHour(profile.embodied().central),
    )


# --- how it is told -------------------------------------------------------------------------------


def document(
    shown: Iterable[Verdict], verdicts: Sequence[Verdict], troubles: Sequence[str]
) -> Mapping[str, object]:
    """Return the verdicts as an object; grams are per hour."""
    return {
        "definition": {
            "cpu_below": THRESHOLD,
            "quantile": QUANTILE,
            "seconds": SPAN,
            "measured_at_least": MEASURED,
        },
        "machines": len(verdicts),
        "idle": sum(one.idleness.use is Use.IDLE for one in verdicts),
        "saves_gco2eq_per_hour": sum(one.idleness.saves or 0.0 for one in verdicts),
        "resources": [_object(one) for one in shown],
        "failures": list(troubles),
    }


def _object(one: Verdict) -> Mapping[str, object]:
    machine, told, force = one.machine, one.idleness, one.intensity
    return {
        **machine.key._asdict(),
        "name": machine.name,
        "instance_type": machine.instance_type,
        "use": told.use,
        "cpu_utilization_ratio_p99": told.cpu,
        "measured_ratio": told.measured,
        "saves_gco2eq_per_hour": told.saves,
        "embodied_gco2eq_per_hour": told.embodied,
        "grid_source": force.source if force else None,
    }


def _show(shown: Sequence[Verdict], verdicts: Sequence[Verdict], *, every: bool) -> None:
    idling = [one for one in verdicts if one.idleness.use is Use.IDLE]
    saved = _monthly(sum(one.idleness.saves or 0.0 for one in idling))
    built = _monthly(sum(one.idleness.embodied or 0.0 for one in idling))
    if shown:
        head = (*_HEAD, "USE") if every else _HEAD
        print_table("", head, [_row(one, every=every) for one in shown])
    print_line(
        f"{len(idling)} of {len(verdicts)} machines that run idle; switching them off saves "
        f"{number(saved)} kg CO2eq a month",
        style="bold",
    )
    if idling:
        print_line(
            f"their hardware stands for another {number(built)} kg a month, which does not end "
            "with them",
            style="dim",
        )


def _monthly(grams: float) -> float:
    return grams * HOURS_PER_MONTH / GRAMS_PER_KILOGRAM


def _row(one: Verdict, *, every: bool) -> Sequence[str]:
    machine, told = one.machine, one.idleness
    name = machine.name or machine.key.resource_id.rpartition("/")[2]
    cells = (
        name if len(name) <= _NAME else f"{name[: _NAME - 1]}…",
        machine.instance_type,
        machine.key.cloud_region,
        ABSENT if told.cpu is None else f"{PERCENT * told.cpu:.1f}%",
        ABSENT if told.saves is None else number(_monthly(told.saves)),
        ABSENT if told.embodied is None else number(_monthly(told.embodied)),
    )
    return (*cells, told.use) if every else cells
