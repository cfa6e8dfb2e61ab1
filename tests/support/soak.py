"""Months of an estate in accelerated time: machines come and go, and something is refused for good.

``soak`` drives the engine of ``rig.py`` by hourly polls and notes each day what it holds. What it
should have counted is summed up apart from it, from the simulated machines alone.
"""

import math
import resource
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from tests.support.clock import ManualClock
from tests.support.rig import DAY, HOUR, T0, Rig
from tests.support.sim import Judge, SimCloud, SimGrid, SimMachine, Span, Truth, _mean, chance

POLL: Final = HOUR
STEP: Final = 300
SINCE: Final = T0 + DAY
"""From when on a scenario refuses for good, and when its storm begins."""
STORM_SECONDS: Final = 6 * HOUR


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What goes wrong, beside the coming and going."""

    name: str
    listing_refused: bool = False
    """Of the region ``ie-two``, whose machines run on."""
    metrics_refused: bool = False
    storm: int = 0
    """So many machines that live for an hour or two, within six hours."""


class Day(NamedTuple):
    """What was held at the end of a day."""

    day: int
    rss_mib: float
    state_kib: int
    log_kib: int
    accounts: int
    shown: int
    buckets: int
    new_series: int
    """Machines of which counters were seen for the first time on this day."""


@dataclass(kw_only=True)
class Soak:
    """A run and its judge."""

    days: list[Day] = field(default_factory=list)
    said: dict[str, tuple[float, ...]] = field(default_factory=dict)
    """By region: joules, operational and embodied grams, seconds measured and missing."""
    truth: dict[str, tuple[float, ...]] = field(default_factory=dict)

    def table(self) -> str:
        """Return the days as text."""
        rows = [" ".join(f"{name:>10}" for name in Day._fields)]
        rows += [" ".join(f"{value:>10.6g}" for value in day) for day in self.days]
        return "\n".join(rows)


def soak(path: Path, scenario: Scenario, days: int, *, steady: int, newcomers: int) -> Soak:
    """Run a scenario for some days, with so many steady machines and newcomers a day."""
    clock, result = ManualClock(), Soak()
    cloud = SimCloud(clock=clock, machines=list(_steady(steady)))
    if scenario.listing_refused:
        cloud.region_listing_outages = {"ie-two": [(SINCE, math.inf)]}
    if scenario.metrics_refused:
        cloud.outages = [(SINCE, math.inf)]
    rig = Rig(path, [cloud], [SimGrid(clock=clock)], clock)
    counted = _Count(result, scenario, days)
    rig.run()
    for day in range(days):
        cloud.machines.extend(_newcomers(day, newcomers))
        if day == 1:
            cloud.machines.extend(_storm(scenario.storm))
        seen = set(rig.watch.resources)
        rig.every(POLL, T0 + (day + 1) * DAY)
        gone = [one for one in cloud.machines if one.listed_until < rig.now - 2 * DAY]
        counted.add(gone)
        cloud.machines = [one for one in cloud.machines if one.listed_until >= rig.now - 2 * DAY]
        for cached in (chance, _mean):  # the simulation's own memory is not what is measured
            cached.cache_clear()
        result.days.append(_measured(day + 1, rig, len(rig.watch.resources.keys() - seen)))
    for _ in range(
        3
    ):  # all that is final now is read and closed or open, and nothing is on its way
        rig.run()
    counted.add(cloud.machines)
    for region, sums in rig.region_sums().items():
        result.said[region] = (*sums[:4], sums[5])
    rig.store.close()
    return result


def _steady(count: int) -> Iterator[SimMachine]:
    for number in range(count):
        region = "fr-one" if number % 2 else "ie-two"
        yield SimMachine(name=f"steady-{number}", spans=[Span(T0 - 5000 + number)], region=region)


def _newcomers(day: int, count: int) -> Iterator[SimMachine]:
    """Yield machines that live for half an hour to three hours, and stay listed for two more."""
    for number in range(count):
        start = T0 + day * DAY + int(chance("start", day, number) * (DAY - 6 * HOUR))
        end = start + 1800 + int(chance("life", day, number) * 9000)
        name = f"new-{day}-{number}"
        yield SimMachine(name=name, spans=[Span(start, end)], listed_until=end + 2 * HOUR)


def _storm(count: int) -> Iterator[SimMachine]:
    for number in range(count):
        start = SINCE + STORM_SECONDS * number // count
        end = start + HOUR + number % HOUR
        name = f"storm-{number}"
        yield SimMachine(name=name, spans=[Span(start, end)], listed_until=end + 2 * HOUR, busy=0.5)


class _Count:
    """The independent count: machine by machine, over its own life only.

    Up to the newest final bucket; where metrics are refused, up to where nobody can ask any more.
    """

    def __init__(self, result: Soak, scenario: Scenario, days: int) -> None:
        waiting = DAY if scenario.metrics_refused else 0
        self._truth = result.truth
        self._until = (T0 + days * DAY - 300 - waiting) // STEP * STEP

    def add(self, machines: list[SimMachine]) -> None:
        for machine in machines:
            start = max(T0 - STEP, int(machine.spans[0].start) // STEP * STEP)
            end = min(self._until, math.ceil(min(machine.spans[-1].end, 1e12) / STEP) * STEP)
            if start >= end:
                continue
            told: Truth = Judge(origin=start, until=end).of(machine)
            before = self._truth.get(machine.region, (0.0,) * len(told))
            self._truth[machine.region] = tuple(
                one + other for one, other in zip(before, told, strict=True)
            )


def _measured(day: int, rig: Rig, new: int) -> Day:
    log = Path(f"{rig.path}-wal")
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    accounts = list(rig.ledger._accounts.values())
    return Day(
        day=day,
        rss_mib=pages * resource.getpagesize() / 2**20,
        state_kib=4 * rig.store._connection.execute("PRAGMA page_count").fetchone()[0],
        log_kib=log.stat().st_size // 1024,
        accounts=len(accounts),
        shown=sum(one.shown for one in accounts),
        buckets=sum(len(one.buckets) for one in accounts),
        new_series=new,
    )
