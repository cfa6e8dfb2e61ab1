"""The dashboards' variables: data source, provider, account, region."""

from typing import Final

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models.common import DataSourceRef
from grafana_foundation_sdk.models.dashboard import VariableOption, VariableRefresh, VariableSort

DATASOURCE: Final = DataSourceRef(type_val="prometheus", uid="${datasource}")
"""The Prometheus that the reader picked."""

_SERIES: Final = "carbon_resources"
"""Small, and present for every account and region that was ever discovered."""


def datasource() -> build.DatasourceVariable:
    """Make the choice of a Prometheus, which lets the JSON be imported anywhere."""
    return build.DatasourceVariable("datasource").label("Data source").type("prometheus")


def estate() -> tuple[build.QueryVariable, ...]:
    """Make provider, account and region, each offering only what the ones before it leave."""
    return (
        _labels("provider", "Provider", "provider", ""),
        _labels("account", "Account", "account", 'provider=~"$provider"'),
        _labels("region", "Region", "cloud_region", 'provider=~"$provider", account=~"$account"'),
    )


def _labels(name: str, title: str, label: str, matchers: str) -> build.QueryVariable:
    selector = f"{_SERIES}{{{matchers}}}" if matchers else _SERIES
    query = f"label_values({selector}, {label})"
    return (
        build.QueryVariable(name)
        .label(title)
        .datasource(DATASOURCE)
        .definition(query)
        .query({"query": query, "refId": name, "qryType": 1})
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.NATURAL_ASC)
        .multi(multi=True)
        .include_all(include_all=True)
        .all_value(".*")
        .current(VariableOption(selected=True, text=["All"], value=["$__all"]))
    )
