"""``signal``: what share of its capacity deferrable work should use now, and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final

import typer

from exporter.advice import capacity
from exporter.advice.capacity import Reason, Target
from exporter.cli._ahead import (
    Ahead,
    CloudRegions,
    Demo,
    Exporter,
    Zones,
    chart,
    find_ahead,
    grids,
    origin,
    places_of,
    policy_of,
)
from exporter.cli._asked import NothingKnownError
from exporter.cli._options import Config, Json, UsageError, parse_span
from exporter.cli._shown import (
    clock_time,
    lenient_output,
    number,
    print_failure,
    print_json,
    print_line,
    speaks_unicode,
)
from exporter.core.units import PERCENT
from exporter.settings.policies import PolicyKind

ORDER: Final = 92
SUMMARY: Final = "Say what share of capacity deferrable work should use now."
EXAMPLES: Final = (
    "carbon-exporter signal batch --exporter http://carbon.internal:9180",
    "carbon-exporter signal --zone DE --deadline 24h --load 0.5 --json",
    "carbon-exporter signal batch --backlog 120 --oldest 3h",
)

_WORDS: Final[Mapping[Reason, str]] = {
    Reason.CLEAN: "this is one of the cleanest hours that the work needs",
    Reason.DIRTY: "cleaner hours come, and the work can wait for them",
    Reason.DUE: "it is dirty, but so much work can wait no longer",
    Reason.NO_BACKLOG: "neither load nor backlog is known: nothing is held back",
    Reason.UNKNOWN: "nothing is known of the grid: nothing is held back",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What is known of the work; see ``advice.capacity.signal``."""

    deadline: float
    load: float | None
    backlog: float | None
    oldest: float
    floor: float


def signal(  # noqa: PLR0913 -- a verb's options are its parameters
    policy: Annotated[
        str, typer.Argument(metavar="[POLICY]", help="A capacity of the configuration.")
    ] = "",
    *,
    region: CloudRegions = None,
    zone: Zones = None,
    deadline: Annotated[
        str, typer.Option(metavar="SPAN", help="How long work may wait. Default: 24h.")
    ] = "",
    load: Annotated[
        float | None,
        typer.Option(min=0.0, max=1.0, help="Share of capacity that work needs on average, 0..1."),
    ] = None,
    backlog: Annotated[
        float | None,
        typer.Option(min=0.0, help="Machine-hours of work that wait now."),
    ] = None,
    oldest: Annotated[
        str, typer.Option(metavar="SPAN", help="How long the oldest of the backlog has waited.")
    ] = "",
    machines: Annotated[
        float | None, typer.Option(help="Machines that are full capacity. Default: 1.")
    ] = None,
    floor: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Least share of capacity. Default: 0.")
    ] = None,
    exporter: Exporter = "",
    demo: Demo = False,
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Say what share of its capacity deferrable work should use now, why, and until when.

    As many of the cleanest hours ahead are used in full as the work needs; in others capacity is at
    the floor, or at what deadlines demand. Where nothing is known of the grid or of the work the
    answer is 1: it never holds work back by mistake. Exit code 0 in every such case.
    """
    lenient_output()
    with grids(config, demo=demo) as built:
        section = policy_of(built, policy, PolicyKind.CAPACITY) if policy else None
        asked = zone or region
        places = places_of(
            built,
            zone if asked or not section else [section.zone] if section.zone else [],
            region if asked or not section else section.regions,
        )
        if len(places) > 1:
            message = "a signal stands in one place — name one --zone or one --region"
            raise UsageError(message)
        try:
            ahead = find_ahead(built, places, url=exporter)
        except NothingKnownError as error:
            print_failure(str(error))
            ahead = Ahead(
                time=built.clock.now().timestamp(), places=tuple(places), curves=(), in_force={}
            )
    count = machines or (section.machines if section else 1.0)
    if count <= 0:
        message = f"--machines {machines} — write more than 0"
        raise UsageError(message)
    span = parse_span("--deadline", deadline) if deadline else None
    waited = parse_span("--oldest", oldest).total_seconds() if oldest else 0.0
    default = section.deadline if section else parse_span("--deadline", "24h")
    work = Work(
        deadline=(span or default).total_seconds(),
        load=load if load is not None else section.load if section else None,
        backlog=None if backlog is None else backlog / count,
        oldest=waited,
        floor=floor if floor is not None else section.floor if section else 0.0,
    )
    target = target_of(ahead, work)
    if as_json:
        print_json(document(policy, ahead, target))
    else:
        _show(ahead, work, target)
    return 0


def target_of(ahead: Ahead, work: Work) -> Target:
    """Return the share for what is known; 1 where nothing is."""
    return capacity.signal(
        ahead.curves[0] if ahead.curves else None,
        now=ahead.time,
        deadline=work.deadline,
        load=work.load,
        backlog=work.backlog,
        oldest=work.oldest,
        floor=work.floor,
    )


def document(policy: str, ahead: Ahead, target: Target) -> Mapping[str, object]:
    """Return the signal as an object, with where its value comes from."""
    curve = ahead.curves[0] if ahead.curves else None
    return {
        "policy": policy,
        "value": target.ratio,
        "percent": round(PERCENT * target.ratio),
        "reason": target.reason,
        "until": target.until,
        "time": ahead.time,
        "place": ahead.places[0].name,
        "gco2eq_per_kwh_it": curve.central[0] if curve else None,
        "threshold_gco2eq_per_kwh_it": target.threshold,
        "source": curve.source if curve else None,
        "age_seconds": curve.age if curve else None,
        "observed": curve.observed > 0 if curve else None,
        "forecast": curve.forecaster if curve else None,
    }


def _show(ahead: Ahead, work: Work, target: Target) -> None:
    print_line(f"{target.ratio:.2f}  {target.reason}", style="bold")
    print_line(f"  {_WORDS[target.reason]}")
    if not ahead.curves:
        return
    [curve] = ahead.curves
    print_line(f"  until {clock_time(target.until)}, unless a newer forecast says otherwise")
    limit = "" if target.threshold is None else f", full up to {number(target.threshold)}"
    print_line(f"  {curve.place}: {number(curve.central[0])} g/kWh of IT energy now{limit}")
    print_line(f"  {origin(curve)}", style="dim")
    end = int(ahead.time + work.deadline)
    clean = [
        (curve.place, curve.start + i * curve.step, curve.start + (i + 1) * curve.step)
        for i, value in enumerate(curve.central)
        if target.threshold is not None and value <= target.threshold
    ]
    print_line("")
    for line in chart([curve], clean, min(end, curve.end), unicode=speaks_unicode()):
        print_line(line)
