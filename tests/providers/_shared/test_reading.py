"""Batches put together, and whose word about accelerators counts."""

import pytest

from exporter.core.errors import UnreachableError
from exporter.core.model import Machine, Reading, ResourceKey, RunState, Shape, UsageSeries
from exporter.core.units import Ratio
from exporter.providers._shared.reading import (
    BatchReading,
    GpuReading,
    gpu_count,
    having_gpus,
    merged,
)


def key(name: str) -> ResourceKey:
    return ResourceKey("gcp", "shop", "europe-west1", "gce_instance", name)


def series(name: str, **points: float) -> UsageSeries:
    return UsageSeries(
        key=key(name), cpu={int(at[1:]): Ratio(value) for at, value in points.items()}
    )


def machine(gpus: float | None) -> Machine:
    shape = None if gpus is None else Shape(vcpus=8.0, memory_gib=30.0, gpu_count=gpus)
    return Machine(key=key("one"), name="", instance_type="n1", state=RunState.RUNNING, shape=shape)


class Table:
    def __init__(self, gpus: float | None) -> None:
        self._gpus = gpus

    def find(self, _provider: str, _instance_type: str) -> Shape | None:
        if self._gpus is None:
            return None
        return Shape(vcpus=8.0, memory_gib=30.0, gpu_count=self._gpus)


def test_parts_of_a_window_become_one_series() -> None:
    parts = [
        BatchReading(series=(series("one", t0=0.1),)),
        BatchReading(series=(series("one", t300=0.2),)),
    ]

    assert merged(parts).series == (series("one", t0=0.1, t300=0.2),)


def test_a_machine_that_is_unread_in_a_part_is_unread_as_a_whole() -> None:
    error = UnreachableError("silence")
    lost = BatchReading(unread=frozenset({key("one")}), failures=(error,))

    reading = merged(
        [BatchReading(series=(series("one", t0=0.1), series("two", t0=0.3))), lost, lost]
    )

    assert reading.series == (series("two", t0=0.3),)
    assert reading.unread == {key("one")}
    assert reading.failures == (error,)  # told once


def test_gpus_are_put_next_to_the_cpu_they_belong_to() -> None:
    reading = Reading(series=(series("one", t0=0.1), series("two", t0=0.2)))

    both = GpuReading(ratios={key("two"): {0: Ratio(0.9)}}).added_to(reading)

    assert [dict(one.gpu) for one in both.series] == [{}, {0: 0.9}]


@pytest.mark.parametrize(
    ("told", "listed", "expected"),
    [
        (None, None, 0.0),
        (None, 8.0, 8.0),
        (2.0, None, 2.0),
        (2.0, 0.0, 2.0),  # attached to a machine of a type that has none
        (2.0, 8.0, 2.0),  # the cloud has seen this machine, the table its type
        (0.0, 8.0, 8.0),  # a shape without a word on accelerators
    ],
)
def test_the_cloud_is_believed_first_and_the_table_fills(
    told: float | None, listed: float | None, expected: float
) -> None:
    assert gpu_count(machine(told), Table(listed)) == expected
    assert len(having_gpus([machine(told)], Table(listed))) == (expected > 0)
