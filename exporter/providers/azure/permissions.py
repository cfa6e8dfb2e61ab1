"""Tries each call that the provider makes, for the ``check`` verb. Reads, never changes."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Final

from exporter.core.clock import epoch, floor_to
from exporter.core.errors import CollectorError
from exporter.core.model import Machine, PermissionCheck, Window
from exporter.providers._shared.calls import across, failure
from exporter.providers.azure import gpu, metrics, skus
from exporter.providers.azure.errors import Call, Heard, NotFoundError, refusal, translated
from exporter.providers.azure.kind import Kind
from exporter.providers.azure.session import Connection

REGISTRATION: Final = "Microsoft.Insights registration"
REGISTRATION_PERMISSION: Final = "Microsoft.Resources/subscriptions/providers/read"

_PROVIDER_VERSION: Final = "2021-04-01"
_GRAIN: Final = 300
_CONFLICT: Final = 409


def outcome(attempt: Callable[[], object]) -> CollectorError | None:
    """Make an attempt; what was deleted meanwhile is not refused."""
    error = failure(attempt)
    return None if isinstance(error, NotFoundError) else error


def verdict(
    permission: str, outcomes: Sequence[CollectorError | None], what: str
) -> PermissionCheck:
    """Put the outcomes of one attempt in all subscriptions into one verdict."""
    return across(permission, outcomes, what, preposition="for", untried="no machine to try it on")


def registration(connection: Connection, subscription: str) -> None:
    """Ask whether Microsoft.Insights, which serves the metrics, is registered.

    Raises:
        CollectorError: it is not, or that cannot be read.
    """
    call = Call(
        permission=REGISTRATION_PERMISSION,
        where="Azure Resource Manager",
        scope=subscription,
        subscription=subscription,
    )
    path = f"/subscriptions/{subscription}/providers/Microsoft.Insights"
    answer = connection.get(path, call, **{"api-version": _PROVIDER_VERSION})
    if str(answer.get("registrationState")).lower() not in {"registered", "registering"}:
        raise refusal(_CONFLICT, "MissingSubscriptionRegistration", call)


def sizes(connection: Connection, one: Machine) -> None:
    """Ask for the sizes of a machine's region."""
    skus.shapes(connection, skus.call_for(one.key.account, one.key.cloud_region))


def metric(connection: Connection, kind: Kind, one: Machine, now: datetime) -> None:
    """Ask for the CPU of a machine over five minutes."""
    end = floor_to(epoch(now), _GRAIN)
    batch = metrics.Batch(
        subscription=one.key.account,
        region=one.key.cloud_region,
        metric=kind.metric,
        machines=(one,),
        start=end - _GRAIN,
        end=end,
        grain=_GRAIN,
    )
    heard = Heard()
    with translated(batch.call, heard):
        metrics.query(connection, batch, heard)
    connection.meter.count("azure", "GetBatch", requests=0, dollars=metrics.DOLLARS_PER_CALL)


def gpus(connection: Connection, workspace: str, now: datetime) -> list[PermissionCheck]:
    """Query the workspace that holds the GPUs' utilisation."""
    end = floor_to(epoch(now), _GRAIN)
    window = Window(start=end - _GRAIN, end=end, resolution=_GRAIN)
    asked = outcome(partial(gpu.probe, connection, workspace, window))
    return [verdict(gpu.PERMISSION, [asked], "workspace")]


def one_each(machines: Iterable[Machine]) -> list[Machine]:
    """Return one machine of each subscription."""
    return list({one.key.account: one for one in machines}.values())
