"""Recording rules for sums: what was emitted in each hour, today, and this month.

Hours are the bricks. An hour's sum is recorded every minute as a moving window; the value at a
whole hour is that hour's. Days and months are the sum of the whole hours within them, UTC, and of
what came since the last one. The window that is summed has a fixed length, because PromQL knows no
calendar; so each hour is labelled with its own day or month, and only those of the present one
are kept.
"""

from dataclasses import dataclass
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

_METRICS: Final = {GRAMS: ("region_scope", "scope"), JOULES: ("region",)}
"""Level of the recorded sums of each counter, and the labels that it has beside the region's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """Matchers, in braces, that narrow sums down to what the reader of a dashboard picked.

    Recorded series know no scrape job, counters do.
    """

    recorded: str = ""
    counters: str = ""


ALL: Final = Pick()


def groups() -> tuple[RecordGroup, ...]:
    """Make the groups of sums by region and by team."""
    regions = (*_of_region(GRAMS), *_of_region(JOULES))
    return (
        RecordGroup(name="carbon-totals", interval="1m", records=regions),
        RecordGroup(name="carbon-teams", interval="1m", records=_teams()),
    )


def hours(metric: str, pick: Pick = ALL) -> str:
    """Give the sum of the last hour as recorded, and before the rules were loaded from counters.

    An hour in which a counter was reset is then left out; the recorded one has it.
    """
    level, *_ = _METRICS[metric]
    return block(
        """
          @level@:@metric@:increase1h@recorded@
        or
          max by (@by@) ((@counter@ - @counter@ offset 1h) >= 0)
        """,
        level=level,
        by=_by(metric),
        metric=metric,
        recorded=pick.recorded,
        counter=f"{metric}_total{pick.counters}",
    )


def so_far(metric: str, period: str, pick: Pick = ALL) -> str:
    """Give what was counted since a day or a month began, UTC, by region: from hours.

    It needs no recording rule, and depends on the moment that it is asked for and on nothing else.
    """
    counter = f"{metric}_total{pick.counters}"
    return _calendar(_by(metric), period, hours(metric, pick), _since(counter, _by(metric)))


def recorded(metric: str, period: str, pick: Pick = ALL) -> str:
    """Give :func:`so_far` as recorded, and where the rules are not loaded as it is made."""
    level, *_ = _METRICS[metric]
    return block(
        """
          @level@:@metric@:increase_@period@@recorded@
        or
          @made@
        """,
        level=level,
        metric=metric,
        period=period,
        recorded=pick.recorded,
        made=so_far(metric, period, pick),
    )


def watched_since(pick: Pick = ALL) -> str:
    """Give when the first hour of this month began that was counted, in seconds since 1970."""
    return block(
        """
        max (
            min_over_time(
              (
                  (time() - 3600 + 0 * sum (
                    @hourly@
                  ))
                * on () group_left (month)
                  count_values("month", month(vector(time() - 1)))
              )[31d:1h]
            )
          and on (month)
            count_values("month", month())
        )
        """,
        hourly=hours(GRAMS, pick),
    )


def hours_watched_yesterday(pick: Pick = ALL) -> str:
    """Count the whole hours of yesterday, up to this time of the day, that were counted."""
    return block(
        """
        max (
            count_over_time(
              (
                  (1 + 0 * sum (
                    @hourly@
                  ))
                * on () group_left (day)
                  count_values("day", day_of_month(vector(time() - 1)))
              )[1d:1h] offset 1d
            )
          and on (day)
            count_values("day", day_of_month(vector(time() - 86400)))
        )
        """,
        hourly=hours(GRAMS, pick),
    )


def _by(metric: str) -> str:
    _, *more = _METRICS[metric]
    return ", ".join((REGION, *more))


def _of_region(metric: str) -> tuple[Record, ...]:
    level, *_ = _METRICS[metric]
    hour = Record(
        name=f"{level}:{metric}:increase1h", expression=_hour(f"{metric}_total", _by(metric))
    )
    sums = (
        Record(name=f"{level}:{metric}:increase_{period}", expression=so_far(metric, period))
        for period, _, _ in _PERIODS
    )
    return (hour, *sums)


def _hour(counter: str, by: str, look_back: str = "6h") -> str:
    """Sum the growth over an hour; what was counted while it was not seen, too.

    A difference of two values loses nothing between two windows, as ``increase`` does; that takes
    over where a counter was reset or has just appeared. Of two exporters that both watch a region
    for the whole hour one counts. Where none does, parts of the hour add up: an exporter that got
    another address, or one that has just gone.
    """
    return block(
        """
          max by (@by@) (
            (@counter@ - last_over_time(@counter@[@look_back@] offset 1h)) >= 0
          )
        or
          sum by (@by@) (
              (last_over_time(@counter@[1h])
                - last_over_time(@counter@[@look_back@] offset 1h)) >= 0
            or
              increase(@counter@[1h])
          )
        """,
        by=by,
        counter=counter,
        look_back=look_back,
    )


def _since(counter: str, by: str) -> str:
    """Sum the growth of each counter since the last whole hour, or since it appeared after it.

    The subquery's only step within an hour is the whole hour. A counter that was reset since then
    has grown by what it reached before, the highest of the hour, and by all that it shows now.
    """
    return block(
        """
        (
            max by (@by@) (
              (@counter@ - last_over_time(@counter@[1h:1h])) >= 0
            )
          or
            sum by (@by@) (
                increase(@counter@[1h]) unless last_over_time(@counter@[1h:1h])
              or
                  max_over_time(@counter@[1h]) - last_over_time(@counter@[1h:1h])
                + (@counter@ < last_over_time(@counter@[1h:1h]))
            )
        )
        """,
        by=by,
        counter=counter,
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
    machines = _hour(f"{MACHINE_GRAMS}_total", f"{MACHINE}, scope", "5m")
    joined = block(
        """
        sum by (@label@) (
            (
              @machines@
            )
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
