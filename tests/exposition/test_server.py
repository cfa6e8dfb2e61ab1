import gzip
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import httpx
import pytest

from exporter.core.model import ResourceKey
from exporter.core.snapshot import Snapshot
from exporter.exposition import server
from exporter.exposition.page import page_bodies
from exporter.exposition.publisher import Publisher
from exporter.exposition.render import OPENMETRICS, TEXT, body
from tests.support.exposition import parse_text, running
from tests.support.snapshots import TIME, a_machine, a_now, a_view, rich_snapshot


def test_metrics_are_the_rendered_bytes_in_both_formats(
    publisher: Publisher, client: httpx.Client
) -> None:
    publisher.publish(rich_snapshot())
    plain = client.get("/metrics", headers={"Accept-Encoding": "identity"})
    assert (plain.status_code, plain.headers["content-type"]) == (200, TEXT)
    assert plain.content == publisher.current.metrics.text.plain
    openmetrics = client.get("/metrics", headers={"Accept": "application/openmetrics-text"})
    assert openmetrics.headers["content-type"] == OPENMETRICS
    assert openmetrics.content == publisher.current.metrics.openmetrics.plain
    assert openmetrics.headers["vary"] == "Accept, Accept-Encoding"


def test_metrics_are_compressed_for_clients_that_welcome_it(
    publisher: Publisher, client: httpx.Client
) -> None:
    publisher.publish(rich_snapshot())
    with client.stream("GET", "/metrics", headers={"Accept-Encoding": "gzip"}) as answer:
        raw = b"".join(answer.iter_raw())
        assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(raw) == publisher.current.metrics.text.plain
    bare = client.get("/metrics", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in bare.headers


@pytest.mark.parametrize("path", ["/metrics", "/", "/-/healthy", "/api/v1/summary"])
def test_head_has_the_headers_of_get_and_no_body(
    publisher: Publisher, client: httpx.Client, path: str
) -> None:
    publisher.publish(rich_snapshot())
    got, head = client.get(path), client.head(path)
    assert head.status_code == got.status_code == 200
    assert head.content == b""
    assert head.headers["content-type"] == got.headers["content-type"]


def test_metrics_answer_before_the_first_snapshot(client: httpx.Client) -> None:
    page = client.get("/metrics").text
    assert "carbon_build_info" in page
    assert "carbon_resource" not in page


def test_ready_only_after_the_first_snapshot_healthy_always(
    publisher: Publisher, client: httpx.Client
) -> None:
    assert client.get("/-/healthy").status_code == 200
    waiting = client.get("/-/ready")
    assert waiting.status_code == 503
    assert waiting.json() == {"error": "waiting for the first collection cycle to finish"}
    publisher.publish(Snapshot(time=TIME))
    assert client.get("/-/ready").json() == {"status": "ready"}


@pytest.mark.parametrize("path", ["/api/v1/summary", "/api/v1/resources", "/api/v1/grid"])
def test_api_waits_for_the_first_snapshot(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == 503


@pytest.mark.parametrize("path", ["/", "/metrics", "/nowhere", "/api/v1/grid", "/api/v1/explain/x"])
def test_every_answer_carries_the_security_headers(client: httpx.Client, path: str) -> None:
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "server" not in headers


@pytest.mark.parametrize(
    "path", ["/nowhere", "/metrics/", "/api/v1/", "/page/../server.py", "/%00"]
)
def test_unknown_paths_are_404_as_json(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.json()["error"].startswith("nothing at /")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_only_reading_is_allowed(client: httpx.Client, method: str) -> None:
    answer = client.request(method, "/metrics")
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}
    assert answer.json() == {"error": "only GET and HEAD are answered"}


@pytest.mark.parametrize("wanted", ["i-1", "/subscriptions/0/virtualMachines/a b"])
def test_explain_hands_over_any_id(client: httpx.Client, wanted: str) -> None:
    answer = client.get(httpx.URL(path=f"/api/v1/explain/{wanted}"))
    assert answer.json() == {"id": wanted, "factors": []}


def test_explain_of_the_unknown_is_404(client: httpx.Client) -> None:
    answer = client.get("/api/v1/explain/nothing")
    assert answer.status_code == 404
    assert answer.json() == {"error": "no machine or type 'nothing'"}


def test_defect_is_a_plain_500_with_security_headers_and_a_log(
    publisher: Publisher, caplog: pytest.LogCaptureFixture
) -> None:
    with running(publisher) as client:
        answer = client.get("/api/v1/explain/broken")
    assert answer.status_code == 500
    assert answer.json() == {"error": "internal error, see the log"}
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "a defect" in caplog.text


def test_page_and_its_parts_are_served_with_their_types(client: httpx.Client) -> None:
    for path, part in page_bodies().items():
        answer = client.get(path)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == part.content_type
        assert answer.content == part.plain


def test_readers_see_one_snapshot_or_the_next_never_a_mixture(publisher: Publisher) -> None:
    def estate(machines: int) -> Snapshot:
        views = tuple(a_view(number) for number in range(machines))
        return replace(rich_snapshot(), time=float(machines), resources=views)

    done = threading.Event()

    def swap() -> None:
        while not done.is_set():
            for machines in (3, 40):
                publisher.publish(estate(machines))

    def read(client: httpx.Client) -> None:
        page = body(TEXT, client.get("/metrics").content)
        metrics = {metric.name: metric for metric in parse_text(page)}
        machines = len(metrics["carbon_resource_info"].samples)
        assert metrics["carbon_exposition_timestamp_seconds"].samples[0].value == machines
        listed = client.get("/api/v1/resources").json()
        assert listed["time"] == listed["matched"] == len(listed["resources"])

    publisher.publish(estate(3))
    with running(publisher) as client, ThreadPoolExecutor() as pool:
        swapping = pool.submit(swap)
        try:
            for reading in [pool.submit(read, client) for _ in range(40)]:
                reading.result()
        finally:
            done.set()
        swapping.result()


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "192.0.2.7:9180",
        "[::1]:9180",
        "localhost:9180",
        "exporter",
        "exporter:9180",
        "demo.localhost",
        "carbon.example.org:9180",
        "CARBON.example.org.",
        "a.b.example.net",
    ],
)
def test_page_and_api_answer_to_addresses_and_to_names_that_are_ours(
    publisher: Publisher, host: str
) -> None:
    publisher.publish(rich_snapshot())
    with running(publisher, allowed_hosts=("carbon.example.org", "*.example.net")) as client:
        for path in ("/", "/api/v1/summary", "/page/page.js"):
            assert client.get(path, headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example:9180",
        "example.net",
        "a@b.c",
    ],
)
def test_a_foreign_name_for_our_address_gets_nothing_but_metrics(
    publisher: Publisher, host: str
) -> None:
    publisher.publish(rich_snapshot())
    with running(publisher, allowed_hosts=("carbon.example.org", "*.example.net")) as client:
        for path in ("/", "/api/v1/resources", "/api/v1/explain/i-1", "/nowhere"):
            refused = client.get(path, headers={"Host": host})
            assert refused.status_code == 403
            assert "allowed_hosts" in refused.json()["error"]
        for path in ("/metrics", "/-/healthy", "/-/ready"):
            assert client.get(path, headers={"Host": host}).status_code == 200


def test_a_star_lets_every_name_pass(publisher: Publisher) -> None:
    with running(publisher, allowed_hosts=("*",)) as client:
        assert client.get("/", headers={"Host": "any.example"}).status_code == 200


@pytest.mark.parametrize("path", ["/metrics", "/-/ready", "/api/v1/summary", "/api/v1/resources"])
def test_nothing_private_is_stored_by_a_cache(
    publisher: Publisher, client: httpx.Client, path: str
) -> None:
    publisher.publish(rich_snapshot())
    assert client.get(path).headers["cache-control"] == "no-store"
    assert client.get("/page/page.js").headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["/metrics", "/api/v1/resources", "/"])
def test_too_many_parameters_too_long_a_query_and_bodies_are_refused(
    client: httpx.Client, path: str
) -> None:
    assert client.get(f"{path}?{'&'.join(['tag'] * 51)}").status_code == 400
    assert client.get(f"{path}?x={'a' * 9000}").status_code == 414
    assert client.get(path, headers={"X-Long": "a" * 17_000}).status_code == 431
    with_body = client.request("GET", path, content=b"hello")
    assert (with_body.status_code, with_body.headers["connection"]) == (413, "close")
    assert client.request("POST", path, content=iter([b"hello"])).status_code == 413


def test_questions_beyond_what_may_wait_are_refused_while_scrapes_go_on(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MAX_API_WAITING", 2)
    release, begun = threading.Event(), threading.Semaphore(0)

    def slow(_wanted: str, _query: object) -> dict[str, object]:
        begun.release()
        release.wait()
        return {}

    with running(publisher, explain=slow) as client, ThreadPoolExecutor() as pool:
        try:
            held = [pool.submit(client.get, "/api/v1/explain/x") for _ in range(2)]
            assert begun.acquire(timeout=10)
            assert begun.acquire(timeout=10)
            refused = client.get("/api/v1/explain/x")
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
            assert client.get("/metrics").status_code == 200
        finally:
            release.set()
        assert [answer.result().status_code for answer in held] == [200, 200]


def summary(client: httpx.Client) -> dict[str, Any]:
    shown: dict[str, Any] = client.get("/api/v1/summary").json()
    return shown


def test_summary_holds_what_the_page_shows(publisher: Publisher, client: httpx.Client) -> None:
    publisher.publish(rich_snapshot())
    shown = summary(client)
    assert shown["simulated"] is True
    assert shown["now"] == {
        "power_watts": {"low": 60.0, "central": 75.0, "high": 97.5},
        "gco2eq_per_hour": {"low": 2.0, "central": 3.0, "high": 4.5},
    }
    assert shown["totals"]["energy_kwh"] == pytest.approx(4.000000278)
    assert shown["totals"]["emissions_gco2eq"] == {"operational": 154.0, "embodied": 6.5}
    assert shown["coverage_seconds"] == {"measured": 172800.0, "estimated": 0.0, "missing": 600.0}
    assert shown["states"] == {"measured": 2, "stopped": 1, "unmodelled": 0, "silent": 0}
    assert [one["resource_id"][-1] for one in shown["top"]] == ["2", "1", "3"]
    assert [(one["grid_zone"], one["fallback"]) for one in shown["grids"]] == [("FR", "live")], (
        "only grids that feed machines"
    )
    assert len(shown["history"]) == 1


def test_summary_always_has_the_machine_that_the_exporter_runs_on(
    publisher: Publisher, client: httpx.Client
) -> None:
    key = ResourceKey("host", "local", "local", "host", "laptop")
    own = a_view(machine=a_machine(key=key), now=a_now(watts=0.1))
    large = tuple(a_view(number) for number in range(10))
    publisher.publish(Snapshot(time=TIME, resources=(own, *large)))
    assert [one["resource_id"] for one in summary(client)["this_machine"]] == ["laptop"]
    publisher.publish(Snapshot(time=TIME, resources=(own, *large[1:])))
    assert summary(client)["top"][-1]["resource_id"] == "laptop"
    assert summary(client)["this_machine"] == []


def test_summary_of_an_empty_estate_says_unknown_not_zero(
    publisher: Publisher, client: httpx.Client
) -> None:
    publisher.publish(Snapshot(time=TIME))
    shown = summary(client)
    assert shown["now"] == {"power_watts": None, "gco2eq_per_hour": None}
    assert shown["top"] == shown["history"] == []


def test_summary_never_holds_tags(publisher: Publisher, client: httpx.Client) -> None:
    publisher.publish(rich_snapshot())
    assert all(one["tags"] == {} for one in summary(client)["top"])


def test_grid_lists_how_the_present_compares(publisher: Publisher, client: httpx.Client) -> None:
    publisher.publish(rich_snapshot())
    first, second = client.get("/api/v1/grid").json()["percentiles"]
    assert first == {
        "grid_zone": "FR",
        "method": "marginal",
        "source": "watttime",
        "percentile": 62.5,
        "time": 1772449200,
        "age_seconds": 300.0,
    }
    assert (second["grid_zone"], second["percentile"]) == ("IE", 0.0)


def test_grid_lists_zones_and_forecasts(publisher: Publisher, client: httpx.Client) -> None:
    publisher.publish(rich_snapshot())
    shown = client.get("/api/v1/grid").json()
    assert shown["grids"][0] == {
        "grid_zone": "FR",
        "gco2eq_per_kwh": 38.5,
        "source": "energy_charts",
        "method": "average",
        "basis": "lifecycle",
        "fallback_level": 0,
        "fallback": "live",
        "valid_from": 1772448900,
        "age_seconds": 600.0,
        "estimated": False,
    }
    (told,) = shown["forecasts"]
    assert (told["grid_zone"], told["source"], len(told["hours"])) == ("FR", "energy_charts", 24)
    assert told["hours"][0] == {
        "start": 1772452800,
        "end": 1772456400,
        "gco2eq_per_kwh": 31.0,
        "low": None,
        "high": None,
    }


def test_regions_are_ranked_by_grid_times_pue(publisher: Publisher, client: httpx.Client) -> None:
    snapshot = rich_snapshot()
    (paris,) = snapshot.region_intensities
    twin = replace(paris, region=replace(paris.region, name="eu-west-4"))
    dirty = replace(paris, region=replace(paris.region, name="eu-west-5", pue=1.3), weaker=True)
    publisher.publish(replace(snapshot, region_intensities=(dirty, twin, paris)))
    shown = client.get("/api/v1/regions").json()["regions"]
    assert [(one["cloud_region"], one["rank"], one["weaker"]) for one in shown] == [
        ("eu-west-3", 1, False),
        ("eu-west-4", 1, False),
        ("eu-west-5", 3, True),
    ]
    assert shown[0]["gco2eq_per_kwh_it"] == pytest.approx(38.5 * 1.2)
    assert (shown[0]["mean_24h"], shown[0]["annual"], shown[0]["location"]) == (40.0, 36.0, "Paris")
