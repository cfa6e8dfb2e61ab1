"""The fallback chain with the real adapters over HTTP: the preferred source dies and returns."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import stamina

from exporter import app
from exporter.app.assembly import Assembly, assemble
from exporter.demo.grid import Fault, GridFake
from exporter.engine.store import Store
from exporter.settings import Settings
from tests.support.clock import ManualClock
from tests.support.exposition import parse_text

HOUR = 3600
MIX, OWN = 150.0, 240.0
"""What either source says of Great Britain, in g/kWh."""


@dataclass
class Scene:
    """A daemon that watches this machine on two grids of one zone; its jobs are run by hand."""

    wired: Assembly
    clock: ManualClock
    preferred: GridFake
    second: GridFake

    def level(self) -> tuple[int, str, float]:
        """Refresh as the daemon does, and read what `/metrics` and the book then say."""
        now = self.clock.now().timestamp()
        for source in self.wired.book.sources:
            self.wired.book.refresh(source.name, ["GB"], int(now) - HOUR, int(now))
        force = self.wired.book.at("GB", now)
        self.wired.publisher.publish(self.wired.daemon.snapshot())
        page = self.wired.publisher.current.metrics.text
        wanted = "carbon_grid_intensity_fallback_level"
        (family,) = [f for f in parse_text(page) if f.name == wanted]
        (shown,) = [s.value for s in family.samples if s.labels["grid_zone"] == "GB"]
        assert shown == force.level, "the metric that the alert watches"
        assert force.gco2eq_per_kwh > 0
        return int(force.level), force.source, round(force.gco2eq_per_kwh, 6)


@pytest.fixture
def scene() -> Iterator[Scene]:
    clock = ManualClock()
    clock.advance(600)
    with (
        stamina.set_testing(True, attempts=1),
        GridFake(lambda *_: MIX, clock, zones=["GB"]) as preferred,
        GridFake(lambda *_: OWN, clock, zones=["GB"]) as second,
    ):
        settings = Settings.model_validate(
            {
                "providers": [{"kind": "host", "grid_zone": "GB"}],
                "grids": [
                    {"kind": "neso", "base_url": preferred.url},
                    {"kind": "demo", "url": second.url},
                ],
            }
        )
        built = app.build(settings, clock=clock)
        wired = assemble(built, Store.in_memory())
        wired.polled[0].collector.run()
        yield Scene(wired=wired, clock=clock, preferred=preferred, second=second)
        wired.store.close()
        built.close()


def test_the_level_goes_down_with_each_loss_and_back_to_live(scene: Scene) -> None:
    assert scene.level() == (0, "neso", MIX)

    scene.preferred.inject(Fault.SERVER_ERROR)
    scene.clock.advance(HOUR)
    assert scene.level() == (1, "demo", OWN)

    scene.second.inject(Fault.SERVER_ERROR)
    scene.clock.advance(HOUR)
    assert scene.level()[0] == 3, "a forecast is nearer the truth than the last known value"
    scene.clock.advance(6 * HOUR)
    level, source, grams = scene.level()
    assert level == 3
    assert source in {"neso", "seasonal"}
    assert grams == pytest.approx(MIX, rel=0.7)
    scene.clock.advance(72 * HOUR)
    level, source, grams = scene.level()
    assert (level, source) == (4, "annual")

    scene.second.heal()
    scene.clock.advance(HOUR)
    assert scene.level() == (1, "demo", OWN)
    scene.preferred.heal()
    scene.clock.advance(HOUR)
    assert scene.level() == (0, "neso", MIX)
