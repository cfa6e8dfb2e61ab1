"""``serve`` and ``demo``: what reaches the daemon, and the whole program as a process."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from exporter import app
from exporter.core.errors import StoreError
from exporter.settings import Settings
from tests.cli.conftest import Run


def recorder(into: list[Any]) -> Callable[[Any], int]:
    def record(given: object) -> int:
        into.append(given)
        return 0

    return record


def test_options_override_variables_and_the_file(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    served: list[Settings] = []
    monkeypatch.setattr(app, "serve", recorder(served))
    monkeypatch.setenv("CARBON_LISTEN", ":2")
    monkeypatch.setenv("CARBON_TAGS", "team")
    (tmp_path / "own.yml").write_text("listen: ':1'\nstate: a.db\nproviders: [host]\n")
    assert run("serve", "-c", "own.yml").exit_code == 0
    assert run("serve", "-c", "own.yml", "--listen", ":3", "--state", "b.db").exit_code == 0
    assert [(s.listen, str(s.state), s.tags) for s in served] == [
        (":2", "a.db", ("team",)),
        (":3", "b.db", ("team",)),
    ]


def test_no_state_file_may_be_wanted(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[Settings] = []
    monkeypatch.setattr(app, "serve", recorder(served))
    monkeypatch.setenv("CARBON_PROVIDERS", "host")
    assert run("serve", "--state", "none").exit_code == 0
    assert served[0].state is None


def test_the_demo_is_told_where(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[object] = []
    monkeypatch.setattr(app, "demo", lambda **given: recorder(told)(given))
    assert run("demo", "--listen", ":1", "--state", "x.db").exit_code == 0
    assert run("demo", "--listen", ":1", "--offline").exit_code == 0
    assert told == [
        {"listen": ":1", "state": Path("x.db"), "offline": False},
        {"listen": ":1", "state": None, "offline": True},
    ]


@pytest.mark.parametrize("verb", ["serve", "demo"])
def test_an_address_that_is_none_is_bad_usage(run: Run, verb: str) -> None:
    result = run(verb, "--listen", "nowhere")
    assert result.exit_code == 2
    assert "--listen 'nowhere' — write host:port" in result.stderr


def test_the_exit_code_of_the_daemon_is_ours(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "demo", lambda **_: 1)
    assert run("demo").exit_code == 1


def test_our_errors_are_lines_and_exit_code_1(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> int:
        message = "disk full — free some"
        raise StoreError(message)

    monkeypatch.setattr(app, "demo", fail)
    result = run("demo")
    assert (result.exit_code, result.stderr) == (1, "disk full — free some\n")


def test_an_interrupt_is_130(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(**_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(app, "demo", interrupted)
    result = run("demo")
    assert result.exit_code == 130
    assert "Traceback" not in result.output


def program(tmp_path: Path, *arguments: str, **environ: str) -> subprocess.Popen[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CARBON_")}
    return subprocess.Popen(
        [sys.executable, "-m", "exporter", *arguments],
        cwd=tmp_path,
        env=kept | {"PYTHONPATH": str(Path(__file__).parents[2])} | environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    return process.returncode, out, err


def test_bad_configuration_is_told_without_a_traceback(run: Run, tmp_path: Path) -> None:
    (tmp_path / "carbon-exporter.yml").write_text("listne: 1\nproviders: [host]\n")
    result = run("serve")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("listne: '1' — unknown key; did you mean 'listen'?")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "words", [("serve",), ("check",), ("demo",), ("intensity", "FR"), ("explain", "i-1")], ids=str
)
def test_a_proxy_that_cannot_be_used_is_one_line_of_every_verb(
    run: Run, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("CARBON_PROVIDERS", "host")
    monkeypatch.setenv("HTTPS_PROXY", "socks5://user:hunter2@127.0.0.1:1")
    result = run(*words)
    assert result.exit_code == 2
    [line] = result.stderr.splitlines()
    assert line.startswith("HTTPS_PROXY: 'socks5://…' — SOCKS5 proxies are not supported: write")


def test_a_port_in_use_is_told_without_a_traceback(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARBON_PROVIDERS", "host")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        result = run("serve", "--listen", address)
    assert result.exit_code == 1
    assert f"{address} is in use" in result.stderr
    assert "Traceback" not in result.output


def test_an_unknown_verb_is_bad_usage(run: Run) -> None:
    result = run("sevre")
    assert result.exit_code == 2
    assert "sevre" in result.stderr


def test_the_program_stops_at_ctrl_c_with_0(tmp_path: Path) -> None:
    environ = {"CARBON_PROVIDERS": "host", "CARBON_GRIDS": "[]", "CARBON_LISTEN": "127.0.0.1:0"}
    process = program(tmp_path, "serve", CARBON_LOG_FORMAT="json", **environ)
    assert process.stderr is not None
    serving = json.loads(process.stderr.readline())
    assert serving["event"] == "serving"
    assert httpx.get(f"{serving['url']}-/healthy").status_code == 200
    process.send_signal(signal.SIGINT)
    code, _, _ = finished(process)
    assert code == 0


def test_the_program_tells_its_version(tmp_path: Path) -> None:
    code, out, _ = finished(program(tmp_path, "--version"))
    assert code == 0
    assert out.startswith("carbon-exporter ")
