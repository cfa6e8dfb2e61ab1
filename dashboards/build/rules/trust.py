"""Recording rules for how far the numbers can be trusted, and for what watching costs."""

from typing import Final

from dashboards.build.rules.model import Record, RecordGroup
from dashboards.build.rules.promql import ACCOUNT, REGION, block

DOLLARS: Final = "provider:carbon_api_cost_dollars"
SECONDS: Final = "account_quality:carbon_observed_seconds:ratio_rate6h"
FAILURES: Final = "collector_reason:carbon_collector_failures:increase1h"
STATES: Final = "account_state:carbon_resources:sum"
KNOWN_JOB: Final = "job:carbon_exporter:known"
"""Jobs that scrape an exporter, remembered for as long as Prometheus evaluates rules."""
UP_UNTIL: Final = "instance:carbon_exporter:up_until_timestamp_seconds"
SEEN: Final = "estate:carbon_exporter:seen_timestamp_seconds"
LAST_INSTANCE: Final = "collector:carbon_exporter:last_instance"
CATCH_UP: Final = "collector:carbon_catch_up_remaining_seconds:max"


def groups() -> tuple[RecordGroup, ...]:
    """Make the group of coverage, failures and API cost."""
    day = f"{DOLLARS}:increase1d"
    records = (
        *_exporters(),
        Record(name=SECONDS, expression=_coverage()),
        Record(
            name=STATES,
            expression=f"sum by ({ACCOUNT}, state) (max by ({REGION}, state) (carbon_resources))",
        ),
        Record(
            name=FAILURES,
            expression="sum by (collector, reason) (increase(carbon_collector_failures_total[1h]))",
        ),
        Record(
            name=CATCH_UP,
            expression="max by (collector) (carbon_catch_up_remaining_seconds)",
        ),
        Record(
            name=day,
            expression="sum by (provider) (increase(carbon_api_cost_dollars_total[1d]))",
        ),
        Record(name=f"{DOLLARS}:projected30d", expression=f"30 * {day}"),
        # Old name of a label, until 0.2: docs/deprecation.md. Under a name of its own, since the
        # info series itself with both labels would match every join twice.
        Record(
            name="machine:carbon_resource_info:cluster",
            expression=(
                'label_replace(carbon_resource_info{kubernetes_cluster!=""}, '
                '"cluster", "$1", "kubernetes_cluster", "(.+)")'
            ),
        ),
    )
    return (RecordGroup(name="carbon-trust", interval="1m", records=records),)


def _exporters() -> tuple[Record, ...]:
    """Remember what was there: an alert about what is missing must outlive its last sample."""
    return (
        Record(
            name=KNOWN_JOB,
            expression=block(
                """
                  group by (job) (carbon_build_info)
                or
                  group by (job) (up{job=~".*carbon.*"})
                or
                  group by (job) (last_over_time(@self@[2h]))
                """,
                self=KNOWN_JOB,
            ),
        ),
        Record(
            name=UP_UNTIL,
            expression=block(
                """
                  max by (job, instance) (max_over_time(timestamp(up == 1)[1d:4m]))
                and on (job)
                  @known@
                """,
                known=KNOWN_JOB,
            ),
        ),
        Record(
            name=SEEN,
            expression=block(
                """
                  max(timestamp(carbon_build_info))
                or
                  max(last_over_time(@self@[2h]))
                """,
                self=SEEN,
            ),
        ),
        Record(
            name=LAST_INSTANCE,
            expression=block(
                """
                topk by (collector) (1,
                  group by (collector, instance) (
                    last_over_time(carbon_collector_success[7d:10m])
                  )
                )
                """
            ),
        ),
    )


def _coverage() -> str:
    return block(
        """
          sum by (@account@, quality) (rate(@seconds@[6h]))
        / on (@account@) group_left ()
          sum by (@account@) (rate(@seconds@[6h]))
        """,
        account=ACCOUNT,
        seconds="carbon_observed_seconds_total",
    )
