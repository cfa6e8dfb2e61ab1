"""What the tests of grid sources share: a context, a known intensity and impatient sources."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
from hypothesis import strategies as st

from exporter.core.clock import epoch
from exporter.core.meter import ApiMeter
from exporter.core.model import Shape
from exporter.core.plugins import load
from exporter.core.ports import AdapterContext, Clock, GridSource
from exporter.demo.grid import GridFake
from exporter.demo.grid.documents import GridDocuments
from exporter.http.client import DEADLINE_TIMEOUTS, JsonClient

FIXTURES: Final = Path(__file__).parents[1] / "fixtures" / "grid"
STEP: Final = 1800
_BASES: Final = {"GB": 150.0, "FR": 30.0, "IE": 300.0}


json_values: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
"""Any JSON document, and the NaN and infinities that Python's parser lets through."""


class NoTypes:
    """A type catalogue without types: grid sources need none."""

    def find(self, _provider: str, _instance_type: str) -> Shape | None:
        return None


def context(clock: Clock) -> AdapterContext:
    return AdapterContext(clock=clock, meter=ApiMeter(), types=NoTypes(), user_agent="test/1")


def intensity(zone: str, start: int) -> float:
    """Another value for each zone and each of the 97 half-hours around it."""
    return _BASES[zone] + start // STEP % 97


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One source under the contract, with the zone that it is asked for and what it speaks.

    ``settings`` are further keys of its config section, ``documents`` the answers of its API,
    ``history_seconds`` how far back the API looks where that is less than a day, ``wire_time`` how
    the start of a window is written in the first request where it is. ``first_requests`` is the
    most that a first question, which asks for a history, may cost, ``long_days`` are so many that
    they take several requests. ``remembers`` is the least history of a start, in seconds, where a
    week would cost too much. ``percentile`` is how the
    present compares, where the source tells it; ``estimates`` is whether the running interval is
    an estimate, ``text_stamps`` whether times are written out, so that a leap second can come.
    """

    kind: str
    zone: str
    address_key: str = "base_url"
    settings: Mapping[str, object] = field(default_factory=dict)
    step: int = STEP
    documents: type[GridDocuments] = GridDocuments
    history_seconds: int | None = None
    wire_time: str = ""
    first_requests: int = 4
    long_days: int = 40
    remembers: int = 7 * 86400 - 2 * 3600
    percentile: float | None = None
    estimates: bool = True
    text_stamps: bool = True

    def build(self, url: str, setting: AdapterContext) -> GridSource:
        """Make the source as the composition root does: by kind, from its config."""
        module: Any = load("exporter.grids", self.kind)
        section = {"kind": self.kind, self.address_key: url, **self.settings}
        (source,) = module.build(module.Config.model_validate(section), setting)
        made: GridSource = source
        return made

    def impatient(self, url: str, setting: AdapterContext) -> GridSource:
        """Make the source with a time-out that a test can wait for."""
        source = self.build(url, setting)
        for client in clients_of(source):
            client._http.timeout = httpx.Timeout(0.2)
            client._seconds = 0.2 * DEADLINE_TIMEOUTS
        return source

    def intensity(self, zone: str, start: int) -> float:
        """Another value for each zone and each of the 97 intervals around it."""
        return _BASES.get(zone, 100.0) + start // self.step % 97

    def fake(self, clock: Clock) -> GridFake:
        """Make the API that the source asks, not started."""
        fake = GridFake(self.intensity, clock)
        fake._documents = self.documents(
            intensity=self.intensity, clock=clock, zones={*_BASES, self.zone}, step=self.step
        )
        return fake


def clients_of(part: object) -> Iterator[JsonClient]:
    """Find the HTTP clients in a source."""
    if isinstance(part, JsonClient):
        yield part
    elif type(part).__module__.startswith(("exporter.grids", "exporter.http")):
        for inner in vars(part).values():
            yield from clients_of(inner)


NESO: Final = Subject(kind="neso", zone="GB", wire_time="%Y-%m-%dT%H")
DEMO: Final = Subject(
    kind="demo",
    zone="IE",
    address_key="url",
    wire_time="%Y-%m-%dT%H",
    estimates=False,
    long_days=16,
)


def now(clock: Clock) -> int:
    return int(epoch(clock.now()))
