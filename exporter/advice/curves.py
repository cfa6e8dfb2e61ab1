"""What is believed of places over the hours ahead: the one input of every plan.

A curve holds grams of CO2eq per kWh of IT energy (grid × PUE) on an even grid of time. It ends
where knowledge ends, and there is none where nothing is known: a plan cannot take a gap for a clean
hour.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, isfinite
from typing import Final, NamedTuple

from exporter.core.clock import floor_to
from exporter.core.model import OBSERVED, Basis, FallbackLevel, IntensityInForce, Method, Outlook
from exporter.core.units import SECONDS_PER_HOUR

STEP: Final = 300
"""Seconds of the usual grid: the bucket of the exporter, and the finest step of any source."""
_HOUR: Final = int(SECONDS_PER_HOUR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Beliefs about one place: entry ``i`` holds for ``step`` seconds from ``start + i * step``.

    All values are gCO2eq per kWh of IT energy. ``low`` and ``high`` are the 10 and 90 % quantiles
    of what is forecast, equal to ``central`` where nobody tells them. ``observed`` counts the
    entries at the front that a source measured; the others are expected. ``source`` names who told
    the present, ``forecaster`` who told the rest, ``age`` how old the present value is in seconds,
    ``error`` how far it may be off, relative, about 90 %; None where nothing tells.

    Raises:
        ValueError: the grid is empty or uneven, or a value is no number of 0 or more.
    """

    place: str
    start: int
    step: int
    central: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    observed: int = 1
    source: str = ""
    forecaster: str = ""
    age: float = 0.0
    error: float | None = None

    def __post_init__(self) -> None:
        if self.step < 1 or not self.central:
            message = f"{self.place}: a curve needs a step of 1 s or more, and a value"
            raise ValueError(message)
        for name in ("low", "high"):
            if not getattr(self, name):
                object.__setattr__(self, name, self.central)
        values = (*self.central, *self.low, *self.high)
        if len(values) != 3 * len(self.central) or not all(v >= 0 and isfinite(v) for v in values):
            message = f"{self.place}: a curve holds equally many finite values of 0 or more"
            raise ValueError(message)

    @property
    def end(self) -> int:
        """Epoch second up to which anything is known."""
        return self.start + len(self.central) * self.step

    def at(self, moment: float) -> float | None:
        """Return the central value at a time, None outside the curve."""
        place = int((moment - self.start) // self.step)
        return self.central[place] if 0 <= place < len(self.central) else None

    def until(self, end: int) -> "Curve | None":
        """Return the whole steps up to a time, None where there is none."""
        count = min(len(self.central), (end - self.start) // self.step)
        return self._part(0, count) if count > 0 else None

    def since(self, start: int) -> "Curve | None":
        """Return the steps from that on in which a time lies, None where there is none."""
        first = max(0, (start - self.start) // self.step)
        return self._part(first, len(self.central)) if first < len(self.central) else None

    def _part(self, first: int, last: int) -> "Curve":
        return replace(
            self,
            start=self.start + first * self.step,
            central=self.central[first:last],
            low=self.low[first:last],
            high=self.high[first:last],
            observed=max(0, self.observed - first),
        )

    def cautious(self, share: float) -> tuple[float, ...]:
        """Return what is believed by one who takes this share of the way to the dear quantile.

        0 is the central value, 1 the 90 % quantile, -1 the 10 % one: it is dear to overrate the
        place that one is in.
        """
        if not share:
            return self.central
        ends = self.high if share > 0 else self.low
        return tuple(
            value + abs(share) * (end - value)
            for value, end in zip(self.central, ends, strict=True)
        )


def curve_of(  # noqa: PLR0913 -- what is known of a place, and the grid it is to be put on
    place: str,
    now: IntensityInForce | None,
    outlook: Outlook | None,
    *,
    moment: float,
    pue: float = 1.0,
    step: int = STEP,
) -> Curve | None:
    """Put the present value and the forecast of a place on an even grid that begins now.

    None where either is missing, or where the present is a yearly average: hours do not compare
    with a year, and what is not known must not look clean. The curve ends at the first hour that
    the forecast lacks.

    Raises:
        ValueError: the step does not divide an hour, or the two are of different methods.
    """
    if _HOUR % step:
        message = f"a step of {step} s does not divide an hour"
        raise ValueError(message)
    if now is None or outlook is None or now.level is FallbackLevel.ANNUAL:
        return None
    if now.method is not outlook.method:
        message = f"{place}: a {now.method} value and a {outlook.method} forecast do not compare"
        raise ValueError(message)
    start = floor_to(moment, step)
    hour = floor_to(moment, _HOUR) + _HOUR
    head = (hour - start) // step
    known = now.gco2eq_per_kwh
    columns = [[known] * head, [known] * head, [known] * head]
    if now.level not in OBSERVED and now.low is not None and now.high is not None:
        columns[1], columns[2] = [now.low] * head, [now.high] * head
    for told in outlook.hours:
        if told.end <= hour:
            continue
        if told.start != hour:
            break
        expected = told.gco2eq_per_kwh
        least = expected if told.low is None else told.low
        most = expected if told.high is None else told.high
        for column, value in zip(columns, (expected, least, most), strict=True):
            column.extend([value] * (_HOUR // step))
        hour += _HOUR
    central, low, high = (tuple(value * pue for value in column) for column in columns)
    return Curve(
        place=place,
        start=start,
        step=step,
        central=central,
        low=low,
        high=high,
        observed=head if now.level in OBSERVED else 0,
        source=now.source,
        forecaster=outlook.source,
        age=max(0.0, moment - now.valid_from),
        error=_error(now),
    )


class Place(NamedTuple):
    """Something that has a grid: a cloud region by ``provider:region``, or a zone by its name."""

    name: str
    grid_zone: str
    pue: float = 1.0


def curves_of(  # noqa: PLR0913 -- what is known of all grids, and the grid of time it is put on
    places: Iterable[Place],
    grids: Iterable[IntensityInForce],
    outlooks: Iterable[Outlook],
    *,
    moment: float,
    method: Method = Method.AVERAGE,
    basis: Basis = Basis.LIFECYCLE,
    step: int = STEP,
) -> tuple[Curve, ...]:
    """Return the curves of places, as a snapshot knows their grids; what is unknown has none.

    Only values of one method and basis are taken: others do not compare.

    Raises:
        ValueError: the step does not divide an hour.
    """
    now = {g.zone: g for g in grids if (g.method, g.basis) == (method, basis)}
    ahead = {told.zone: told for told in outlooks if told.method is method}
    found = (
        curve_of(
            place.name,
            now.get(place.grid_zone),
            ahead.get(place.grid_zone),
            moment=moment,
            pue=place.pue,
            step=step,
        )
        for place in places
    )
    return tuple(curve for curve in found if curve is not None)


def _error(now: IntensityInForce) -> float | None:
    """Half of the bounds' width, relative to the value; None where there are none."""
    if now.low is None or now.high is None or not now.gco2eq_per_kwh:
        return None
    return (now.high - now.low) / 2.0 / now.gco2eq_per_kwh


def coarser(curve: Curve, step: int) -> Curve:
    """Return the means over longer steps that begin where the curve does; a rest is left out.

    Raises:
        ValueError: the longer step is no multiple of the curve's, or longer than all of it.
    """
    times, odd = divmod(step, curve.step)
    count = len(curve.central) // times if times else 0
    if odd or not count:
        message = f"{curve.place}: steps of {curve.step} s do not make steps of {step} s"
        raise ValueError(message)
    if times == 1:
        return curve

    def means(values: Sequence[float]) -> tuple[float, ...]:
        return tuple(sum(values[i * times : (i + 1) * times]) / times for i in range(count))

    return replace(
        curve,
        step=step,
        central=means(curve.central),
        low=means(curve.low),
        high=means(curve.high),
        observed=curve.observed // times,
    )


def aligned(curves: Sequence[Curve], *, cut: bool = True) -> tuple[Curve, ...]:
    """Let curves of several places begin at one time, and with ``cut`` end at one too.

    Without it each goes on as far as its place is known.

    Raises:
        ValueError: two are of one place, their grids differ, or no time is known of all.
    """
    if not curves:
        return ()
    start, end = max(c.start for c in curves), min(c.end for c in curves)
    steps, places = {c.step for c in curves}, {c.place for c in curves}
    offsets = {c.start % c.step for c in curves}
    if len(steps) > 1 or len(offsets) > 1 or len(places) < len(curves) or start >= end:
        message = "curves of several places need one grid, one name each, and a time in common"
        raise ValueError(message)
    parts = [part for c in curves if (part := c.since(start))]
    return tuple(one for part in parts if (one := part.until(end) if cut else part))


def steps_of(seconds: float, step: int) -> int:
    """Whole steps that hold a time span, at least one."""
    return max(1, ceil(seconds / step - 1e-9))


def by_place(curves: Sequence[Curve]) -> Mapping[str, Curve]:
    """Return curves by the name of their place."""
    return {curve.place: curve for curve in curves}
