"""Inventory and CPU samples, one file for each cloud (file name = kind)."""
