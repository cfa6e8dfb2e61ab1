"""Which machines do nothing, and what switching them off saves. The same definition as the alert.

Idle is a machine whose CPU stayed below 5 % in 99 % of the last seven days, that was measured in
80 % of their buckets, and that was there when they began. One whose accelerator works, or has one
that nobody measures, is not. Switching it off saves its operational grams; the embodied ones do not
vanish with it: the hardware is built, and is let to somebody else. They are told beside.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import floor
from typing import Final

from exporter.core.model import Rate, ResourceKey
from exporter.core.units import GCO2eqPerHour, Ratio

THRESHOLD: Final = 0.05
"""CPU share: an operating system by itself, with its agents, stays below."""
QUANTILE: Final = 0.99
"""Share of the time: all but an hour and a half of a week. Updates are no use, a nightly job is."""
SPAN: Final = 7 * 86400
"""Seconds: a week has seen every weekday and its batches; a younger machine has not."""
MEASURED: Final = 0.8
"""Share of the buckets: a machine that is off half of the week is not idle."""


class Use(StrEnum):
    """What the last week says of a machine."""

    IDLE = "idle"
    USED = "used"
    YOUNG = "young"
    UNMEASURED = "unmeasured"
    ACCELERATOR = "accelerator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """What was measured of a machine in the last seven days.

    ``cpu`` and ``gpu`` are utilisations 0..1, one for each bucket that was delivered; ``buckets``
    is how many there could have been. ``since`` is from when the machine is known, ``now`` the end
    of the week (epoch seconds). ``rate`` is what it emits now, None where that is not known.
    """

    key: ResourceKey
    cpu: Sequence[Ratio]
    buckets: int
    since: float
    now: float
    rate: Rate | None = None
    gpu: Sequence[Ratio] = ()
    has_gpu: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Idleness:
    """A verdict on a machine.

    ``cpu`` is what it rarely exceeded, None where nothing was measured. ``saves`` is operational
    grams per hour that end with it, ``embodied`` what its hardware goes on to stand for; None where
    that is not known or it is not idle.
    """

    key: ResourceKey
    use: Use
    cpu: Ratio | None
    measured: float
    saves: GCO2eqPerHour | None = None
    embodied: GCO2eqPerHour | None = None


def judge(week: Week) -> Idleness:
    """Say whether a machine idles. A machine that nothing measured is not idle: that is unknown."""
    measured = len(week.cpu) / week.buckets if week.buckets else 0.0
    cpu = quantile(week.cpu, QUANTILE) if week.cpu else None
    use = _use(week, cpu, measured)
    rate = week.rate if use is Use.IDLE else None
    return Idleness(
        key=week.key,
        use=use,
        cpu=None if cpu is None else Ratio(cpu),
        measured=measured,
        saves=rate.operational if rate else None,
        embodied=rate.embodied if rate else None,
    )


def _use(week: Week, cpu: float | None, measured: float) -> Use:
    if cpu is not None and cpu >= THRESHOLD:
        return Use.USED
    if week.has_gpu and (not week.gpu or max(week.gpu) >= THRESHOLD):
        return Use.ACCELERATOR
    if week.since > week.now - SPAN:
        return Use.YOUNG
    return Use.IDLE if cpu is not None and measured >= MEASURED else Use.UNMEASURED


def quantile(values: Sequence[float], share: float) -> float:
    """Return a quantile as Prometheus does: straight between the two nearest of the values."""
    ordered = sorted(values)
    position = share * (len(ordered) - 1)
    below = floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (position - below) * (ordered[above] - ordered[below])
