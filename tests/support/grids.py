"""What the tests of grid sources share: a context, a known intensity and impatient sources."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hypothesis import strategies as st

from exporter.core.clock import epoch
from exporter.core.meter import ApiMeter
from exporter.core.model import Shape
from exporter.core.plugins import load
from exporter.core.ports import AdapterContext, Clock, GridSource
from exporter.grids._http import Endpoint, JsonClient
from exporter.grids.demo import DemoSource
from exporter.grids.neso import NesoSource

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
    """One source under the contract, with the zone and the API name that it is asked by."""

    kind: str
    zone: str
    api: str
    address_key: str

    def build(self, url: str, setting: AdapterContext) -> GridSource:
        """Make the source as the composition root does: by kind, from its config."""
        module: Any = load("exporter.grids", self.kind)
        config = module.Config.model_validate({"kind": self.kind, self.address_key: url})
        (source,) = module.build(config, setting)
        made: GridSource = source
        return made

    def impatient(self, url: str, setting: AdapterContext) -> GridSource:
        """Make the source with a time-out that a test can wait for."""
        endpoint = Endpoint(source=self.kind, base_url=url, auth_fix="-", timeout_seconds=0.2)
        client = JsonClient(endpoint, setting)
        if self.kind == "neso":
            return NesoSource(client, setting.clock)
        return DemoSource(client, setting.clock)


NESO: Final = Subject(kind="neso", zone="GB", api="generation", address_key="base_url")
DEMO: Final = Subject(kind="demo", zone="IE", api="intensity", address_key="url")


def now(clock: Clock) -> int:
    return int(epoch(clock.now()))
