"""Alerts about the measurement: whether the numbers are there, true, and worth their cost."""

from collections.abc import Mapping
from typing import Final

from dashboards.build import thresholds
from dashboards.build.rules import limits, trust, usual
from dashboards.build.rules.model import Alert, AlertGroup, Name, Severity, Value
from dashboards.build.rules.promql import ACCOUNT, block, labels

_ACCOUNT: Final = labels(ACCOUNT)
_COLLECTOR: Final = ("collector",)
_ZONE: Final = ("grid_zone",)
_WHO: Final = "{{ $labels.provider }} account {{ $labels.account }}"

_REASONS: Final = {
    "auth": "credentials have expired or lack a permission, which the exporter's log names",
    "throttled": "the API throttles: fewer accounts per exporter, or a longer poll_interval",
    "unreachable": "the API cannot be reached: network, DNS, proxy or an outage there",
    "bad_payload": "the API answers something unreadable: see the exporter's log",
    "no_data": "the API has no data for what was asked",
}


def groups() -> tuple[AlertGroup, ...]:
    """Make the group of alerts about the measurement."""
    alerts = (
        _down(),
        _failing(Severity.WARNING, "15m", 0),
        _failing(Severity.CRITICAL, "5m", limits.COLLECTOR_LOST_SECONDS),
        _late(),
        _fallback(),
        _coverage(),
        _bill(),
        _dropped(),
    )
    return (AlertGroup(name="carbon-measurement", interval="1m", alerts=alerts),)


def _down() -> Alert:
    return Alert(
        name="CarbonExporterDown",
        severity=Severity.CRITICAL,
        lasting="5m",
        expression=block(
            """
              time() - max(last_over_time(timestamp(carbon_build_info)[1d:1m]))
            unless
              group(carbon_build_info)
            """
        ),
        summary="No carbon-exporter has answered for {{ humanizeDuration $now }}",
        description=(
            "Nothing is known about any account, and all other alerts about them are silent. "
            "Once it is back it catches up with what it missed, as far as max_catch_up reaches. "
            "The process is gone, or Prometheus cannot reach it."
        ),
    )


def _failing(severity: Severity, lasting: str, longer_than: int) -> Alert:
    age = "time() - max by (collector) (carbon_collector_last_success_timestamp_seconds)"
    state = "max by (collector) (carbon_collector_success)"
    never = f"\nor\n  0 * {state}" if not longer_than else ""
    return Alert(
        name="CarbonCollectorFailing",
        severity=severity,
        lasting=lasting,
        expression=block(
            """
            (
              @age@
            )@limit@
            and
              @state@ == 0
            """,
            age=f"{age}{never}",
            state=state,
            limit=f" > {longer_than}" if longer_than else "",
        ),
        values=tuple(map(_failures, _REASONS)),
        summary=(
            "Collector {{ $labels.collector }} "
            "{{ if $now }}has failed for {{ humanizeDuration $now }}"
            "{{ else }}has not succeeded yet{{ end }}"
        ),
        description="".join((*map(_reason, _REASONS), _consequence(severity))),
    )


def _failures(reason: str) -> Value:
    where = {"reason": reason}
    return Value(name=reason, series=trust.FAILURES, on=_COLLECTOR, where=where, optional=True)


def _reason(reason: str) -> str:
    return f"{{{{ if gt ${reason} 0.0 }}}}Reason {reason}: {_REASONS[reason]}. {{{{ end }}}}"


def _consequence(severity: Severity) -> str:
    if severity is Severity.CRITICAL:
        return "What is missed for longer than max_catch_up (24h unless set) is lost."
    return (
        "Its gauges are withdrawn, its counters wait and catch up; if it is a grid source, the "
        "next one steps in; if it is the store, counters would not survive a restart."
    )


def _late() -> Alert:
    """Of clouds only, whose collectors are called kind:account; grids have the fallback level."""
    return Alert(
        name="CarbonDataLate",
        severity=Severity.WARNING,
        lasting="10m",
        expression=block(
            """
              time() - max by (collector) (
                carbon_collector_data_timestamp_seconds{collector=~".+:.+"}
              ) > @late@
            unless
              max by (collector) (carbon_collector_success) == 0
            """,
            late=str(limits.DATA_LATE_SECONDS),
        ),
        values=(Value(name="behind", series=trust.CATCH_UP, on=_COLLECTOR, optional=True),),
        summary=(
            "The newest data of {{ $labels.collector }} are {{ humanizeDuration $now }} old, "
            "though its API answers"
        ),
        description=(
            "{{ if gt $behind 0.0 }}{{ humanizeDuration $behind }} of the past are still to be "
            "read: it is catching up.{{ else }}The cloud's monitoring publishes late, or the "
            "poll_interval is longer than an hour.{{ end }} Grams are not lost, but come later."
        ),
    )


def _fallback() -> Alert:
    level = f"zone:{usual.FALLBACK}"
    return Alert(
        name="CarbonIntensityFallback",
        severity=Severity.WARNING,
        lasting="30m",
        expression=block(
            """
              account_zone:carbon_power_watts:sum
            and on (grid_zone)
              @unobserved@
            and on (grid_zone)
              (@once_observed@)
            """,
            unobserved=thresholds.unobserved(f"{level}:max"),
            once_observed=thresholds.observed(f"{level}:min14d"),
        ),
        values=(
            Value(name="level", series=f"{level}:max", on=_ZONE),
            Value(name="intensity", series=f"zone:{usual.INTENSITY}:max", on=_ZONE),
            Value(name="age", series="zone:carbon_grid_intensity:age_seconds", on=_ZONE),
        ),
        summary=(
            f"{{{{ humanize $now }}}}W of {_WHO} on grid {{{{ $labels.grid_zone }}}} are priced "
            "with {{ if eq $level 4.0 }}an annual average"
            "{{ else if eq $level 3.0 }}a forecast"
            "{{ else }}the last known value{{ end }}, "
            '{{ printf "%.0f" $intensity }} g/kWh'
        ),
        description=(
            "{{ if eq $level 2.0 }}The value is {{ humanizeDuration $age }} old. {{ end }}"
            "No source of this grid is live, though one was within two weeks: it is down, its "
            "token has expired, or its data stopped. Emissions are estimates until it is back."
        ),
    )


def _coverage() -> Alert:
    measured = f'{trust.SECONDS}{{quality="measured"}}'
    return Alert(
        name="CarbonCoverageLow",
        severity=Severity.WARNING,
        lasting="1h",
        expression=f"sum by ({ACCOUNT}) ({measured}) < {thresholds.COVERAGE_POOR}",
        values=(
            _share("missing", trust.SECONDS, {"quality": "missing"}),
            _share("silent", trust.STATES, {"state": "silent"}),
        ),
        summary=(
            f"Only {{{{ humanizePercentage $now }}}} of the machine time of {_WHO} is measured"
        ),
        description=(
            "In the last six hours {{ humanizePercentage $missing }} of the running time was "
            'counted as missing; {{ printf "%.0f" $silent }} machines deliver no CPU data now. '
            "{{ if gt $missing 0.1 }}Their grams are left out: monitoring is off for them, or a "
            "permission is lacking.{{ else }}The rest is estimated, not lost.{{ end }}"
        ),
    )


def _share(name: str, series: str, where: Mapping[str, str]) -> Value:
    return Value(name=name, series=series, on=_ACCOUNT, where=where, optional=True)


def _bill() -> Alert:
    day = f"{trust.DOLLARS}:increase1d"
    return Alert(
        name="CarbonApiBillHigh",
        severity=Severity.WARNING,
        lasting="1h",
        expression=f"{day} > {limits.API_DOLLARS_PER_DAY}",
        values=(Value(name="month", series=f"{trust.DOLLARS}:projected30d", on=("provider",)),),
        names=(
            Name(
                name="api",
                query=(
                    "topk(1, sum by (api) (increase("
                    "carbon_api_cost_dollars_total{provider=%q}[1d])))"
                ),
                label="api",
                on=("provider",),
            ),
        ),
        summary=(
            'Watching {{ $labels.provider }} cost {{ printf "%.2f" $now }} US dollars in a day, '
            '{{ printf "%.0f" $month }} a month'
        ),
        description=(
            "List price of the API calls of all its accounts."
            "{{ if $api }} Most of it is {{ $api }}.{{ end }} A longer poll_interval or "
            "resolution costs less and changes no gram; a catch-up after an outage costs once."
        ),
    )


def _dropped() -> Alert:
    return Alert(
        name="CarbonSeriesDropped",
        severity=Severity.WARNING,
        lasting="15m",
        expression="max by (job, instance) (carbon_exposition_series_dropped) > 0",
        summary=(
            "{{ $labels.instance }} leaves out {{ humanize $now }} series: machines are missing "
            "on dashboards and in alerts"
        ),
        description=(
            "Its page has more series than max_series allows. Machines that are gone are left out "
            "first, then those that emit least. Totals of regions and accounts are complete. "
            "Raise max_series, or split the providers over several exporters."
        ),
    )
