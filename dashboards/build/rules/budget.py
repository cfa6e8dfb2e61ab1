"""Recording rules for the budget: how fast it burns, and what the month will come to."""

from typing import Final

from dashboards.build.rules.model import Record, RecordGroup
from dashboards.build.rules.promql import block
from dashboards.build.rules.totals import GRAMS, hours

BUDGET: Final = "estate:carbon_budget_month_gco2eq:max"
MONTH: Final = f"estate:{GRAMS}:increase_month"
RATE: Final = "estate:carbon_emissions_gco2eq_per_hour"
BURN: Final = "estate:carbon_budget_burn"
PROJECTED: Final = f"estate:{GRAMS}"

_WINDOWS: Final = (("1d", 6), ("7d", 12))
"""Window and the hours of history without which its mean says nothing."""


def groups() -> tuple[RecordGroup, ...]:
    """Make the group of the budget."""
    records = (
        Record(name=BUDGET, expression="max(carbon_budget_month_gco2eq)"),
        Record(name=MONTH, expression=f"sum(region_scope:{GRAMS}:increase_month)"),
        Record(name="estate:month_hours:left", expression=_hours_left()),
        Record(name=f"{RATE}:avg2h", expression=f"sum(increase({GRAMS}_total[2h])) / 2"),
        *(Record(name=f"{RATE}:avg{w}", expression=_mean(w, least)) for w, least in _WINDOWS),
        *(Record(name=f"{BURN}:ratio_{w}", expression=_burn(w)) for w in ("2h", "1d", "7d")),
        *(_projection(w) for w, _ in _WINDOWS),
        Record(name="estate:carbon_budget_used:ratio", expression=f"{MONTH} / {BUDGET}"),
    )
    return (RecordGroup(name="carbon-budget", interval="1m", records=records),)


def _hours_left() -> str:
    gone = "(day_of_month() - 1) * 24 + hour() + minute() / 60"
    return f"days_in_month() * 24 - ({gone})"


def _mean(window: str, least: int) -> str:
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
        hourly=hours("region_scope", GRAMS, "scope"),
        window=window,
        least=str(least),
    )


def _burn(window: str) -> str:
    return f"{RATE}:avg{window} * (days_in_month() * 24) / {BUDGET}"


def _projection(window: str) -> Record:
    return Record(
        name=f"{PROJECTED}:projected_month_{window}",
        expression=f"{MONTH} + {RATE}:avg{window} * estate:month_hours:left",
    )
