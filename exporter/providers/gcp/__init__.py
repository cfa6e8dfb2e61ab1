"""Google Compute Engine: inventory by instances.aggregatedList, CPU by one paged ListTimeSeries.

Each service is a file of ``kinds/``. How the cloud's facts become ours:

* ``TERMINATED`` is what Google calls a stopped machine; a deleted one is not listed any more. A
  machine in ``PROVISIONING``, ``STAGING`` or ``REPAIRING`` is not running on a host, one in
  ``STOPPING`` or ``SUSPENDING`` still is. A state that is not known is taken for running: if it is
  not, its missing data shows in the coverage.
* Compute Engine forgets a deleted machine with the time of its end, so the last bucket in which it
  has data counts whole.
* Utilisation is a fraction of what is allocated. Shared-core machines are allocated a part of the
  vCPUs that they see and may go above 1, up to 8 for an e2-micro; for all others 1 is the most.
* A machine with ``visibleCoreCount`` or one thread per core holds the hardware of its whole type
  and is modelled as its type.
* Disks are those attached, also while a machine is stopped; local SSDs belong to its server. A
  regional disk counts twice. Where disks may not be listed, hard disks count as SSDs.
* Any project may be the scoping project of others. A project in ``projects`` is read alone; with
  ``metrics_scope`` one question reads all projects of the scope, and the ``account`` of each
  machine is the project that its series and its inventory name.
* Where Compute Engine refuses, the machines that monitoring shows are taken for the inventory.
  The refusal is reported as a failure each time, so that it is not mistaken for the real thing.
"""

from exporter.core.ports import AdapterContext
from exporter.providers.gcp.config import Config
from exporter.providers.gcp.provider import GcpProvider, Target

__all__ = ["Config", "GcpProvider", "build"]


def build(config: Config, context: AdapterContext) -> tuple[GcpProvider, ...]:
    """Make the provider of each project, or of the metrics scope. No I/O."""
    scope = config.metrics_scope
    return tuple(
        GcpProvider(config, context, Target(name=name, project=project, whole_scope=bool(scope)))
        for name, project in zip(config.collectors, config.targets, strict=True)
    )
