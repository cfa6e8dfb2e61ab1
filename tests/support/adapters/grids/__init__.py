"""Grid sources by file name, as ``exporter.grids`` has them."""


def on_by_default() -> tuple[str, ...]:
    return ("neso",)
