"""Grid sources by file name, as ``exporter.grids`` has them."""
