"""What this machine is made of, and its CPU counters."""

import hashlib
import hmac
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from exporter.core.clock import from_epoch
from exporter.core.errors import UnreachableError
from exporter.core.model import Machine, ResourceKey, RunState, Shape
from exporter.core.units import BYTES_PER_GIB
from exporter.providers.host.sampler import CpuTimes

_BUSY: Final = ("user", "nice", "system", "irq", "softirq")
_NOT_BUSY: Final = ("idle", "iowait", "steal")
_MACHINE_IDS: Final = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
_CPUINFO: Final = Path("/proc/cpuinfo")
_PURPOSE: Final = b"carbon-exporter resource_id"
_ARCHITECTURES: Final = {"AMD64": "x86_64", "aarch64": "arm64"}
_ID_LENGTH: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What the configuration says of this machine."""

    account: str
    region: str
    resource_id: str
    grid_zone: str
    pue: float


def cpu_times() -> CpuTimes:
    """Read the counters of all CPUs.

    Waiting for I/O is idleness. Stolen time was spent by other tenants of the physical machine, in
    whose accounts it is busy. Guests' time is within ``user`` and ``nice`` on Linux (proc(5)), so
    it is not added again. Counters that the system does not have are 0.

    Raises:
        UnreachableError: the system does not tell.
    """
    try:
        times = psutil.cpu_times()
    except (OSError, psutil.Error) as error:
        message = f"CPU times of this machine cannot be read ({type(error).__name__}) — check /proc"
        raise UnreachableError(message) from error
    busy = sum(getattr(times, name, 0.0) for name in _BUSY)
    return CpuTimes(busy=busy, total=busy + sum(getattr(times, name, 0.0) for name in _NOT_BUSY))


def describe(identity: Identity) -> Machine:
    """Describe this machine, which runs as long as we ask.

    Raises:
        UnreachableError: the system does not tell memory, CPUs or boot time.
    """
    model = cpu_model()
    try:
        shape, booted = _shape(model), from_epoch(psutil.boot_time())
    except (OSError, psutil.Error) as error:
        message = f"this machine cannot be described ({type(error).__name__}) — check /proc"
        raise UnreachableError(message) from error
    return Machine(
        key=ResourceKey("host", identity.account, identity.region, "host", identity.resource_id),
        name=platform.node(),
        instance_type=model,
        state=RunState.RUNNING,
        launched_at=booted,
        shape=shape,
        cpu_platform=model,
        grid_zone=identity.grid_zone,
        pue=identity.pue,
    )


def _shape(model: str) -> Shape:
    threads = psutil.cpu_count() or 1
    cores = psutil.cpu_count(logical=False) or 0  # 0: the system does not tell
    return Shape(
        vcpus=float(threads),
        memory_gib=psutil.virtual_memory().total / BYTES_PER_GIB,
        architectures=(_ARCHITECTURES.get(platform.machine(), platform.machine()),),
        cpu_model=model,
        threads_per_core=max(1, round(threads / cores)) if cores else 0,
    )


def cpu_model(cpuinfo: Path = _CPUINFO) -> str:
    """Name of the CPU as the system tells it; the architecture where it tells no name."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # no /proc: not Linux
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(filter(None, named), "") or platform.processor() or platform.machine() or "unknown"


def host_id(paths: Sequence[Path] = _MACHINE_IDS) -> str:
    """Stable id of this installation that does not give away the machine id it is made from.

    machine-id(5) asks that the id itself is never shown, only a keyed hash of it. A system without
    one is known by its host name.
    """
    raw = next(filter(None, map(_text, paths)), platform.node() or "localhost")
    return hmac.new(raw.encode(), _PURPOSE, hashlib.sha256).hexdigest()[:_ID_LENGTH]


def _text(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
    return "" if text == "uninitialized" else text  # as systemd leaves it in images
