"""Rebuild ``exporter/data/family_curves.csv`` from the measured servers.

The table's other columns, and the lines of families without results, are decisions: they stay as
they are. What is derived from a measured curve follows it.
"""

import csv
import sys
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Final

from bench.power import fit
from bench.power.servers import LEVELS, Server, read
from exporter import data

TABLE: Final = Path(data.__file__).parent / "family_curves.csv"

MEASURED: Final = "median of SPECpower curves"

SHAPES: Final = {
    "EPYC 5th Gen": "EPYC 4th Gen",
    "Granite Rapids": "Sapphire Rapids",
    "Neoverse V2 (Grace)": "Neoverse N1",
}
"""Families of which idle and maximum are known, and whose curve gives the shape between."""

_N1_AND_V2: Final = ("Neoverse N1", "Neoverse V2 (Grace)")
MEANS: Final = {
    "Ivy Bridge": ("Sandy Bridge", "Haswell"),
    "Graviton4": _N1_AND_V2,
    "Graviton5": _N1_AND_V2,
    "Google Axion": _N1_AND_V2,
}
"""Families that take the mean of two others: of neighbours in time, or, with large ARM cores in a
cloud's server, of the only measured server of such cores and of the smaller cores' servers."""

_DIGITS: Final = 4
_POINTS: Final = tuple(f"p{level}" for level in LEVELS)

Line = dict[str, str]


def rebuilt(lines: Sequence[Mapping[str, str]], servers: Sequence[Server]) -> list[Line]:
    """Return the table with every curve computed anew."""
    done: dict[str, Line] = {}
    for line in lines:
        if line["method"].startswith(MEASURED):
            own = [server for server in servers if server.family == line["family"]]
            done[line["family"]] = _measured(line, own)
    for line in sorted(lines, key=lambda line: line["family"] in MEANS):  # means of others last
        if line["family"] not in done:
            done[line["family"]] = derived(line, done)
    return [done[line["family"]] for line in lines]


def _measured(line: Mapping[str, str], servers: Sequence[Server]) -> Line:
    found = fit.family(line["family"], servers)
    sockets = fit.SOCKETS.get(found.name, fit.USUAL_SOCKETS)
    return {
        **line,
        **_points(found.curve),
        "spec_gib_per_thread": f"{round(found.gib_per_thread, 2):g}",
        "tdp_watts_per_thread": f"{round(found.tdp_per_thread, 2):g}",
        "tdp_watts_per_socket": f"{found.tdp_per_socket:g}",
        "results": str(len(servers)),
        "method": f"{MEASURED} brought to one TDP and to {sockets} socket{'s' * (sockets > 1)}",
    }


def derived(line: Mapping[str, str], done: Mapping[str, Line]) -> Line:
    """Return a line without results of its own, computed from lines that have them."""
    name = line["family"]
    if line["curve_of"]:
        other = done[line["curve_of"]]
        socket = line["tdp_watts_per_socket"] if line["proxy"] else other["tdp_watts_per_socket"]
        return {
            **line,
            **{point: other[point] for point in _POINTS},
            "spec_gib_per_thread": other["spec_gib_per_thread"],
            "tdp_watts_per_socket": socket,
        }
    if name in MEANS:
        curves = [_curve(done[neighbour]) for neighbour in MEANS[name]]
        return {**line, **_points([sum(p) / len(p) for p in zip(*curves, strict=True)])}
    shape = _curve(done[SHAPES[name]])
    idle, full = float(line["p0"]), float(line["p100"])
    stretch = (full - idle) / (shape[-1] - shape[0])
    return {**line, **_points([idle + (point - shape[0]) * stretch for point in shape])}


def _curve(line: Mapping[str, str]) -> list[float]:
    return [float(line[point]) for point in _POINTS]


def _points(curve: Sequence[float]) -> Line:
    pairs = zip(_POINTS, curve, strict=True)
    return {point: f"{round(value, _DIGITS):g}" for point, value in pairs}


def main(path: Path) -> None:
    """Rewrite the table and tell which lines changed."""
    before = list(data.rows("family_curves"))
    after = rebuilt(before, read(path))
    text = StringIO()
    writer = csv.DictWriter(text, fieldnames=list(after[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(after)
    TABLE.write_text(text.getvalue(), encoding="utf-8")
    changed = [new["family"] for old, new in zip(before, after, strict=True) if old != new]
    print(f"{len(changed)} of {len(after)} lines changed: {', '.join(changed) or 'none'}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
