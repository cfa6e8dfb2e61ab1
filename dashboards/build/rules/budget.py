"""Recording rules for the budget: how fast it burns, and what the month will come to."""

from typing import Final

from dashboards.build.rules.model import Record, RecordGroup
from dashboards.build.rules.promql import REGION, block
from dashboards.build.rules.totals import ALL, GRAMS, Pick, hours, watched_since

BUDGET: Final = "estate:carbon_budget_month_gco2eq:max"
MONTH: Final = f"estate:{GRAMS}:increase_month"
RATE: Final = "estate:carbon_emissions_gco2eq_per_hour"
BURN: Final = "estate:carbon_budget_burn"
PROJECTED: Final = f"estate:{GRAMS}"

SINCE: Final = f"estate:{GRAMS}:month_since_timestamp_seconds"
"""When the first hour of the month began that was counted."""

LEAST_HOURS: Final = {"1d": 6, "7d": 24}
"""Window, and the hours of history without which its mean says nothing of a month: all hours of a
day for the one that is shown, a quarter of them for an alert that must be fast."""

HOURS_GONE: Final = "((day_of_month() - 1) * 24 + hour() + minute() / 60)"
"""Hours of this month that are over, UTC."""
HOURS_LEFT: Final = f"(days_in_month() * 24 - {HOURS_GONE})"


def groups() -> tuple[RecordGroup, ...]:
    """Make the group of the budget."""
    records = (
        Record(name=BUDGET, expression="max(carbon_budget_month_gco2eq)"),
        Record(name=MONTH, expression=f"sum(region_scope:{GRAMS}:increase_month)"),
        Record(name=SINCE, expression=watched_since()),
        Record(name="estate:month_hours:left", expression=HOURS_LEFT),
        Record(
            name=f"{RATE}:avg2h",
            expression=f"sum(max by ({REGION}, scope) (increase({GRAMS}_total[2h]))) / 2",
        ),
        *(Record(name=f"{RATE}:avg{w}", expression=mean(w)) for w in LEAST_HOURS),
        *(Record(name=f"{BURN}:ratio_{w}", expression=_burn(w)) for w in ("2h", "1d", "7d")),
        *(_projection(w) for w in LEAST_HOURS),
        Record(name="estate:carbon_budget_used:ratio", expression=f"{MONTH} / {BUDGET}"),
    )
    return (RecordGroup(name="carbon-budget", interval="1m", records=records),)


def mean(window: str, pick: Pick = ALL) -> str:
    """Give the mean grams per hour of a window; nothing with too little history."""
    return block(
        """
        avg_over_time(
          (sum(
            @hourly@
          ))[@window@:1h]
        )
        and
        count_over_time(
          (sum(
            @hourly@
          ))[@window@:1h]
        ) >= @least@
        """,
        hourly=hours(GRAMS, pick),
        window=window,
        least=str(LEAST_HOURS[window]),
    )


def projected(so_far: str, rate: str, since: str) -> str:
    """Give what a whole month comes to: so far, and all hours that were not watched at a rate.

    Those that are still to come, and those before the first that was counted: a month that was
    watched from its 28th day on is no month of three days.
    """
    return block(
        """
          @so_far@
        +
            @rate@
          * on ()
            (
                @left@
              + (
                  clamp_min(
                      @since@
                    / 3600 - (time() / 3600 - @gone@),
                    0
                  )
                or
                  vector(0)
              )
            )
        """,
        so_far=so_far,
        rate=rate,
        since=since,
        left=HOURS_LEFT,
        gone=HOURS_GONE,
    )


def _burn(window: str) -> str:
    return f"{RATE}:avg{window} * (days_in_month() * 24) / {BUDGET}"


def _projection(window: str) -> Record:
    return Record(
        name=f"{PROJECTED}:projected_month_{window}",
        expression=projected(MONTH, f"{RATE}:avg{window}", SINCE),
    )
