"""Recording rules for what an account usually draws and emits at this hour.

They read gauges: these tell what is now, whatever a counter does at a restart, at a catch-up or
where backfilled and live series meet. All is by account, so that work which moves between an
account's regions or machines changes nothing.

Usual is the highest of: the median of the same hour on the last seven days, the same hour
yesterday, and on the same weekday of last week. So a level that lasts for a day is usual on the
next. Without a former day it is what the last three hours rarely exceeded, from half an hour on.
"""

from typing import Final

from dashboards.build.rules.model import Record, RecordGroup
from dashboards.build.rules.promql import ACCOUNT, MACHINE, REGION, block, of_machine

_DAYS: Final = range(1, 8)
_RARELY: Final = 0.9
"""Of the samples of an hour: a peak of a few minutes does not make it."""

GRAMS: Final = "carbon_emissions_gco2eq_per_hour"
WATTS: Final = "carbon_power_watts"
INTENSITY: Final = "carbon_grid_intensity_gco2eq_per_kwh"
FALLBACK: Final = "carbon_grid_intensity_fallback_level"


def groups() -> tuple[RecordGroup, ...]:
    """Make the groups of what is usual for accounts and for grid zones."""
    accounts = (*_of_account(GRAMS), *_of_account(WATTS), *_compared())
    return (
        RecordGroup(name="carbon-zones", interval="1m", records=_zones()),
        RecordGroup(name="carbon-usual", interval="1m", records=accounts),
    )


def _total(metric: str, offset: str = "") -> str:
    """Sum over an account's regions; one exporter's value for each, also where two watch it."""
    return f"sum by ({ACCOUNT}) (max by ({REGION}) ({metric}{offset}))"


def _of_account(metric: str) -> tuple[Record, ...]:
    total = _total(metric)
    former, recent = f"account_day:{metric}:same_hour", f"account:{metric}:last_hours"
    now, usual = f"account:{metric}:avg5m", f"account:{metric}:usual"
    return (
        Record(name=now, expression=f"avg_over_time(({total})[5m:1m])"),
        Record(name=former, expression="\nor\n".join(_same_hour(total, day) for day in _DAYS)),
        Record(name=recent, expression=_last_hours(metric)),
        Record(name=usual, expression=_usual(former, recent)),
        Record(name=f"account:{metric}:ratio_to_usual", expression=f"{now} / ({usual} > 0)"),
    )


def _same_hour(total: str, day: int) -> str:
    offset = f"{day * 24 - 1}h30m"
    window = f"({total})[1h:5m] offset {offset}"
    return f'label_replace(quantile_over_time({_RARELY}, {window}), "day", "{day}", "", "")'


def _last_hours(metric: str) -> str:
    return block(
        """
        quantile_over_time(@rarely@, (@total@)[3h:5m] offset 15m)
        and
        @earlier@
        """,
        rarely=str(_RARELY),
        total=_total(metric),
        earlier=_total(metric, " offset 30m"),
    )


def _usual(former: str, recent: str) -> str:
    return block(
        """
          max by (@account@) (
              quantile by (@account@) (0.5, @former@)
            or
              @former@{day=~"1|7"}
          )
        or
          @recent@
        """,
        account=ACCOUNT,
        former=former,
        recent=recent,
    )


def _compared() -> tuple[Record, ...]:
    now, usual = f"account:{GRAMS}:avg5m", f"account:{GRAMS}:usual"
    days = f"account_day:{GRAMS}:same_hour"
    grams, watts = f"account:{GRAMS}:ratio_to_usual", f"account:{WATTS}:ratio_to_usual"
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
    )


def _switched() -> str:
    """Count an account's zones whose intensity came from more than one source within a day."""
    return block(
        """
        count by (@account@) (
            account_zone:carbon_power_watts:sum
          and on (grid_zone)
            count by (grid_zone) (
              group by (grid_zone, source, basis) (
                last_over_time(@intensity@{method="average", basis="lifecycle"}[1d:10m])
              )
            ) > 1
        )
        """,
        account=ACCOUNT,
        intensity=INTENSITY,
    )


def _zones() -> tuple[Record, ...]:
    average = f'{INTENSITY}{{method="average", basis="lifecycle"}}'
    level = f'max by (grid_zone) ({FALLBACK}{{method="average"}})'
    return (
        Record(name=f"account_zone:{WATTS}:sum", expression=_drawn()),
        Record(name=f"zone:{INTENSITY}:max", expression=f"max by (grid_zone) ({average})"),
        Record(name=f"zone:{INTENSITY}:median14d", expression=_quantile(average, 0.5)),
        Record(name=f"zone:{INTENSITY}:p90_14d", expression=_quantile(average, 0.9)),
        Record(name=f"zone:{FALLBACK}:max", expression=level),
        Record(
            name=f"zone:{FALLBACK}:min14d",
            expression=f"min_over_time(({level})[14d:1h])",
        ),
        Record(name="zone:carbon_grid_intensity:age_seconds", expression=_age()),
    )


def _age() -> str:
    stamp = 'max by (grid_zone) (carbon_grid_intensity_timestamp_seconds{method="average"})'
    return f"clamp_min(time() - {stamp}, 0)"


def _drawn() -> str:
    return block(
        """
        sum by (@account@, grid_zone) (
            sum by (@machine@) (carbon_resource_power_watts)
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
