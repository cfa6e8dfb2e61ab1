"""Azure virtual machines: inventory by Resource Graph, CPU by Azure Monitor's metrics batch API.

Each sort of resource is a file of ``kinds/``. How the cloud's facts become ours:

* A machine that is ``stopped`` but not deallocated keeps its host and is billed: it runs, idle.
  Where Azure has averages of 0 for it they count; where it has none, coverage shows it as missing.
  Only ``deallocated`` and ``hibernated`` machines are stopped, with 0 W.
* Azure's inventory tells when a machine was made, not when it last started or stopped. That comes
  from Resource Graph's changes, kept for two weeks, and is exact to the moment at which Azure saw
  the change. Instances of uniform scale sets have none there: for them a start is taken to be the
  last poll that saw the machine stopped, and a stop or deletion the first that saw it so.
* Disks are the managed ones that a machine's record shows with size and type, which it does not
  while the machine is deallocated. Temporary and ephemeral disks belong to its server.
* Listed subscriptions have a collector each and fail each alone. Those that are discovered share
  one: what fails for one of them leaves its machines as they were, and the rest goes on.
* Resource ids are compared, and exported, in lower case: Azure writes them in any.
* Resource Graph is asked through azure-core, as all of Resource Manager: its own SDK package
  hides the quota headers, and registers resource providers by itself, which a reader must not do.
"""

from exporter.core.ports import AdapterContext
from exporter.providers.azure.config import Config
from exporter.providers.azure.credentials import Credentials
from exporter.providers.azure.provider import AzureProvider
from exporter.providers.azure.session import Connection

__all__ = ["AzureProvider", "Config", "build"]


def build(config: Config, context: AdapterContext) -> tuple[AzureProvider, ...]:
    """Make a provider for each listed subscription, or one for all that are visible. No I/O."""
    credentials = Credentials(config)
    return tuple(
        AzureProvider(config, context, Connection(config, context, credentials), subscription)
        for subscription in config.subscriptions or (None,)
    )
