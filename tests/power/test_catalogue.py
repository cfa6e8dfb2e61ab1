"""What the table of machine types answers."""

import pytest

from exporter.core.ports import TypeCatalogue
from exporter.power.catalogue import Types

TYPES = Types()


def test_a_listed_type_has_its_published_shape() -> None:
    types: TypeCatalogue = TYPES
    shape = types.find("aws", "m5.large")
    assert shape is not None
    assert (shape.vcpus, shape.memory_gib, shape.threads_per_core) == (2, 8, 2)
    assert shape.architectures == ("Skylake",)
    assert shape.cpu_model == "Intel Xeon Platinum 8175M"
    assert (shape.host_vcpus, shape.gpu_count, shape.shared_core) == (96, 0, False)


@pytest.mark.parametrize(
    ("provider", "name"),
    [
        ("aws", "no.such"),
        ("aws", "m5.48xlarge"),  # the family is known, the size is not
        ("aws", "cc1.4xlarge"),  # withdrawn years ago: listed by name only
        ("aws", "c8iz.large"),  # not listed, a variant of a series that is
        ("gcp", "m5.large"),  # another provider's
        ("host", "m5.large"),
        ("aws", ""),
    ],
)
def test_what_the_table_lacks_is_none_so_that_the_cloud_is_asked(provider: str, name: str) -> None:
    assert TYPES.find(provider, name) is None


def test_types_that_may_run_on_several_cpus_list_them() -> None:
    shape = TYPES.find("gcp", "n2-standard-4")
    assert shape is not None
    assert shape.architectures == ("Cascade Lake", "Ice Lake")
    assert shape.cpu_model == ""


@pytest.mark.parametrize(
    ("name", "vcpus", "gib", "families"),
    [
        ("n2-custom-6-20480", 6, 20, ("Cascade Lake", "Ice Lake")),
        ("n2d-custom-8-65536-ext", 8, 64, ("EPYC 2nd Gen", "EPYC 3rd Gen")),
        (
            "custom-2-3840",
            2,
            3.75,
            ("Skylake", "Broadwell", "Haswell", "Sandy Bridge", "Ivy Bridge"),
        ),
    ],
)
def test_gcp_custom_types_are_known(
    name: str, vcpus: float, gib: float, families: tuple[str, ...]
) -> None:
    shape = TYPES.find("gcp", name)
    assert shape is not None
    assert (shape.vcpus, shape.memory_gib, shape.architectures) == (vcpus, gib, families)


def test_a_custom_type_of_no_size_or_of_an_unknown_series_is_not_known() -> None:
    assert TYPES.find("gcp", "n2-custom-0-4096") is None
    assert TYPES.find("gcp", "z9-custom-2-4096") is None


def test_a_variant_takes_the_family_of_the_series_that_it_varies() -> None:
    known = TYPES.lookup("aws", "c8iz.large")
    assert known is not None
    assert not known.exact
    assert known.type.families == ("Granite Rapids",)


def test_another_processor_letter_is_another_family() -> None:
    known = TYPES.lookup("aws", "m5g.large")
    assert known is not None
    assert known.type.families == ("Graviton2",)  # of m6g, the nearest generation of that maker


def test_a_database_class_is_known_as_the_type_that_it_runs_on() -> None:
    assert TYPES.find("aws", "db.m5.large") == TYPES.find("aws", "m5.large") is not None
    assert TYPES.find("aws", "db.r5.6xlarge.tpc2.mem4x") == TYPES.find("aws", "r5.24xlarge")
    assert TYPES.find("aws", "db.serverless") is None
    assert TYPES.find("gcp", "db.m5.large") is None


WITHDRAWN = {"cc1.4xlarge", "cg1.4xlarge", "hi1.4xlarge"}
"""Types that AWS sells no more and that no list of today gives a size."""


@pytest.mark.parametrize(("provider", "count"), [("aws", 1437), ("azure", 1778), ("gcp", 583)])
def test_all_types_of_each_cloud_are_complete(provider: str, count: int) -> None:
    names = TYPES.names(provider)
    assert len(names) == count
    lacking = {name for name in names if TYPES.find(provider, name) is None}
    assert lacking == (WITHDRAWN if provider == "aws" else set())


@pytest.mark.parametrize("provider", ["aws", "azure", "gcp"])
def test_every_complete_type_tells_threads_families_and_the_power_of_its_accelerators(
    provider: str,
) -> None:
    for name in TYPES.names(provider):
        shape = TYPES.find(provider, name)
        if shape is not None:
            assert shape.threads_per_core in (1, 2), name
            assert shape.architectures, name
            assert bool(shape.gpu_model) == bool(shape.gpu_count), name
            assert shape.host_vcpus >= shape.vcpus or not shape.host_vcpus, name


@pytest.mark.parametrize("name", ["inf1.xlarge", "inf2.xlarge", "trn1.2xlarge", "g6f.large"])
def test_machines_with_accelerators_that_are_no_whole_gpu_have_them(name: str) -> None:
    shape = TYPES.find("aws", name)
    assert shape is not None
    assert 0 < shape.gpu_count <= 1
    assert shape.gpu_model
