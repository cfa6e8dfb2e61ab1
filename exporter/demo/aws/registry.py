"""What the services of the fake declare, found from their files in ``services``.

A service is a file there. It may declare ``OPERATIONS``, what it answers by (service of the
signature, operation), and ``KINDS``, the resource types of the estate that are its own. A service
whose resources another one lists, as RDS lists all engines, has ``KINDS`` only.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from operator import attrgetter
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

from exporter.demo.estate import EstateMachine

Operation = Callable[[Any, Any], Mapping[str, object]]
"""Answers a call on a world with the content of its document."""
BY_ID: Callable[[EstateMachine], str] = attrgetter("resource_id")
BY_NAME: Callable[[EstateMachine], str] = attrgetter("name")
"""What the metrics of a resource are found by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A resource type of the estate: which operation lists it, and whose CPU its metrics are.

    CloudWatch has them as CPUUtilization in a ``namespace``, by one ``dimension`` whose value is
    what ``subject`` tells of a machine.
    """

    name: str
    listed_by: str
    namespace: str
    dimension: str
    subject: Callable[[EstateMachine], str]


@cache
def operations() -> Mapping[tuple[str, str], Operation]:
    """Return what answers each operation of each service."""
    return {
        asked: operation
        for module in services()
        for asked, operation in getattr(module, "OPERATIONS", {}).items()
    }


@cache
def kinds() -> Mapping[str, Kind]:
    """Return the resource types by name."""
    return {kind.name: kind for module in services() for kind in getattr(module, "KINDS", ())}


@cache
def dimensions() -> Mapping[str, str]:
    """Return the dimension by which each namespace of CloudWatch has CPU metrics."""
    return {kind.namespace: kind.dimension for kind in kinds().values()}


def services() -> tuple[ModuleType, ...]:
    """Return all services; GetMetricData, which has faults of its own, declares no operation."""
    package = import_module("exporter.demo.aws.services")
    names = (found.name for found in iter_modules(package.__path__))
    return tuple(import_module(f"{package.__name__}.{name}") for name in names)
