"""The demo's tables: what a row may say, and that a further kind of resource needs rows only."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from exporter.demo.estate import demo_estate
from exporter.demo.estate.tables import Row, read_row

LINE = {
    "kind": "rds_instance",
    "name": "demo-graph",
    "count": "2",
    "type": "db.r6g.large",
    "shape": "database",
    "account": "111122223333",
    "region": "eu-west-1",
    "zones": "cab",
    "team": "shop",
    "env": "prod",
    "service": "demo-graph",
    "life": "always",
    "disks": "100 gp3; 30 st1",
    "flags": "",
    "tags": "owner=a=b; empty=",
    "engine": "neptune",
    "engine_version": "",
}


def row(**columns: str) -> Row:
    return read_row(LINE | columns)


def test_a_column_of_one_kind_needs_no_code() -> None:
    assert row().machine(1).facts == {"engine": "neptune"}
    assert row(tasks="3").machine(1).facts == {"engine": "neptune", "tasks": "3"}
    databases = [m for m in demo_estate().machines if m.resource_type == "rds_instance"]
    assert {m.facts["engine"] for m in databases} == {"postgres"}


def test_a_kind_is_its_patterns() -> None:
    service = row(cluster="demo-shop")
    arn = "arn:aws:ecs:{region}:{account}:service/{cluster}/{name}"
    service = replace(service, kind=replace(service.kind, id=arn, named="{group}-{index}"))
    assert service.machine(1).resource_id == (
        "arn:aws:ecs:eu-west-1:111122223333:service/demo-shop/demo-graph-0"
    )


def test_a_class_of_a_managed_service_is_a_machine_type_behind_a_word() -> None:
    machine = row().machine(1)
    assert (machine.instance_type, machine.vcpus, machine.memory_gib) == ("db.r6g.large", 2, 16)
    assert row(type="r6g.large").machine(1).instance_type == "r6g.large"


def test_what_has_no_type_or_disks_or_zones_leaves_them_blank() -> None:
    machine = row(type="", disks="", zones="").machine(1)
    assert (machine.instance_type, machine.vcpus, machine.disks, machine.zone) == ("", 0, (), "")


def test_disks_and_tags_of_a_row() -> None:
    machine = row().machine(1)
    assert [(disk.type, disk.size_gib, disk.copies) for disk in machine.disks] == [
        ("gp3", 100, 2),
        ("st1", 30, 2),
    ]
    assert {**machine.tags} == {
        "team": "shop",
        "service": "demo-graph",
        "env": "prod",
        "owner": "a=b",
        "empty": "",
    }


@pytest.mark.parametrize(
    "columns",
    [
        {"kind": "ec2_typewriter"},
        {"type": "db.r6g.tiny"},
        {"region": "eu-west-9"},
        {"disks": "100 gp9"},
    ],
)
def test_what_no_table_has_is_refused(columns: Mapping[str, str]) -> None:
    with pytest.raises(KeyError):
        row(**columns)


def test_a_flag_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="demo-graph: unknown flags detaild"):
        row(flags="spot detaild")
