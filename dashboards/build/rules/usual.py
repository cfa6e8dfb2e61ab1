"""Recording rules for what an account usually draws and emits at this hour.

They read gauges: these tell what is now, whatever a counter does at a restart, at a catch-up or
where backfilled and live series meet. All is by account, so that work which moves between an
account's regions or machines changes nothing; and of two exporters that watch the same, the higher
value counts.

Usual is the median of the same hour on the last seven days. The same hour yesterday, and on the
same weekday of last week, raise it, but to ``carbon_limit_usual_cap`` times the median at most, so
that one incident does not excuse the next; what was there at this hour on both of the last two
days, or in both of the last two weeks, raises it to the lower of the two, whatever that is. Without
a former day it is the median of the last twelve hours, from half an hour on.
"""

from typing import Final

from dashboards.build import thresholds
from dashboards.build.alert_limits import limit
from dashboards.build.rules.model import Record, RecordGroup
from dashboards.build.rules.promql import ACCOUNT, MACHINE, REGION, block, of_machine

_WEEK: Final = tuple(range(1, 8))
_DAYS: Final = (*_WEEK, 14)
_RARELY: Final = 0.9
"""Of the samples of an hour: a peak of a few minutes does not make it."""

GRAMS: Final = "carbon_emissions_gco2eq_per_hour"
WATTS: Final = "carbon_power_watts"
INTENSITY: Final = "carbon_grid_intensity_gco2eq_per_kwh"
FALLBACK: Final = "carbon_grid_intensity_fallback_level"
WEAKEST: Final = f"zone:{FALLBACK}:weakest"
STRONGEST: Final = f"zone:{FALLBACK}:strongest14d"
NOTABLE: Final = f"estate:{GRAMS}:notable"
"""Grams per hour that are worth a word: a share of the estate's usual, and some at least."""
SINCE: Final = f"account:{GRAMS}:usual_until_timestamp_seconds"
GROWN: Final = f"account:{GRAMS}:grown_region"
PEAK: Final = f"account:{GRAMS}:burst_peak7d"
KNOWN_ACCOUNT: Final = f"account:{GRAMS}:known1d"
KNOWN_REGION: Final = f"region:{GRAMS}:known1d"


def groups() -> tuple[RecordGroup, ...]:
    """Make the groups of what is usual for accounts and for grid zones."""
    accounts = (*_of_account(GRAMS), *_of_account(WATTS), *_compared())
    return (
        RecordGroup(name="carbon-zones", interval="1m", records=_zones()),
        RecordGroup(name="carbon-weeks", interval="4m", records=_weeks()),
        RecordGroup(name="carbon-usual", interval="1m", records=accounts),
    )


def of_region(offset: str = "", metric: str = GRAMS) -> str:
    """Give a gauge by region; one exporter's value for each, also where two watch it."""
    return f"max by ({REGION}) ({metric}{offset})"


def _total(metric: str, offset: str = "") -> str:
    """Sum over an account's regions."""
    return f"sum by ({ACCOUNT}) ({of_region(offset, metric)})"


def _of_account(metric: str) -> tuple[Record, ...]:
    total = _total(metric)
    former, recent = f"account_day:{metric}:same_hour", f"account:{metric}:last_hours"
    now, usual = f"account:{metric}:avg5m", f"account:{metric}:usual"
    median, raised = f"account:{metric}:median7d", f"account:{metric}:recurring"
    return (
        Record(name=now, expression=f"avg_over_time(({total})[5m:1m])"),
        Record(name=former, expression="\nor\n".join(_same_hour(total, day) for day in _DAYS)),
        Record(name=median, expression=_median(former)),
        Record(name=raised, expression=_recurring(former)),
        Record(name=recent, expression=_last_hours(metric)),
        Record(name=usual, expression=_usual(former, median, raised, recent)),
        Record(name=f"account:{metric}:ratio_to_usual", expression=f"{now} / ({usual} > 0)"),
    )


def _same_hour(total: str, day: int) -> str:
    """Give what an hour of a former day rarely exceeded, if three quarters of it were seen.

    Of a part of it, as at the very beginning of history, the other part may be what is usual.
    """
    window = f"({total})[1h:5m] offset {day * 24 - 1}h30m"
    seen = f"quantile_over_time({_RARELY}, {window}) and count_over_time({window}) >= 9"
    return f'label_replace({seen}, "day", "{day}", "", "")'


def _median(former: str) -> str:
    return f'quantile by ({ACCOUNT}) (0.5, {former}{{day!="14"}})'


def _recurring(former: str) -> str:
    """Give what was there on both of two days: the lower, of the last two days or of two weeks."""
    pairs = (
        f'(min by ({ACCOUNT}) ({former}{{day=~"{days}"}}) '
        f'and count by ({ACCOUNT}) ({former}{{day=~"{days}"}}) == 2)'
        for days in ("1|2", "7|14")
    )
    first, second = pairs
    return block(
        """
        max by (@account@) (
            label_replace(@first@, "of", "days", "", "")
          or
            label_replace(@second@, "of", "weeks", "", "")
        )
        """,
        account=ACCOUNT,
        first=first,
        second=second,
    )


def _last_hours(metric: str) -> str:
    return block(
        """
        quantile_over_time(0.5, (@total@)[12h:5m] offset 15m)
        and
        @earlier@
        """,
        total=_total(metric),
        earlier=_total(metric, " offset 30m"),
    )


def _usual(former: str, median: str, recurring: str, recent: str) -> str:
    """Give the highest of the median, what recurred, and the capped values of two single days."""
    return block(
        """
          max by (@account@) (
              label_replace(@median@, "of", "the week", "", "")
            or
              label_replace(@recurring@, "of", "two days", "", "")
            or
              label_replace(@single@ <= @cap@ * @median@, "of", "one day", "", "")
            or
              label_replace(@cap@ * @median@ < @single@, "of", "one day, capped", "", "")
          )
        or
          @recent@
        """,
        account=ACCOUNT,
        median=median,
        recurring=recurring,
        single=f'max by ({ACCOUNT}) ({former}{{day=~"1|7"}})',
        cap=limit("usual_cap"),
        recent=recent,
    )


def _compared() -> tuple[Record, ...]:
    now, usual = f"account:{GRAMS}:avg5m", f"account:{GRAMS}:usual"
    days = f'account_day:{GRAMS}:same_hour{{day!="14"}}'
    grams, watts = f"account:{GRAMS}:ratio_to_usual", f"account:{WATTS}:ratio_to_usual"
    share = limit("notable_share")
    return (
        Record(name=f"account:{GRAMS}:excess", expression=f"{now} - {usual}"),
        Record(
            name=f"account_day:{GRAMS}:count",
            expression=f"count by ({ACCOUNT}) ({days})\nor\n0 * {usual}",
        ),
        Record(
            name="account:carbon_emissions_gco2eq_per_joule:ratio_to_usual",
            expression=f"{grams} / ({watts} > 0)",
        ),
        Record(name="account:carbon_grid_zones:switched1d", expression=_switched()),
        Record(
            name=NOTABLE,
            expression=f"clamp_min({share} * sum({usual}), {limit('notable_grams_per_hour')})",
        ),
        Record(
            name=SINCE,
            expression=(f"max_over_time(timestamp({grams} <= {limit('spike_factor')})[1d:4m])"),
        ),
        Record(name=GROWN, expression=_grown()),
    )


def _grown() -> str:
    """Give each account's region that emits most above a day ago; without one, the largest."""
    now, before = of_region(), of_region(" offset 1d")
    return f"topk by ({ACCOUNT}) (1, {now} - ({before} or 0 * {now}))"


def _weeks() -> tuple[Record, ...]:
    """What needs days of raw samples, and changes slowly: evaluated every few minutes."""
    records = [
        Record(name=f"account:{metric}:median1d{name}", expression=_median_day(metric, offset))
        for metric in (GRAMS, WATTS)
        for name, offset in (("", ""), ("_week_ago", " offset 7d"))
    ]
    total = _total(GRAMS)
    known = "group by (@by@) (last_over_time((@series@)[7d:1h] offset 1d))"
    return (
        *records,
        Record(name=f"account_day:{GRAMS}:peak", expression=_of_days("max_over_time(")),
        Record(name=f"account_day:{GRAMS}:p75", expression=_of_days("quantile_over_time(0.75, ")),
        Record(name=PEAK, expression=_burst_peak()),
        Record(name=KNOWN_ACCOUNT, expression=block(known, by=ACCOUNT, series=total)),
        Record(name=KNOWN_REGION, expression=block(known, by=REGION, series=of_region())),
    )


def _median_day(metric: str, offset: str) -> str:
    """Give the median of a day of which at least half was seen: an incident does not move it."""
    window = f"({_total(metric)})[1d:15m]{offset}"
    return f"quantile_over_time(0.5, {window})\nand\ncount_over_time({window}) >= 48"


def _of_days(function: str) -> str:
    """Reduce each of the last seven days, up to an hour ago: what begins now is no habit yet."""
    total = _total(GRAMS)
    return "\nor\n".join(
        f"label_replace({function}({total})[1d:15m] offset {(day - 1) * 24 + 1}h), "
        f'"day", "{day}", "", "")'
        for day in _WEEK
    )


def _burst_peak() -> str:
    """Give what most days reach, of accounts that work in bursts.

    These are above ``carbon_limit_spike_factor`` times what three quarters of a day stay below, on
    more than half of the days, whichever hour that is; one incident is no day's habit.
    """
    return block(
        """
          (
              quantile by (@account@) (0.5, @peaks@)
            and
              count by (@account@) (@peaks@) >= @enough@
          )
        > on (@account@)
          @factor@ * quantile by (@account@) (0.5, account_day:@grams@:p75)
        """,
        account=ACCOUNT,
        peaks=f"account_day:{GRAMS}:peak",
        enough=limit("spike_days"),
        factor=limit("spike_factor"),
        grams=GRAMS,
    )


def _switched() -> str:
    """Count an account's zones whose intensity came from more than one source within a day.

    By exporter: two of them that price by different sources all the time have switched nothing.
    """
    return block(
        """
        count by (@account@) (
            account_zone:carbon_power_watts:sum
          and on (grid_zone)
            max by (grid_zone) (
              count by (grid_zone, job, instance) (
                group by (grid_zone, source, basis, job, instance) (
                  last_over_time(@intensity@{method="average", basis="lifecycle"}[1d:10m])
                )
              )
            ) > 1
        )
        """,
        account=ACCOUNT,
        intensity=INTENSITY,
    )


def _zones() -> tuple[Record, ...]:
    average = f'{INTENSITY}{{method="average", basis="lifecycle"}}'
    level = f'{FALLBACK}{{method="average"}}'
    weakness = f"max by (grid_zone) ({thresholds.weakness_of(level)})"
    strongest = f"min_over_time(({weakness})[14d:1h])"
    return (
        Record(name=f"account_zone:{WATTS}:sum", expression=_drawn()),
        Record(name=f"zone:{INTENSITY}:max", expression=f"max by (grid_zone) ({average})"),
        Record(name=f"zone:{INTENSITY}:median14d", expression=_quantile(average, 0.5)),
        Record(name=f"zone:{INTENSITY}:p90_14d", expression=_quantile(average, 0.9)),
        Record(name=f"zone:{FALLBACK}:weakness", expression=weakness),
        Record(name=WEAKEST, expression=thresholds.level_of(f"zone:{FALLBACK}:weakness")),
        Record(name=f"zone:{FALLBACK}:weakness_min14d", expression=strongest),
        Record(name=STRONGEST, expression=thresholds.level_of(f"zone:{FALLBACK}:weakness_min14d")),
        Record(name="zone:carbon_grid_intensity:age_seconds", expression=_age()),
    )


def _age() -> str:
    stamp = 'max by (grid_zone) (carbon_grid_intensity_timestamp_seconds{method="average"})'
    return f"clamp_min(time() - {stamp}, 0)"


def _drawn() -> str:
    return block(
        """
        sum by (@account@, grid_zone) (
            sum by (@machine@) (max by (@machine@, component) (carbon_resource_power_watts))
          * on (@machine@) group_left (grid_zone)
            @info@
        )
        """,
        account=ACCOUNT,
        machine=MACHINE,
        info=of_machine("grid_zone"),
    )


def _quantile(series: str, quantile: float) -> str:
    """Of two weeks by the source in force: another source measures otherwise.

    From two days of that source on.
    """
    return block(
        """
        max by (grid_zone) (
            quantile_over_time(@quantile@, @series@[14d:1h])
          and
            @series@
          and
            count_over_time(@series@[14d:1h]) >= 48
        )
        """,
        quantile=str(quantile),
        series=series,
    )
