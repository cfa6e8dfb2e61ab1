"""Live grids for the demo: which sources without a key answer within seconds of its start."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import stamina

from exporter import __version__
from exporter.core import plugins
from exporter.core.clock import SystemClock, epoch
from exporter.core.errors import CollectorError
from exporter.core.meter import ApiMeter
from exporter.core.ports import AdapterContext, GridSource
from exporter.power.catalogue import Types

LIMIT_SECONDS: Final = 3.0
"""How long the start of the demo waits for all answers together."""
_FROM, _TO = 2 * 3600, 1800
"""Seconds before now between which a probe asks for values: one request, without the forecast."""
_NAMED: Final = 6
"""Zones that a line lists by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A source that is tried by asking for one zone: its section of the settings, and the zone."""

    section: Mapping[str, object]
    zone: str


PROBES: Final = (
    Probe(section={"kind": "neso"}, zone="GB"),
    # One country only: the API allows few requests a minute.
    Probe(section={"kind": "energy_charts"}, zone="FR"),
)
"""The sources that need no key, price grams and are quick enough to be asked for a demo."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveGrid:
    """A source that answered: its section of the settings, and which zones it declares."""

    section: Mapping[str, object]
    covers: Callable[[str], bool]


def answering(
    probes: Sequence[Probe], *, limit_seconds: float = LIMIT_SECONDS
) -> tuple[LiveGrid, ...]:
    """Ask all at once and return those that gave a value in time, in their order.

    Without a network that is told at once; a source that hangs is left behind after the limit.
    """
    clock = SystemClock()
    context = AdapterContext(
        clock=clock, meter=ApiMeter(), types=Types(), user_agent=f"carbon-exporter/{__version__}"
    )
    asked = [_Asked(probe, context) for probe in probes]
    deadline = clock.monotonic() + limit_seconds
    with _one_attempt():
        for each in asked:
            each.start()
        for each in asked:
            each.join(max(0.0, deadline - clock.monotonic()))
        return tuple(each.grid for each in asked if each.answered)


def told(live: Sequence[LiveGrid], zones: Sequence[str], *, reason: str) -> str:
    """Say in one line which zones are live and which simulated; ``reason`` is why none is live."""
    if not live:
        return f"grid: all {len(zones)} zones simulated ({reason})"
    parts, left = [], list(zones)
    for grid in live:
        parts.append(f"{_named([z for z in left if grid.covers(z)])} live ({grid.section['kind']})")
        left = [zone for zone in left if not grid.covers(zone)]
    return f"grid: {'; '.join(parts)}; {_named(left)} simulated"


def _named(zones: Sequence[str]) -> str:
    listed = ", ".join(zones[:_NAMED])
    more = len(zones) - _NAMED
    return f"{listed} and {more} more" if more > 0 else listed


class _Asked(threading.Thread):
    """One source being asked, in a thread that never keeps the program from ending."""

    def __init__(self, probe: Probe, context: AdapterContext) -> None:
        super().__init__(name=f"probe-{probe.section['kind']}", daemon=True)
        self._zone = probe.zone
        self._now = int(epoch(context.clock.now()))
        self._source = _built(probe.section, context)
        self.grid = LiveGrid(section=probe.section, covers=self._source.covers)
        self.answered = False

    def run(self) -> None:
        window = (self._now - _FROM, self._now - _TO)
        try:
            self.answered = bool(self._source.fetch([self._zone], *window).points)
        except CollectorError:
            return  # not live, for whatever reason: the simulation takes its place
        finally:
            self._source.close()


def _built(section: Mapping[str, object], context: AdapterContext) -> GridSource:
    module: Any = plugins.load("exporter.grids", str(section["kind"]))
    sources: tuple[GridSource, ...] = module.build(module.Config.model_validate(section), context)
    return sources[0]


@contextmanager
def _one_attempt() -> Iterator[None]:
    """Switch the retries off: at the start of a demo a failure is an answer. Nothing else runs."""
    active = stamina.is_active()
    stamina.set_active(False)
    try:
        yield
    finally:
        stamina.set_active(active)
