"""The services, one a file; which operation answers a request, and how a refusal is worded."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final

from exporter.demo._faults import FaultKind
from exporter.demo.aws import registry
from exporter.demo.aws.faults import Fault
from exporter.demo.aws.services.cloudwatch import get_metric_data
from exporter.demo.aws.services.sts import caller_arn
from exporter.demo.aws.wire import AwsError, Call, Code, WireProtocol, require
from exporter.demo.aws.world import World, unknown_key

_METRICS: Final = ("monitoring", "GetMetricData")
_PREFIXES: Final[Mapping[str, str]] = {"monitoring": "cloudwatch"}
"""Services whose permissions have another name than their signature."""

_Spoken = Mapping[WireProtocol, tuple[str, str, int]]
_WORDS: Final[Mapping[FaultKind, _Spoken]] = {
    FaultKind.THROTTLING: {
        WireProtocol.EC2: ("RequestLimitExceeded", "Request limit exceeded.", 503),
        WireProtocol.QUERY: ("Throttling", "Rate exceeded", 400),
        WireProtocol.JSON: ("ThrottlingException", "Rate exceeded", 400),
    },
    FaultKind.UNAVAILABLE: {
        WireProtocol.EC2: ("Unavailable", "The service is unavailable.", 503),
        WireProtocol.QUERY: ("ServiceUnavailable", "The service is unavailable.", 503),
        WireProtocol.JSON: ("ServiceUnavailableException", "The service is unavailable.", 503),
    },
    FaultKind.INTERNAL_ERROR: {
        WireProtocol.EC2: ("InternalError", "An internal error has occurred", 500),
        WireProtocol.QUERY: ("InternalFailure", "An internal error has occurred", 500),
        WireProtocol.JSON: ("InternalServiceFault", "An internal error has occurred", 500),
    },
    FaultKind.EXPIRED_CREDENTIALS: {
        WireProtocol.EC2: ("RequestExpired", "Request has expired.", 400),
        WireProtocol.QUERY: (
            "ExpiredToken",
            "The security token included in the request is expired",
            403,
        ),
        WireProtocol.JSON: (
            "ExpiredTokenException",
            "The security token included in the request is expired",
            400,
        ),
    },
}
"""Code, message and HTTP status of each refusal in each protocol."""


def respond(world: World, call: Call, faults: Sequence[Fault]) -> Mapping[str, object]:
    """Answer a request, or refuse it in the words of its service.

    Raises:
        AwsError: a fault is in force, or the request is not one that AWS would accept.
    """
    for fault in faults:
        refuse(call, fault.kind)
    world.require_region(call)
    asked = (call.service, call.operation)
    if asked == _METRICS:
        return get_metric_data(world, call, faults)
    message = f"The action {call.operation} is not valid for this web service."
    operations = registry.operations()
    require(asked in operations, Code.INVALID_ACTION, message)
    return operations[asked](world, call)


def refuse(call: Call, kind: FaultKind) -> None:
    """Raise what a fault of this kind makes the service say; other kinds pass.

    Raises:
        AwsError: the kind is one that the API puts in words.
    """
    if kind is FaultKind.INVALID_CREDENTIALS:
        raise unknown_key(call)
    if kind is FaultKind.MISSING_PERMISSION:
        raise _not_authorized(call)
    if kind in _WORDS:
        raise AwsError(*_WORDS[kind][call.protocol])


def _not_authorized(call: Call) -> AwsError:
    action = f"{_PREFIXES.get(call.service, call.service)}:{call.operation}"
    told = (
        f"User: {caller_arn(call)} is not authorized to perform: {action} "
        f"because no identity-based policy allows the {action} action"
    )
    if call.protocol is WireProtocol.EC2:
        told = f"You are not authorized to perform this operation. {told}"
        return AwsError("UnauthorizedOperation", told, HTTPStatus.FORBIDDEN)
    if call.protocol is WireProtocol.QUERY:
        return AwsError("AccessDenied", told, HTTPStatus.FORBIDDEN)
    return AwsError("AccessDeniedException", told, HTTPStatus.BAD_REQUEST)
