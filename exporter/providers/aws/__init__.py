"""Amazon EC2: inventory by DescribeInstances, CPU by CloudWatch GetMetricData.

How the cloud's facts become ours:

* A machine in state ``pending`` is not yet running and one in ``stopping`` still is;
  ``shutting-down`` and ``terminated`` are gone.
* An instance with CPU options (fewer cores, or one thread per core) holds the hardware of its
  whole type, and nobody else can use what it leaves off. It is therefore modelled as its type;
  CloudWatch averages over the vCPUs that are on, so its power at high load is an upper estimate.
* With basic monitoring CloudWatch has one point in five minutes. When finer buckets are wanted,
  each takes the mean of the five minutes that it lies in.
"""

from exporter.core.ports import AdapterContext
from exporter.providers.aws.config import Config
from exporter.providers.aws.metrics import monthly_cost
from exporter.providers.aws.permissions import PermissionCheck
from exporter.providers.aws.provider import AwsProvider

__all__ = ["AwsProvider", "Config", "PermissionCheck", "build", "monthly_cost"]


def build(config: Config, context: AdapterContext) -> tuple[AwsProvider, ...]:
    """Make the provider of one account. No I/O; the first request is made by ``discover``."""
    return (AwsProvider(config, context),)
