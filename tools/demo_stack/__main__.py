"""``python -m tools.demo_stack``: demo, a week of history, Prometheus with rules, Alertmanager.

The compose demo without containers, for machines where ``prometheus`` is installed. Everything is
kept in ``.demo-stack``, made anew at each start, and ends with Ctrl-C.
"""

import argparse
import fcntl
import shutil
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tools.demo_stack import configs
from tools.demo_stack.processes import Programs, StackError, address, programs, run

EXPORTER: Final = (sys.executable, "-m", "exporter")
RECEIVER: Final = Path(__file__).with_name("receiver.py")
NO_PROMETHEUS: Final = (
    "{} is not installed — Debian and Ubuntu: apt install prometheus; elsewhere put prometheus and "
    "promtool of a release on the PATH. Without it: make demo, or docker compose up --wait"
)
NO_ALERTMANAGER: Final = (
    "alertmanager is not installed: alerts are to be seen in Prometheus only (Debian and Ubuntu: "
    "apt install prometheus-alertmanager)"
)
GRAFANA: Final = (
    "Grafana is not part of it. In yours: a Prometheus data source with the address above, then "
    "Dashboards → New → Import, one file of dashboards/*.json after the other."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the stack until Ctrl-C or SIGTERM; return the exit code."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with _fresh(options.folder) as folder, programs(folder) as running:
            _start(running, options)
            running.watch()
    except StackError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        print("\nstopped")
    return 0


def _start(running: Programs, options: argparse.Namespace) -> None:
    prometheus, promtool = _found("prometheus"), _found("promtool")
    alertmanager = shutil.which("alertmanager") or shutil.which("prometheus-alertmanager")
    exporter, folder = address(9180), options.folder
    _backfill(folder, exporter, options.since, promtool)
    # Offline, because the grids of the simulated history are simulated as well.
    demo = ("demo", "--offline", "--listen", exporter, "--state", folder / "demo.db")
    running.start("exporter", *EXPORTER, *demo, ready=f"http://{exporter}/-/ready")
    addresses = {"exporter:9180": exporter, "localhost:9090": address(9090)}
    print(f"exporter      http://{exporter}/", flush=True)
    if alertmanager:
        addresses["alertmanager:9093"] = _alerting(running, folder, alertmanager)
    _prometheus(running, folder, prometheus, addresses)
    if not alertmanager:
        print(NO_ALERTMANAGER)
    print(f"{GRAFANA}\nlogs and data in {folder}; stop with Ctrl-C", flush=True)


def _found(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise StackError(NO_PROMETHEUS.format(name))
    return path


@contextmanager
def _fresh(folder: Path) -> Iterator[Path]:
    """Make the folder anew and keep it ours; refuse one that is not from here, or in use."""
    mark = folder / ".demo-stack"
    if folder.exists() and any(folder.iterdir()) and not mark.exists():
        message = f"--folder {folder}: it is there and not from here — name another"
        raise StackError(message)
    folder.mkdir(parents=True, exist_ok=True)
    with mark.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            message = f"{folder}: another stack runs there — stop it, or name another --folder"
            raise StackError(message) from error
        for old in folder.iterdir():
            if old.is_dir():
                shutil.rmtree(old)
            elif old != mark:
                old.unlink()
        yield folder


def _backfill(folder: Path, exporter: str, since: str, promtool: str) -> None:
    history = folder / "history"
    history.mkdir()
    (folder / "prometheus").mkdir()
    print(f"history: the last {since} of the demo (a few minutes, once)", flush=True)
    run(
        "backfill",
        *(*EXPORTER, "backfill", "--demo", "--since", since),
        *("--label", f"instance={exporter}"),
        *("--output", history, "--prepare-state", folder / "demo.db"),
    )
    for day in sorted(history.iterdir()):
        print(f"history: {day.name} into Prometheus", flush=True)
        # Large blocks: promtool reads a whole file for each block.
        make = (promtool, "tsdb", "create-blocks-from", "openmetrics", "--quiet")
        run("promtool", *make, "--max-block-duration=24h", day, folder / "prometheus")
        day.unlink()


def _alerting(running: Programs, folder: Path, program: str) -> str:
    """Start Alertmanager and what it sends to; return the address of the former."""
    receiver, alertmanager = address(8080), address(9093)
    running.start(
        "receiver", sys.executable, RECEIVER, receiver, ready=f"http://{receiver}/-/healthy"
    )
    config = folder / "alertmanager.yml"
    config.write_text(configs.alertmanager(receiver))
    running.start(
        "alertmanager",
        program,
        f"--config.file={config}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address={alertmanager}",
        "--cluster.listen-address=",
        ready=f"http://{alertmanager}/-/ready",
    )
    print(f"alerts        http://{receiver}/", flush=True)
    print(f"Alertmanager  http://{alertmanager}/", flush=True)
    return alertmanager


def _prometheus(running: Programs, folder: Path, program: str, addresses: dict[str, str]) -> None:
    here = addresses["localhost:9090"]
    config = folder / "prometheus.yml"
    config.write_text(configs.prometheus(addresses))
    running.start(
        "prometheus",
        program,
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        "--storage.tsdb.retention.time=30d",
        f"--web.listen-address={here}",
        ready=f"http://{here}/-/ready",
    )
    print(f"Prometheus    http://{here}/alerts", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.demo_stack", description=__doc__)
    parser.add_argument("--since", default="7d", metavar="SPAN", help="of history (default: 7d)")
    parser.add_argument(
        "--folder",
        type=Path,
        default=configs.ROOT / ".demo-stack",
        help="where everything is kept, made anew (default: .demo-stack)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
