"""DocumentDB: instances of its engine in DescribeDBInstances, their CPU from ``AWS/DocDB``.

An instance is stopped with its cluster. The cluster's volume (``VolumeBytesUsed`` by cluster) is of
no instance and is not counted. Elastic clusters are not in this listing.
"""

from exporter.providers.aws.kinds._listing import DbInstances


class DocDb(DbInstances):
    """Instances of DocumentDB, each a machine of its class."""

    what = "instances of DocumentDB"
    not_counted = (
        "the volume of a cluster, serverless instances, whose size is not told, and elastic "
        "clusters, which another API lists"
    )
    resource_type = "docdb_instance"
    engines = ("docdb",)
    namespace = "AWS/DocDB"


KIND = DocDb
