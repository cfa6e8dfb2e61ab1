"""The shipped tables as data: complete, consistent, and accounted for in SOURCES.md."""

import re
from importlib.resources import files
from itertools import pairwise

import pytest

from exporter.data import rows
from exporter.data.cpus import families, models
from exporter.data.embodied import cpus
from exporter.data.gpus import gpus, named, unknown
from exporter.data.machine_types import machine_types
from exporter.data.macs import macs
from exporter.data.memory import modules

FOLDER = files("exporter.data")
TABLES = sorted(f.name for f in FOLDER.iterdir() if f.name.endswith(".csv"))
TYPES = tuple(machine_types())


def test_sources_md_has_one_section_for_each_table_and_none_for_a_table_that_is_gone() -> None:
    text = (FOLDER / "SOURCES.md").read_text(encoding="utf-8")
    assert re.findall(r"^## `(\S+\.csv)`", text, flags=re.MULTILINE) == TABLES


@pytest.mark.parametrize("field", ["Origin", "Date", "Licence", "Changed"])
def test_each_section_of_sources_md_tells_origin_date_licence_and_changes(field: str) -> None:
    text = (FOLDER / "SOURCES.md").read_text(encoding="utf-8")
    assert len(re.findall(rf"^\* \*\*{field}\*\*:", text, flags=re.MULTILINE)) == len(TABLES)


@pytest.mark.parametrize("table", TABLES)
def test_no_table_holds_data_under_the_agpl(table: str) -> None:
    text = (FOLDER / table).read_text(encoding="utf-8").lower()
    assert not re.search(r"agpl|boavizta|superdango", text)


@pytest.mark.parametrize("table", TABLES)
def test_no_line_of_a_table_is_short_or_long(table: str) -> None:
    for line in rows(table.removesuffix(".csv")):
        assert None not in line
        assert None not in line.values()


def test_the_world_average_closes_the_annual_table() -> None:
    lines = list(rows("annual"))
    assert list(lines[0]) == ["grid_zone", "gco2eq_per_kwh", "year", "source"]
    assert lines[-1]["grid_zone"] == "WORLD"
    assert (lines[-1]["gco2eq_per_kwh"], lines[-1]["year"]) == ("473", "2024")
    assert len({line["grid_zone"] for line in lines}) == len(lines)
    assert all(0 < float(line["gco2eq_per_kwh"]) < 1000 for line in lines)


def test_every_type_is_listed_once_and_names_families_models_and_gpus_that_exist() -> None:
    assert len({(line.provider, line.name) for line in TYPES}) == len(TYPES) == 3798
    for line in TYPES:
        assert set(line.families) <= set(families()), line
        assert set(line.cpu_models) - {""} <= set(models()), line
        assert len(line.cpu_models) == len(line.families), line
        if line.gpu_model:
            assert line.gpu_model in gpus(), line
            assert line.gpu_count > 0, line


def test_the_cpu_of_a_type_belongs_to_the_family_beside_it() -> None:
    for line in TYPES:
        for family, model in zip(line.families, line.cpu_models, strict=True):
            assert not model or models()[model].family == family, line


def test_no_type_is_larger_than_its_host() -> None:
    for line in TYPES:
        if line.host_vcpus:
            assert (line.reserved_vcpus or line.vcpus) <= line.host_vcpus, line
        assert not line.reserved_vcpus or line.vcpus < line.reserved_vcpus, line
        assert 0 <= line.baseline < 1, line
        assert line.full_vcpus in (0, 2), line
        assert line.complete == bool(line.vcpus), line


def test_curves_rise_with_load() -> None:
    for family in families().values():
        assert len(family.curve) == 11
        assert all(a < b for a, b in zip(family.curve, family.curve[1:], strict=False)), family
        assert family.tdp_per_thread > 0


def test_a_provider_has_at_most_one_usual_cpu_for_a_family() -> None:
    usual = [(m.family, provider) for m in models().values() for provider in m.default_of]
    assert len(usual) == len(set(usual))


def test_accelerators_draw_more_loaded_than_empty_and_most_at_work() -> None:
    for gpu in (*gpus().values(), unknown()):
        low, central, high = gpu.context
        assert 0 < gpu.deep_idle <= low <= central <= high < gpu.cap <= gpu.maximum, gpu
        assert gpu.source
        assert gpu.year


def test_a_gpu_of_a_board_of_two_has_half_of_its_watts_and_of_its_server() -> None:
    # Boards of 300, 300 and 225 W; clouds count the GPUs.
    for name, cap in (("NVIDIA K80", 150.0), ("NVIDIA M60", 150.0), ("NVIDIA K520", 112.0)):
        assert float(gpus()[name].cap) == cap
        assert gpus()[name].node.gpus == 2


def test_the_server_of_eight_accelerators_draws_what_was_measured_of_one() -> None:
    # 8 x H100 at 700 W: 8.4 kW with CPUs and memory, which draw 0.85 (Latif et al. 2025).
    node = gpus()["NVIDIA H100"].node
    around = node.fixed.plus(node.factor.times(5600.0))
    assert around.low + 5600 + 850 < 8400 < around.high + 5600 + 850
    assert around.central + 5600 + 850 == pytest.approx(8400, rel=0.03)


def test_every_family_has_a_cpu_of_which_the_making_is_known() -> None:
    assert set(cpus()) == set(families())
    for cpu in cpus().values():
        low, central, high = cpu.part.kg
        assert 0 < low < central < high


def test_larger_modules_draw_more_each_and_less_for_each_gib() -> None:
    for several in modules().values():
        for small, large in pairwise(several):
            assert small.idle < large.idle
            assert small.busy < large.busy
            assert small.idle / small.gib > large.idle / large.gib
            assert small.busy / small.gib > large.busy / large.gib
            assert large.idle < large.busy


@pytest.mark.parametrize(
    ("told", "model"),
    [
        ("NVIDIA T4", "NVIDIA T4"),
        ("NVIDIA T4g", "NVIDIA T4G"),  # EC2 writes it so
        ("NVIDIA RTX PRO Server 6000", "NVIDIA RTX PRO 6000 Blackwell SE"),
        ("AWS Trainium2", "AWS Trainium2"),
        ("Xilinx Virtex UltraScale+ (VU47P)", "AMD VU47P FPGA"),
        ("Qualcomm Qualcomm AI100", "Qualcomm AI100"),
        ("nvidia-tesla-v100", "NVIDIA V100"),
        ("nvidia-tesla-t4-vws", "NVIDIA T4"),
        ("nvidia-h100-80gb", "NVIDIA H100"),
        ("nvidia-a100-80gb", "NVIDIA A100 80GB"),
    ],
)
def test_accelerators_are_found_under_the_names_that_clouds_give_them(
    told: str, model: str
) -> None:
    found = named(told)
    assert found is not None
    assert found.model == model


@pytest.mark.parametrize("told", ["", "NVIDIA", "NVIDIA Z1", "TPU v5", "unknown accelerator"])
def test_an_accelerator_that_the_table_lacks_is_none(told: str) -> None:
    assert named(told) is None


@pytest.mark.parametrize("model", gpus())
def test_no_two_accelerators_share_a_name(model: str) -> None:
    found = named(model)
    assert found is not None
    assert found.model == model


def test_every_mac_of_the_type_table_has_its_makers_figures() -> None:
    assert set(macs()) == {line.name for line in TYPES if line.name.startswith("mac")}
    for mac in macs().values():
        assert 0 < mac.idle < mac.maximum
        assert mac.source


def test_constrained_sizes_use_a_part_of_the_whole_size_that_their_name_tells() -> None:
    known = {line.name: line for line in TYPES if line.provider == "azure"}
    constrained = [line for line in known.values() if line.reserved_vcpus]
    assert len(constrained) == 325
    for line in constrained:
        found = re.search(r"-(\d+)", line.name)
        assert found
        assert line.vcpus == float(found[1]), line
