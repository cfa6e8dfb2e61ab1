"""The simulated grid alone, for verbs that show what they do without asking anybody."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from exporter.app.build import App, build
from exporter.demo.estate import demo_estate
from exporter.demo.grid import GridFake


@contextmanager
def demo_grid(built: App) -> Iterator[App]:
    """Serve the demo's grid on loopback; yield the app with it in place of its grid sources."""
    estate = demo_estate()
    zones = sorted({region.grid_zone for region in built.regions.all()})
    with GridFake(estate.intensity, built.clock, zones=zones) as fake:
        settings = built.settings.model_validate(
            {"grids": [{"kind": "demo", "url": fake.url, "except_zones": []}]}
        )
        simulated = build(settings, clock=built.clock)
        try:
            yield replace(built, sources=simulated.sources)
        finally:
            simulated.close()
