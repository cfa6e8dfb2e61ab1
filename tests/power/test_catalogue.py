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
        ("aws", "c9g.large"),  # listed without its size
        ("aws", "c8ib.large"),  # listed by name only
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
    known = TYPES.lookup("aws", "c8ib.large")
    assert known is not None
    assert not known.exact
    assert known.type.families == ("Granite Rapids",)


def test_another_processor_letter_is_another_family() -> None:
    assert TYPES.lookup("aws", "m5z.large") is None


def test_a_database_class_is_known_as_the_type_that_it_runs_on() -> None:
    assert TYPES.find("aws", "db.m5.large") == TYPES.find("aws", "m5.large") is not None
    assert TYPES.find("aws", "db.r5.6xlarge.tpc2.mem4x") == TYPES.find("aws", "r5.24xlarge")
    assert TYPES.find("aws", "db.serverless") is None
    assert TYPES.find("gcp", "db.m5.large") is None


def test_most_types_of_each_cloud_are_complete() -> None:
    for provider, count in (("aws", 1195), ("azure", 1370), ("gcp", 536)):
        found = [name for name in TYPES.names(provider) if TYPES.find(provider, name)]
        assert len(found) == count
