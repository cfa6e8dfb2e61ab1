"""What other systems call our grid zones: the shipped table ``zone_codes.csv``."""

from collections.abc import Mapping

from exporter.data import rows


def codes(column: str) -> Mapping[str, str]:
    """Return code by grid zone, for the zones that have one in a column of the table."""
    return {line["grid_zone"]: line[column] for line in rows("zone_codes") if line[column]}
