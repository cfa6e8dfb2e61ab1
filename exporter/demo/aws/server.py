"""The fake's HTTP server on loopback."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import count

from exporter.core.ports import Clock
from exporter.demo._fake import Fake
from exporter.demo._http import HttpRequest, Reply
from exporter.demo.aws.faults import Fault, Faults
from exporter.demo.aws.services import respond
from exporter.demo.aws.services.cloudwatch import count_metrics
from exporter.demo.aws.wire import (
    AwsError,
    Call,
    WireProtocol,
    answer,
    read_call,
    refusal,
)
from exporter.demo.aws.world import Limits, World, unknown_key
from exporter.demo.estate import Estate
from exporter.demo.lateness import PUNCTUAL, Lateness


class AwsFake(Fake[Fault]):
    """EC2, RDS, CloudWatch and STS for the accounts of an estate, at one loopback address.

    Which service, region and account a request means is read from its signature, so one
    ``endpoint_url`` serves all clients. Signatures are not checked. The key of the first account is
    ``access_key_id(accounts[0])``; AssumeRole gives keys for the others.

    Args:
        estate: what exists; only its AWS machines are seen.
        clock: what time it is there.
        lag_seconds: how long after its end a bucket is due.
        lateness: which buckets come late, partial or never.
        faults: trouble to make; may be changed while the fake runs.
        limits: sizes at which answers are cut and requests refused.
        external_ids: what AssumeRole must be told, by account; other accounts do not ask.
    """

    def __init__(  # noqa: PLR0913 - each is one independent knob of the simulation
        self,
        estate: Estate,
        clock: Clock,
        *,
        lag_seconds: float = 120,
        lateness: Lateness = PUNCTUAL,
        faults: Faults | None = None,
        limits: Limits | None = None,
        external_ids: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__("aws", faults or Faults())
        self._world = World(
            estate=estate.of("aws"),
            clock=clock,
            lag_seconds=lag_seconds,
            lateness=lateness,
            limits=limits or Limits(),
            external_ids=external_ids or {},
        )
        self._metrics = 0
        self._numbers = count(1)

    @property
    def accounts(self) -> tuple[str, ...]:
        """AWS accounts of the estate."""
        return self._world.accounts

    @property
    def metrics_requested(self) -> int:
        """How many metrics GetMetricData was asked for: what AWS bills."""
        with self._lock:
            return self._metrics

    def reply(self, request: HttpRequest) -> Reply:
        """Answer one HTTP request."""
        request_id = f"demo-{next(self._numbers):08d}"
        try:
            call = read_call(request.headers, request.body)
        except AwsError as error:
            return refusal(WireProtocol.QUERY, error, request_id)
        self._count(call.service, call.operation)
        with self._lock:
            self._metrics += count_metrics(call)
        call = replace(call, account=self._world.account_of(call.access_key) or "")
        met = self.faults.meet(call)
        return met.carried(self._right_reply(call, met.faults, request_id))

    def _right_reply(self, call: Call, faults: tuple[Fault, ...], request_id: str) -> Reply:
        try:
            if not call.account:
                raise unknown_key(call)
            return answer(call, respond(self._world, call, faults), request_id)
        except AwsError as error:
            return refusal(call.protocol, error, request_id)
