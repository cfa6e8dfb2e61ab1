"""What an idle machine is and what it would save: the one definition of rules and dashboards.

Idle is a machine whose CPU stayed below ``limits.IDLE_THRESHOLD`` in ``limits.IDLE_QUANTILE`` of
the last ``limits.IDLE_DAYS`` days, that was measured in ``limits.IDLE_MEASURED`` of their buckets,
and that was there when they began. One whose GPU works, or has a GPU that nobody measures, is not.

Switching it off saves its operational grams. Its embodied grams do not vanish with it: the hardware
is built, and is let to somebody else. They are told beside, never added.
"""

from collections.abc import Callable
from typing import Final

from dashboards.build.links import MACHINES
from dashboards.build.rules import limits
from dashboards.build.rules.model import Alert, Panel, Severity
from dashboards.build.rules.promql import MACHINE, block, of_machine

_CPU: Final = "carbon_resource_cpu_utilization_ratio"
_GPU: Final = "carbon_resource_gpu_utilization_ratio"
_POWER: Final = "carbon_resource_power_watts"
_RATE: Final = "carbon_resource_emissions_gco2eq_per_hour"
_WHO: Final = "{{ $labels.provider }} account {{ $labels.account }}"

STEP_MINUTES: Final = 17
"""Prime to an hour and a day, so that it does not always look at the same minute of a job."""
WINDOW: Final = f"{limits.IDLE_DAYS}d:{STEP_MINUTES}m"
READINGS: Final = limits.IDLE_DAYS * 24 * 60 // STEP_MINUTES
HOURS_PER_WEEK: Final = 168

Selects = Callable[..., str]
"""Makes a selector of a metric, and of matchers in addition to its own."""


def everywhere(metric: str, *matchers: str) -> str:
    """Select a metric of all machines."""
    return f"{metric}{{{', '.join(matchers)}}}" if matchers else metric


def machines(selects: Selects = everywhere) -> str:
    """Find the idle machines: the CPU that each rarely exceeded."""
    return block(
        """
        max by (@machine@) (
          quantile_over_time(@quantile@, @cpu@[@window@])
        ) < @limit@
        and on (@machine@)
          count_over_time(@cpu@[@window@]) >= @measured@
        and on (@machine@)
          last_over_time(@cpu@[1d] offset @days@d)
        unless on (@machine@) (
            @gpu_power@ > 0
          unless on (@machine@)
            quantile_over_time(@quantile@, @gpu@[@window@]) < @limit@
        )
        unless on (@machine@)
          max_over_time(@gpu@[@window@]) >= @limit@
        """,
        machine=MACHINE,
        cpu=selects(_CPU),
        gpu=selects(_GPU),
        gpu_power=selects(_POWER, 'component="gpu"'),
        window=WINDOW,
        quantile=str(limits.IDLE_QUANTILE),
        limit=str(limits.IDLE_THRESHOLD),
        measured=str(round(limits.IDLE_MEASURED * READINGS)),
        days=str(limits.IDLE_DAYS),
    )


def emitted(scope: str, selects: Selects = everywhere) -> str:
    """Give what each machine emits now in a scope, grams per hour, from one exporter."""
    series = selects(_RATE, f'scope="{scope}"')
    return f"max by ({MACHINE}) ({series})"


def saved(selects: Selects = everywhere) -> str:
    """Give the grams per hour that switching off each idle machine saves."""
    return block(
        """
          @emitted@
        and on (@machine@) (
          @machines@
        )
        """,
        machine=MACHINE,
        emitted=emitted("operational", selects),
        machines=machines(selects),
    )


def alert() -> Alert:
    """Make the alert; one for each machine."""
    return Alert(
        name="CarbonMachineIdle",
        severity=Severity.INFO,
        lasting="0s",
        shown=Panel(board=MACHINES, panel=10),
        expression=block(
            """
            @hours@ * (
              @saved@
            )
            * on (@machine@) group_left (name, instance_type, grid_zone)
              @info@
            """,
            hours=str(HOURS_PER_WEEK),
            saved=saved(),
            machine=MACHINE,
            info=of_machine("name, instance_type, grid_zone"),
        ),
        summary=(
            "{{ if $labels.name }}{{ $labels.name }}{{ else }}{{ $labels.resource_id }}{{ end }} "
            "({{ $labels.instance_type }}) has idled for a week: switching it off saves "
            f"{_WHO} {{{{ humanize $now }}}}g CO2eq a week"
        ),
        description=(
            "{{ $labels.resource_type }} {{ $labels.resource_id }} in {{ $labels.cloud_region }}, "
            f"grid {{{{ $labels.grid_zone }}}}, used less than "
            f"{limits.IDLE_THRESHOLD:.0%} of its CPU in {limits.IDLE_QUANTILE:.0%} of the last "
            "seven days. Probably forgotten, or a spare that nothing uses."
        ),
    )
