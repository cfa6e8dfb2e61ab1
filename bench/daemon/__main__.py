"""``python -m bench.daemon``: cycles, memory and scrapes of ``carbon-exporter serve``.

Exit 0: measured. 1: the daemon or a fake failed, or the time was up. 2: bad usage.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.daemon import measure
from bench.daemon.children import stop_on_signals, time_limit

CLOUDS = ("aws", "gcp", "azure")
MOST = 20_000


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; return the exit code."""
    options = _parser().parse_args(argv)
    if not Path("/proc/self/stat").exists():
        print("bench.daemon: this needs Linux: it reads /proc", file=sys.stderr)
        return 2
    stop_on_signals()
    wanted = _wanted(options)
    with tempfile.TemporaryDirectory(prefix="bench-daemon-") as name:
        folder = Path(name)
        try:
            with time_limit(options.limit):
                figures = measure.run(wanted, folder, _tell)
        except (RuntimeError, OSError, TimeoutError) as error:
            print(f"bench.daemon: {error}", file=sys.stderr)
            print((folder / "log").read_text(errors="replace")[-2000:], file=sys.stderr)
            return 1
    document = {
        "cloud": options.cloud,
        "machines": options.machines,
        "poll_seconds": wanted.poll,
        "label": options.label,
        **measure.about(),
        **figures,
    }
    if options.json:
        Path(options.json).write_text(json.dumps(document, indent=1) + "\n")
    print(_table(document))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.daemon", description=__doc__)
    parser.add_argument("--machines", type=_machines, default=2000, help="how many (2000)")
    parser.add_argument("--cloud", choices=CLOUDS, default="aws", help="whose machines (aws)")
    parser.add_argument("--cycles", type=_count, default=3, help="steady cycles to measure (3)")
    parser.add_argument("--limit", type=_count, default=1800, help="give up after seconds (1800)")
    parser.add_argument(
        "--python",
        default=sys.executable,
        help="interpreter that has the exporter to measure, such as another checkout's",
    )
    parser.add_argument("--label", default="", help="what is measured, for the JSON")
    parser.add_argument("--json", metavar="FILE", help="write all figures there")
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        message = f"{text}: write a whole number, at least 1"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def _machines(text: str) -> int:
    number = _count(text)
    if number > MOST:
        message = f"{text}: at most {MOST}, or series are left out of /metrics"
        raise argparse.ArgumentTypeError(message)
    return number


def _wanted(options: argparse.Namespace) -> measure.Options:
    return measure.Options(
        cloud=options.cloud,
        machines=options.machines,
        cycles=options.cycles,
        python=options.python,
    )


def _tell(step: str) -> None:
    print(f"bench.daemon: {step}", file=sys.stderr, flush=True)


def _table(document: dict[str, Any]) -> str:
    series = int(document["prometheus_client"]["series"])
    head = f"{document['cloud']}, {document['machines']:,} machines, {series:,} series"
    rows = [f"{head}\n{'':34}{'ours':>10}{'anchor':>10}{'ratio':>10}"]
    for what, ours, anchor in measure.lines(document):
        ratio = ours / anchor if ours is not None and anchor else None
        rows.append(f"{what:34}{_number(ours)}{_number(anchor)}{_number(ratio)}")
    return "\n".join(rows)


def _number(value: float | None) -> str:
    if value is None:
        return f"{'–':>10}"
    return f"{value:>10,.0f}" if abs(value) >= 100 else f"{value:>10.3g}"  # noqa: PLR2004 - digits


if __name__ == "__main__":
    sys.exit(main())
