"""``python -m bench.policies.speed``: the planners alone over a year of 50 places, in seconds.

Exit 0: each is within a second. 1: one is not.
"""

import sys
import time
from collections.abc import Callable
from math import cos, pi
from random import Random

from exporter.advice.capacity import Due, target
from exporter.advice.curves import Curve
from exporter.advice.placement import first_step, optimum
from exporter.advice.windows import Job, plan

HOUR, HOURS, PLACES = 3600, 8760, 50
MOST = 1.0
"""Seconds."""


def curves(hours: int = HOURS, places: int = PLACES) -> list[Curve]:
    """Make places with a daily cycle and weather."""
    random = Random(1)  # noqa: S311 -- chance, not secrets
    return [
        Curve(
            place=f"Z{place}",
            start=0,
            step=HOUR,
            central=tuple(
                300.0 + 100.0 * cos(2 * pi * (hour + place) / 24) + random.random() * 50
                for hour in range(hours)
            ),
        )
        for place in range(places)
    ]


def planners(hours: int = HOURS, places: int = PLACES) -> dict[str, Callable[[], object]]:
    """Name each planner over all of the hours and places."""
    found = curves(hours, places)
    columns = list(zip(*(curve.central for curve in found), strict=True))
    work = hours // 36
    return {
        "window of 4 h": lambda: plan(found, Job(duration=4 * HOUR)),
        "the same, with data to move": lambda: plan(
            found, Job(duration=4 * HOUR, home="Z1", transfer_kwh=3.0)
        ),
        f"{work} h in any hours": lambda: plan(
            found, Job(duration=work * HOUR, interruptible=True)
        ),
        "first step of a move": lambda: first_step(columns, 0, overlap=0.25, transfer=0.1),
        "all moves, known afterwards": lambda: optimum(columns, 0, overlap=0.25),
        "capacity of each place": lambda: [
            target(curve, now=0, backlog=[Due(9, 3.0)], arrivals=[0.5] * hours, deadline=hours)
            for curve in found
        ],
    }


def main() -> int:
    """Print the seconds; return the exit code."""
    slow = False
    for name, planner in planners().items():
        begin = time.perf_counter()
        planner()
        seconds = time.perf_counter() - begin
        slow |= seconds > MOST
        print(f"{name:<32} {seconds:6.2f} s")
    return int(slow)


if __name__ == "__main__":
    sys.exit(main())
