"""Which machine stands behind a managed type."""

import pytest

from exporter.data.machine_types import hardware_type


@pytest.mark.parametrize(
    ("db_class", "hardware"),
    [
        ("db.m5.large", "m5.large"),
        ("db.t4g.medium", "t4g.medium"),
        ("db.x2iedn.32xlarge", "x2iedn.32xlarge"),
        # Memory in GiB by the RDS User Guide, and by EC2: 768, 768, 768, 512, 128, 32.
        ("db.r5.6xlarge.tpc2.mem4x", "r5.24xlarge"),
        ("db.r5.8xlarge.tpc2.mem3x", "r5.24xlarge"),
        ("db.r5.12xlarge.tpc2.mem2x", "r5.24xlarge"),
        ("db.r5b.2xlarge.tpc2.mem8x", "r5b.16xlarge"),
        ("db.r5.xlarge.tpc2.mem4x", "r5.4xlarge"),
        ("db.r5.large.tpc1.mem2x", "r5.xlarge"),
        ("db.r5.large.tpc1.mem4x", "r5.2xlarge"),
    ],
)
def test_a_class_of_rds_is_the_machine_behind_it(db_class: str, hardware: str) -> None:
    assert hardware_type("aws", db_class) == hardware


@pytest.mark.parametrize(
    ("provider", "name"),
    [
        ("aws", "m5.large"),
        ("aws", "db.serverless"),
        ("aws", "db."),
        ("aws", "u-12tb1.metal"),
        ("gcp", "db.m5.large"),
        ("azure", "Standard_D4s_v5"),
        ("aws", ""),
    ],
)
def test_all_other_names_stand_for_themselves(provider: str, name: str) -> None:
    assert hardware_type(provider, name) == name
