"""Providers by file name, as ``exporter.providers`` has them."""
