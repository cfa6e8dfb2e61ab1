"""Alerts about the estate: what it emits, how it grows, its grids, its idle machines."""

from typing import Final

from dashboards.build import thresholds
from dashboards.build.alert_limits import limit, vector
from dashboards.build.links import GRID, MACHINES, OVERVIEW
from dashboards.build.rules import alerts_budget, idle, told, usual
from dashboards.build.rules.model import Alert, AlertGroup, Name, Panel, Severity, Value
from dashboards.build.rules.promql import ACCOUNT, REGION, block, labels

_ACCOUNT: Final = labels(ACCOUNT)
_ZONE: Final = ("grid_zone",)
_WHO: Final = "{{ $labels.provider }} account {{ $labels.account }}"
_GRAMS: Final = f"account:{usual.GRAMS}"
_WATTS: Final = f"account:{usual.WATTS}"
_GRAMS_PER_JOULE: Final = "account:carbon_emissions_gco2eq_per_joule:ratio_to_usual"
_DAYS: Final = f"account_day:{usual.GRAMS}:count"
_NOTABLE: Final = f"scalar(max({usual.NOTABLE}))"

_LIMIT: Final = Value(name="cause", series=vector("spike_cause"), on=())
_AGE: Final = Value(name="age", series=told.DATA_AGE, on=("account",), optional=True)
_REGION: Final = Name(name="region", series=usual.GROWN, label="cloud_region", on=_ACCOUNT)

_CAUSE: Final = (
    "{{ if and (ge $power $cause) (ge $grid $cause) }}"
    "the machines draw more and their grid is dirtier"
    "{{ else if ge $power $cause }}the machines draw more"
    "{{ else if ge $grid $cause }}the grid is dirtier, not the machines"
    "{{ else }}machines and grid are both a little up{{ end }}"
)
_SINCE: Final = (
    "{{ if gt $since 0.0 }}since {{ slice (humanizeTimestamp $since) 0 16 }} UTC"
    "{{ else }}for more than a day{{ end }}"
)
_COMPARED: Final = (
    "{{ if ge $days 2.0 }}the same hour of {{ $days }} former days"
    "{{ else if ge $days 1.0 }}the same hour yesterday (no day before is known)"
    "{{ else }}the last hours (no former day is known){{ end }}"
)
_LAG: Final = "{{ if gt $age 0.0 }}The newest data are {{ humanizeDuration $age }} old. {{ end }}"
_ADVICE: Final = (
    "{{ if ge $power $cause }}"
    "Look for a deployment, a batch job, a scaling group or a runaway process."
    "{{ else }}Work that can wait, or run in a cleaner region, should.{{ end }}"
)


def groups() -> tuple[AlertGroup, ...]:
    """Make the groups of alerts about emissions and about idle machines."""
    emissions = (
        _spike(),
        _new_account(),
        _new_region(),
        _growth(),
        *alerts_budget.alerts(),
        _dirty(),
    )
    return (
        AlertGroup(name="carbon-emissions", interval="1m", alerts=emissions),
        AlertGroup(name="carbon-idle", interval="15m", alerts=(idle.alert(),)),
    )


def _spike() -> Alert:
    return Alert(
        name="CarbonEmissionSpike",
        severity=Severity.WARNING,
        lasting="5m",
        keep="15m",
        shown=Panel(board=OVERVIEW, panel=9),
        expression=_spiking(),
        values=(
            Value(name="usual", series=f"{_GRAMS}:usual", on=_ACCOUNT),
            Value(name="times", series=f"{_GRAMS}:ratio_to_usual", on=_ACCOUNT),
            Value(name="excess", series=f"{_GRAMS}:excess", on=_ACCOUNT),
            Value(name="days", series=_DAYS, on=_ACCOUNT),
            Value(name="power", series=f"{_WATTS}:ratio_to_usual", on=_ACCOUNT, optional=True),
            Value(name="grid", series=_GRAMS_PER_JOULE, on=_ACCOUNT, optional=True),
            Value(name="since", series=usual.SINCE, on=_ACCOUNT, optional=True),
            _LIMIT,
            _AGE,
        ),
        names=(_REGION,),
        summary=(
            f"{_WHO} emits {{{{ humanize $now }}}}g CO2eq/h, "
            '{{ printf "%.1f" $times }} times its usual {{ humanize $usual }}g/h, '
            f"{_SINCE}: {_CAUSE}"
        ),
        description=(
            f'{{{{ printf "%+.0f" $excess }}}} g/h against {_COMPARED}. '
            'Power is {{ printf "%.1f" $power }} times and grams per kWh are '
            '{{ printf "%.1f" $grid }} times what is usual. '
            "{{ if $region }}It grew most in {{ $region }}. {{ end }}"
            f"{_LAG}{_ADVICE}"
        ),
    )


def _spiking() -> str:
    """Give the accounts that spike: far above usual at once, or above it for a quarter of an hour.

    Left out are those that do as much on most of their days, at another hour, and those whose grid
    is told by another source while their power is usual.
    """
    return block(
        """
          max by (@account@) (@grams@:avg5m)
        and on (@account@) (
              min_over_time(@grams@:ratio_to_usual[15m]) > @factor@
            and on (@account@)
              @days@ >= @enough@
          or
            min_over_time(@grams@:ratio_to_usual[15m]) > @unsure@
          or
            @grams@:ratio_to_usual > @at_once@
        )
        and on (@account@)
          @grams@:excess > @notable@
        unless on (@account@)
          @grams@:avg5m <= on (@account@) @burst@ * @peak@
        unless on (@account@) (
            @watts@:ratio_to_usual < @cause@
          and on (@account@)
            account:carbon_grid_zones:switched1d
        )
        """,
        grams=_GRAMS,
        watts=_WATTS,
        days=_DAYS,
        account=ACCOUNT,
        factor=limit("spike_factor"),
        unsure=limit("spike_factor_unsure"),
        at_once=limit("spike_factor_at_once"),
        enough=limit("spike_days"),
        notable=_NOTABLE,
        burst=limit("burst_factor"),
        peak=usual.PEAK,
        cause=limit("spike_cause"),
    )


_NEWCOMER: Final = (
    "Seen for the first time in a week. If nobody meant it, it may be a mistake in a template, or "
    "somebody else's work on your bill: look at its machines. "
)


def _new_account() -> Alert:
    """Of an estate that was watched a day ago: on the first day everything is new."""
    return Alert(
        name="CarbonNewAccount",
        severity=Severity.WARNING,
        lasting="10m",
        keep="15m",
        shown=Panel(board=MACHINES, panel=5),
        expression=block(
            """
              max by (@account@) (@grams@:avg5m) > @notable@
            and on ()
              group(@known@)
            unless on (@account@)
              @known@
            """,
            account=ACCOUNT,
            grams=_GRAMS,
            notable=_NOTABLE,
            known=usual.KNOWN_ACCOUNT,
        ),
        values=(
            Value(name="watts", series=f"{_WATTS}:avg5m", on=_ACCOUNT, optional=True),
            _AGE,
        ),
        names=(_REGION,),
        summary=f"{_WHO} is new and emits {{{{ humanize $now }}}}g CO2eq/h",
        description=(
            "It draws {{ humanize $watts }}W"
            "{{ if $region }}, most of it in {{ $region }}{{ end }}. "
            f"{_NEWCOMER}{_LAG}It is told for a day."
        ),
    )


def _new_region() -> Alert:
    return Alert(
        name="CarbonNewRegion",
        severity=Severity.WARNING,
        lasting="10m",
        keep="15m",
        shown=Panel(board=MACHINES, panel=5),
        expression=block(
            """
              @now@ > @notable@
            and on (@account@)
              @known_account@
            unless on (@region@)
              @known@
            """,
            account=ACCOUNT,
            region=REGION,
            now=usual.of_region(),
            notable=_NOTABLE,
            known_account=usual.KNOWN_ACCOUNT,
            known=usual.KNOWN_REGION,
        ),
        values=(_AGE,),
        summary=(
            f"{_WHO} emits {{{{ humanize $now }}}}g CO2eq/h in {{{{ $labels.cloud_region }}}}, "
            "where it had nothing"
        ),
        description=f"{_NEWCOMER}{_LAG}It is told for a day.",
    )


def _growth() -> Alert:
    """By power, which weather does not move; by the median of a day, which no incident moves."""
    day, week_ago = f"{_WATTS}:median1d", f"{_WATTS}:median1d_week_ago"
    grams, grams_then = f"{_GRAMS}:median1d", f"{_GRAMS}:median1d_week_ago"
    return Alert(
        name="CarbonGrowth",
        severity=Severity.INFO,
        lasting="6h",
        keep="1h",
        shown=Panel(board=OVERVIEW, panel=12),
        expression=block(
            """
              max by (@account@) (@grams@)
            and on (@account@)
              @day@ / @week_ago@ > @factor@
            and on (@account@)
              @grams@ - @grams_then@ > @notable@
            """,
            account=ACCOUNT,
            day=day,
            week_ago=week_ago,
            grams=grams,
            grams_then=grams_then,
            factor=limit("growth_factor"),
            notable=_NOTABLE,
        ),
        values=(
            Value(name="then", series=grams_then, on=_ACCOUNT),
            Value(name="watts", series=day, on=_ACCOUNT),
            Value(name="watts_then", series=week_ago, on=_ACCOUNT),
        ),
        names=(_REGION,),
        summary=(
            f"{_WHO} has grown within a week: {{{{ humanize $now }}}}g CO2eq/h on a usual hour of "
            "the last day, {{ humanize $then }}g/h on the same day of last week"
        ),
        description=(
            "Its power went from {{ humanize $watts_then }}W to {{ humanize $watts }}W, so it is "
            "the machines, not the grid."
            "{{ if $region }} Against yesterday it grew most in {{ $region }}.{{ end }} "
            "If the growth is meant, plan the budget for it; if not, look for machines that are "
            "started and not stopped."
        ),
    )


def _dirty() -> Alert:
    intensity, level = f"zone:{usual.INTENSITY}", usual.WEAKEST
    return Alert(
        name="CarbonGridDirty",
        severity=Severity.INFO,
        lasting="30m",
        keep="30m",
        shown=Panel(board=GRID, panel=5),
        expression=block(
            """
              max by (@account@, grid_zone) (
                  account_zone:carbon_power_watts:sum / 1000
                * on (grid_zone) group_left ()
                  (@intensity@:max - @intensity@:median14d)
              ) > @grams@
            and on (grid_zone)
              @intensity@:max > @intensity@:p90_14d
            and on (grid_zone)
              @intensity@:max > @factor@ * @intensity@:median14d
            and on (grid_zone)
              @intensity@:max >= @clean@
            unless on (grid_zone)
              @unobserved@
            """,
            account=ACCOUNT,
            intensity=intensity,
            unobserved=thresholds.unobserved(level),
            grams=limit("dirty_grams_per_hour"),
            factor=limit("dirty_factor"),
            clean=limit("grid_clean"),
        ),
        values=(
            Value(name="intensity", series=f"{intensity}:max", on=_ZONE),
            Value(name="median", series=f"{intensity}:median14d", on=_ZONE),
            Value(
                name="watts",
                series="account_zone:carbon_power_watts:sum",
                on=(*_ACCOUNT, *_ZONE),
            ),
        ),
        summary=(
            'The grid {{ $labels.grid_zone }} is at {{ printf "%.0f" $intensity }} g/kWh, usually '
            f'{{{{ printf "%.0f" $median }}}}: {_WHO} emits {{{{ humanize $now }}}}g/h more for it'
        ),
        description=(
            "Dirtier than nine of ten hours of the last two weeks, while the account draws "
            "{{ humanize $watts }}W there. The machines are not the cause. Work that can wait, "
            "or run in a cleaner region, should."
        ),
    )
