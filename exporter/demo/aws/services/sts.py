"""STS as the demo speaks it: who am I, and temporary keys for another account."""

import re
from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Final

from exporter.core.clock import SystemClock
from exporter.demo.aws.registry import Operation
from exporter.demo.aws.wire import AwsError, Call, Code
from exporter.demo.aws.world import World, temporary_access_key_id

_ROLE: Final = re.compile(r"arn:aws:iam::(\d{12}):role/([\w+=,.@/-]+)")
_DEFAULT_DURATION: Final = 3600
ROLE_NAME: Final = "carbon-exporter-demo"


def caller_arn(call: Call) -> str:
    """Return who makes a call: the demo user, or the demo role that it assumed."""
    if call.access_key.startswith("ASIA"):
        return f"arn:aws:sts::{call.account}:assumed-role/{ROLE_NAME}/demo"
    return f"arn:aws:iam::{call.account}:user/{ROLE_NAME}"


def get_caller_identity(_: World, call: Call) -> Mapping[str, object]:
    """Tell the account and the ARN that an access key belongs to."""
    return {"UserId": "AIDADEMO", "Account": call.account, "Arn": caller_arn(call)}


def assume_role(world: World, call: Call) -> Mapping[str, object]:
    """Give temporary keys for a role in any account of the estate."""
    arn = str(call.params.get("RoleArn", ""))
    role = _ROLE.fullmatch(arn)
    if role is None:
        raise AwsError(Code.VALIDATION, f"{arn} is invalid")
    account, name = role.groups()
    required = world.external_ids.get(account)
    trusted = required is None or call.params.get("ExternalId") == required
    if account not in world.accounts or not trusted:
        raise _denied(call, arn)
    return _credentials(call, account, name)


def _denied(call: Call, arn: str) -> AwsError:
    told = f"User: {caller_arn(call)} is not authorized to perform: sts:AssumeRole on resource: "
    return AwsError("AccessDenied", f"{told}{arn}", HTTPStatus.FORBIDDEN)


def _credentials(call: Call, account: str, role: str) -> Mapping[str, object]:
    """Return keys that expire by the machine's own clock: SDKs know no simulated one."""
    session = call.params.get("RoleSessionName", "demo")
    seconds = int(call.params.get("DurationSeconds", _DEFAULT_DURATION))
    return {
        "AssumedRoleUser": {
            "AssumedRoleId": f"AROADEMO:{session}",
            "Arn": f"arn:aws:sts::{account}:assumed-role/{role.rsplit('/', 1)[-1]}/{session}",
        },
        "Credentials": {
            "AccessKeyId": temporary_access_key_id(account),
            "SecretAccessKey": "demo-secret-of-nothing",
            "SessionToken": "demo-session-token",
            "Expiration": f"{SystemClock().now() + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}",
        },
    }


OPERATIONS: Final[Mapping[tuple[str, str], Operation]] = {
    ("sts", "GetCallerIdentity"): get_caller_identity,
    ("sts", "AssumeRole"): assume_role,
}
