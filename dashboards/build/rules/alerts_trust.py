"""Alerts about the measurement: whether the numbers are there, true, and worth their cost."""

from collections.abc import Mapping
from typing import Final

from dashboards.build import thresholds
from dashboards.build.alert_limits import limit
from dashboards.build.links import GRID, HEALTH
from dashboards.build.rules import told, trust, usual
from dashboards.build.rules.model import Alert, AlertGroup, Name, Panel, Severity, Value
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
        _gone(),
        _collector_gone(),
        _failing(),
        _failing_for_long(),
        _late(),
        _fallback(),
        _coverage(),
        _bill(),
        _dropped(),
    )
    return (AlertGroup(name="carbon-measurement", interval="1m", alerts=alerts),)


def _down() -> Alert:
    """Each target that does not answer, for as long as Prometheus is told to scrape it."""
    return Alert(
        name="CarbonExporterDown",
        severity=Severity.CRITICAL,
        lasting="5m",
        shown=Panel(board=HEALTH, panel=20),
        expression=block(
            """
              max by (job, instance) (up) == 0
            and on (job)
              @known@
            """,
            known=trust.KNOWN_JOB,
        ),
        values=(Value(name="since", series=trust.UP_UNTIL, on=("job", "instance"), optional=True),),
        summary=(
            "carbon-exporter {{ $labels.instance }} has not answered "
            "{{ if gt $since 0.0 }}since {{ slice (humanizeTimestamp $since) 0 16 }} UTC"
            "{{ else }}for more than a day{{ end }}"
        ),
        description=(
            "Nothing is known of what it alone watches, and alerts about that are silent. Once it "
            "is back it catches up with what it missed, as far as max_catch_up reaches. The "
            "process is gone, or Prometheus cannot reach it."
        ),
    )


def _gone() -> Alert:
    """No exporter anywhere, and no target that fails: it is not looked for any more."""
    return Alert(
        name="CarbonExporterGone",
        severity=Severity.CRITICAL,
        lasting="10m",
        shown=Panel(board=HEALTH, panel=20),
        expression=block(
            """
              time() - max(@seen@)
            unless on ()
              group(carbon_build_info)
            unless on ()
              group(up == 0 and on (job) @known@)
            """,
            seen=trust.SEEN,
            known=trust.KNOWN_JOB,
        ),
        summary="No carbon-exporter has been seen for {{ humanizeDuration $now }}",
        description=(
            "It is not among Prometheus' targets any more: a service discovery that lost it, a "
            "changed configuration, or an agent that stopped writing. Nothing is known about any "
            "account, and all other alerts about them are silent."
        ),
    )


def _collector_gone() -> Alert:
    """A collector that went with its exporter; one that a running exporter dropped was meant."""
    return Alert(
        name="CarbonCollectorGone",
        severity=Severity.WARNING,
        lasting="15m",
        shown=Panel(board=HEALTH, panel=9),
        expression=block(
            """
            group by (collector) (
                group by (job, instance, collector) (
                  last_over_time(carbon_collector_success[7d:10m])
                )
              unless on (collector)
                carbon_collector_success
              unless on (job, instance)
                carbon_build_info
            )
            and on ()
              group(carbon_build_info)
            """
        ),
        names=(
            Name(
                name="instance",
                series=trust.LAST_INSTANCE,
                label="instance",
                on=_COLLECTOR,
            ),
        ),
        summary=(
            "Collector {{ $labels.collector }} is gone"
            "{{ if $instance }} with its exporter {{ $instance }}{{ end }}, and no other has it"
        ),
        description=(
            "What it watched is missing in all sums, so they look better than they are. Start its "
            "exporter again, or give the account to another. If it is meant to be gone, silence "
            "this for a week."
        ),
    )


_OF_LAST: Final = "max by (collector) (carbon_collector_last_success_timestamp_seconds)"
_WORKS: Final = "max by (collector) (carbon_collector_success)"


def _failing() -> Alert:
    """By what it says of itself, by its age alone, and where its first attempt never ended."""
    return _of_collector(
        Severity.WARNING,
        "15m",
        block(
            """
              (
                  time() - @last@
                and on (collector) (
                    @works@ == 0
                  or
                    time() - @last@ > @silent@
                )
              )
            or
              0 * (@works@ == 0)
            or
              0 * (
                  group by (collector) (carbon_collector_failures_total)
                unless on (collector)
                  @works@
              )
            """,
            last=_OF_LAST,
            works=_WORKS,
            silent=limit("collector_silent_seconds"),
        ),
        "Its gauges are withdrawn, its counters wait and catch up; if it is a grid source, the "
        "next one steps in; if it is the store, counters would not survive a restart.",
    )


def _failing_for_long() -> Alert:
    return _of_collector(
        Severity.CRITICAL,
        "5m",
        f"time() - {_OF_LAST} > {limit('collector_lost_seconds')}",
        "What is missed for longer than max_catch_up (24h unless set) is lost.",
    )


def _of_collector(severity: Severity, lasting: str, expression: str, consequence: str) -> Alert:
    return Alert(
        name="CarbonCollectorFailing",
        severity=severity,
        lasting=lasting,
        keep="5m",
        shown=Panel(board=HEALTH, panel=7),
        expression=expression,
        values=tuple(map(_failures, _REASONS)),
        summary=(
            "Collector {{ $labels.collector }} "
            "{{ if $now }}has not succeeded for {{ humanizeDuration $now }}"
            "{{ else }}has not succeeded yet{{ end }}"
        ),
        description="".join((*map(_reason, _REASONS), consequence)),
    )


def _failures(reason: str) -> Value:
    where = {"reason": reason}
    return Value(name=reason, series=trust.FAILURES, on=_COLLECTOR, where=where, optional=True)


def _reason(reason: str) -> str:
    return f"{{{{ if gt ${reason} 0.0 }}}}Reason {reason}: {_REASONS[reason]}. {{{{ end }}}}"


def _late() -> Alert:
    """Of clouds only, which alone have a past to catch up with; grids have the fallback level.

    An account whose machines all sleep is up to date by its exporter's word.
    """
    return Alert(
        name="CarbonDataLate",
        severity=Severity.WARNING,
        lasting="30m",
        keep="10m",
        shown=Panel(board=HEALTH, panel=8),
        expression=block(
            """
              time() - max by (collector) (carbon_collector_data_timestamp_seconds) > @late@
            and on (collector)
              @clouds@
            unless on (collector)
              @works@ == 0
            """,
            late=limit("data_late_seconds"),
            clouds=trust.CATCH_UP,
            works=_WORKS,
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
    return Alert(
        name="CarbonIntensityFallback",
        severity=Severity.WARNING,
        lasting="30m",
        keep="15m",
        shown=Panel(board=GRID, panel=7),
        expression=block(
            """
              max by (@account@, grid_zone) (account_zone:carbon_power_watts:sum)
            and on (grid_zone)
              @unobserved@
            and on (grid_zone)
              (@once_observed@)
            """,
            account=ACCOUNT,
            unobserved=thresholds.unobserved(usual.WEAKEST),
            once_observed=thresholds.observed(usual.STRONGEST),
        ),
        values=(
            Value(name="level", series=usual.WEAKEST, on=_ZONE),
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
        keep="15m",
        shown=Panel(board=HEALTH, panel=12),
        expression=f"max by ({ACCOUNT}) ({measured}) < {limit('coverage')}",
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
        shown=Panel(board=HEALTH, panel=18),
        expression=f"max by (provider) ({day}) > {limit('api_dollars_per_day')}",
        values=(Value(name="month", series=f"{trust.DOLLARS}:projected30d", on=("provider",)),),
        names=(Name(name="api", series=told.DEAREST, label="api", on=("provider",)),),
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
        shown=Panel(board=HEALTH, panel=5),
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
