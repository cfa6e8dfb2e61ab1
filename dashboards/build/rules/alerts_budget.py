"""Alerts about the month's budget: at which pace it burns, and that it is spent."""

from typing import Final

from dashboards.build.rules import budget, limits
from dashboards.build.rules.model import Alert, Name, Severity, Value
from dashboards.build.rules.promql import block

_KILO: Final = 1000
"""Sums of a month are told in kilograms: ``humanize`` would call a tonne a megagram."""
_BIGGEST: Final = Name(
    name="biggest",
    query="topk(1, sum by (account) (region_scope:carbon_emissions_gco2eq:increase_month))",
    label="account",
)


def alerts() -> tuple[Alert, ...]:
    """Make the alerts; all are silent without a budget."""
    return (_burn_fast(), _burn_slow(), _spent())


def _burn_fast() -> Alert:
    return _burn(
        Severity.CRITICAL,
        "15m",
        (("1d", limits.BURN_FAST), ("2h", limits.BURN_FAST)),
        "1d",
        "the last day",
    )


def _burn_slow() -> Alert:
    return _burn(
        Severity.WARNING,
        "1h",
        (("7d", limits.BURN_SLOW), ("1d", limits.BURN_SLOW)),
        "7d",
        "the last seven days",
    )


def _burn(
    severity: Severity,
    lasting: str,
    burns: tuple[tuple[str, float], ...],
    window: str,
    span: str,
) -> Alert:
    pace = " and ".join(f"{budget.BURN}:ratio_{w} > {limit}" for w, limit in burns)
    projected = f"{budget.PROJECTED}:projected_month_{window}"
    return Alert(
        name="CarbonBudgetBurn",
        severity=severity,
        lasting=lasting,
        expression=block(
            """
              @projected@
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
            limit=str(limits.BURN_SLOW),
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
            f"spent so far; the rest of the month is projected at the pace of {span}."
            "{{ if $biggest }} Account {{ $biggest }} emitted most this month.{{ end }}"
        ),
    )


def _spent() -> Alert:
    return Alert(
        name="CarbonBudgetSpent",
        severity=Severity.WARNING,
        lasting="5m",
        expression=f"{budget.MONTH} > {budget.BUDGET}",
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
        description=(
            "Whatever is emitted until the month ends is over the budget."
            "{{ if $biggest }} Account {{ $biggest }} emitted most this month.{{ end }}"
        ),
    )
