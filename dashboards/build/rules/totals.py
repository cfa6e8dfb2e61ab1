"""Recording rules for sums: what was emitted in each hour, today, and this month.

Hours are the bricks. An hour's sum is recorded every minute as a moving window; the value at a
whole hour is that hour's. Days and months are the sum of the whole hours within them, UTC, and of
what came since the last one. The window that is summed has a fixed length, because PromQL knows no
calendar; so each hour is labelled with its own day or month, and only those of the present one
are kept.
"""

from typing import Final

from dashboards.build.rules.model import Record, RecordGroup
from dashboards.build.rules.promql import MACHINE, REGION, block, of_machine

TAGS: Final = ("team",)
"""Tags that sums are recorded for. Each needs to be in the exporter's ``tags`` setting as well."""

_PERIODS: Final = (("day", "day_of_month", "1d"), ("month", "month", "31d"))
"""Name, PromQL function, longest length."""

GRAMS: Final = "carbon_emissions_gco2eq"
JOULES: Final = "carbon_energy_joules"
MACHINE_GRAMS: Final = "carbon_resource_emissions_gco2eq"


def groups() -> tuple[RecordGroup, ...]:
    """Make the groups of sums by region and by team."""
    regions = (*_of_region("region_scope", GRAMS, "scope"), *_of_region("region", JOULES))
    return (
        RecordGroup(name="carbon-totals", interval="1m", records=regions),
        RecordGroup(name="carbon-teams", interval="1m", records=_teams()),
    )


def hours(level: str, metric: str, *more: str) -> str:
    """Give the sum of the last hour as recorded, and before the rules were loaded from counters.

    An hour in which a counter was reset is then left out; the recorded one has it.
    """
    return block(
        """
          @level@:@metric@:increase1h
        or
          sum by (@by@) ((@metric@_total - @metric@_total offset 1h) >= 0)
        """,
        level=level,
        metric=metric,
        by=_by(more),
    )


def _by(more: tuple[str, ...]) -> str:
    return ", ".join((REGION, *more))


def _of_region(level: str, metric: str, *more: str) -> tuple[Record, ...]:
    by = _by(more)
    hour = Record(name=f"{level}:{metric}:increase1h", expression=_hour(metric, by))
    sums = (
        Record(
            name=f"{level}:{metric}:increase_{period}",
            expression=_calendar(by, period, hours(level, metric, *more), _since(metric, by)),
        )
        for period, _, _ in _PERIODS
    )
    return (hour, *sums)


def _hour(metric: str, by: str) -> str:
    """Sum the growth of each counter over an hour; what was counted while it was not seen, too.

    A difference of two values loses nothing between two windows, as ``increase`` does; that takes
    over where a counter was reset, has just appeared or has just gone.
    """
    return block(
        """
        sum by (@by@) (
            (@counter@ - last_over_time(@counter@[6h] offset 1h)) >= 0
          or
            increase(@counter@[1h])
        )
        """,
        by=by,
        counter=f"{metric}_total",
    )


def _since(metric: str, by: str) -> str:
    """Sum the growth of each counter since the last whole hour, or since it appeared after it.

    The subquery's only step within an hour is the whole hour.
    """
    return block(
        """
        sum by (@by@) (
            (@counter@ - last_over_time(@counter@[1h:1h])) >= 0
          or
            (increase(@counter@[1h]) unless last_over_time(@counter@[1h:1h]))
        )
        """,
        by=by,
        counter=f"{metric}_total",
    )


def _calendar(by: str, period: str, hourly: str, since: str) -> str:
    function, window = next((f, w) for name, f, w in _PERIODS if name == period)
    return block(
        """
        sum by (@by@) (
            sum by (@by@) (
                sum_over_time(
                  (
                      (
                        @hourly@
                      )
                    * on () group_left (@period@)
                      count_values("@period@", @function@(vector(time() - 1)))
                  )[@window@:1h]
                )
              and on (@period@)
                count_values("@period@", @function@())
            )
          or
            label_replace(
              @since@,
              "since", "the last whole hour", "", ""
            )
        )
        """,
        by=by,
        period=period,
        function=function,
        window=window,
        hourly=hourly,
        since=since,
    )


def _teams() -> tuple[Record, ...]:
    return tuple(record for tag in TAGS for record in _of_tag(tag))


def _of_tag(tag: str) -> tuple[Record, ...]:
    label, hour = f"tag_{tag}", f"{tag}:{MACHINE_GRAMS}:increase1h"
    machines = _hour_of_machines()
    joined = block(
        """
        sum by (@label@) (
            @machines@
          * on (@machine@) group_left (@label@)
            @info@
        )
        """,
        label=label,
        machine=MACHINE,
        machines=machines,
        info=of_machine(label, "1h"),
    )
    sums = (
        Record(
            name=f"{tag}:{MACHINE_GRAMS}:increase_{period}",
            expression=_calendar_of_tag(label, hour, period),
        )
        for period, _, _ in _PERIODS
    )
    return (Record(name=hour, expression=joined), *sums)


def _hour_of_machines() -> str:
    return block(
        """
        sum by (@machine@) (
            (@counter@ - @counter@ offset 1h) >= 0
          or
            increase(@counter@[1h])
        )
        """,
        machine=MACHINE,
        counter=f"{MACHINE_GRAMS}_total",
    )


def _calendar_of_tag(label: str, hour: str, period: str) -> str:
    function, window = next((f, w) for name, f, w in _PERIODS if name == period)
    return block(
        """
        sum by (@label@) (
            sum_over_time(
              (
                  @hour@
                * on () group_left (@period@)
                  count_values("@period@", @function@(vector(time() - 1)))
              )[@window@:1h]
            )
          and on (@period@)
            count_values("@period@", @function@())
        )
        """,
        label=label,
        hour=hour,
        period=period,
        function=function,
        window=window,
    )
