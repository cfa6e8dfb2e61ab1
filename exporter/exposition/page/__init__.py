"""The live page: static files without any outside reference, read once at start."""

from collections.abc import Mapping
from importlib.resources import files
from typing import Final

from exporter.exposition.render import Body, body

_FILES: Final = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/page/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/page/tables.js": ("tables.js", "text/javascript; charset=utf-8"),
    "/page/chart.js": ("chart.js", "text/javascript; charset=utf-8"),
    "/page/format.js": ("format.js", "text/javascript; charset=utf-8"),
    "/page/icon.svg": ("icon.svg", "image/svg+xml"),
}


def page_bodies() -> Mapping[str, Body]:
    """Return URL path to finished answer for every file of the page."""
    folder = files(__name__)
    return {
        path: body(content_type, folder.joinpath(name).read_bytes())
        for path, (name, content_type) in _FILES.items()
    }
