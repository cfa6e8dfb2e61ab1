"""How single columns of a table look beyond their unit: links, long text, helpers out of sight."""

from collections.abc import Mapping

from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from dashboards.build import links
from dashboards.build.panels import Column, column, option, width

ID = "Id"
"""Heading of the hidden column that a link takes a machine's id from."""


def wrapped() -> DynamicConfigValue:
    """Field option: text that is too long goes on in the next line."""
    return option("custom.cellOptions", common.TableAutoCellOptions(wrap_text=True))


def linked(title: str, board: str, variables: Mapping[str, str]) -> DynamicConfigValue:
    """Field option: a click opens a dashboard with variables taken from the row."""
    return option("links", [links.cell(title, board, variables)])


def account() -> DynamicConfigValue:
    """Field option: a click on an account shows its machines."""
    return linked("Show its machines", links.MACHINES, {"account": links.field("Account")})


def machine() -> tuple[Column, Column]:
    """Make the column of a machine's name, which opens the machine, and its hidden id."""
    opens = linked("Show this machine", links.MACHINES, {"machine": links.field(ID)})
    shown = column("machine", "Machine", wrapped(), opens)
    return shown, column("resource_id", ID, option("custom.hidden", value=True), width(50))


def place() -> tuple[Column, Column, Column]:
    """Make the columns of a machine's type, account and region, wide enough for the longest."""
    return (
        column("instance_type", "Type", width(175)),
        column("account", "Account", width(320)),
        column("cloud_region", "Region", width(130)),
    )
