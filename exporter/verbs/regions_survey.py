"""Asking the sources about all regions: once, or until every zone has answered."""

from collections.abc import Callable, Sequence
from typing import Final

from exporter import app
from exporter.core.clock import epoch, floor_to
from exporter.core.model import Basis, FallbackLevel, Method, Region
from exporter.core.ports import GridSource
from exporter.core.snapshot import RegionIntensityView
from exporter.core.units import GCO2eqPerKwh
from exporter.verbs.grid import DAY, RANKED_BASIS, ask, counting, in_force, troubles
from exporter.verbs.output import progress
from exporter.verbs.regions_shown import Survey

TICK_SECONDS: Final = 5.0
"""Between two looks at whose turn it is; the sources' own pauses decide who is asked."""
_STEP: Final = 900
"""Seconds of the steps in which a signal is averaged."""


class Surveyor:
    """Asks the configured sources about regions."""

    def __init__(self, built: app.App, regions: Sequence[Region], method: Method) -> None:
        self._built = built
        self._regions = tuple(regions)
        self._method = method
        self._book = app.ask_book(built)
        self._zones = sorted({region.grid_zone for region in regions})
        self._ranked = [source for source in built.sources if self._ranks(source)]

    def survey(self, patience: float, sleep: Callable[[float], None]) -> Survey:
        """Ask, go on for up to ``patience`` seconds while zones are unanswered, and tell."""
        with progress(f"asking about {len(self._zones)} grid zones"):
            ask(self._built, self._book, self._zones, self._method)
        if patience:
            self._persist(patience, sleep)
        now = epoch(self._built.clock.now())
        views = (self._view(region, now) for region in self._regions)
        return Survey(
            time=now,
            method=self._method,
            regions=self._regions,
            views=tuple(view for view in views if view is not None),
            waiting=tuple(sorted(self._waiting())),
            troubles=tuple(troubles(self._book)),
            promised=self._promised(),
        )

    def _persist(self, patience: float, sleep: Callable[[float], None]) -> None:
        clock, declared = self._built.clock, self._declared()
        until = clock.monotonic() + patience
        with counting("grid zones answered", len(declared)) as done:
            while waiting := self._waiting():
                done(len(declared) - len(waiting))
                if clock.monotonic() >= until:
                    return
                sleep(TICK_SECONDS)
                ask(self._built, self._book, waiting, self._method)
            done(len(declared))

    def _ranks(self, source: GridSource) -> bool:
        """Whether a source's values are what is ranked: one method, one basis."""
        return (source.method, source.basis) == (self._method, RANKED_BASIS[self._method])

    def _declared(self) -> set[str]:
        return {zone for zone in self._zones if any(s.covers(zone) for s in self._ranked)}

    def _waiting(self) -> set[str]:
        """Return the zones that a source declares and none has told anything of.

        Where the percentile is known and nothing else, the plan tells no more: waiting is vain.
        """
        now = epoch(self._built.clock.now())
        values = {
            zone: in_force(self._book, zone, now, self._method)
            for zone in self._declared()
            if self._book.standing(zone, now) is None
        }
        return {
            zone for zone, one in values.items() if one is None or one.level == FallbackLevel.ANNUAL
        }

    def _promised(self) -> frozenset[str]:
        """Return the zones that the sources in use declare and tell without a key, on any basis."""
        keyless = app.keyless_zones()
        return frozenset(
            zone
            for source in self._built.sources
            if source.method is self._method
            for zone in keyless.get(source.name, ())
            if source.covers(zone)
        )

    def _view(self, region: Region, now: float) -> RegionIntensityView | None:
        zone = region.grid_zone
        grid = in_force(self._book, zone, now, self._method)
        if grid is None:
            return None
        direct = self._book.signal(zone, now, Method.AVERAGE, Basis.DIRECT)
        outdone = direct is not None and direct.live and not grid.live
        return RegionIntensityView(
            region=region,
            grid=grid,
            mean_24h=self._mean(zone, now),
            annual=self._built.annual.annual(zone),
            weaker=self._method is Method.AVERAGE and outdone,
        )

    def _mean(self, zone: str, now: float) -> GCO2eqPerKwh | None:
        end = floor_to(now, _STEP)
        if self._method is Method.AVERAGE:
            whole = self._book.over(zone, end - DAY, end)
            return None if whole.level == FallbackLevel.ANNUAL else whole.gco2eq_per_kwh
        told = [in_force(self._book, zone, t, self._method) for t in range(end - DAY, end, _STEP)]
        known = [one.gco2eq_per_kwh for one in told if one is not None]
        return GCO2eqPerKwh(sum(known) / len(known)) if len(known) == len(told) else None
