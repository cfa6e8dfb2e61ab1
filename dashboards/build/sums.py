"""PromQL of sums over a day and a month, UTC: so far, projected, against the budget, elsewhere.

They are what the recording rules record, narrowed down to what the reader picked, and the same
whatever time range is looked at: they know its end, which is "now", and nothing else of it. Where
the rules are not loaded they are made of the counters.
"""

from typing import Final

from dashboards.build.queries import JOULES_PER_KWH, PLACE, estate, exporter, selected
from dashboards.build.rules import budget as rules
from dashboards.build.rules import totals
from dashboards.build.rules.promql import block
from dashboards.build.rules.totals import GRAMS, JOULES, Pick

CAR_GRAMS_PER_KM: Final = 250
"""gCO2 from the tailpipe of an average car: 400 g a mile (8,887 g a gallon, 22.2 miles a gallon).

US EPA, Tailpipe Greenhouse Gas Emissions from a Typical Passenger Vehicle, EPA-420-F-23-014, 2023.
"""

PICKED: Final = Pick(recorded=selected(*PLACE), counters=estate(""))
"""What the reader picked."""
OPERATIONAL: Final = Pick(
    recorded=selected(*PLACE, 'scope="operational"'), counters=estate("", 'scope="operational"')
)
_ALL: Final = Pick(counters=exporter(""))
"""The whole estate, whatever is picked: a budget is one for all."""

WATCHED_ENOUGH: Final = 0.9
"""Share of yesterday's hours that must have been counted to be compared with."""


def today() -> str:
    """Grams since midnight UTC."""
    return _sum(totals.recorded(GRAMS, "day", PICKED))


def yesterday_by_now() -> str:
    """Grams of the same hours of yesterday; nothing if they were not watched."""
    made = _sum(totals.recorded(GRAMS, "day", PICKED))
    return block(
        """
          last_over_time((
            @made@
          )[15m:5m] offset 1d)
        and on ()
            @hours@
          >= @enough@ * hour()
        """,
        made=made,
        hours=totals.hours_watched_yesterday(PICKED),
        enough=str(WATCHED_ENOUGH),
    )


def change() -> str:
    """Grams of today against those of the same hours of yesterday, as a share more or less."""
    return _term(f"{today()}\n/\n({yesterday_by_now()}) - 1")


def month() -> str:
    """Grams since the month began, UTC, or since it is watched."""
    return _sum(totals.recorded(GRAMS, "month", PICKED))


def kilowatt_hours() -> str:
    """Kilowatt-hours of the month so far."""
    return f"{_sum(totals.recorded(JOULES, 'month', PICKED))} / {JOULES_PER_KWH}"


def kilometres_by_car() -> str:
    """Kilometres that an average car drives on the grams of the month so far."""
    return f"{month()} / {CAR_GRAMS_PER_KM}"


def watched_since() -> str:
    """Milliseconds since 1970 at which the first hour of this month began that was counted."""
    return f"1000 * {totals.watched_since(PICKED)}"


def month_projection() -> str:
    """Grams that the whole month will come to; nothing with less than a day of history."""
    return _projected(PICKED)


def budget() -> str:
    """Grams that the month shall stay below; nothing without a budget."""
    return f"max ({exporter('carbon_budget_month_gco2eq')})"


def budget_used() -> str:
    """Share of the budget that all machines have used since the month began."""
    return f"{_sum(totals.recorded(GRAMS, 'month', _ALL))} / {budget()}"


def budget_projected() -> str:
    """Share of the budget that all machines will have used at the end of the month."""
    return f"(\n{_projected(_ALL)}\n) / {budget()}"


def in_month(hourly: str, *by: str) -> str:
    """Sum of this month, UTC, of a quantity by the hour; by labels, if any are given."""
    return _of_month("sum_over_time", hourly, by)


def mean_of_month(hourly: str, *by: str) -> str:
    """Mean over the hours of this month for which a quantity is known."""
    return _of_month("avg_over_time", hourly, by)


def hours_of_month(hourly: str) -> str:
    """Count the hours of this month for which a quantity is known."""
    return _of_month("count_over_time", hourly, ())


def _of_month(function: str, hourly: str, by: tuple[str, ...]) -> str:
    kept = f" by ({', '.join(by)})" if by else ""
    return block(
        """
        sum@kept@ (
            @function@(
              (
                  (
                    @hourly@
                  )
                * on () group_left (month)
                  count_values("month", month(vector(time() - 1)))
              )[31d:1h]
            )
          and on (month)
            count_values("month", month())
        )
        """,
        kept=kept,
        function=function,
        hourly=hourly,
    )


def _projected(pick: Pick) -> str:
    return rules.projected(
        _sum(totals.recorded(GRAMS, "month", pick)),
        _term(rules.mean("7d", pick)),
        totals.watched_since(pick),
    )


def _sum(expression: str) -> str:
    return block(
        """
        sum (
          @expression@
        )
        """,
        expression=expression,
    )


def _term(expression: str) -> str:
    return block(
        """
        (
          @expression@
        )
        """,
        expression=expression,
    )
