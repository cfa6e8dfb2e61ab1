"""Google's ``fields`` mask: which parts of a document a client wants.

``a,b/c,items/*/instances(id,labels)``: names apart by commas, paths by slashes, alternatives of one
level in parentheses, ``*`` for every name. Lists are passed through.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from exporter.demo.gcp.errors import reject

Tree = dict[str, Any]
"""Wanted names, each with the tree below it; an empty tree wants everything."""


def masked(document: Mapping[str, object], fields: str) -> Mapping[str, object]:
    """Return the parts of a document that a mask names.

    Raises:
        GoogleError: the mask is not well formed.
    """
    chosen = _choose(document, _parse(fields))
    return chosen if isinstance(chosen, dict) else {}


def _parse(fields: str) -> Tree:
    tree: Tree = {}
    for part in _split(fields):
        path, _, inner = part.partition("(")
        node = tree
        for name in path.strip("/").split("/"):
            node = node.setdefault(name.strip(), {})
        if inner:
            node.update(_parse(inner[:-1]))
    return tree


def _split(fields: str) -> Iterator[str]:
    """Yield the alternatives of one level, parentheses kept."""
    depth, part = 0, ""
    for sign in fields:
        depth += (sign == "(") - (sign == ")")
        if sign == "," and depth == 0:
            yield _checked(part, fields)
            part = ""
        else:
            part += sign
    if depth:
        reject(f"Invalid field selection {fields}")
    yield _checked(part, fields)


def _checked(part: str, fields: str) -> str:
    if not part.strip() or ("(" in part and not part.endswith(")")):
        reject(f"Invalid field selection {fields}")
    return part


def _choose(value: object, tree: Tree) -> object:
    if not tree:
        return value
    if isinstance(value, list):
        return [_choose(entry, tree) for entry in value]
    if not isinstance(value, dict):
        return value
    wanted = {name: tree.get(name, tree.get("*")) for name in value}
    return {name: _choose(value[name], sub) for name, sub in wanted.items() if sub is not None}
