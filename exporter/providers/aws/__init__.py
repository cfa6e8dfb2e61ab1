"""Amazon Web Services: inventory by the listing of each service, CPU by CloudWatch.

Each service is a file of ``kinds/``, which also says what of it is not counted. How the cloud's
facts become ours:

* An instance with CPU options (fewer cores, or one thread per core) holds the hardware of its
  whole type, and nobody else can use what it leaves off. It is therefore modelled as its type;
  CloudWatch averages over the vCPUs that are on, so its power at high load is an upper estimate.
* With basic monitoring CloudWatch has one point in five minutes. When finer buckets are wanted,
  each takes the mean of the five minutes that it lies in.
* A database is modelled as the instance type of its class: db.m5.large as m5.large. Each instance
  of an Aurora or Multi-AZ cluster is listed and counted. The standby of a Multi-AZ instance is not:
  it has no metrics, so its electricity and manufacture come on top of what is counted.
* Instances of RDS Custom are EC2 instances of the account and counted as such. Serverless
  databases (db.serverless) are not counted, as no size is told: a warning names them, and databases
  of engines that no kind takes.
* Volumes are those that EC2 shows attached, also while an instance is stopped; disks of the
  instance type itself (instance store) are not among them, their power is inside the server's. A
  database's are its allocated storage; of the volume that instances of a cluster share, as those of
  Aurora do, no size is told.
* A service that may not be listed, other than EC2, is left out with one warning: its machines stay
  as they were last seen.
* Without ``ec2:DescribeVolumes`` instances are listed without volumes, or with those that were
  known before, and the refusal is a failure at each poll. ``volumes: false`` does without.
* When a database was made is told, but neither when it stopped nor when it started again. From
  the poll that first sees it running after a stop, it is taken to have run since the poll before:
  minutes without data are then counted as missing, and none with data is lost.
"""

from exporter.core.ports import AdapterContext
from exporter.providers.aws.config import Config
from exporter.providers.aws.provider import AwsProvider

__all__ = ["AwsProvider", "Config", "build"]


def build(config: Config, context: AdapterContext) -> tuple[AwsProvider, ...]:
    """Make the provider of one account. No I/O; the first request is made by ``discover``."""
    return (AwsProvider(config, context),)
