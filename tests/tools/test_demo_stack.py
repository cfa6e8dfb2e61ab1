"""The demo without containers: its configurations, its programs, and its receiver of alerts."""

import http.client
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest
import yaml

from tools.demo_stack import __main__ as stack
from tools.demo_stack import configs
from tools.demo_stack.processes import Programs, StackError, address, programs, run
from tools.demo_stack.receiver import MOST_ALERTS, MOST_BYTES, Alert, Board, Receiver, parse

ADDRESSES = {"exporter:9180": "127.0.0.1:1", "localhost:9090": "127.0.0.1:2"}
SERVER = (
    "import http.server, sys; h = http.server.SimpleHTTPRequestHandler; "
    "http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), h).serve_forever()"
)


def alert(**changes: object) -> dict[str, object]:
    """Return an alert as Alertmanager tells it."""
    return {
        "status": "firing",
        "labels": {"alertname": "CarbonEmissionSpike", "severity": "warning", "account": "1"},
        "annotations": {"summary": "\n 2 times its usual", "description": "Look for a deployment."},
        "startsAt": "2026-03-02T12:00:07.123456789Z",
        "endsAt": "0001-01-01T00:00:00Z",
        **changes,
    }


def message(*alerts: dict[str, object]) -> bytes:
    return json.dumps({"version": "4", "status": "firing", "alerts": alerts}).encode()


# The configurations


def test_every_target_of_the_compose_demo_gets_its_address_here() -> None:
    here = {**ADDRESSES, "alertmanager:9093": "127.0.0.1:3"}
    config = yaml.safe_load(configs.prometheus(here))
    targets = [c["static_configs"][0]["targets"] for c in config["scrape_configs"]]
    assert targets == [["127.0.0.1:1"], ["127.0.0.1:2"], ["127.0.0.1:3"]]
    (manager,) = config["alerting"]["alertmanagers"]
    assert manager["static_configs"] == [{"targets": ["127.0.0.1:3"]}]


def test_without_alertmanager_nothing_is_sent_and_nothing_else_is_missing() -> None:
    config = yaml.safe_load(configs.prometheus(ADDRESSES))
    assert config["alerting"]["alertmanagers"] == []
    assert [c["job_name"] for c in config["scrape_configs"]] == ["carbon-exporter", "prometheus"]


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
@pytest.mark.parametrize("more", [{}, {"alertmanager:9093": "127.0.0.1:3"}])
def test_prometheus_takes_it_with_the_rules_from_any_folder(
    tmp_path: Path, more: dict[str, str]
) -> None:
    config = tmp_path / "prometheus.yml"
    config.write_text(configs.prometheus({**ADDRESSES, **more}))
    done = subprocess.run(
        ["promtool", "check", "config", config], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "rule files found" in done.stdout


def test_alerts_go_to_the_receiver_here() -> None:
    config = yaml.safe_load(configs.alertmanager("127.0.0.1:4"))
    (receiver,) = config["receivers"]
    assert receiver["webhook_configs"][0]["url"] == "http://127.0.0.1:4/alertmanager"


# The programs


def start(running: Programs, name: str = "server") -> str:
    where = address(0)
    port = where.rpartition(":")[2]
    running.start(name, sys.executable, "-c", SERVER, port, ready=f"http://{where}/")
    return where


def answers(where: str) -> bool:
    connection = http.client.HTTPConnection(where, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()


def test_programs_run_until_the_block_is_left_whatever_happens(tmp_path: Path) -> None:
    started = []

    def interrupted() -> None:
        with programs(tmp_path) as running:
            started.extend([start(running, "first"), start(running, "second")])
            assert all(map(answers, started))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert len(started) == 2
    assert not any(map(answers, started))


def test_a_program_that_ends_is_told_with_its_last_words(tmp_path: Path) -> None:
    dying = (sys.executable, "-c", "import sys; sys.exit('no such rule file')")
    with programs(tmp_path) as running, pytest.raises(StackError) as caught:
        running.start("prometheus", *dying, ready="http://127.0.0.1:9/")
    assert "prometheus ended with exit code 1" in str(caught.value)
    assert "no such rule file" in str(caught.value)


def test_a_program_that_never_gets_ready_is_told(tmp_path: Path) -> None:
    waiting = (sys.executable, "-c", "import time; time.sleep(60)")
    with programs(tmp_path) as running, pytest.raises(StackError, match=r"not ready after 0 s"):
        running.start("slow", *waiting, ready=f"http://{address(0)}/", within=0)


def test_a_program_that_is_not_there_is_told(tmp_path: Path) -> None:
    with programs(tmp_path) as running, pytest.raises(StackError, match="cannot be started"):
        running.start("nothing", tmp_path / "nothing", ready="http://127.0.0.1:9/")


def test_a_step_that_fails_ends_the_start() -> None:
    with pytest.raises(StackError, match="backfill failed with exit code 3"):
        run("backfill", sys.executable, "-c", "raise SystemExit(3)")


def test_a_port_in_use_is_replaced_by_a_free_one(tmp_path: Path) -> None:
    with programs(tmp_path) as running:
        taken = start(running)
        port = int(taken.rpartition(":")[2])
        assert address(port) != taken


# The start


def test_without_prometheus_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert stack.main(["--folder", str(tmp_path / "stack")]) == 1
    assert "prometheus is not installed" in capsys.readouterr().err


def test_a_folder_of_somebody_else_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    precious = tmp_path / "precious"
    precious.touch()
    assert stack.main(["--folder", str(tmp_path)]) == 1
    assert "not from here" in capsys.readouterr().err
    assert precious.exists()


def test_its_own_folder_is_made_anew_unless_it_is_in_use(tmp_path: Path) -> None:
    folder = tmp_path / "stack"
    with stack._fresh(folder):
        (folder / "history").mkdir()
        (folder / "demo.db").touch()
        with pytest.raises(StackError, match="another stack runs there"), stack._fresh(folder):
            pass
        assert (folder / "demo.db").exists()
    with stack._fresh(folder):
        assert [entry.name for entry in folder.iterdir()] == [".demo-stack"]


# The receiver


def heard(sender: str, *alerts: dict[str, object]) -> tuple[Alert, ...]:
    return parse(sender, message(*alerts))


def test_an_alert_is_read_as_alertmanager_and_grafana_tell_it() -> None:
    (one,) = heard("grafana", alert(status="resolved", endsAt="2026-03-02T14:30:00+02:00"))
    assert (one.sender, one.status, one.name) == ("grafana", "resolved", "CarbonEmissionSpike")
    assert one.summary == "2 times its usual"
    assert one.since == "2026-03-02 12:00:07 UTC"
    assert one.until == "2026-03-02 14:30:00 UTC+02:00"
    assert str(one) == "RESOLVED CarbonEmissionSpike (grafana): 2 times its usual"


@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b'{"alerts": 1}', b'{"alerts": [1]}'])
def test_what_is_no_webhook_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 — the text is that of the parser
        parse("alertmanager", body)


def test_an_alert_without_anything_is_shown_all_the_same() -> None:
    (one,) = heard("alertmanager", {})
    assert (one.name, one.status, one.since) == ("unnamed", "resolved", "")


def test_a_repetition_is_no_news_and_an_end_is() -> None:
    board = Board()
    first, again = heard("alertmanager", alert()), heard("alertmanager", alert())
    over = heard("alertmanager", alert(status="resolved", endsAt="2026-03-02T12:30:00Z"))
    assert board.take(first) == list(first)
    assert board.take(again) == []
    assert board.take(over) == list(over)
    assert board.page().count("<article") == 1
    assert 'class="resolved"' in board.page()


def test_alertmanager_and_grafana_are_told_apart() -> None:
    board = Board()
    board.take(heard("alertmanager", alert()))
    board.take(heard("grafana", alert()))
    assert board.page().count("<article") == 2


def test_the_latest_stands_first_and_the_oldest_are_forgotten() -> None:
    board = Board()
    for number in range(MOST_ALERTS + 5):
        board.take(heard("alertmanager", alert(labels={"alertname": f"No{number}."})))
    page = board.page()
    assert page.count("<article") == MOST_ALERTS
    assert "No4." not in page
    assert page.index(f"No{MOST_ALERTS + 4}.") < page.index(f"No{MOST_ALERTS + 3}.")


def test_no_text_of_an_alert_becomes_markup() -> None:
    board = Board()
    evil = {"alertname": "<script>x</script>", "severity": "<b>"}
    board.take(heard("<i>", alert(labels=evil, annotations={"summary": "{0} <img src=x>"})))
    page = board.page()
    assert not any(tag in page for tag in ("<script", "<img", "<b>", "<i>"))
    assert "{0} &lt;img src=x&gt;" in page


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def ask(receiver: Receiver, method: str, path: str, body: bytes | None = None) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", receiver.server_port, timeout=10)
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_what_is_posted_is_printed_and_shown(
    receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "None yet" in ask(receiver, "GET", "/")[1]
    assert ask(receiver, "POST", "/alertmanager", message(alert()))[0] == 200
    status, page = ask(receiver, "GET", "/")
    assert status == 200
    assert "CarbonEmissionSpike: firing" in page
    said = capsys.readouterr()
    assert said.out == "FIRING CarbonEmissionSpike (alertmanager): 2 times its usual\n"
    assert said.err == ""


def test_it_refuses_what_it_cannot_read_and_goes_on(receiver: Receiver) -> None:
    assert ask(receiver, "POST", "/alertmanager", b"{")[0] == 400
    assert ask(receiver, "GET", "/elsewhere")[0] == 404
    connection = http.client.HTTPConnection("127.0.0.1", receiver.server_port, timeout=10)
    connection.putrequest("POST", "/alertmanager")
    connection.putheader("Content-Length", str(MOST_BYTES + 1))
    connection.endheaders()
    assert connection.getresponse().status == 411
    connection.close()
    assert ask(receiver, "GET", "/-/healthy") == (200, "OK\n")
