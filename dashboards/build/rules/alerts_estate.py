"""Alerts about the estate: what it emits, its grids, its idle machines."""

from typing import Final

from dashboards.build import thresholds
from dashboards.build.rules import alerts_budget, idle, limits, usual
from dashboards.build.rules.model import Alert, AlertGroup, Name, Severity, Value
from dashboards.build.rules.promql import ACCOUNT, block, labels

_ACCOUNT: Final = labels(ACCOUNT)
_ZONE: Final = ("grid_zone",)
_WHO: Final = "{{ $labels.provider }} account {{ $labels.account }}"
_GRAMS: Final = f"account:{usual.GRAMS}"
_WATTS: Final = f"account:{usual.WATTS}"
_GRAMS_PER_JOULE: Final = "account:carbon_emissions_gco2eq_per_joule:ratio_to_usual"
_DAYS: Final = f"account_day:{usual.GRAMS}:count"

_CAUSE: Final = (
    f"{{{{ if and (ge $power {limits.SPIKE_CAUSE}) (ge $grid {limits.SPIKE_CAUSE}) }}}}"
    "the machines draw more and their grid is dirtier"
    f"{{{{ else if ge $power {limits.SPIKE_CAUSE} }}}}the machines draw more"
    f"{{{{ else if ge $grid {limits.SPIKE_CAUSE} }}}}the grid is dirtier, not the machines"
    "{{ else }}machines and grid are both a little up{{ end }}"
)

_COMPARED: Final = (
    "{{ if ge $days 2.0 }}the same hour of {{ $days }} former days"
    "{{ else if ge $days 1.0 }}the same hour yesterday (no day before is known)"
    "{{ else }}the last hours (no former day is known){{ end }}"
)
_ADVICE: Final = (
    f"{{{{ if ge $power {limits.SPIKE_CAUSE} }}}}"
    "Look for a deployment, a batch job, a scaling group or a runaway process."
    "{{ else }}Work that can wait, or run in a cleaner region, should.{{ end }}"
)


def groups() -> tuple[AlertGroup, ...]:
    """Make the groups of alerts about emissions and about idle machines."""
    emissions = (_spike(), *alerts_budget.alerts(), _dirty())
    return (
        AlertGroup(name="carbon-emissions", interval="1m", alerts=emissions),
        AlertGroup(name="carbon-idle", interval="15m", alerts=(idle.alert(),)),
    )


def _spike() -> Alert:
    return Alert(
        name="CarbonEmissionSpike",
        severity=Severity.WARNING,
        lasting="5m",
        expression=_spiking(),
        values=(
            Value(name="usual", series=f"{_GRAMS}:usual", on=_ACCOUNT),
            Value(name="times", series=f"{_GRAMS}:ratio_to_usual", on=_ACCOUNT),
            Value(name="excess", series=f"{_GRAMS}:excess", on=_ACCOUNT),
            Value(name="days", series=_DAYS, on=_ACCOUNT),
            Value(name="power", series=f"{_WATTS}:ratio_to_usual", on=_ACCOUNT, optional=True),
            Value(name="grid", series=_GRAMS_PER_JOULE, on=_ACCOUNT, optional=True),
        ),
        names=(_grown_region(),),
        summary=(
            f"{_WHO} emits {{{{ humanize $now }}}}g CO2eq/h, "
            '{{ printf "%.1f" $times }} times its usual {{ humanize $usual }}g/h: '
            f"{_CAUSE}"
        ),
        description=(
            f'{{{{ printf "%+.0f" $excess }}}} g/h against {_COMPARED}. '
            'Power is {{ printf "%.1f" $power }} times and grams per kWh are '
            '{{ printf "%.1f" $grid }} times what is usual. '
            "{{ if $region }}It grew most in {{ $region }}. {{ end }}"
            f"{_ADVICE}"
        ),
    )


def _spiking() -> str:
    return block(
        """
          @grams@:avg5m
        and on (@account@) (
              @grams@:ratio_to_usual > @factor@
            and on (@account@)
              @days@ >= @enough@
          or
            @grams@:ratio_to_usual > @unsure@
        )
        and on (@account@)
          @grams@:excess > @excess@
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
        factor=str(limits.SPIKE_FACTOR),
        unsure=str(limits.SPIKE_FACTOR_UNSURE),
        enough=str(limits.SPIKE_DAYS),
        excess=str(limits.SPIKE_GRAMS_PER_HOUR),
        cause=str(limits.SPIKE_CAUSE),
    )


def _grown_region() -> Name:
    """Find the region that emits more than a day ago; without a day before, the largest."""
    now = f"{usual.GRAMS}{{provider=%q, account=%q}}"
    growth = f"sum by (cloud_region) ({now} - ({now} offset 1d or 0 * {now}))"
    return Name(name="region", query=f"topk(1, {growth})", label="cloud_region", on=_ACCOUNT)


def _dirty() -> Alert:
    intensity, level = f"zone:{usual.INTENSITY}", f"zone:{usual.FALLBACK}:max"
    return Alert(
        name="CarbonGridDirty",
        severity=Severity.INFO,
        lasting="30m",
        expression=block(
            """
              (
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
            intensity=intensity,
            unobserved=thresholds.unobserved(level),
            grams=str(limits.DIRTY_GRAMS_PER_HOUR),
            factor=str(limits.DIRTY_FACTOR),
            clean=str(thresholds.GRID_CLEAN),
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
