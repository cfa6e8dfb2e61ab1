"""Rebuilds the tables in ``exporter/data`` from their sources and shows what differs."""
