"""Recording rules for how far the numbers can be trusted, and for what watching costs."""

from typing import Final

from dashboards.build.rules.model import Record, RecordGroup
from dashboards.build.rules.promql import ACCOUNT, block

DOLLARS: Final = "provider:carbon_api_cost_dollars"
SECONDS: Final = "account_quality:carbon_observed_seconds:ratio_rate6h"
FAILURES: Final = "collector_reason:carbon_collector_failures:increase1h"
STATES: Final = "account_state:carbon_resources:sum"
CATCH_UP: Final = "collector:carbon_catch_up_remaining_seconds:max"


def groups() -> tuple[RecordGroup, ...]:
    """Make the group of coverage, failures and API cost."""
    day = f"{DOLLARS}:increase1d"
    records = (
        Record(name=SECONDS, expression=_coverage()),
        Record(
            name=STATES,
            expression=f"sum by ({ACCOUNT}, state) (carbon_resources)",
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
