"""What the services of the fake share: the estate seen as accounts and regions at a time."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from http import HTTPStatus
from typing import Final

from exporter.core.clock import epoch
from exporter.core.ports import Clock
from exporter.demo.aws import registry
from exporter.demo.aws.wire import AwsError, Call
from exporter.demo.estate import Estate, EstateMachine, MachineType
from exporter.demo.lateness import Lateness

EMPTY_REGION: Final = "eu-north-1"
"""Enabled in every account, without machines."""
DISABLED_REGIONS: Final = ("af-south-1", "me-south-1")
"""Regions that nobody has opted in to."""

_CLASS: Final = re.compile(r"[a-z]+\.(\w+\.\w+)")
"""A class of a managed service, such as ``db.m5.large``: a machine type behind a word."""
Subject = tuple[str, str]
"""Namespace and the value of its dimension: whose CPU it is."""


def access_key_id(account: str) -> str:
    """Return the access key id of the demo user of an account."""
    return f"AKIADEMO{account}"


def temporary_access_key_id(account: str) -> str:
    """Return the access key id that AssumeRole gives for an account."""
    return f"ASIADEMO{account}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Sizes at which AWS refuses a question (``queries``) or cuts an answer; tests lower them.

    Origin: the API references of GetMetricData, DescribeInstances, DescribeInstanceTypes,
    DescribeDBInstances, DescribeVolumes and ListMetrics.
    """

    queries: int = 500
    datapoints: int = 100_800
    instances: int = 1000
    instance_types: int = 100
    databases: int = 100
    volumes: int = 500
    metrics: int = 500


@dataclass(frozen=True, kw_only=True, eq=False)
class World:
    """The estate, its clock and the rules of the fake. Has no slots: it remembers what is fixed.

    ``lag_seconds`` is how long after its end a bucket is due. ``external_ids`` holds what
    AssumeRole must be told for an account that asks for it.
    """

    estate: Estate
    clock: Clock
    lag_seconds: float
    lateness: Lateness
    limits: Limits
    external_ids: Mapping[str, str]

    def now(self) -> float:
        """Return the epoch seconds of the clock."""
        return epoch(self.clock.now())

    def account_of(self, access_key: str) -> str | None:
        """Return the account that an access key belongs to; None for a key of nobody."""
        return self._keys.get(access_key)

    @cached_property
    def _keys(self) -> Mapping[str, str]:
        makers = (access_key_id, temporary_access_key_id)
        return {make(account): account for account in self.accounts for make in makers}

    @cached_property
    def accounts(self) -> tuple[str, ...]:
        """Accounts of the estate; the first is the one of the default key."""
        return self.estate.accounts

    @cached_property
    def regions(self) -> tuple[str, ...]:
        """Regions that can be used in every account."""
        found = {m.region for m in self.estate.templates}
        return tuple(sorted(found | {EMPTY_REGION}))

    def require_region(self, call: Call) -> None:
        """Refuse a region that is not enabled with what AWS says there: the key is not known.

        Raises:
            AwsError: the region is not enabled.
        """
        if call.service != "sts" and call.region not in self.regions:
            raise unknown_key(call)

    def listed(self, call: Call, moment: float, operation: str) -> tuple[EstateMachine, ...]:
        """Return what an operation lists of an account in a region, by id."""
        listed = {kind.name for kind in registry.kinds().values() if kind.listed_by == operation}
        seen = self._in_scope(call, moment, moment + 1)
        found = (machine for machine in seen if machine.resource_type in listed)
        return tuple(sorted(found, key=lambda machine: machine.resource_id))

    def measured(self, call: Call, start: float, end: float) -> dict[Subject, EstateMachine]:
        """Return the machines of an account and region in a window, by whose CPU it is."""
        kinds = registry.kinds()
        return {
            (kind.namespace, kind.subject(machine)): machine
            for machine in self._in_scope(call, start, end)
            if (kind := kinds.get(machine.resource_type))
        }

    @cached_property
    def machine_types(self) -> Mapping[str, MachineType]:
        """All types that machines of the estate have, by name; databases run on them too."""
        types = (m.machine_type for m in self.estate.templates)
        named = ((_CLASS.sub(r"\1", t.name), t) for t in types if t.name)
        return {name: replace(machine_type, name=name) for name, machine_type in named}

    def _in_scope(self, call: Call, start: float, end: float) -> list[EstateMachine]:
        scope = (call.account, call.region)
        seen = self.estate.machines_between(start, end)
        return [m for m in seen if (m.account, m.region) == scope]


def unknown_key(call: Call) -> AwsError:
    """Return the error for an access key that AWS does not know, in the words of the service."""
    if call.service == "ec2":
        text = "AWS was not able to validate the provided access credentials"
        return AwsError("AuthFailure", text, HTTPStatus.UNAUTHORIZED)
    code = "UnrecognizedClientException" if call.protocol == "json" else "InvalidClientTokenId"
    text = "The security token included in the request is invalid."
    return AwsError(code, text, HTTPStatus.FORBIDDEN)
