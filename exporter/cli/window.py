"""``window``: when and where a job emits least, beside starting at once and the latest start."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

import typer

from exporter.advice.curves import Curve
from exporter.advice.windows import Advice, ImpossibleError, Job, Plan, Slice, advise, bounds
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
    parse_moment,
    places_of,
    policy_of,
    short_time,
)
from exporter.cli._asked import NothingKnownError
from exporter.cli._options import Config, Json, UsageError, parse_span
from exporter.cli._shown import (
    ABSENT,
    clock_time,
    lenient_output,
    number,
    print_failure,
    print_json,
    print_line,
    print_table,
    speaks_unicode,
)
from exporter.core.durations import format_duration, parse_duration
from exporter.core.units import PERCENT, SECONDS_PER_HOUR, WATTS_PER_KILOWATT, Watts
from exporter.settings.policies import PolicyKind, PolicySection

ORDER: Final = 90
SUMMARY: Final = "Find when and where a job emits least."
EXAMPLES: Final = (
    "carbon-exporter window --duration 4h --deadline 24h --region aws:eu-west-1 -r aws:eu-west-3",
    "carbon-exporter window --duration 24h --deadline 48h --interruptible --zone DE --cautious",
    "carbon-exporter window nightly --exporter http://carbon.internal:9180 --json",
)

CAUTIOUS: Final = 0.5
"""Share of the way to the 90 % quantile: halves the jobs that end up worse than at once."""
DEFAULT_DEADLINE: Final = "24h"

_POWER: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(k|m)?w", re.IGNORECASE)
_PREFIXES: Final = {"": 1.0, "k": WATTS_PER_KILOWATT, "m": WATTS_PER_KILOWATT**2}
_HEAD: Final = ("PLAN", "START", "WHERE", "g CO2eq", "10-90 %", "vs now")
_SLICES_SHOWN: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What was asked: a job, and the times (epoch seconds) between which it runs."""

    job: Job
    earliest: int
    deadline: int
    caution: float


def window(  # noqa: PLR0913 -- a verb's options are its parameters
    policy: Annotated[
        str, typer.Argument(metavar="[POLICY]", help="A window of the configuration.")
    ] = "",
    *,
    duration: Annotated[
        str, typer.Option(metavar="SPAN", help="How long the job runs, such as 4h.")
    ] = "",
    deadline: Annotated[
        str,
        typer.Option(
            metavar="SPAN", help=f"Within which time it must be done. Default: {DEFAULT_DEADLINE}."
        ),
    ] = "",
    by: Annotated[
        str,
        typer.Option(metavar="TIME", help="The same as a time, such as 2026-12-01T06:00Z."),
    ] = "",
    earliest: Annotated[
        str, typer.Option(metavar="TIME", help="Not before: a time, or a span from now.")
    ] = "",
    power: Annotated[
        str, typer.Option(metavar="POWER", help="IT power of the job: 2kW, or 350W. Default: 1kW.")
    ] = "",
    interruptible: Annotated[
        bool, typer.Option("--interruptible", help="It may pause, and go on elsewhere.")
    ] = False,
    resume_cost: Annotated[
        str, typer.Option(metavar="SPAN", help="Work that each resume does again, such as 6m.")
    ] = "",
    min_slice: Annotated[
        str, typer.Option(metavar="SPAN", help="Shortest run between two pauses.")
    ] = "",
    region: CloudRegions = None,
    zone: Zones = None,
    cautious: Annotated[
        bool,
        typer.Option("--cautious", help="Rather miss a saving than end up dirtier than at once."),
    ] = False,
    exporter: Exporter = "",
    demo: Demo = False,
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Find when and where a job emits least, and what that saves against starting at once.

    Shown beside it: now at home (the first place), now in the place that is the cleanest on
    average, and the latest start that meets the deadline. A place of which no forecast is known is
    left out and told. Exit 1: nothing is known. Exit 2: the job does not fit.
    """
    lenient_output()
    with grids(config, demo=demo) as built:
        section = policy_of(built, policy, PolicyKind.WINDOW) if policy else None
        asked = zone or region
        places = places_of(
            built,
            zone if asked or not section else [section.zone] if section.zone else [],
            region if asked or not section else section.regions,
        )
        ahead = find_ahead(built, places, url=exporter)
    question = _question(
        section,
        ahead.time,
        duration=duration,
        deadline=deadline,
        by=by,
        earliest=earliest,
        power=power,
        interruptible=interruptible,
        resume_cost=resume_cost,
        min_slice=min_slice,
        cautious=cautious,
        home=places[0].name,
    )
    advice = _advice(ahead, question)
    if as_json:
        print_json(document(ahead, question, advice))
    else:
        _show(ahead, question, advice)
    return 0


def _question(  # noqa: PLR0913 -- each option of the verb
    section: PolicySection | None,
    now: float,
    *,
    duration: str,
    deadline: str,
    by: str,
    earliest: str,
    power: str,
    interruptible: bool,
    resume_cost: str,
    min_slice: str,
    cautious: bool,
    home: str,
) -> Question:
    """Put the options over the policy, and these over the defaults."""
    if deadline and by:
        message = "--deadline and --by tell the same: write one of them"
        raise UsageError(message)
    if not duration and section is None:
        message = "no --duration — write how long the job runs, such as --duration 4h"
        raise UsageError(message)
    pauses = interruptible or bool(section and section.interruptible)
    if (resume_cost or min_slice) and not pauses:
        message = "--resume-cost and --min-slice belong to an --interruptible job"
        raise UsageError(message)

    def seconds(option: str, text: str, name: str) -> int:
        if text:
            return int(parse_span(option, text).total_seconds())
        told = getattr(section, name, None)
        return int(told.total_seconds()) if told else 0

    begin = parse_moment("--earliest", earliest, now) if earliest else int(now)
    span = seconds("--deadline", deadline, "deadline")
    if not span:
        span = int(parse_duration(DEFAULT_DEADLINE).total_seconds())
    watts = _watts(power) if power else section.power_watts if section else WATTS_PER_KILOWATT
    return Question(
        job=Job(
            duration=seconds("--duration", duration, "duration"),
            power=Watts(watts),
            interruptible=pauses,
            resume=seconds("--resume-cost", resume_cost, "resume_cost"),
            min_slice=seconds("--min-slice", min_slice, "min_slice"),
            home=home,
        ),
        earliest=begin,
        deadline=parse_moment("--by", by, now) if by else int(now) + span,
        caution=CAUTIOUS if cautious else section.caution if section else 0.0,
    )


def _watts(text: str) -> float:
    found = _POWER.fullmatch(text.strip())
    watts = float(found[1]) * _PREFIXES[(found[2] or "").lower()] if found else 0.0
    if not watts:
        message = f"--power {text!r} — write a power such as 2kW, or 350W"
        raise UsageError(message)
    return watts


def _advice(ahead: Ahead, question: Question) -> Advice:
    """Plan among the places that are known.

    Raises:
        UsageError: the job does not fit before the deadline.
        NothingKnownError: the forecasts end before one run of it.
    """
    try:
        found = advise(
            ahead.curves,
            question.job,
            deadline=question.deadline,
            caution=question.caution,
            earliest=question.earliest,
        )
    except ImpossibleError as error:
        begin = max(question.earliest, int(ahead.time))
        rest = max(0, question.deadline - begin)
        message = (
            f"{_span(question.job.duration)} of work do not fit into the "
            f"{_span(rest)} from {clock_time(begin)} to {clock_time(question.deadline)} — "
            "write a longer --deadline or a shorter --duration"
        )
        raise UsageError(message) from error
    if found is None:
        known = min((curve.end for curve in ahead.curves), default=int(ahead.time))
        message = (
            f"forecasts end at {clock_time(known)}, too soon for {_span(question.job.duration)} "
            f"of work from {clock_time(max(question.earliest, int(ahead.time)))} on"
        )
        raise NothingKnownError(message)
    return found


def _span(seconds: float) -> str:
    return format_duration(parse_duration(max(1, int(seconds))))


# --- how it is told -------------------------------------------------------------------------------


def document(ahead: Ahead, question: Question, advice: Advice) -> Mapping[str, object]:
    """Return all of it as an object; times are epoch seconds, grams those of the whole job."""
    return {
        "time": ahead.time,
        "duration_seconds": question.job.duration,
        "power_watts": question.job.power,
        "interruptible": question.job.interruptible,
        "earliest": max(question.earliest, int(ahead.time)),
        "deadline": advice.deadline,
        "known_until": advice.known_until,
        "caution": question.caution,
        "saving_ratio": advice.saving,
        **{
            name: _plan_document(plan, question.job, ahead.curves, ahead.time)
            for name, plan in _plans(advice).items()
        },
        "places": [_place_document(curve) for curve in ahead.curves],
        "unknown": [place.name for place in ahead.unknown],
    }


def _plans(advice: Advice) -> Mapping[str, Plan]:
    return {
        "best": advice.best,
        "now": advice.now,
        "static": advice.static,
        "latest": advice.latest,
    }


def _plan_document(
    plan: Plan, job: Job, curves: Sequence[Curve], now: float
) -> Mapping[str, object]:
    low, high = bounds(plan, job, curves)
    return {
        "start": max(plan.start, int(now)),
        "end": plan.end,
        "place": plan.place,
        "gco2eq": plan.grams,
        "gco2eq_low": low,
        "gco2eq_high": high,
        "gco2eq_per_kwh": plan.grams / _kwh(plan.slices, job),
        "slices": [one._asdict() for one in plan.slices],
    }


def _place_document(curve: Curve) -> Mapping[str, object]:
    return {
        "place": curve.place,
        "gco2eq_per_kwh_it": curve.central[0],
        "source": curve.source,
        "age_seconds": curve.age,
        "observed": curve.observed > 0,
        "forecast": curve.forecaster,
        "known_until": curve.end,
    }


def _kwh(slices: Sequence[Slice], job: Job) -> float:
    return job.kilowatts * sum(one.end - one.start for one in slices) / SECONDS_PER_HOUR


def _show(ahead: Ahead, question: Question, advice: Advice) -> None:
    job, best = question.job, advice.best
    saving = "" if advice.saving is None else f", {-PERCENT * advice.saving:+.0f} % against now"
    print_line(
        f"{_span(job.duration)} at {number(job.power)} W by {clock_time(advice.deadline)}: "
        f"start {clock_time(max(best.start, ahead.time))[:16]}",
        style="bold",
    )
    print_line(f"in {best.place}{saving}")
    rows = [
        _row(name, plan, ahead, question, advice)
        for name, plan in zip(
            ("best", "now", "best place", "latest"),
            _plans(advice).values(),
            strict=True,
        )
    ]
    print_table("", _HEAD, rows)
    unicode = speaks_unicode()
    for line in chart(ahead.curves, best.slices, advice.known_until, unicode=unicode):
        print_line(line)
    for line in _notes(ahead, question, advice):
        print_line(line, style="dim")
    for place in ahead.unknown:
        print_failure(f"{place.name} is left out: no forecast of grid {place.grid_zone} is known")


def _row(name: str, plan: Plan, ahead: Ahead, question: Question, advice: Advice) -> Sequence[str]:
    low, high = bounds(plan, question.job, ahead.curves)
    now = advice.now.grams
    against = ABSENT if not now else f"{PERCENT * (plan.grams / now - 1):+.0f}%"
    return (
        name,
        short_time(max(plan.start, ahead.time), ahead.time),
        plan.place if len({one.place for one in plan.slices}) == 1 else "several",
        number(plan.grams),
        f"{number(low)}-{number(high)}",
        against,
    )


def _notes(ahead: Ahead, question: Question, advice: Advice) -> Iterator[str]:
    slices = advice.best.slices
    if len(slices) > 1:
        told = [
            f"{short_time(one.start, ahead.time)}-{short_time(one.end, ahead.time)} {one.place}"
            for one in slices[:_SLICES_SHOWN]
        ]
        more = f" and {len(slices) - _SLICES_SHOWN} more" if len(slices) > _SLICES_SHOWN else ""
        yield f"{len(slices)} runs:"
        yield from (f"  {one}" for one in told)
        if more:
            yield f" {more}"
    for curve in ahead.curves:
        yield f"{curve.place}: {origin(curve)}"
    if min(curve.end for curve in ahead.curves) < advice.deadline:
        yield f"forecasts end at {clock_time(advice.known_until)}; nothing later was looked at"
    if question.caution:
        yield f"the future is priced {question.caution:.0%} of the way to its 90 % quantile"
    yield "best place: where the hours ahead are cleanest, at once; latest: the last start"
    yield "times are UTC; 10-90 %: all hours at those quantiles"
