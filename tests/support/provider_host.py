"""The host provider on counters that a test drives."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import psutil

from exporter.core.errors import CollectorError, UnreachableError
from exporter.core.meter import ApiMeter
from exporter.core.model import Disk, ResourceKey
from exporter.demo._faults import FaultKind
from exporter.providers.host import Config
from exporter.providers.host.machine import Identity
from exporter.providers.host.provider import HostProvider
from exporter.providers.host.sampler import INTERVAL_SECONDS, CpuTimes, Sampler
from tests.support.clock import ManualClock
from tests.support.providers import HOUR, Part, Trouble, now

CPUS: Final = 4
MINUTE: Final = 60
STEP: Final = int(INTERVAL_SECONDS)

_NO_NETWORK: Final = "it reads its own machine: nothing is sent"
_ONE_MACHINE: Final = "it has exactly one machine, which runs whenever it is asked"


def level(minute: int) -> float:
    """Share of the CPUs that is busy in a minute: another one in each of 97 minutes around it."""
    return 0.01 * (minute % 97)


class Counters:
    """CPU times of an invented machine: constant within each minute, exact at any second."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self._since = now(clock)
        self._busy = 0.0
        self.broken = False

    def advance(self, seconds: int, *, running: bool = True) -> None:
        """Let time pass second by second; a machine that does not run counts nothing."""
        for _ in range(seconds):
            if running:
                self._busy += CPUS * level(now(self._clock) // MINUTE)
            else:
                self._since += 1
            self._clock.advance(1)

    def read(self) -> CpuTimes:
        if self.broken:
            message = "CPU times of this machine cannot be read (PermissionError) — check /proc"
            raise UnreachableError(message)
        return CpuTimes(busy=self._busy, total=CPUS * float(now(self._clock) - self._since))


class HostHarness:
    """The provider of an invented machine, observed for two hours."""

    lacks: Mapping[Part, str] = {
        Part.NETWORK: _NO_NETWORK,
        Part.CREDENTIALS: _NO_NETWORK,
        Part.ANSWERS: _NO_NETWORK,
        Part.COST: _NO_NETWORK,
        Part.SCOPES: _ONE_MACHINE,
        Part.STOPS: _ONE_MACHINE,
        Part.ENDED: _ONE_MACHINE,
        Part.EMPTY: _ONE_MACHINE,
        Part.MANY: _ONE_MACHINE,
        Part.TAGS: "a machine of one's own has no tags",
        Part.DISKS: "its disks are in its own server",
        Part.GPUS: "it does not measure any",
        Part.CORRECTIONS: "counters are exact when they are read",
    }
    unstable_seconds = STEP

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.meter = ApiMeter()
        self.counters = Counters(self.clock)
        # An hour between samples of its own: in a test only pass_time samples.
        self.sampler = Sampler(self.clock, self.counters.read, interval=float(HOUR))
        identity = Identity(
            account="local", region="office", resource_id="0123abcd", grid_zone="FR", pue=1.0
        )
        self.provider = HostProvider(Config().name or "host", identity, self.sampler)
        self.sampler.sample()
        self.pass_time(2 * HOUR)

    def pass_time(self, seconds: int) -> None:
        for _ in range(seconds // STEP):
            self.counters.advance(STEP)
            self.sampler.sample()
        self.counters.advance(seconds % STEP)

    def mean(self, _key: ResourceKey, start: int, end: int) -> float | None:
        minutes = range(start // MINUTE, end // MINUTE)
        return sum(map(level, minutes)) / len(minutes)

    def gpu(self, _key: ResourceKey, _start: int, _end: int) -> float | None:
        return None

    def disks(self, _key: ResourceKey) -> tuple[Disk, ...]:
        return ()

    def native_resolution(self, _key: ResourceKey) -> int:
        return MINUTE

    def cause(self, _trouble: Trouble, *, scope: str | None = None) -> None:
        assert scope is None
        self.counters.broken = True
        with suppress(CollectorError):
            self.sampler.sample()

    def spoil(self, kind: FaultKind, seconds: float) -> None:
        """Nothing is sent that could be spoiled."""

    def heal(self) -> None:
        self.counters.broken = False
        self.pass_time(STEP)

    def requests(self) -> Mapping[str, int]:
        return {}

    def dollars(self) -> float:
        return 0.0

    def close(self) -> None:
        self.provider.close()


def logical_cpus() -> int:
    """Logical CPUs of the machine that runs the tests."""
    return psutil.cpu_count() or 1
