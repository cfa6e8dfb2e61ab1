"""What a name tells: the clouds' naming rules, on examples and blind on all known names."""

import pytest

from bench.power import named
from exporter.power import names
from exporter.power.catalogue import Types
from exporter.power.names import Lineage, Maker

TYPES = Types()
RTX = "NVIDIA RTX PRO 6000 Blackwell SE"


@pytest.mark.parametrize(
    ("provider", "name", "size", "accelerators"),
    [
        ("aws", "x8aedz.xlarge", (4, 128), ("", 0)),
        ("aws", "m9g.metal-48xl", (192, 768), ("", 0)),
        ("aws", "t9g.nano", (2, 0.5), ("", 0)),
        ("aws", "u9i-12tb.224xlarge", (896, 12288), ("", 0)),
        ("aws", "g7e.24xlarge", (96, 1024), ("NVIDIA RTX PRO 6000 Blackwell SE", 4)),
        ("aws", "p6-b300.48xlarge", (192, 2048), ("NVIDIA B300", 8)),
        ("aws", "p5.4xlarge", (16, 171), ("NVIDIA H100", 1)),
        ("azure", "Standard_D16nlds_v6", (16, 32), ("", 0)),
        ("azure", "standard_e96IAS_v5", (96, 672), ("", 0)),
        ("azure", "Standard_M96bs_2_v3", (96, 1900), ("", 0)),
        ("azure", "Standard_DS13_v2", (8, 56), ("", 0)),
        ("azure", "Standard_ND128isr_NDR_GB200_v6", (128, 900), ("NVIDIA GB200", 4)),
        ("azure", "Standard_NC48ads_A100_v4", (48, 440), ("NVIDIA A100 80GB PCIe", 2)),
        ("azure", "Standard_ND96is_MI300X_v5", (96, 1850), ("AMD MI300X", 8)),
        ("azure", "Standard_NV6_Promo", (6, 56), ("NVIDIA M60", 1)),
        ("gcp", "c4a-standard-8-lssd", (8, 32), ("", 0)),
        ("gcp", "c4d-highmem-48", (48, 372), ("", 0)),
        ("gcp", "n1-highcpu-16", (16, 14.4), ("", 0)),
        ("gcp", "n2-custom-6-20480-ext", (6, 20), ("", 0)),
        ("gcp", "a4-highgpu-8g", (224, 3968), ("NVIDIA B200", 8)),
        ("gcp", "ct6e-standard-4t", (180, 720), ("TPU v6e", 4)),
        ("gcp", "x4-480-6t-metal", (480, 6144), ("", 0)),
        ("aws", "trn3u.48xlarge", (192, 2048), ("AWS Trainium3", 16)),
        ("aws", "inf2.48xlarge", (192, 768), ("AWS Inferentia2", 12)),
        ("azure", "Standard_ND96isr_B200_v6", (96, 1795), ("NVIDIA B200", 8)),
        ("azure", "Standard_NX40s_H300_v7", (40, 160), ("", 2)),
        ("azure", "Standard_NC24lds_RTXPRO6000BSE_v6", (24, 48), (RTX, 0.25)),
    ],
)
def test_a_name_tells_size_and_accelerators(
    provider: str, name: str, size: tuple[float, float], accelerators: tuple[str, float]
) -> None:
    found = names.read(provider, name)
    assert found is not None
    assert found.vcpus == size[0]
    assert found.memory_gib == pytest.approx(size[1], rel=0.03)
    assert (found.gpu_model, found.gpu_count) == accelerators


@pytest.mark.parametrize(
    ("name", "used", "held"),
    [
        ("Standard_E8-2s_v5", 2, 8),
        ("Standard_M416ds-104_6_v3", 104, 416),
        ("standard_hb120-16rs_V3", 16, 120),
    ],
)
def test_a_constrained_name_tells_how_many_of_its_vcpus_may_be_used(
    name: str, used: float, held: float
) -> None:
    found = names.read("azure", name)
    assert found is not None
    assert (found.vcpus, found.held_vcpus) == (used, held)


@pytest.mark.parametrize(
    ("provider", "name"),
    [
        ("aws", "m5.lagre"),
        ("aws", "m5"),
        ("aws", ""),
        ("azure", "D4s_v3"),
        ("gcp", "n2-custom-0-4096"),
        ("gcp", "n2-custom-tiny-2048"),
        ("gcp", "n2-standard-0"),
        ("host", "m5.large"),
    ],
)
def test_a_name_of_no_rule_tells_nothing(provider: str, name: str) -> None:
    assert names.read(provider, name) is None
    assert not TYPES.canonical(provider, name)


@pytest.mark.parametrize(
    ("provider", "name", "letters", "maker", "generation"),
    [
        ("aws", "c8idb.large", "c", Maker.INTEL, 8),
        ("aws", "m8azn.large", "m", Maker.AMD, 8),
        ("aws", "im4gn.large", "im", Maker.ARM, 4),
        ("azure", "Standard_D8pls_v6", "d", Maker.ARM, 6),
        ("azure", "Standard_E8-4ads_v7", "e", Maker.AMD, 7),
        ("gcp", "z4d-highmem-8-highlssd", "z", Maker.AMD, 4),
        ("gcp", "n4a-standard-1", "n", Maker.ARM, 4),
        ("gcp", "a4x-highgpu-4g", "a", Maker.ARM, 4),
        ("azure", "Standard_ND128isr_GB300_v6", "nd", Maker.ARM, 6),
    ],
)
def test_a_name_tells_the_maker_and_the_generation_of_its_cpu(
    provider: str, name: str, letters: str, maker: Maker, generation: int
) -> None:
    expected = Lineage(letters=letters, maker=maker, generation=generation)
    assert names.lineage(provider, name) == expected


def test_nine_of_ten_known_names_are_read_right_by_the_name_alone() -> None:
    assert named.good(list(named.alone()))


def test_known_names_are_read_right_with_their_line_hidden_and_watts_lie_within_the_bounds() -> (
    None
):
    guesses = list(named.hidden(TYPES))
    assert named.good(guesses)
    outside = [one.name for one in guesses if not one.within]
    assert len(outside) <= 0.006 * len(guesses), outside


@pytest.mark.parametrize(
    ("provider", "name", "size", "accelerators"),
    [
        ("aws", "mac-m5pro.metal", (14, 48), ("", 0)),
        ("aws", "mac3.metal", (10, 24), ("", 0)),
        ("aws", "m9i.metal", (384, 1536), ("", 0)),  # the server of m8i, not of m8i-flex
        ("aws", "f3.48xlarge", (192, 768), ("", 8)),
        ("gcp", "g5-standard-48", (48, 192), ("", 1)),
        ("gcp", "n5-standard-8", (8, 32), ("", 0)),
    ],
)
def test_a_new_generation_is_as_large_and_has_as_many_accelerators_as_the_one_before(
    provider: str, name: str, size: tuple[float, float], accelerators: tuple[str, float]
) -> None:
    found = TYPES.reading(provider, name)
    assert found is not None
    assert (found.vcpus, found.memory_gib) == size
    assert (found.gpu_model, found.gpu_count) == accelerators


@pytest.mark.parametrize(
    ("provider", "name", "family"),
    [
        ("aws", "p6e-gb300.36xlarge", "Neoverse V2 (Grace)"),
        ("aws", "p6-b400.48xlarge", "Emerald Rapids"),
        ("azure", "Standard_ND96isr_B200_v6", "Sapphire Rapids"),
        ("gcp", "a5x-highgpu-4g", "Neoverse V2 (Grace)"),
    ],
)
def test_the_cpu_beside_an_unlisted_accelerator_is_that_of_its_relatives(
    provider: str, name: str, family: str
) -> None:
    known = TYPES.lookup(provider, name)
    assert known is not None
    assert known.type.families == (family,)


def test_a_custom_size_of_a_series_of_gpus_has_its_gpus() -> None:
    shape = TYPES.find("gcp", "g2-custom-24-98304")
    assert shape is not None
    assert (shape.vcpus, shape.memory_gib) == (24, 96)
    assert (shape.gpu_model, shape.gpu_count) == ("NVIDIA L4", 2)
    plain = TYPES.find("gcp", "n1-custom-8-32768")
    assert plain is not None
    assert not plain.gpu_count  # the cloud tells what is attached


def test_names_are_answered_as_the_table_spells_them() -> None:
    assert TYPES.canonical("azure", "standard_D4S_v3") == "Standard_D4s_v3"
    assert TYPES.canonical("aws", "M5.large") == "m5.large"
    assert TYPES.canonical("gcp", "e2-custom-small-2048") == "e2-custom-small-2048"
    assert TYPES.canonical("aws", "db.m5.large") == "db.m5.large"
    assert TYPES.canonical("aws", "db.serverless") == ""
