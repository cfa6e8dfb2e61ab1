"""What a project must allow, and how to try it. The kinds say most; this is what all need."""

from collections.abc import Sequence
from typing import Final

from google.auth.credentials import Credentials

from exporter.core.clock import floor_to
from exporter.core.errors import CollectorError
from exporter.core.model import PermissionCheck
from exporter.providers._shared.calls import refused
from exporter.providers.gcp import metrics
from exporter.providers.gcp.errors import translated
from exporter.providers.gcp.kind import Kind, Metric, Permission
from exporter.providers.gcp.session import Connection

IDENTITY: Final = "credentials"

_NOBODY: Final = 'resource.labels.instance_id = "0"'
"""No instance has this id: reading its CPU answers nothing and costs nothing."""


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


def series(connection: Connection, metric: Metric, target: str, now: float) -> None:
    """Try to read the CPU of a machine that does not exist."""
    end = floor_to(now, metrics.FINEST)
    asked = metrics.Question(
        metric=metric,
        target=target,
        start=end - metrics.FINEST,
        end=end,
        period=metrics.FINEST,
        where=_NOBODY,
    )
    call = connection.call(metrics.PERMISSION, target)
    for page in connection.series_pages(asked.request(), call):
        metrics.refuse_errors(page.execution_errors, call)


def needed(kinds: Sequence[Kind]) -> tuple[Permission, ...]:
    """Return what some kinds need in each project to be listed, each permission once."""
    told: dict[str, Permission] = {}
    for one in (*(kind.listing for kind in kinds), *(o for kind in kinds for o in kind.further)):
        told.setdefault(one.name, one)
    return tuple(told.values())


def names(kinds: Sequence[Kind]) -> frozenset[str]:
    """Return the permissions that a role must hold for some kinds."""
    return frozenset({metrics.PERMISSION, *(one.name for one in needed(kinds))})
