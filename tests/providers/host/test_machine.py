"""What this machine tells about itself."""

from collections import namedtuple
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from exporter.core.errors import UnreachableError
from exporter.core.model import ResourceKey, RunState
from exporter.providers.host.machine import (
    Identity,
    cpu_model,
    cpu_times,
    describe,
    host_id,
)

IDENTITY = Identity(account="home", region="attic", resource_id="abc", grid_zone="FR", pue=1.2)
_LINUX = namedtuple(  # noqa: PYI024 - what psutil itself returns
    "_LINUX", "user nice system idle iowait irq softirq steal guest guest_nice"
)
_MACOS = namedtuple("_MACOS", "user nice system idle")  # noqa: PYI024 - likewise


def test_waiting_and_stolen_time_are_not_busy_and_guests_count_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    times = _LINUX(100.0, 10.0, 20.0, 500.0, 50.0, 1.0, 2.0, 17.0, 60.0, 5.0)
    monkeypatch.setattr(psutil, "cpu_times", lambda: times)

    read = cpu_times()

    assert read.busy == 133.0
    assert read.total == 700.0


def test_systems_with_fewer_counters_are_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "cpu_times", lambda: _MACOS(30.0, 0.0, 10.0, 60.0))

    read = cpu_times()

    assert (read.busy, read.total) == (40.0, 100.0)


def refuse() -> None:
    raise PermissionError


@pytest.mark.parametrize(
    ("name", "call"),
    [("cpu_times", cpu_times), ("boot_time", lambda: describe(IDENTITY))],
)
def test_a_system_that_does_not_tell_is_an_error_with_a_fix(
    monkeypatch: pytest.MonkeyPatch, name: str, call: Callable[[], object]
) -> None:
    monkeypatch.setattr(psutil, name, refuse)

    with pytest.raises(UnreachableError, match=r"PermissionError.* — check /proc"):
        call()


def test_this_machine_is_described() -> None:
    machine = describe(IDENTITY)

    assert machine.key == ResourceKey("host", "home", "attic", "host", "abc")
    assert machine.state is RunState.RUNNING
    assert (machine.grid_zone, machine.pue) == ("FR", 1.2)
    assert machine.launched_at is not None
    assert machine.shape is not None
    assert machine.shape.vcpus == psutil.cpu_count()
    assert machine.shape.memory_gib == pytest.approx(psutil.virtual_memory().total / 2**30)
    assert machine.instance_type == machine.shape.cpu_model == cpu_model()


@pytest.mark.parametrize(
    ("logical", "physical", "threads"), [(8, 4, 2), (8, 8, 1), (8, None, 0), (20, 14, 1)]
)
def test_threads_per_core_are_known_where_the_system_tells_cores(
    monkeypatch: pytest.MonkeyPatch, logical: int, physical: int | None, threads: int
) -> None:
    answers = {True: logical, False: physical}
    monkeypatch.setattr(psutil, "cpu_count", lambda logical=True: answers[logical])

    shape = describe(IDENTITY).shape

    assert shape is not None
    assert shape.threads_per_core == threads


def test_the_processor_is_named_as_the_system_names_it(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor\t: 0\nmodel name\t: AMD EPYC 7B12\nmodel name\t: other\n")

    assert cpu_model(cpuinfo) == "AMD EPYC 7B12"


@pytest.mark.parametrize("text", [None, "processor\t: 0\nCPU implementer\t: 0x41\n"])
def test_without_a_name_the_architecture_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str | None
) -> None:
    monkeypatch.setattr("platform.processor", lambda: "")
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    cpuinfo = tmp_path / "cpuinfo"
    if text is not None:
        cpuinfo.write_text(text)

    assert cpu_model(cpuinfo) == "aarch64"


def test_the_id_is_stable_and_does_not_give_the_machine_id_away(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text("0123456789abcdef0123456789abcdef\n")
    second.write_text("fedcba9876543210fedcba9876543210\n")

    one = host_id([first])

    assert one == host_id([first])
    assert one == host_id([tmp_path / "absent", first, second])
    assert one != host_id([second])
    assert len(one) == 16
    assert "0123456789" not in one


@pytest.mark.parametrize("text", ["", "uninitialized\n"])
def test_without_a_machine_id_the_host_name_stands_in(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str
) -> None:
    empty = tmp_path / "machine-id"
    empty.write_text(text)

    ids = set()
    for name in ("alpha", "beta", "alpha"):
        monkeypatch.setattr("platform.node", lambda name=name: name)
        ids.add(host_id([empty, tmp_path / "absent"]))

    assert len(ids) == 2
