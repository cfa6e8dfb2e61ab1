"""Mistakes in how a verb was called."""

from exporter.core.errors import CarbonExporterError


class UsageError(CarbonExporterError):
    """An argument that cannot be used: names it, and says what would be right. Exit code 2."""
