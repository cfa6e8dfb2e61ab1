"""Tries each call that the provider makes, for the ``check`` verb. Reads, never changes."""

from typing import Final

from google.auth.credentials import Credentials

from exporter.core.clock import floor_to
from exporter.core.errors import CollectorError
from exporter.core.model import PermissionCheck
from exporter.providers._shared.calls import refused
from exporter.providers.gcp import disks, inventory, metrics, shapes
from exporter.providers.gcp.errors import translated
from exporter.providers.gcp.session import Connection

IDENTITY: Final = "credentials"

_NOBODY: Final = 'resource.labels.instance_id = "0"'
"""No instance has this id: reading its CPU answers nothing and costs nothing."""

_ANY_TYPE: Final = ("us-central1-a", "e2-micro")
"""A machine type that every project may look at."""


def identity(connection: Connection, project: str) -> PermissionCheck:
    """Renew the access token, and say whose it is."""
    try:
        with translated(connection.call("iam.serviceAccounts.getAccessToken", project)):
            connection.authorize()
    except CollectorError as error:
        return refused(IDENTITY, error)
    return PermissionCheck(permission=IDENTITY, ok=True, message=_whose(connection.credentials))


def _whose(credentials: Credentials | None) -> str:
    if credentials is None:
        return "none are sent to a test server"
    account = getattr(credentials, "service_account_email", None)
    return f"service account {account}" if account else "a user's or a federated login"


def instances(connection: Connection, project: str) -> None:
    """Try to list one instance."""
    inventory.try_list(connection, project)


def volumes(connection: Connection, project: str) -> None:
    """Try to list one disk."""
    disks.try_list(connection, project)


def types(connection: Connection, project: str) -> None:
    """Try to look at a machine type; that the project lacks the zone is no refusal."""
    zone, name = _ANY_TYPE
    path = f"projects/{project}/zones/{zone}/machineTypes/{name}"
    call = connection.call(shapes.PERMISSION, project)
    connection.get(shapes.API, path, {"fields": "name"}, call)


def series(connection: Connection, target: str, now: float) -> None:
    """Try to read the CPU of a machine that does not exist."""
    end = floor_to(now, metrics.FINEST)
    asked = metrics.Question(
        target=target, start=end - metrics.FINEST, end=end, period=metrics.FINEST, where=_NOBODY
    )
    call = connection.call(metrics.PERMISSION, target)
    for page in connection.series_pages(asked.request(), call):
        metrics.refuse_errors(page.execution_errors, call)
