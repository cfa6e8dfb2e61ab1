"""Recording rules for what only the alerts' texts tell: who emits most, which API costs most.

A text of Prometheus can query and one of Grafana cannot; of a recorded series both can read labels.
They are evaluated last, as they read what the other groups record.
"""

from typing import Final

from dashboards.build.rules.model import Record, RecordGroup
from dashboards.build.rules.totals import GRAMS

BIGGEST: Final = f"estate:{GRAMS}:biggest_account"
DEAREST: Final = "provider:carbon_api_cost_dollars:dearest_api"
DATA_AGE: Final = "account:carbon_collector_data:age_seconds"


def groups() -> tuple[RecordGroup, ...]:
    """Make the group of what is only told."""
    month = f"sum by (provider, account) (region_scope:{GRAMS}:increase_month)"
    dollars = "sum by (provider, api) (increase(carbon_api_cost_dollars_total[1d]))"
    records = (
        Record(name=BIGGEST, expression=f"topk(1, {month})"),
        Record(name=DEAREST, expression=f"topk by (provider) (1, {dollars})"),
        Record(name=DATA_AGE, expression=_data_age()),
    )
    return (RecordGroup(name="carbon-told", interval="1m", records=records),)


def _data_age() -> str:
    """Of collectors that are called by their account; one with a name of its own has none."""
    stamp = 'carbon_collector_data_timestamp_seconds{collector=~".+:.+"}'
    account = f'label_replace({stamp}, "account", "$1", "collector", ".+?:(.+)")'
    return f"clamp_min(time() - max by (account) ({account}), 0)"
