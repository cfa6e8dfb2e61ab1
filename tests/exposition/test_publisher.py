"""The reference between engine and server: what is served while nothing new comes."""

import httpx

from exporter.exposition.publisher import STALE_SECONDS, Publisher
from exporter.exposition.render import Renderer
from tests.support.clock import ManualClock
from tests.support.exposition import running
from tests.support.snapshots import rich_snapshot


def test_a_snapshot_that_nothing_follows_is_withdrawn_not_frozen(
    renderer: Renderer, clock: ManualClock
) -> None:
    publisher = Publisher(renderer, monotonic=clock.monotonic)
    publisher.publish(rich_snapshot())
    with running(publisher) as client:
        clock.advance(STALE_SECONDS)
        assert "carbon_resource_power_watts" in client.get("/metrics").text
        clock.advance(1)
        assert "carbon_resource" not in client.get("/metrics").text
        assert statuses(client) == (200, 503, 503)
        publisher.publish(rich_snapshot())
        assert "carbon_resource_power_watts" in client.get("/metrics").text
        assert statuses(client) == (200, 200, 200)


def statuses(client: httpx.Client) -> tuple[int, ...]:
    paths = ("/metrics", "/-/ready", "/api/v1/summary")
    return tuple(client.get(path).status_code for path in paths)
