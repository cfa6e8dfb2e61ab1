"""Neptune as the demo speaks it: RDS lists its instances, CloudWatch has them apart."""

from typing import Final

from exporter.demo.aws.registry import BY_NAME, Kind
from exporter.demo.aws.services.rds import DESCRIBE

KINDS: Final = (
    Kind(
        name="neptune_instance",
        listed_by=DESCRIBE,
        namespace="AWS/Neptune",
        dimension="DBInstanceIdentifier",
        subject=BY_NAME,
    ),
)
