import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.cli.conftest import Run

BOUNDS = {"low": 1.0, "central": 2.0, "high": 3.0}
LIVE = {
    "resources": [
        {
            "resource_id": "i/1",
            "factors": [{"name": "PUE", "value": 1.2, "unit": "ratio", "source": "s", "year": ""}],
            "it_watts": BOUNDS,
            "operational_gco2eq_per_hour": BOUNDS,
        }
    ]
}


@contextmanager
def daemon(status: int, body: bytes) -> Iterator[tuple[str, list[str]]]:
    """Answer every request the same way, as a daemon (or something else) at a port would."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", asked
        finally:
            server.shutdown()
            thread.join()


def test_a_type_is_explained_from_the_tables(run: Run) -> None:
    result = run("explain", "m5.large", "-r", "eu-west-3", "--cpu", "40%", "--json")
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    watts, facility = document["it_watts"]["central"], document["facility_watts"]["central"]
    names = [factor["name"] for factor in document["factors"]]
    assert document["utilization_ratio"] == 0.4
    assert "PUE of eu-west-3" in names
    assert "grid intensity of FR" in names
    assert all(factor["source"] and factor["unit"] for factor in document["factors"])
    assert facility > watts > 0


def test_explain_and_estimate_agree(run: Run) -> None:
    asked = ("m5.large", "-r", "eu-west-3", "--cpu", "40%", "--json")
    told = json.loads(run("explain", *asked).stdout)
    [one] = json.loads(run("estimate", *asked, "--hours", "1").stdout)["estimates"]
    for end in ("low", "central", "high"):
        per_hour = told["operational_gco2eq_per_hour"][end]
        assert one["operational_gco2eq"][end] == pytest.approx(per_hour)


def test_a_type_without_a_region_is_explained_on_the_worlds_grid(run: Run) -> None:
    result = run("explain", "m5.large")
    assert result.exit_code == 0
    assert "WORLD" in result.stdout
    assert "gCO2eq per hour" in result.stdout


def test_a_machine_is_asked_of_the_daemon(run: Run) -> None:
    with daemon(200, json.dumps(LIVE).encode()) as (url, asked):
        table = run("explain", "i/1", "--url", url + "/")
        document = run("explain", "i/1", "--url", url, "--json")
    assert asked == ["/api/v1/explain/i%2F1"] * 2
    assert "operational gCO2eq per hour: 2 (1 to 3)" in table.stdout
    assert "PUE" in table.stdout
    assert json.loads(document.stdout) == LIVE


@pytest.mark.parametrize(
    ("status", "body", "cause"),
    [
        (404, b'{"error": "no"}', "knows no machine 'i-1'"),
        (500, b"{}", "answered HTTP 500"),
        (200, b"[]", "does not answer as a carbon-exporter"),
        (200, b"<html>", "does not answer as a carbon-exporter"),
        (404, b"<html>", "does not answer as a carbon-exporter"),
        (200, b"\xff", "does not answer as a carbon-exporter"),
    ],
)
def test_an_answer_of_no_use_is_explained(run: Run, status: int, body: bytes, cause: str) -> None:
    with daemon(status, body) as (url, _):
        result = run("explain", "i-1", "--url", url)
    assert result.exit_code == 1
    assert cause in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_without_a_daemon_both_meanings_are_told(run: Run) -> None:
    result = run("explain", "i-1", "--url", "http://127.0.0.1:9")
    assert result.exit_code == 1
    assert "no machine type" in result.stderr
    assert "carbon-exporter serve" in result.stderr


@pytest.mark.parametrize("url", ["ftp://x", "localhost:9180", "http://x:y", ""])
def test_an_address_that_is_none_is_bad_usage(run: Run, url: str) -> None:
    result = run("explain", "i-1", "--url", url)
    assert result.exit_code == 2
    assert "--url" in result.stderr


def test_a_mistyped_type_is_not_taken_for_a_machine_where_a_region_is_given(run: Run) -> None:
    result = run("explain", "m5.lagre", "--region", "eu-west-3")
    assert result.exit_code == 2
    assert "did you mean 'm5.large'?" in result.stderr


def test_a_wrong_configuration_is_bad_usage(run: Run) -> None:
    Path("bad.yml").write_text("nope: 1")
    result = run("explain", "m5.large", "--config", "bad.yml")
    assert result.exit_code == 2
    assert "nope: '1'" in result.stderr
