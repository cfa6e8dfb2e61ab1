"""The page ``docs/accuracy.md``: everything that was measured, as tables."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean, geometric_mean
from typing import Final

from bench.power import metal, predictors, tuning
from bench.power.crossval import (
    Case,
    Left,
    Outcome,
    bias,
    by_family,
    error,
    held,
    middle_error,
    outcomes,
)
from bench.power.predictors import Own, Predictor, scaled_median
from bench.power.servers import Server

Tests = Mapping[Left, Sequence[Case]]
Found = Mapping[Left, tuple[Outcome, ...]]

MAIN: Final[Mapping[str, Predictor]] = {
    "**this model**": Own(),
    "linear, idle to maximum (Cloud Carbon Footprint)": predictors.linear,
    "piecewise at 0, 10, 50, 100 % (Teads)": predictors.piecewise,
    "logarithm (Boavizta's form)": predictors.logarithm,
    "one curve for all families": predictors.single,
    "TDP times 0.12, 0.32, 0.75, 1.02 (Teads, nothing fitted)": predictors.teads_ratios,
}

BANDS: Final = {
    "idle": (0,),
    "10–30 %": (1, 2, 3),
    "40–60 %": (4, 5, 6),
    "70–90 %": (7, 8, 9),
    "100 %": (10,),
}

TRIED: Final[Mapping[str, Predictor]] = {
    "median of W per W of TDP (what went before)": predictors.TDP_SCALED,
    "median of W per thread": predictors.PER_THREAD,
    "geometric mean of these two": predictors.geometric,
    "median of W per CPU": scaled_median(sockets=1.0),
    "TDP^0.5": scaled_median(idle=0.5, full=0.5, sockets=1.0),
    "TDP^0.2 idle to TDP^0.7 at full load": scaled_median(idle=0.2, full=0.7, sockets=1.0),
    "TDP^0.5, CPUs^0.8": scaled_median(idle=0.5, full=0.5, sockets=0.8),
    "**TDP^0.2 to TDP^0.7, CPUs^0.8 (kept)**": scaled_median(idle=0.2, full=0.7, sockets=0.8),
    "kept, with threads^0.1": scaled_median(idle=0.2, full=0.7, sockets=0.8, threads=0.1),
    "kept, with 1 % less a year": scaled_median(idle=0.2, full=0.7, sockets=0.8, yearly=-0.01),
    "kept, mean in place of the median": scaled_median(
        idle=0.2, full=0.7, sockets=0.8, middle=geometric_mean
    ),
    "kept, drawn towards the median family": predictors.shrunk,
    "kept, with 0.20 W/GiB of memory beyond the family's": scaled_median(
        idle=0.2, full=0.7, sockets=0.8, memory=0.20
    ),
    "kept, with 0.10 W/GiB of memory beyond the family's": scaled_median(
        idle=0.2, full=0.7, sockets=0.8, memory=0.10
    ),
}


def page(tests: Tests) -> str:
    """Return the page."""
    found = {name: _run(predictor, tests) for name, predictor in MAIN.items()}
    parts = (
        _INTRO.format(**_counts(tests)),
        _main(found),
        _BANDS,
        *(_bands(found, left) for left in Left),
        _FAMILIES,
        *(_families(found, left) for left in Left),
        _BOUNDS,
        _bounds(tests),
        _LESS,
        _less(tests),
        _TRIED,
        _tried(tests),
        _NESTED.format(**_nested(tests)),
        _METAL,
        _metals(),
        _LIMITS,
    )
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _run(predictor: Predictor, tests: Tests) -> Found:
    return {left: outcomes(predictor, cases) for left, cases in tests.items()}


def _counts(tests: Tests) -> Mapping[str, int]:
    servers = [case.server for case in tests[Left.SERVER]]
    return {
        "servers": len(servers),
        "families": len({server.family for server in servers}),
        "models": _models(servers),
        "predictable": len(tests[Left.CPU]),
    }


def _models(servers: Iterable[Server]) -> int:
    return len({(server.family, server.cpu) for server in servers})


def _table(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, rule, *lines))


def _percent(ratio: float, sign: str = "") -> str:
    return f"{100 * ratio:{sign}.1f}"


def _pair(found: Found, of: Callable[[Sequence[Outcome]], float], sign: str = "") -> list[str]:
    return [_percent(of(found[left]), sign) for left in Left]


def _main(found: Mapping[str, Found]) -> str:
    header = ["predictor"]
    header += [f"{what}, {left}" for what in ("mean", "median", "bias") for left in Left]
    return _table(
        header,
        (
            [name, *_pair(f, error), *_pair(f, middle_error), *_pair(f, bias, "+")]
            for name, f in found.items()
        ),
    )


def _bands(found: Mapping[str, Found], left: Left) -> str:
    lines = (
        [name, *(_percent(error(f[left], levels)) for levels in BANDS.values())]
        for name, f in found.items()
    )
    return _table([f"mean error, {left}", *BANDS], lines)


def _families(found: Mapping[str, Found], left: Left) -> str:
    grouped = {name: by_family(f[left]) for name, f in found.items()}
    names = list(MAIN)[:5]
    header = [f"mean error, {left}", "servers", "CPU models", *map(_short, names)]
    first = grouped[names[0]]
    return _table(
        header,
        (
            [
                family,
                str(len(own)),
                str(_models(o.server for o in own)),
                *(_percent(error(grouped[name][family])) for name in names),
            ]
            for family, own in first.items()
        ),
    )


def _short(name: str) -> str:
    return name.partition(",")[0].partition(" at ")[0].partition(" (")[0].strip("*")


def _bounds(tests: Tests) -> str:
    header = ["inside the bounds", *BANDS, "all points", "servers, all levels"]
    models = {"": Own(), ", only the family known": Own(sku=False)}
    return _table(
        header,
        (
            [f"{left}{which}", *_coverage(held(model, tests[left]))]
            for which, model in models.items()
            for left in Left
        ),
    )


def _coverage(inside: Sequence[Sequence[bool]]) -> Iterable[str]:
    for levels in (*BANDS.values(), range(11)):
        yield _percent(fmean(line[level] for line in inside for level in levels))
    yield _percent(fmean(all(line) for line in inside))


def _less(tests: Tests) -> str:
    models = {
        "the CPU is told (the first table)": Own(),
        "the number of CPUs of the server is told too": Own(sockets=True),
        "only the family is told": Own(sku=False),
    }
    lines = ([name, *_pair(_run(model, tests), error)] for name, model in models.items())
    return _table(["what is known", *Left], lines)


def _tried(tests: Tests) -> str:
    lines = ([name, *_pair(_run(predictor, tests), error)] for name, predictor in TRIED.items())
    return _table(["mean error", *Left], lines)


def _nested(tests: Tests) -> Mapping[str, str]:
    errors, chosen = tuning.nested(tests)
    texts = (f"{c.idle:g}/{c.full:g}/{c.sockets:g}" for c in sorted(chosen))
    return {
        "server": _percent(errors[Left.SERVER]),
        "cpu": _percent(errors[Left.CPU]),
        "chosen": ", ".join(texts),
    }


def _metals() -> str:
    header = ["at full load, W", "by the readings", "low", "this model", "high", "plain TDP"]
    return _table(
        header,
        (
            [c.name, *(f"{watts:.0f}" for watts in (c.reference, *c.own, c.plain))]
            for c in metal.comparisons()
        ),
    )


_INTRO = """
# Accuracy of the power model

<!-- Generated by `python -m bench.power --write docs/accuracy.md`; do not edit. -->

How far off the watts of a server are that the model has never seen, next to the simpler models in
use. Measured on {servers} SPECpower_ssj2008 results of {families} CPU families, the kind of server
that clouds run: one or two CPUs with many cores, all eleven levels of load measured. Every
predictor learns from the same servers:

* *one server out*: every other server of the family is known. There are {models} CPU models;
  servers of the same model differ in maker, memory and settings only.
* *CPU model out*: no server with that CPU is known, as with the CPUs that are built for one cloud.
  Two families have a single CPU model: Haswell can then not be predicted by anyone and is left out
  ({predictable} servers remain); Emerald Rapids is predicted from Sapphire Rapids throughout.

8280L and 8280M count as the model 8280, 9654P as 9654: they compute alike.

Errors are percent of the measured wall power, over servers and levels. *This model* is the shipped
code with the curves of the other servers in place of the shipped ones. As with a cloud's machine,
it is told the CPU, its threads and the memory, and takes two CPUs per server for granted (ARM:
one). The first three rivals take the family's means per thread, as those projects do.
"""
_BANDS = """
## By load

Percent of the server's maximum throughput.
"""
_FAMILIES = """
## By CPU family
"""
_BOUNDS = """
## Bounds

Share of the measured points that lie between *low* and *high*, in percent; in the last column the
share of servers of which all eleven points do. The other predictors have no bounds.
"""
_LESS = """
Idle power differs most from server to server: its interval is the widest for its value. In the
middle the bounds are wider than these servers need, because they also hold what SPECpower does not
show: how utilisation turns into load where two vCPUs share a core, and full-throttle work. How wide
they are was set once, on these results; the curves inside were not fitted to the server judged.

## What more or less knowledge changes
"""
_TRIED = """
## What was tried

Each line is the family's median of watts divided by the named term, times the term of the unseen
server. The number of CPUs is told, and memory not counted except where said. *TDP^a*: power grows
less than TDP, because fans, disks and memory stay the same. *CPUs^b*: two CPUs in one server share
some of it.
"""
_NESTED = """
Kept is what lowers the error in both columns by more than 1 % of it and nothing simpler does as
well. The constants were chosen on these servers. As a check without looking ahead, each family was
given the constants (TDP exponents idle and full, CPU exponent) that are best on all *other*
families. They come out as {chosen}; the error is then {server} % (one server out) and {cpu} % (CPU
model out).

Not kept: 0.10 W/GiB of memory in place of 0.20. It would gain here, where servers differ little in
memory, and lose on the machines below. Curves per CPU model do not help: clouds hardly run a CPU
that was published with SPECpower.
"""
_METAL = """
## Against bare machines of a cloud

Package power of the CPUs at full load was read from the hardware of five EC2 types
(kepler-model-db, Apache-2.0). Reference: (packages + 0.1 W/GiB) × 1.2 for fans, converters and
power supply, an assumption. *Plain TDP*: the family's power over TDP times TDP, without the term
kept above.
"""
_LIMITS = """
At full load under a stress program, power follows TDP more closely than SPECpower suggests: there
plain TDP is somewhat nearer. All five lie within the bounds. We know of no published reading of a
shared cloud machine that this could be checked against. Servers behind SPECpower results are tuned
and lean; real servers tend to draw more when idle.
"""
