"""Alerts about the month's budget: at which pace it burns, and that it is spent."""

from typing import Final

from dashboards.build.alert_limits import limit
from dashboards.build.links import OVERVIEW
from dashboards.build.rules import budget, told
from dashboards.build.rules.model import Alert, Name, Panel, Severity, Value
from dashboards.build.rules.promql import block

_KILO: Final = 1000
"""Sums of a month are told in kilograms: ``humanize`` would call a tonne a megagram."""
_BIGGEST: Final = Name(name="biggest", series=told.BIGGEST, label="account")
_MOST: Final = "{{ if $biggest }} Account {{ $biggest }} emitted most this month.{{ end }}"


def alerts() -> tuple[Alert, ...]:
    """Make the alerts; all are silent without a budget."""
    return (_burn_fast(), _burn_slow(), _spent())


def _burn_fast() -> Alert:
    return _burn(
        Severity.CRITICAL,
        "15m",
        (("1d", "burn_fast"), ("2h", "burn_fast")),
        "1d",
        "the last day",
    )


def _burn_slow() -> Alert:
    return _burn(
        Severity.WARNING,
        "1h",
        (("7d", "burn_slow"), ("1d", "burn_slow")),
        "7d",
        "the last seven days",
    )


def _burn(
    severity: Severity,
    lasting: str,
    burns: tuple[tuple[str, str], ...],
    window: str,
    span: str,
) -> Alert:
    pace = " and ".join(f"{budget.BURN}:ratio_{w} > {limit(name)}" for w, name in burns)
    projected = f"{budget.PROJECTED}:projected_month_{window}"
    return Alert(
        name="CarbonBudgetBurn",
        severity=severity,
        lasting=lasting,
        keep="15m",
        shown=Panel(board=OVERVIEW, panel=5),
        expression=block(
            """
              max(@projected@)
            and
              @projected@ > @budget@ * @limit@
            and
              @month@ <= @budget@
            and
              (@pace@)
            """,
            projected=projected,
            budget=budget.BUDGET,
            month=budget.MONTH,
            limit=limit("burn_slow"),
            pace=pace,
        ),
        values=(
            Value(name="projected", series=projected, on=(), divisor=_KILO),
            Value(name="budget", series=budget.BUDGET, on=(), divisor=_KILO),
            Value(name="month", series=budget.MONTH, on=(), divisor=_KILO),
            Value(name="used", series="estate:carbon_budget_used:ratio", on=()),
            Value(name="burn", series=f"{budget.BURN}:ratio_{window}", on=()),
        ),
        names=(_BIGGEST,),
        summary=(
            'The month will come to {{ printf "%.1f" $projected }} kg CO2eq of a budget of '
            '{{ printf "%.1f" $budget }} kg: '
            f'{span} burnt it {{{{ printf "%.1f" $burn }}}} times as fast as it lasts'
        ),
        description=(
            '{{ printf "%.1f" $month }} kg, {{ humanizePercentage $used }} of the budget, are '
            f"spent so far; the rest of the month is projected at the pace of {span}.{_MOST}"
        ),
    )


def _spent() -> Alert:
    return Alert(
        name="CarbonBudgetSpent",
        severity=Severity.WARNING,
        lasting="5m",
        keep="15m",
        shown=Panel(board=OVERVIEW, panel=6),
        expression=f"max({budget.MONTH}) > max({budget.BUDGET})",
        values=(
            Value(name="month", series=budget.MONTH, on=(), divisor=_KILO),
            Value(name="budget", series=budget.BUDGET, on=(), divisor=_KILO),
            Value(name="used", series="estate:carbon_budget_used:ratio", on=()),
            Value(name="left", series="estate:month_hours:left", on=()),
        ),
        names=(_BIGGEST,),
        summary=(
            'This month\'s {{ printf "%.1f" $month }} kg CO2eq are {{ humanizePercentage $used }} '
            'of the budget of {{ printf "%.1f" $budget }} kg, {{ printf "%.0f" $left }} hours '
            "before the month ends"
        ),
        description=(f"Whatever is emitted until the month ends is over the budget.{_MOST}"),
    )
