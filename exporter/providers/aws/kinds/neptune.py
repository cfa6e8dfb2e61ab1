"""Neptune: instances of its engine in DescribeDBInstances, their CPU from ``AWS/Neptune``.

An instance is stopped with its cluster. The cluster's volume (``VolumeBytesUsed`` by cluster) is of
no instance and is not counted. Graphs of Neptune Analytics are not in this listing.
"""

from exporter.providers.aws.kinds._listing import DbInstances


class Neptune(DbInstances):
    """Instances of Neptune, each a machine of its class."""

    what = "instances of Neptune"
    not_counted = (
        "the volume of a cluster, serverless instances, whose size is not told, and Neptune "
        "Analytics, which another API lists"
    )
    resource_type = "neptune_instance"
    engines = ("neptune",)
    namespace = "AWS/Neptune"


KIND = Neptune
