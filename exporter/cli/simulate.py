"""``simulate``: what a policy would have won on a recording, beside simpler ones and the best."""

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from exporter import app
from exporter.advice import simulate as past
from exporter.advice.placement import Terms
from exporter.advice.simulate import Beliefs, Follow, Foreseen, History, Hysteresis, Perfect
from exporter.cli._ahead import places_of, policy_of
from exporter.cli._asked import offline_app
from exporter.cli._options import Config, Json, UsageError, parse_span
from exporter.cli._shown import (
    ABSENT,
    clock_time,
    lenient_output,
    number,
    print_json,
    print_line,
    print_table,
    progress,
)
from exporter.core.clock import epoch, floor_to
from exporter.core.durations import format_duration
from exporter.core.units import PERCENT, SECONDS_PER_HOUR
from exporter.engine.forecast import SeasonalForecaster
from exporter.settings.policies import PolicyKind, PolicySection

ORDER: Final = 94
SUMMARY: Final = "Replay a policy over a recording of grid intensity."
EXAMPLES: Final = (
    "carbon-exporter simulate --trace year.csv --zone DE --zone FR --overlap 15m --lag 1h",
    "carbon-exporter simulate --trace year.csv --policy nightly --json",
)

COLUMNS: Final = ("zone", "timestamp", "gco2_per_kwh")
FOLLOWS_AT_MOST: Final = 20
"""Places that one cluster may choose from: each hour plans over all of them."""
_HOUR: Final = int(SECONDS_PER_HOUR)
_DAY_HOURS: Final = 24
_MOVE_HEAD: Final = ("POLICY", "g per kW", "SAVED", "OF BEST", "MOVES", "WORST WEEK")
_JOB_HEAD: Final = ("POLICY", "g per kW", "SAVED", "OF BEST", "DIRTIER")
_WORK_HEAD: Final = ("POLICY", "g per kW", "SAVED", "MEAN WAIT", "LONGEST", "OVERDUE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one policy came to; shares are of the reference's grams, None where there is none.

    ``grams`` are per kW. ``extra`` holds what only this kind of policy has.
    """

    policy: str
    grams: float
    saved: float | None
    extra: Mapping[str, float | int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A policy over a recording beside others, and what its shares relate to."""

    kind: str
    places: tuple[str, ...]
    reference: str
    rows: tuple[Row, ...]
    possible: float | None
    """Share that one saves who knows what comes."""


def simulate(  # noqa: PLR0913 -- a verb's options are its parameters
    *,
    trace: Annotated[
        Path,
        typer.Option(
            metavar="CSV",
            help="Recording with the columns zone, timestamp (start of an hour) and gco2_per_kwh.",
        ),
    ],
    policy: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="A policy of the configuration. Default: follow the cleanest."
        ),
    ] = "",
    zone: Annotated[
        list[str] | None,
        typer.Option("--zone", metavar="ZONE", help="Zones of the recording. Default: all."),
    ] = None,
    home: Annotated[
        str, typer.Option(metavar="ZONE", help="Where a cluster begins. Default: the best place.")
    ] = "",
    overlap: Annotated[
        str, typer.Option(metavar="SPAN", help="How long both sides of a move run at full size.")
    ] = "15m",
    lag: Annotated[
        str, typer.Option(metavar="SPAN", help="How late the signal is, in whole hours.")
    ] = "",
    transfer_kwh: Annotated[
        float, typer.Option(min=0.0, help="Energy that moving data takes, per kW of cluster.")
    ] = 0.0,
    caution: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="How far a move is priced to the quantiles.")
    ] = 0.3,
    min_gap: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Least gap of a move, as a share.")
    ] = 0.05,
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Replay a policy over a recording, knowing at each hour only what was known then.

    The forecasts are the product's own. A cluster that follows the cleanest place stands beside
    staying in the best one, naive following, hysteresis and one who knows what comes and pays for
    its moves. A window or a capacity of the configuration stands beside starting at once. The first
    72 hours only teach the forecaster.
    """
    lenient_output()
    built = offline_app(config)
    section = None
    if policy:
        section = policy_of(built, policy, *PolicyKind)
    history = _history(built, trace, section, zone or ())
    late = 0 if not lag else parse_span("--lag", lag).total_seconds() / SECONDS_PER_HOUR
    if late != int(late) or late > _DAY_HOURS:
        message = f"--lag {lag!r} — write whole hours up to 24h: recordings are hourly"
        raise UsageError(message)
    terms = Terms(
        overlap=parse_span("--overlap", overlap).total_seconds(),
        transfer_kwh=transfer_kwh,
        caution=caution,
        min_gap=min_gap,
    )
    with progress(f"replaying {history.hours} hours of {', '.join(history.places)}"):
        if section and section.kind is PolicyKind.WINDOW:
            result = _window(history, section)
        elif section and section.kind is PolicyKind.CAPACITY:
            result = _capacity(history, section)
        else:
            result = _placement(history, terms, int(late), _home(history, home))
    if as_json:
        print_json(_document(history, result))
    else:
        _show(history, result)
    return 0


# --- the recording --------------------------------------------------------------------------------


def _history(
    built: app.App, trace: Path, section: PolicySection | None, zones: Sequence[str]
) -> History:
    """Read the recording, and the places that are asked for: of a policy, its own.

    Raises:
        UsageError: the recording cannot be read, lacks a place, or is too short.
    """
    found = read_trace(trace)
    wanted = {zone: (zone, 1.0) for zone in zones or found}
    if section and not zones and (section.zone or section.regions):
        own = places_of(built, [section.zone] if section.zone else [], section.regions)
        wanted = {place.name: (place.grid_zone, place.pue) for place in own}
    for name, (zone, _) in wanted.items():
        if zone not in found:
            told = f"zone {zone!r}" if name == zone else f"grid {zone} of {name}"
            has = ", ".join(sorted(found)[:9]) + (" …" if len(found) > 9 else "")  # noqa: PLR2004
            message = f"{trace} has no {told} — it has {has}"
            raise UsageError(message)
    try:
        history = past.history_of(
            {
                name: {start: grams * pue for start, grams in found[zone].items()}
                for name, (zone, pue) in wanted.items()
            }
        )
    except ValueError as error:
        message = f"{trace}: {error}"
        raise UsageError(message) from error
    deadline = int(section.deadline.total_seconds() // _HOUR) if section else _DAY_HOURS
    if history.hours <= past.WARM_UP + deadline:
        least = past.WARM_UP + deadline + 1
        message = (
            f"{trace} has {history.hours} h in a row that all places know — "
            f"{least} h are needed, of which {past.WARM_UP} only teach the forecaster"
        )
        raise UsageError(message)
    return history


def read_trace(path: Path) -> Mapping[str, Mapping[int, float]]:
    """Read a recording: zone to start of hour (epoch seconds) to gCO2eq/kWh.

    Other columns may be there; rows without a value are left out.

    Raises:
        UsageError: it cannot be read; names the line.
    """
    zones: dict[str, dict[int, float]] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as text:
            lines = csv.DictReader(text)
            missing = [name for name in COLUMNS if name not in (lines.fieldnames or ())]
            if missing:
                message = f"{path} lacks the column {missing[0]} — it needs {', '.join(COLUMNS)}"
                raise UsageError(message)
            for line in lines:
                try:
                    zone, start, grams = _line(line)
                except (ValueError, TypeError) as error:
                    message = f"{path} line {lines.line_num}: {error}"
                    raise UsageError(message) from error
                if grams is not None:
                    zones.setdefault(zone, {})[start] = grams
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        message = f"--trace {path} cannot be read: {error}"
        raise UsageError(message) from error
    if not zones:
        message = f"{path} holds no value"
        raise UsageError(message)
    return zones


def _line(line: Mapping[str, str]) -> tuple[str, int, float | None]:
    start = epoch(datetime.fromisoformat(line["timestamp"]))
    if floor_to(start, _HOUR) != start:
        message = f"{line['timestamp']} is not the start of an hour"
        raise ValueError(message)
    text = line["gco2_per_kwh"]
    grams = float(text) if text else None
    if grams is not None and not (math.isfinite(grams) and grams >= 0.0):
        message = f"{text} is no number of grams"
        raise ValueError(message)
    return line["zone"], int(start), grams


def _home(history: History, home: str) -> str:
    if home and home not in history.places:
        message = f"--home {home!r} — write one of {', '.join(history.places)}"
        raise UsageError(message)
    return home


# --- the policies ---------------------------------------------------------------------------------


def _placement(history: History, terms: Terms, lag: int, home: str) -> Result:
    places = history.places
    if not 1 < len(places) <= FOLLOWS_AT_MOST:
        message = (
            f"{len(places)} places to follow — name 2 to {FOLLOWS_AT_MOST} with --zone, or a "
            "--policy that has them"
        )
        raise UsageError(message)
    own = Foreseen(history, SeasonalForecaster(), terms.horizon // _HOUR + lag)
    ways: Sequence[tuple[str, Follow, Beliefs]] = (
        ("own, by forecast", Follow.HORIZON, own),
        ("naive", Follow.NAIVE, own),
        ("hysteresis 10 %", Follow.HYSTERESIS, own),
    )
    scores = [
        (
            name,
            past.placement(
                history, told, places, terms, follow=follow, rule=Hysteresis(), lag=lag, home=home
            ),
        )
        for name, follow, told in ways
    ]
    first = scores[0][1]
    rows = [
        _moved(name, score.chosen, first.static, score.moves, min(score.weeks, default=0.0))
        for name, score in scores
    ]
    rows.append(_moved("best place, stay", first.static, first.static, 0, 0.0))
    rows.append(_moved("knows all", first.best, first.static, first.best_moves, None))
    totals = {place: sum(history.values[place][past.WARM_UP :]) for place in places}
    best = min(totals, key=totals.__getitem__)
    return Result(
        kind="placement",
        places=places,
        reference=f"staying in {best}, the best place known afterwards",
        rows=tuple(rows),
        possible=first.possible,
    )


def _moved(name: str, grams: float, static: float, moves: int, worst: float | None) -> Row:
    saved = 1.0 - grams / static if static else None
    return Row(policy=name, grams=grams, saved=saved, extra={"moves": moves, "worst_week": worst})


def _window(history: History, section: PolicySection) -> Result:
    """Submit the policy's job each hour; of several places the home is taken."""
    place = history.places[0]
    span = section.duration
    work = max(1, math.ceil((span.total_seconds() if span else 0.0) / _HOUR))
    deadline = int(section.deadline.total_seconds() // _HOUR)
    own = Foreseen(history, SeasonalForecaster(), deadline)
    resume = section.resume_cost.total_seconds() / _HOUR if section.resume_cost else 0.0

    def score(beliefs: Beliefs, *, replan: bool, caution: float) -> past.JobScore:
        if section.interruptible:
            return past.interruptible(
                history,
                beliefs,
                place,
                work=work,
                deadline=deadline,
                replan=replan,
                caution=caution,
                resume=resume,
            )
        return past.windows(
            history,
            beliefs,
            place,
            work=work,
            deadline=deadline,
            replan=replan,
            caution=caution,
        )

    perfect = score(Perfect(history), replan=True, caution=0.0)
    found = {
        "own, re-planned hourly": score(own, replan=True, caution=section.caution),
        "own, planned once": score(own, replan=False, caution=section.caution),
        "own, once, cautious": score(own, replan=False, caution=0.5),
        "knows all": perfect,
    }
    rows = [
        Row(
            policy=name,
            grams=one.chosen / max(1, one.submissions),
            saved=one.saved,
            extra={"worse": one.worse},
        )
        for name, one in found.items()
    ]
    others = f" (the home; {len(history.places) - 1} others are left aside)"
    others = others if len(history.places) > 1 else ""
    at_once = perfect.now / max(1, perfect.submissions)
    rows.append(Row(policy="at once", grams=at_once, saved=0.0, extra={"worse": None}))
    return Result(
        kind="window",
        places=(place,),
        reference=f"starting at once in {place}{others}; {perfect.submissions} submissions of "
        f"{work} h in {format_duration(section.deadline)}",
        rows=tuple(rows),
        possible=perfect.saved,
    )


def _capacity(history: History, section: PolicySection) -> Result:
    place = history.places[0]
    deadline = max(1, int(section.deadline.total_seconds() // _HOUR))
    load = section.load
    if not load:
        message = "the policy has no load — write what share of capacity its work needs on average"
        raise UsageError(message)
    own = Foreseen(history, SeasonalForecaster(), deadline)
    found = {
        name: past.queue(history, beliefs, place, load=load, deadline=deadline, floor=section.floor)
        for name, beliefs in (("own signal", own), ("the same, perfect", Perfect(history)))
    }
    rows = [
        Row(
            policy=name,
            grams=one.chosen,
            saved=one.saved,
            extra={"wait_hours": one.delay, "longest_hours": one.longest, "overdue": one.overdue},
        )
        for name, one in found.items()
    ]
    none = {"wait_hours": None, "longest_hours": None, "overdue": None}
    rows.append(Row(policy="at once", grams=found["own signal"].now, saved=0.0, extra=none))
    return Result(
        kind="capacity",
        places=(place,),
        reference=f"the same work at once in {place}: load {load:g}, most at 14 h UTC",
        rows=tuple(rows),
        possible=None,
    )


# --- how it is told -------------------------------------------------------------------------------


def _document(history: History, result: Result) -> Mapping[str, object]:
    return {
        "kind": result.kind,
        "places": result.places,
        "start": history.start,
        "hours": history.hours,
        "warm_up_hours": past.WARM_UP,
        "reference": result.reference,
        "rows": [
            {
                "policy": row.policy,
                "gco2eq_per_kw": row.grams,
                "saved_ratio": row.saved,
                **row.extra,
            }
            for row in result.rows
        ],
    }


def _show(history: History, result: Result) -> None:
    begin = history.start + past.WARM_UP * _HOUR
    end = history.start + history.hours * _HOUR
    print_line(f"{clock_time(begin)[:16]} to {clock_time(end)[:16]} UTC", style="bold")
    head = {"placement": _MOVE_HEAD, "window": _JOB_HEAD, "capacity": _WORK_HEAD}[result.kind]
    print_table("", head, [tuple(_cells(result, row)) for row in result.rows])
    print_line(f"SAVED is of {result.reference}", style="dim")
    if result.kind == "placement":
        print_line(
            "choosing the place once is worth more than following: "
            f"{', '.join(_means(history, result.places))}",
            style="dim",
        )


def _means(history: History, places: Sequence[str]) -> Iterator[str]:
    spans = {place: history.values[place][past.WARM_UP :] for place in places}
    means = {place: sum(span) / len(span) for place, span in spans.items()}
    for place in sorted(means, key=means.__getitem__):
        yield f"{place} {number(means[place])} g"


def _cells(result: Result, row: Row) -> Iterator[str]:
    yield row.policy
    yield number(row.grams)
    yield _percent(row.saved)
    if result.kind != "capacity":
        share = row.saved / result.possible if result.possible and row.saved is not None else None
        yield ABSENT if share is None else f"{PERCENT * share:.0f}%"
    if result.kind == "placement":
        yield str(row.extra["moves"])
        yield _percent(row.extra["worst_week"])
    elif result.kind == "window":
        yield _percent(row.extra["worse"])
    else:
        hours = (row.extra["wait_hours"], row.extra["longest_hours"])
        yield from (ABSENT if hour is None else f"{hour:.0f} h" for hour in hours)
        overdue = row.extra["overdue"]
        yield ABSENT if overdue is None else number(overdue)


def _percent(share: float | None) -> str:
    return ABSENT if share is None else f"{PERCENT * share:.2f}%"
