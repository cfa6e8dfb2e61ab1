"""``CARBON_…`` variables laid over the file's keys: one variable for every key.

``CARBON_POLL_INTERVAL=15m`` sets a top-level key; ``__`` goes one level down and numbers count
list entries, as in ``CARBON_PROVIDERS__0__REGIONS=eu-west-1,eu-west-3``. A whole list or mapping
can be given as JSON.
"""

import json
import re
import ssl
import string
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from itertools import pairwise
from typing import Any, Final
from urllib.parse import urlsplit

from exporter.core.errors import Problem
from exporter.settings.document import written
from exporter.settings.hints import did_you_mean
from exporter.settings.model import Settings
from exporter.settings.schema import Place, field_at, is_list, is_scalar, is_secret, value_at
from exporter.settings.sections import PACKAGES

PREFIX: Final = "CARBON_"
CONFIG_VARIABLE: Final = "CARBON_CONFIG"
"""Names the file."""
URL_VARIABLE: Final = "CARBON_URL"
"""Names the daemon that ``explain`` asks."""

_PROXIES: Final = frozenset({"http_proxy", "https_proxy", "all_proxy"})
_PROXY_SCHEMES: Final = frozenset({"http", "https"})
"""What all clients of ours speak; for SOCKS each would need a package that is not installed."""

_EXCEPTION: Final = re.compile(r"[^\s:\[\]\x80-\U0010ffff]*(:\d{1,5})?")
"""An entry of NO_PROXY that is no address: a name, a domain, a network, with a port perhaps."""

_NOT_OURS: Final = re.compile(
    r"CARBON_(?:\w+_)?(?:SERVICE_(?:HOST|PORT)(?:_\w+)?|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_\w+)?)?)"
)
"""What Kubernetes puts into every pod beside a Service called carbon or carbon-something
(kubernetes.io/docs/concepts/services-networking/service, environment variables)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """The file's keys with the environment over them, where each came from, what was wrong."""

    document: dict[str, Any]
    origins: dict[Place, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def overlay(document: dict[str, Any], environ: Mapping[str, str]) -> Overlay:
    """Lay every ``CARBON_…`` variable over a document, which is changed in place."""
    result = Overlay(document=document)
    for name in sorted(filter(_is_ours, environ), key=_order):
        _apply(name, environ[name], result)
    return result


def broken_proxies(environ: Mapping[str, str]) -> list[Problem]:
    """Find proxies of the environment that no client of ours can use, before each fails for it.

    The address may hold a password: only its scheme is told.
    """
    problems = []
    for name in sorted(environ):
        scheme, mark, rest = environ[name].strip().partition("://")
        if name.lower() not in _PROXIES or not environ[name].strip():
            continue
        if mark and scheme.lower() not in _PROXY_SCHEMES:
            fix = f"{scheme.upper()} proxies are not supported: write http://host:port, or unset it"
            problems.append(Problem(key=name, value=repr(f"{scheme}://…"), fix=fix))
        elif not _is_proxy_host(rest if mark else scheme):
            fix = "write http://host:port, or unset it"
            problems.append(Problem(key=name, value="(set)", fix=fix))
    return problems


def broken_network(environ: Mapping[str, str]) -> list[Problem]:
    """Find what the environment says of the network that no client of ours can be made with."""
    problems = broken_proxies(environ)
    for name in sorted(environ):
        if name.lower() == "no_proxy":
            odd = [one for one in environ[name].split(",") if not _is_exception(one.strip())]
            fix = "write names and addresses with commas between them: localhost,10.0.0.1,::1"
            problems += [Problem(key=name, value=repr(one.strip()), fix=fix) for one in odd[:1]]
    file = environ.get("SSL_CERT_FILE", "")
    if file and (trouble := _bundle_trouble(file)):
        fix = f"{trouble}: name a file of certificates in PEM form, or unset it"
        problems.append(Problem(key="SSL_CERT_FILE", value=repr(file), fix=fix))
    return problems


def _is_exception(text: str) -> bool:
    """Whether clients can read an entry of NO_PROXY; brackets and other alphabets they cannot."""
    with suppress(ValueError):
        ip_address(text)
        return True
    host = text.partition("://")[2] if "://" in text else text
    return bool(_EXCEPTION.fullmatch(host))


def _bundle_trouble(file: str) -> str:
    try:
        ssl.create_default_context(cafile=file)
    except ssl.SSLError:
        return "no certificate is in it"
    except OSError as error:
        return error.strerror or "it cannot be read"
    return ""


def _is_proxy_host(text: str) -> bool:
    try:
        parts = urlsplit(f"http://{text}")
        return bool(parts.hostname) and parts.port != 0 and not set(text) & set(string.whitespace)
    except ValueError:  # a port that is none, or brackets without an address
        return False


def variable(place: Place) -> str:
    """Name the variable that sets a place."""
    return PREFIX + "__".join(str(part) for part in place).upper()


def with_kinds(document: dict[str, Any]) -> dict[str, Any]:
    """Write out entries that are only the name of an adapter: ``host`` is ``{kind: host}``."""
    for key in PACKAGES:
        entries = document.get(key)
        if isinstance(entries, list):
            document[key] = [{"kind": e} if isinstance(e, str) else e for e in entries]
    return document


def _is_ours(name: str) -> bool:
    no_key = name in (CONFIG_VARIABLE, URL_VARIABLE) or _NOT_OURS.fullmatch(name)
    return name.startswith(PREFIX) and not no_key


def _order(name: str) -> tuple[int, bool, list[tuple[int, str]]]:
    """Whole keys before what is inside them, an entry's kind before its other keys."""
    parts = name.split("__")
    natural = [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]
    return len(parts), parts[-1].upper() != "KIND", natural


def _place(name: str) -> Place:
    top, *rest = name.removeprefix(PREFIX).split("__")
    if top.lower() in PACKAGES:
        return (top.lower(), *(int(p) if p.isdecimal() else p.lower() for p in rest))
    free, below = rest[:1], rest[1:]
    return (top.lower(), *free, *(part.lower() for part in below))


def _apply(name: str, text: str, result: Overlay) -> None:
    if not text.strip():
        return
    place = _place(name)
    try:
        _check_known(place)
        _put(place, _decoded(place, text.strip(), result.document), result.document)
        result.origins[place] = name
    except _NotSettableError as error:
        # the text itself may hold a secret
        result.problems.append(Problem(key=name, value="(set)", fix=str(error)))


class _NotSettableError(Exception):
    """A variable that names no place, or whose text cannot be read; says what would be right."""


def _check_known(place: Place) -> None:
    if place[0] not in Settings.model_fields:
        known = [variable((key,)) for key in Settings.model_fields]
        guess = did_you_mean(variable(place[:1]), known)
        message = f"no such setting; {guess}correct the name, or unset it"
        raise _NotSettableError(message)


def _decoded(place: Place, text: str, document: dict[str, Any]) -> object:
    field_info = field_at(place, document)
    if is_secret(field_info) or is_scalar(place, document):
        return text
    if text.startswith(("[", "{")):
        return _json(text)
    if isinstance(place[-1], str) and is_list(field_info):
        return [item.strip() for item in text.split(",") if item.strip()]
    return text


def _json(text: str) -> object:
    try:
        return written(json.loads(text, parse_int=str, parse_float=str))
    except json.JSONDecodeError as error:
        message = f"this is not JSON at character {error.pos + 1}: {error.msg.lower()}"
        raise _NotSettableError(message) from error
    except RecursionError as error:
        message = "this is nested too deep: write a list or a mapping as the file has it"
        raise _NotSettableError(message) from error


def _put(place: Place, value: object, document: dict[str, Any]) -> None:
    holder: object = document
    for part, after in pairwise(place):
        inner = value_at((part,), holder)
        if inner is None:
            inner = [] if isinstance(after, int) else {}
            _store(holder, part, inner)
        holder = inner
    _store(holder, place[-1], _merged(value_at(place[-1:], holder), value))
    with_kinds(document)


def _store(holder: object, part: str | int, value: object) -> None:
    if isinstance(holder, dict):
        holder[part] = value
    elif isinstance(holder, list) and isinstance(part, int) and part <= len(holder):
        holder[part : part + 1] = [value]
    else:
        entries = len(holder) if isinstance(holder, list) else 0
        message = f"number list entries from 0 without a gap: there are {entries}"
        raise _NotSettableError(message)


def _merged(before: object, value: object) -> object:
    if isinstance(before, dict) and isinstance(value, dict):
        return {**before, **{key: _merged(before.get(key), item) for key, item in value.items()}}
    return value


def origin_of(place: Place, origins: Mapping[Place, str]) -> str:
    """Name the variable that a value came from, or an empty string for the file."""
    for length in range(len(place), 0, -1):
        if place[:length] in origins:
            return origins[place[:length]]
    return ""
