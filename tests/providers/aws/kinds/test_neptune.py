"""Neptune: what is its own beside what test_listing.py proves of all databases."""

from exporter.core.meter import ApiMeter
from exporter.core.ports import AdapterContext
from exporter.providers.aws.config import Config
from exporter.providers.aws.errors import Call
from exporter.providers.aws.kinds.neptune import KIND
from exporter.providers.aws.shapes import TypeFacts
from tests.support.clock import ManualClock
from tests.support.providers import NoTypes

CONTEXT = AdapterContext(clock=ManualClock(), meter=ApiMeter(), types=NoTypes())
CALL = Call(permission="rds:DescribeDBInstances", region="eu-west-1", account="111122223333")
ENTRY = {
    "DbiResourceId": "db-ABC",
    "DBInstanceIdentifier": "profiles",
    "DBInstanceClass": "db.r6g.large",
    "DBInstanceStatus": "available",
    "Engine": "neptune",
    "AllocatedStorage": 1,
}


def test_its_cpu_has_a_namespace_of_its_own_and_the_dimension_of_databases() -> None:
    kind = KIND(Config(), CONTEXT)
    (query,) = kind.queries(kind.machine(ENTRY, CALL, TypeFacts(NoTypes())))

    assert (query.namespace, query.name) == ("AWS/Neptune", "CPUUtilization")
    assert query.dimensions == (("DBInstanceIdentifier", "profiles"),)
    assert (query.stat, query.finest) == ("Average", 60)


def test_the_volume_of_its_cluster_is_no_disk_of_an_instance() -> None:
    kind = KIND(Config(), CONTEXT)

    for storage_type in ("aurora", "aurora-iopt1", "standard", "gp3", None):
        entry = ENTRY | {"StorageType": storage_type, "AllocatedStorage": 100}
        assert kind.machine(entry, CALL, TypeFacts(NoTypes())).disks == ()
