"""Spoils a document where it hurts: one or a few nodes, the rest stays well formed."""

import json
import re
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, Final

ODD: Final[tuple[Any, ...]] = (
    None,
    True,
    -1,
    0,
    -0.0,
    1e308,
    float("nan"),
    float("-inf"),
    2**63,
    10**400,
    "",
    "NaN",
    "-1e309",
    "0x10",
    "²",
    "\x00",
    "\ud800",
    "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00+23:59",
    "x" * 20_000,
    [],
    {},
    [[[[]]]],
)
WORDS: Final = tuple(
    word.encode()
    for word in (
        "",
        "-1",
        "1e999",
        "NaN",
        "²",
        "2147483648",
        "9" * 400,
        "<a/>",
        "&lt;",
        "é",
        "x" * 9999,
    )
)
_TEXT: Final = re.compile(rb">([^<>]+)<")
_LEAF: Final = re.compile(rb"<(\w[^<>/\s]*)[^<>]*>[^<>]*</\1>")


def spoiled(body: bytes, random: Random) -> bytes:
    """Return a body with one to three odd places; bytes that are no document are just damaged."""
    change: Callable[[bytes, Random], bytes] = _bytes
    if body[:1] in {b"{", b"["}:
        change = _json
    elif body[:1] == b"<":
        change = _xml
    if random.random() < 0.1:
        change = _bytes
    for _ in range(random.choice((1, 1, 1, 3))):
        body = change(body, random)
    return body


def _json(body: bytes, random: Random) -> bytes:
    try:
        document = json.loads(body)
    except ValueError:
        return _bytes(body, random)
    places = list(_places(document))
    if not places:
        return _bytes(body, random)
    node, key = random.choice(places)
    _spoil(node, key, random)
    return json.dumps(document).encode("utf-8", "surrogatepass")


def _places(node: Any) -> Iterator[tuple[Any, Any]]:  # noqa: ANN401 - JSON
    keys = node.keys() if isinstance(node, dict) else range(len(node))
    for key in list(keys):
        yield node, key
        if isinstance(node[key], dict | list):
            yield from _places(node[key])


def _spoil(node: Any, key: Any, random: Random) -> None:  # noqa: ANN401 - JSON
    match random.randrange(6):
        case 0:
            del node[key]
        case 1 if isinstance(node, list):
            node.insert(key, node[key])
        case 1:
            node[str(key).swapcase()] = node.pop(key)
        case 2 if isinstance(node[key], int | float):
            node[key] = random.choice((-1, 1e6, 1e-300)) * node[key]
        case 3:
            node[key] = str(node[key])
        case _:
            node[key] = random.choice(ODD)


def _xml(body: bytes, random: Random) -> bytes:
    pattern, whole = random.choice(((_TEXT, False), (_LEAF, True)))
    found = list(pattern.finditer(body))
    if not found:
        return _bytes(body, random)
    chosen = random.choice(found)
    start, end = chosen.span(0 if whole else 1)
    word = random.choice((b"", chosen[0] * 2)) if whole else random.choice(WORDS)
    return body[:start] + word + body[end:]


def _bytes(body: bytes, random: Random) -> bytes:
    """Cut, double or flip a part of it."""
    if not body:
        return random.choice((b"\x00", b"null", b"[" * 5000))
    start = random.randrange(len(body))
    end = start + random.randrange(1, 40)
    match random.randrange(4):
        case 0:
            return body[:start]
        case 1:
            return body[:end] + body[start:]
        case 2:
            return body[:start] + random.randbytes(end - start) + body[end:]
    return body[:start] + body[end:]
