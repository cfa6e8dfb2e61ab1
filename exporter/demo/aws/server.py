"""The fake's HTTP server on loopback."""

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from typing import Self

from exporter.core.ports import Clock
from exporter.demo._http import HttpRequest, LoopbackServer, Reply, spoiled
from exporter.demo.aws.cloudwatch import count_metrics
from exporter.demo.aws.faults import Fault, Faults
from exporter.demo.aws.services import respond
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


class AwsFake:
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
        self.faults = faults or Faults()
        self._world = World(
            estate=estate.of("aws"),
            clock=clock,
            lag_seconds=lag_seconds,
            lateness=lateness,
            limits=limits or Limits(),
            external_ids=external_ids or {},
        )
        self._server: LoopbackServer | None = None
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, str]] = Counter()
        self._metrics = 0
        self._numbers = count(1)

    @property
    def url(self) -> str:
        """Where the fake listens, once started."""
        if self._server is None:
            message = "the AWS fake has not been started"
            raise RuntimeError(message)
        return self._server.url

    @property
    def accounts(self) -> tuple[str, ...]:
        """AWS accounts of the estate."""
        return self._world.accounts

    @property
    def requests(self) -> Mapping[tuple[str, str], int]:
        """How often each (service, operation) was asked, refused requests included."""
        with self._lock:
            return dict(self._requests)

    @property
    def metrics_requested(self) -> int:
        """How many metrics GetMetricData was asked for: what AWS bills."""
        with self._lock:
            return self._metrics

    def start(self) -> Self:
        """Listen on a free port of the loopback interface."""
        self._server = LoopbackServer("demo-aws", self.reply)
        return self

    def close(self) -> None:
        """Stop listening, tear down open connections, and clear the faults to end what hangs."""
        if self._server is not None:
            server, self._server = self._server, None
            server.close(self.faults.clear)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def reply(self, request: HttpRequest) -> Reply | None:
        """Answer one HTTP request; None means to reset its connection."""
        request_id = f"demo-{next(self._numbers):08d}"
        try:
            call = read_call(request.headers, request.body)
        except AwsError as error:
            return refusal(WireProtocol.QUERY, error, request_id)
        self._count(call)
        call = replace(call, account=self._world.account_of(call.access_key) or "")
        met = self.faults.meet(call)
        return spoiled(self._right_reply(call, met, request_id), {fault.kind for fault in met})

    def _right_reply(self, call: Call, faults: tuple[Fault, ...], request_id: str) -> Reply:
        try:
            if not call.account:
                raise unknown_key(call)
            return answer(call, respond(self._world, call, faults), request_id)
        except AwsError as error:
            return refusal(call.protocol, error, request_id)

    def _count(self, call: Call) -> None:
        with self._lock:
            self._requests[call.service, call.operation] += 1
            self._metrics += count_metrics(call)
