"""What tests of the exposition share: a running server and Prometheus' own parsers."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import httpx
from prometheus_client import Metric
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families

from exporter.exposition.api import Explain
from exporter.exposition.connections import serve
from exporter.exposition.listen import bind
from exporter.exposition.publisher import Publisher
from exporter.exposition.render import Body
from exporter.exposition.server import make_app

TAGS = ("team", "cost-center")


def explain(wanted: str, _query: Mapping[str, str]) -> Mapping[str, object] | None:
    """Know ids that begin like a cloud's, and fail for one."""
    if wanted == "broken":
        message = "a defect"
        raise RuntimeError(message)
    return {"id": wanted, "factors": []} if wanted.startswith(("i-", "/subscriptions/")) else None


@contextmanager
def running(
    publisher: Publisher, *, explain: Explain = explain, allowed_hosts: Sequence[str] = ()
) -> Iterator[httpx.Client]:
    """Serve on a free port of loopback, and stop cleanly."""
    sock = bind("127.0.0.1:0")
    port = sock.getsockname()[1]
    stop = threading.Event()
    app = make_app(publisher, tags=TAGS, explain=explain, allowed_hosts=allowed_hosts)
    thread = threading.Thread(target=serve, args=(app, sock), kwargs={"stop": stop})
    thread.start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            yield client
    finally:
        stop.set()
        thread.join()


def parse_text(body: Body) -> list[Metric]:
    """Read text format 0.0.4."""
    return list(text_string_to_metric_families(body.plain.decode()))


def parse_openmetrics(body: Body) -> list[Metric]:
    """Read OpenMetrics 1.0, which is checked more strictly."""
    page = body.plain.decode()
    return list(openmetrics_parser.text_string_to_metric_families(page))  # type: ignore[no-untyped-call]  # unannotated
