"""The tables: what is run, and what it came to when the policies were chosen.

The figures are of the recording that bench/README.md describes (45 zones, 336 hours), measured with
another implementation of the same policies; with any other recording they are left out. All are
percent. ``least`` is what must be reached there, where the product promises it.
"""

from dataclasses import dataclass, field
from typing import Final

from exporter.advice.placement import Terms
from exporter.advice.simulate import Follow, Hysteresis


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job of ``work`` hours in ``deadline`` hours."""

    work: int
    deadline: int
    pauses: bool = False
    replan: bool = True
    caution: float = 0.0
    resume: float = 0.0
    saved: float
    possible: float
    worse: float | None = None
    least: float | None = None
    long: bool = False
    """Takes minutes."""

    @property
    def name(self) -> str:
        """The row as people read it."""
        parts = [
            f"{self.work} h in {self.deadline} h",
            "interruptible" if self.pauses else "",
            "re-planned" if self.replan else "once",
            f"caution {self.caution:g}" if self.caution else "",
            f"resume {60 * self.resume:g} min" if self.resume else "",
        ]
        return ", ".join(filter(None, parts))


JOBS: Final = (
    Job(work=4, deadline=24, replan=False, saved=13.93, possible=17.83, worse=11.3),
    Job(work=4, deadline=24, saved=14.34, possible=17.83, least=14.0),
    Job(work=4, deadline=24, replan=False, caution=0.5, saved=12.67, possible=17.83, worse=5.3),
    Job(work=4, deadline=24, replan=False, caution=1.0, saved=10.91, possible=17.83, worse=2.8),
    Job(work=8, deadline=24, replan=False, saved=10.32, possible=13.18, worse=10.8),
    Job(work=8, deadline=24, saved=10.50, possible=13.18),
    Job(work=8, deadline=24, replan=False, caution=0.5, saved=9.48, possible=13.18, worse=5.4),
    Job(work=8, deadline=24, replan=False, caution=1.0, saved=8.22, possible=13.18, worse=3.2),
    Job(work=1, deadline=12, replan=False, saved=10.80, possible=14.54, worse=12.1),
    Job(work=1, deadline=12, saved=11.03, possible=14.54),
    Job(work=1, deadline=12, replan=False, caution=0.5, saved=9.62, possible=14.54, worse=4.6),
    Job(work=1, deadline=12, replan=False, caution=1.0, saved=7.68, possible=14.54, worse=1.9),
    Job(work=8, deadline=48, replan=False, saved=13.26, possible=19.32, worse=14.0),
    Job(work=8, deadline=48, saved=13.40, possible=19.32),
    Job(work=8, deadline=48, replan=False, caution=0.5, saved=11.34, possible=19.32, worse=8.0),
    Job(work=8, deadline=48, replan=False, caution=1.0, saved=8.91, possible=19.32, worse=5.7),
    Job(work=4, deadline=24, pauses=True, replan=False, saved=14.12, possible=18.40, worse=13.6),
    Job(work=4, deadline=24, pauses=True, saved=14.53, possible=18.40),
    Job(work=24, deadline=48, pauses=True, replan=False, saved=8.61, possible=12.64),
    Job(work=24, deadline=48, pauses=True, saved=9.34, possible=12.64, worse=8.6, least=9.0),
    Job(work=24, deadline=48, pauses=True, caution=0.5, saved=6.56, possible=12.64),
    Job(
        work=24, deadline=48, pauses=True, replan=False, resume=0.1, saved=7.59, possible=12.64
    ),
    Job(
        work=24, deadline=48, pauses=True, resume=0.1, saved=8.42, possible=12.64, long=True
    ),
    Job(work=24, deadline=72, pauses=True, replan=False, saved=12.32, possible=18.41),
    Job(work=24, deadline=72, pauses=True, saved=13.97, possible=18.41),
    Job(work=24, deadline=72, pauses=True, caution=0.5, saved=9.71, possible=18.41),
    Job(
        work=24, deadline=72, pauses=True, resume=0.1, saved=12.86, possible=18.41, long=True
    ),
    Job(work=48, deadline=72, pauses=True, replan=False, saved=5.43, possible=9.23),
    Job(work=48, deadline=72, pauses=True, saved=6.69, possible=9.23),
    Job(work=48, deadline=72, pauses=True, caution=0.5, saved=4.19, possible=9.23),
    Job(
        work=48, deadline=72, pauses=True, resume=0.1, saved=5.94, possible=9.23, long=True
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Several:
    """24 hours of work in 48, in any of the places, against the best static one at once."""

    places: tuple[str, ...]
    saved: float
    possible: float


SEVERAL: Final = (
    Several(places=("DE", "FR", "GB"), saved=15.3, possible=20.2),
    Several(places=("IE", "GB", "DE"), saved=22.2, possible=32.8),
    Several(places=("GB", "FR", "BE", "IE"), saved=16.1, possible=21.1),
    Several(
        places=("US-MIDA-PJM", "US-MIDW-MISO", "US-TEX-ERCO", "US-CAL-CISO"),
        saved=15.4,
        possible=15.6,
    ),
    Several(places=("DK-DK2", "DE", "GB"), saved=21.7, possible=33.2),
    Several(places=("CA-ON", "FR", "CH"), saved=21.0, possible=26.7),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """A way to follow, over all pairs: means over those that cross, the worst of all.

    ``below`` counts the pairs that end more than 0.1 % above the best static place.
    """

    name: str
    overlap: int
    lag: int = 0
    follow: Follow = Follow.HORIZON
    caution: float = 0.0
    min_gap: float = -9.0
    rule: Hysteresis = field(default_factory=Hysteresis)
    perfect: bool = False
    saved: float
    worst: float
    below: int
    least: float | None = None
    most_below: int | None = None

    @property
    def terms(self) -> Terms:
        """The terms of a move."""
        return Terms(overlap=60.0 * self.overlap, caution=self.caution, min_gap=self.min_gap)


OPTIMUM: Final = {5: 5.16, 15: 4.52, 30: 3.87, 60: 3.10}
"""What one saves who knows all and pays for moves, by minutes of overlap."""
_NAIVE, _HYST = Follow.NAIVE, Follow.HYSTERESIS
_THRESHOLD, _SHORT = Hysteresis(gap=0.1, confirm=1, stay=1), Hysteresis()
_LONG = Hysteresis(gap=0.2, confirm=2, stay=12)
_CIRCUMSTANCES: Final = ((5, 0), (15, 0), (30, 0), (60, 0), (15, 1), (15, 2))


def _rows(name: str, told: str, **policy: object) -> tuple[Pairs, ...]:
    """Read a row of mean/worst/below by circumstance; a dash was not measured."""
    rows = []
    for (overlap, lag), cell in zip(_CIRCUMSTANCES, told.split(), strict=True):
        if cell != "-":
            saved, worst, below = cell.split("/")
            rows.append(
                Pairs(
                    name=name,
                    overlap=overlap,
                    lag=lag,
                    saved=float(saved),
                    worst=float(worst),
                    below=int(below),
                    **policy,  # type: ignore[arg-type]
                )
            )
    return tuple(rows)


RECOMMENDED: Final = Pairs(
    name="horizon, caution .3, gap 5 %",
    overlap=15,
    caution=0.3,
    min_gap=0.05,
    saved=4.17,
    worst=-0.25,
    below=3,
    least=4.1,
    most_below=6,
)
PAIRS: Final = (
    *_rows(
        "naive",
        "5.01/-0.3/34 3.82/-2.5/151 2.02/-6.3/232 -1.57/-13.9/320 3.29/-3.5/174 2.35/-5.1/232",
        follow=_NAIVE,
    ),
    *_rows(
        "threshold 10 %",
        "4.83/-0.7/2 4.15/-1.3/42 3.12/-2.4/115 1.08/-6.0/203 3.44/-2.1/95 2.49/-4.5/150",
        follow=_HYST,
        rule=_THRESHOLD,
    ),
    *_rows(
        "hysteresis 10 %, 2 h, stay 4 h",
        "4.10/-1.6/32 3.49/-2.0/69 2.56/-3.3/127 0.70/-6.2/194 2.58/-4.3/131 1.62/-6.6/169",
        follow=_HYST,
        rule=_SHORT,
    ),
    *_rows(
        "hysteresis 20 %, 2 h, stay 12 h",
        "2.07/-15.6/73 1.75/-16.7/83 1.27/-18.4/98 0.32/-21.8/121 1.11/-20.0/103 0.47/-23.2/116",
        follow=_HYST,
        rule=_LONG,
    ),
    *_rows(
        "horizon, central",
        "5.08/-0.1/1 4.27/-1.0/20 3.38/-1.5/36 2.11/-3.8/82 3.86/-3.4/43 3.42/-5.4/61",
    ),
    *_rows(
        "horizon, caution .3, gap 5 %",
        "5.01/-0.06/0 - 3.21/-1.0/22 2.08/-1.4/41 3.59/-0.6/20 -",
        caution=0.3,
        min_gap=0.05,
    ),
    RECOMMENDED,
    *_rows("horizon, perfect", "5.16/0/0 4.52/0/0 3.86/0/0 3.08/-0.2/2 - -", perfect=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """A capacity signal before a queue whose work may wait ``deadline`` hours.

    ``saved`` holds the percent at loads of 0.3, 0.5 and 0.7.
    """

    name: str
    deadline: int
    shape: str = ""
    floor: float = 0.0
    reserve: float = 0.5
    perfect: bool = False
    saved: tuple[float, float, float]
    least: tuple[float | None, float | None, float | None] = (None, None, None)


LOADS: Final = (0.3, 0.5, 0.7)


def _signals(name: str, told: str, **kind: object) -> tuple[Signal, ...]:
    rows = []
    for deadline, cell in zip((6, 12, 24), told.split(), strict=True):
        low, middle, high = (float(value) for value in cell.split("/"))
        rows.append(
            Signal(name=name, deadline=deadline, saved=(low, middle, high), **kind)  # type: ignore[arg-type]
        )
    return tuple(rows)


SIGNALS: Final = (
    *_signals("linear p10..p90", "3.8/3.4/1.6 5.7/4.9/2.5 7.0/6.6/3.9", shape="linear"),
    *_signals("linear, floor .3", "0.5/2.5/1.7 0.5/3.1/2.5 0.5/3.3/3.5", shape="linear", floor=0.3),
    *_signals("step at the 7-day median", "3.7/3.9/2.1 6.8/5.8/3.1 8.9/7.9/4.8", shape="step"),
    *_signals("water-filling", "6.2/4.9/2.0 9.9/7.7/3.7 12.2/9.0/5.0")[:2],
    Signal(
        name="water-filling",
        deadline=24,
        saved=(12.2, 9.0, 5.0),
        least=(None, 8.2, None),
    ),
    *_signals("water-filling, u .75", "6.1/4.5/1.5 9.5/7.3/3.4 11.5/8.3/4.4", reserve=0.75),
    *_signals(
        "water-filling, u .75, perfect",
        "8.1/6.0/2.4 12.1/9.3/4.8 14.5/10.7/6.1",
        reserve=0.75,
        perfect=True,
    ),
)
