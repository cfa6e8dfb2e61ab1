"""The dashboards' variables: data source, job, provider, account, region, tag and its value."""

from typing import Final

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models.common import DataSourceRef
from grafana_foundation_sdk.models.dashboard import VariableOption, VariableRefresh, VariableSort

from dashboards.build.queries import picks

DATASOURCE: Final = DataSourceRef(type_val="prometheus", uid="${datasource}")
"""The Prometheus that the reader picked."""

_SERIES: Final = "carbon_resources"
"""Small, and present for every account and region that was ever discovered."""


def datasource() -> build.DatasourceVariable:
    """Make the choice of a Prometheus, which lets the JSON be imported anywhere."""
    return build.DatasourceVariable("datasource").label("Data source").type("prometheus")


def job() -> build.QueryVariable:
    """Make the choice of a scrape job: for a Prometheus that reads several exporters."""
    return _labels("job", "Job", "carbon_build_info", "job")


def estate() -> tuple[build.QueryVariable, ...]:
    """Make job, provider, account and region, each offering only what the ones before it leave."""
    provider = f"{_OF_JOB}, {_OF_PROVIDER}"
    return (
        job(),
        _labels("provider", "Provider", _selected(_SERIES, _OF_JOB), "provider"),
        _labels("account", "Account", _selected(_SERIES, provider), "account"),
        _labels(
            "region", "Region", _selected(_SERIES, f"{provider}, {_OF_ACCOUNT}"), "cloud_region"
        ),
    )


def tag() -> tuple[build.QueryVariable, build.QueryVariable]:
    """Make the choice of an allow-listed tag, and of values of it.

    ``team`` is picked where there is such a tag. Where the exporter exports no tag there is
    nothing to pick, and queries that ask for the value of ``tag_`` see a label that no machine
    has: all machines are then "untagged".
    """
    name = query("tag", "Tag", f"label_names({_selected(_INFO, _ESTATE)})")
    name.regex("/^tag_(.+)$/").multi(multi=False).include_all(include_all=False)
    name.current(VariableOption(selected=True, text="team", value="team"))
    return name, _labels("value", "Tag value", _selected(_INFO, _ESTATE), "tag_$tag")


def machine() -> build.QueryVariable:
    """Make the choice of single machines by their ids."""
    return _labels("machine", "Machine", _selected(_INFO, f"{_ESTATE}, {_OF_TAG}"), "resource_id")


_INFO: Final = "carbon_resource_info"
_OF_JOB: Final = picks("job", "job")
_OF_PROVIDER: Final = picks("provider", "provider")
_OF_ACCOUNT: Final = picks("account", "account")
_OF_TAG: Final = picks("tag_$tag", "value")
_ESTATE: Final = f"{_OF_JOB}, {_OF_PROVIDER}, {_OF_ACCOUNT}, {picks('cloud_region', 'region')}"


def _selected(metric: str, matchers: str) -> str:
    return f"{metric}{{{matchers}}}"


def _labels(name: str, title: str, selector: str, label: str) -> build.QueryVariable:
    variable = query(name, title, f"label_values({selector}, {label})")
    return (
        variable.multi(multi=True)
        .include_all(include_all=True)
        .all_value(".*")
        .current(VariableOption(selected=True, text=["All"], value=["$__all"]))
    )


def query(name: str, title: str, text: str) -> build.QueryVariable:
    """Make a variable of what a query finds."""
    return (
        build.QueryVariable(name)
        .label(title)
        .datasource(DATASOURCE)
        .definition(text)
        .query({"query": text, "refId": name, "qryType": _CLASSIC})
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.NATURAL_ASC)
    )


_CLASSIC: Final = 5
"""Grafana's number for a variable whose query is written out as text."""
