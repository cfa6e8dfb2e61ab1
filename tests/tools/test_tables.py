"""The command that rebuilds the shipped tables, on sources small enough to read."""

import csv
import gzip
import json
import shutil
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from tools.tables import rows
from tools.tables.__main__ import FOLDER, VARIABLE, main
from tools.tables.bursts import burst
from tools.tables.clouds import types_of
from tools.tables.decisions import LEFT_OUT, OURS, decisions
from tools.tables.difference import difference

Tables = Callable[..., tuple[int, str]]

M5_LARGE = {
    "InstanceType": "m5.large",
    "VCpuInfo": {"DefaultVCpus": 2, "DefaultThreadsPerCore": 2},
    "MemoryInfo": {"SizeInMiB": 8192},
}
C8IZ = M5_LARGE | {"InstanceType": "c8iz.large", "MemoryInfo": {"SizeInMiB": 4096}}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A copy of the shipped tables that a test may write."""
    return Path(shutil.copytree(FOLDER, tmp_path / "data"))


@pytest.fixture
def tables(data: Path, capsys: pytest.CaptureFixture[str]) -> Tables:
    """Run the command on the copy: exit code, and what it printed."""

    def run(*arguments: object) -> tuple[int, str]:
        code = main([str(argument) for argument in arguments], data)
        told = capsys.readouterr()
        return code, told.out + told.err

    return run


@pytest.fixture
def cloud(tmp_path: Path) -> Callable[[object], Path]:
    """Save a cloud's list."""

    def save(document: object) -> Path:
        path = tmp_path / "list.json"
        path.write_text(json.dumps(document))
        return path

    return save


def compiled(folder: Path, table: str, *lines: dict[str, str]) -> Path:
    """Save a compiled table in a folder of its own."""
    folder.mkdir(exist_ok=True)
    (folder / f"{table}.csv").write_text(rows.text(tuple(lines[0]), lines))
    return folder


def line(data: Path, table: str, key: str) -> dict[str, str]:
    [found] = [one for one in rows.read(data / f"{table}.csv") if rows.key_of(table, one) == key]
    return found


@pytest.mark.parametrize("table", rows.KEYS)
def test_a_table_is_written_as_it_is_shipped_byte_for_byte(table: str) -> None:
    path = FOLDER / f"{table}.csv"
    lines = rows.read(path)
    assert rows.text(tuple(lines[0]), lines).encode() == path.read_bytes()


def test_a_list_that_agrees_changes_nothing(
    tables: Tables, cloud: Callable[[object], Path]
) -> None:
    code, told = tables("--check", cloud({"InstanceTypes": [M5_LARGE]}))
    assert (code, told) == (0, "instances.csv: as shipped\n")


def test_what_differs_is_told_and_only_check_fails(
    tables: Tables, cloud: Callable[[object], Path], data: Path
) -> None:
    before = (data / "instances.csv").read_bytes()
    path = cloud({"InstanceTypes": [M5_LARGE | {"MemoryInfo": {"SizeInMiB": 16384}}, C8IZ]})
    code, told = tables("--diff", path)
    assert code == 0
    assert told == (
        "instances.csv: 1 added, 0 removed, 1 changed\n"
        "  + aws:c8iz.large\n"
        "  ~ aws:m5.large: memory_gib 8 -> 16\n"
    )
    assert tables("--check", path) == (1, told)
    assert (data / "instances.csv").read_bytes() == before


def test_a_new_type_takes_the_cpu_and_the_server_of_the_series_that_it_varies(
    tables: Tables, cloud: Callable[[object], Path], data: Path
) -> None:
    before = (data / "instances.csv").read_text().splitlines()
    path = cloud({"InstanceTypes": [C8IZ]})
    assert tables("--write", path)[0] == 0
    after = (data / "instances.csv").read_text().splitlines()
    new = line(data, "instances", "aws:c8iz.large")
    assert [text for text in after if text not in before] == [",".join(new.values())]
    assert [text for text in after if text in before] == before
    assert (new["vcpus"], new["memory_gib"], new["architectures"]) == ("2", "4", "Granite Rapids")
    assert (new["host_vcpus"], new["source"]) == ("384", "ENL")
    assert tables("--check", path)[0] == 0


def test_what_a_cloud_told_once_outlives_compiled_lists_that_do_not_know_it(
    tables: Tables, tmp_path: Path
) -> None:
    known = dict.fromkeys(rows.read(FOLDER / "instances.csv")[0], "")
    older = known | {
        "provider": "aws",
        "instance_type": "c8ib.large",
        "cpu_architecture": "",
        "cpu_model": "",
        "burstable_or_shared_core": "",
        "source": "name only (fill from the cloud API)",
    }
    _, told = tables("--diff", compiled(tmp_path / "source", "instances", older))
    assert "- aws:m5.large" in told  # no source of today lists it
    assert "aws:c8ib" not in told


def test_gaps_in_the_threads_are_filled_but_what_xen_hides_is_not_believed(
    tables: Tables, cloud: Callable[[object], Path]
) -> None:
    hidden = {
        "InstanceType": "t2.large",
        "VCpuInfo": {"DefaultVCpus": 2, "DefaultThreadsPerCore": 1},
        "MemoryInfo": {"SizeInMiB": 8192},
        "BurstablePerformanceSupported": True,
    }
    assert tables("--check", cloud({"InstanceTypes": [hidden]}))[0] == 0


@pytest.mark.parametrize(
    ("section", "model", "count"),
    [
        (
            {
                "GpuInfo": {
                    "Gpus": [
                        {
                            "Manufacturer": "NVIDIA",
                            "Name": "L4",
                            "Count": 0,
                            "LogicalGpuCount": 1,
                            "GpuPartitionSize": 0.125,
                        }
                    ]
                }
            },
            "NVIDIA L4",
            0.125,
        ),
        (
            {"GpuInfo": {"Gpus": [{"Manufacturer": "NVIDIA", "Name": "T4g", "Count": 2}]}},
            "NVIDIA T4G",
            2,
        ),
        (
            {"NeuronInfo": {"NeuronDevices": [{"Name": "Trainium", "Count": 16}]}},
            "AWS Trainium",
            16,
        ),
        (
            {"MediaAcceleratorInfo": {"Accelerators": [{"Name": "Z9", "Count": 1}]}},
            "AWS Z9",  # a part that our table lacks keeps its name
            1,
        ),
    ],
)
def test_accelerators_of_aws(section: dict[str, Any], model: str, count: float) -> None:
    [found] = types_of({"InstanceTypes": [M5_LARGE | section]})
    assert (found.gpu_model, found.gpu_count) == (model, count)


def test_types_of_google_as_its_command_line_and_its_api_list_them() -> None:
    item = {
        "name": "g2-standard-4",
        "guestCpus": 4,
        "memoryMb": 16384,
        "accelerators": [{"guestAcceleratorType": "nvidia-l4", "guestAcceleratorCount": 1}],
    }
    [found] = types_of([item])
    assert (found.provider, found.vcpus, found.memory_gib) == ("gcp", 4, 16)
    assert (found.gpu_model, found.gpu_count) == ("NVIDIA L4", 1)
    aggregated = {"items": {"zones/a": {"machineTypes": [item]}, "zones/b": {"warning": {}}}}
    assert types_of(aggregated) == (found,)


def test_sizes_of_azure() -> None:
    told = {"vCPUs": "2", "MemoryGB": "8", "vCPUsPerCore": "2", "CpuArchitectureType": "x64"}
    item = {
        "resourceType": "virtualMachines",
        "name": "Standard_D2s_v5",
        "capabilities": [{"name": name, "value": value} for name, value in told.items()],
    }
    [found] = types_of({"value": [item, {"resourceType": "disks", "name": "Premium_LRS"}]})
    assert (found.provider, found.name, found.vcpus) == ("azure", "Standard_D2s_v5", 2)
    assert (found.memory_gib, found.threads_per_core) == (8, 2)


def test_a_shared_core_type_keeps_the_part_of_a_vcpu_that_is_sold(
    tables: Tables, cloud: Callable[[object], Path]
) -> None:
    shown = {"name": "e2-micro", "guestCpus": 2, "memoryMb": 1024, "isSharedCpu": True}
    assert tables("--check", cloud([shown]))[0] == 0


@pytest.mark.parametrize(
    ("provider", "name", "baseline"),
    [
        ("aws", "t3.micro", "0.1"),
        ("aws", "t2.xlarge", "0.225"),
        ("aws", "m5.large", None),
        ("azure", "Standard_B1ls", "0.05"),
        ("azure", "Standard_B16ms", "0.16875"),
        ("azure", "Standard_B2ats_v2", "0.2"),
        ("azure", "Standard_B4pls_v2", "0.3"),
        ("azure", "Standard_B32s_v2", "0.4"),
        ("azure", "Standard_D2s_v5", None),
        ("gcp", "g1-small", "0.5"),
        ("gcp", "e2-medium", ""),
        ("gcp", "e2-standard-2", None),
    ],
)
def test_documented_baselines(provider: str, name: str, baseline: str | None) -> None:
    found = burst(provider, name)
    assert (found.baseline if found else None) == baseline


ADDITION = {
    "provider": "azure",
    "instance_type": "Standard_D9s_v7",
    "vcpus": "9",
    "memory_gib": "36",
    "cpu_architecture": "Granite Rapids",
    "cpu_models": "Intel Xeon 6 (Granite Rapids)",
    "threads_per_core": "2",
    "gpu_model": "",
    "gpu_count": "",
    "host_vcpus": "384",
    "parent_vcpus": "",
}


def test_an_added_type_is_a_line_that_stays_when_no_source_tells_of_it(
    tables: Tables, tmp_path: Path, data: Path, cloud: Callable[[object], Path]
) -> None:
    unknown = ADDITION | {"instance_type": "Standard_SQL1", "memory_gib": ""}
    retired = ADDITION | {"instance_type": "Standard_Z1", "cpu_architecture": "Nehalem"}
    lines = (ADDITION, unknown, retired)
    folder = compiled(tmp_path / "hardware", "instances_additions", *lines)
    code, told = tables("--write", folder)
    assert (code, "1 added, 0 removed, 0 changed" in told) == (0, True)
    new = line(data, "instances", "azure:Standard_D9s_v7")
    assert (new["vcpus"], new["memory_gib"], new["source"]) == ("9", "36", "H")
    assert (new["cpu_models"], new["host_memory_gib"]) == ("Intel Xeon 6973P-C", "1536")
    assert tables("--check", cloud({"InstanceTypes": [M5_LARGE]}))[0] == 0
    assert line(data, "instances", "azure:Standard_D9s_v7") == new


def test_a_constrained_size_is_its_whole_size_with_fewer_vcpus_to_use(
    tables: Tables, tmp_path: Path, data: Path
) -> None:
    part = {
        "instance_type": "Standard_D8-3s_v5",
        "guest_vcpus": "3",
        "parent": "Standard_D8s_v5",
    }
    orphan = part | {"instance_type": "Standard_Z8-3s", "parent": "Standard_Z8s"}
    tables("--write", compiled(tmp_path / "hardware", "azure_constrained", part, orphan))
    new = line(data, "instances", "azure:Standard_D8-3s_v5")
    whole = line(data, "instances", "azure:Standard_D8s_v5")
    own = {"instance_type": "Standard_D8-3s_v5", "vcpus": "3", "reserved_vcpus": "8", "source": "H"}
    assert new == whole | own
    assert "Standard_Z8" not in (data / "instances.csv").read_text()


def test_a_mac_has_its_makers_figures_and_says_which_are_not_confirmed(
    tables: Tables, tmp_path: Path, data: Path
) -> None:
    mac = {
        "instance_type": "mac9.metal",
        "host": "Mac mini M9",
        "idle_watts": "7",
        "max_watts": "50",
        "confidence": "low",
        "source": "7 W idle: Apple; 50 max from memory (VERIFY)",
    }
    tables("--write", compiled(tmp_path / "hardware", "mac_hosts", mac))
    new = line(data, "mac_hosts", "mac9.metal")
    assert new == mac | {"source": "7 W idle: Apple; 50 max (not confirmed)"}


def test_a_tdp_is_never_taken_from_the_compiled_list(
    tables: Tables, tmp_path: Path, data: Path
) -> None:
    facts = {"cpu_architecture": "Skylake", "cores_per_socket": "24", "vcpus_per_socket": "48"}
    quoted = {"tdp_watts": "999", "tdp_source": "some database"}
    folder = compiled(
        tmp_path / "source",
        "cpu_skus",
        {"cpu_model": "Intel Xeon Platinum 8175M"} | facts | quoted,
        {"cpu_model": "Intel Xeon 9999"} | facts | quoted,
        {"cpu_model": "Intel Xeon 8888"} | facts | quoted,
    )
    compiled(folder, "cpu_power", {"Name": "Intel Xeon 8888", "TDP": "205"})
    tables("--write", folder)
    assert line(data, "cpu_skus", "Intel Xeon Platinum 8175M")["tdp_watts"] == "240"
    assert line(data, "cpu_skus", "Intel Xeon 8888")["tdp_watts"] == "205"
    assert "9999" not in (data / "cpu_skus.csv").read_text()
    assert line(data, "cpu_skus", "AMD EPYC 7551")  # ours: no source lists it


def test_the_pue_of_a_region_is_its_newest_disclosure_unless_that_is_old(
    tables: Tables, tmp_path: Path, data: Path
) -> None:
    def region(name: str) -> dict[str, str]:
        place = {"location": "", "lat": "1", "lon": "2", "em_zone": "FR", "note": ""}
        return (
            {"provider": "aws", "region": name} | place | {"pue": "1.14", "pue_source": "default"}
        )

    def pue(name: str, year: str, value: str) -> dict[str, str]:
        return {"provider": "aws", "region": name, "year": year, "pue": value}

    folder = compiled(tmp_path / "source", "regions", region("eu-west-1"), region("eu-west-9"))
    compiled(
        folder,
        "pue",
        pue("eu-west-1", "2023", "1.2"),
        pue("eu-west-1", "2024", "1.1"),
        pue("eu-west-9", "2022", "1.9"),
        pue("eu-.+", "2024", "1.11"),
    )
    tables("--write", folder)
    newest, average = (line(data, "regions", f"aws:{name}") for name in ("eu-west-1", "eu-west-9"))
    assert (newest["pue"], newest["pue_source"]) == ("1.10", "AWS disclosure by region, 2024")
    assert (average["pue"], average["pue_source"]) == ("1.11", "AWS average Europe, 2024")


def test_a_region_whose_grid_was_wrong_is_moved_and_a_contested_one_has_bounds(
    tables: Tables, tmp_path: Path, data: Path
) -> None:
    def region(name: str) -> dict[str, str]:
        place = {"location": "", "lat": "1", "lon": "2", "em_zone": "FR", "note": ""}
        return {"provider": "aws", "region": name} | place | {"pue": "1.14", "pue_source": "-"}

    def moved(name: str, kind: str) -> dict[str, str]:
        ends = {"bound_low": "CH 39", "bound_high": "BE 180"}
        return {"kind": kind, "provider": "aws", "region": name, "new_zone": "BE"} | ends

    folder = compiled(tmp_path / "source", "regions", region("xx-west-1"), region("xx-west-2"))
    compiled(folder, "pue", {"provider": "", "region": "", "year": "", "pue": ""})
    wrong, contested = moved("xx-west-1", "zone wrong"), moved("xx-west-2", "contested")
    compiled(folder, "regions_corrections", wrong, contested)
    tables("--write", folder)
    zones = ("grid_zone", "low_zone", "high_zone")
    first, second = (line(data, "regions", f"aws:xx-west-{number}") for number in (1, 2))
    assert [first[column] for column in zones] == ["BE", "", ""]
    assert [second[column] for column in zones] == ["BE", "CH", "BE"]


def test_every_decision_has_a_reason_and_is_still_needed() -> None:
    for one in decisions():
        lines = rows.read(FOLDER / f"{one.table}.csv")
        keys = [rows.key_of(one.table, row) for row in lines]
        named = [row for row, key in zip(lines, keys, strict=True) if fnmatchcase(key, one.key)]
        assert one.reason, one
        assert (not named) if one.column == LEFT_OUT else named, one
        if one.column not in (OURS, LEFT_OUT):
            assert {row[one.column] for row in named} == {one.value}, one


def test_lines_that_change_their_order_are_a_difference() -> None:
    first, second = {"grid_zone": "A"}, {"grid_zone": "B"}
    assert list(difference("annual", [first, second], [second, first]).lines()) == [
        "~ order of the lines"
    ]
    assert not difference("annual", [first, second], [first, second])


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"InstanceTypes": 1}', "<html>", '[{"a": 1}]'])
def test_a_file_that_is_no_list_is_refused_by_name(
    tables: Tables, tmp_path: Path, text: str
) -> None:
    path = tmp_path / "junk.json"
    path.write_text(text)
    code, told = tables("--diff", path)
    assert code == 2
    assert str(path) in told
    assert "gcloud compute machine-types list" in told


def test_a_source_that_is_not_there_is_named(tables: Tables, tmp_path: Path) -> None:
    code, told = tables("--check", tmp_path / "gone")
    assert code == 2
    assert "gone" in told


def test_without_a_source_nothing_is_rebuilt(
    tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    code, told = tables("--check")
    assert code == 2
    assert "no source" in told


def test_the_environment_names_sources_and_lists_may_be_compressed(
    tables: Tables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "lists"
    folder.mkdir()
    with gzip.open(folder / "types.json.gz", "wt") as out:
        json.dump({"m5.large": M5_LARGE}, out)
    monkeypatch.setenv(VARIABLE, str(folder))
    assert tables("--check") == (0, "instances.csv: as shipped\n")


def test_tables_are_written_in_a_form_that_other_programs_read(data: Path) -> None:
    for table in rows.KEYS:
        with (data / f"{table}.csv").open(newline="") as text:
            assert len({len(cells) for cells in csv.reader(text)}) == 1
