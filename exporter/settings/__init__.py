"""Typed configuration: a YAML file, the environment over it, and every mistake explained at once.

``Settings`` says what can be set; ``load`` says where it comes from.
"""

from exporter.core.listen import ListenAddress, parse_listen
from exporter.settings.load import DEFAULT_PATH, check_proxies, load
from exporter.settings.model import MissingPolicy, RegionOverride, Settings

__all__ = [
    "DEFAULT_PATH",
    "ListenAddress",
    "MissingPolicy",
    "RegionOverride",
    "Settings",
    "check_proxies",
    "load",
    "parse_listen",
]
