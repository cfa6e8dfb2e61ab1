"""The YAML file as plain text values.

Scalars stay text and get their type from the model, exactly like values of the environment. So
the zone ``NO`` is Norway rather than false, and an account number keeps its leading zeros.
"""

from collections.abc import Hashable
from pathlib import Path
from typing import Any, Final

import yaml

from exporter.core.errors import ConfigError, Problem

MAX_BYTES: Final = 1024 * 1024
"""Of the file. A thousand accounts fit into a fifth of it."""
MAX_DEPTH: Final = 50
MAX_VALUES: Final = 100_000
"""Keys and values with every alias written out: a few lines of aliases of aliases make billions."""
_TOO_DEEP: Final = f"nested more than {MAX_DEPTH} deep"
_TOO_MANY: Final = "aliases that repeat more than a configuration can hold"

_KEPT_TAGS = frozenset({"tag:yaml.org,2002:null", "tag:yaml.org,2002:merge"})


class _TextLoader(yaml.SafeLoader):
    """Reads scalars as text, null apart, and refuses a key that is written twice."""

    yaml_implicit_resolvers = {  # noqa: RUF012 -- the loader's own protocol: a class attribute
        first: [(tag, pattern) for tag, pattern in resolvers if tag in _KEPT_TAGS]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 -- the loader's own protocol
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen and key.tag not in _KEPT_TAGS:
                problem = f"the key {key.value!r} stands here twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


def read_document(path: Path) -> dict[str, Any]:
    """Read the file's keys; a key without a value counts as not written.

    Raises:
        ConfigError: the file cannot be read, is not YAML, or is not a mapping.
    """
    try:
        text = _text(path)
        _check_size(text)
        document = yaml.load(text, _TextLoader)  # noqa: S506 -- a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{path}, line {mark.line + 1}, column {mark.column + 1}" if mark else str(path)
        raise _unusable(where, str(error.problem), "correct the YAML there") from error
    except yaml.YAMLError as error:
        # str(error) may quote the text, hence a secret
        raise _unusable(str(path), "not YAML", "use printable text in UTF-8") from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        fix = "write keys with values, such as `listen: 127.0.0.1:9180`"
        raise _unusable(str(path), "not a mapping", fix)
    keys: dict[str, Any] = written(document)
    return keys


def _check_size(text: str) -> None:
    """Refuse, before anything is built of it, what is nested or repeated without measure.

    Raises:
        MarkedYAMLError: it is, or it is not YAML.
    """
    sizes: dict[str, int] = {}  # of the node behind each anchor, with its aliases written out
    open_nodes: list[tuple[str | None, int]] = []  # each with its anchor and what it holds so far
    for event in yaml.parse(text, yaml.SafeLoader):
        size = 1
        if isinstance(event, yaml.CollectionStartEvent):
            open_nodes.append((event.anchor, 1))
            if len(open_nodes) > MAX_DEPTH:
                raise _unbounded(event, _TOO_DEEP)
            continue
        if isinstance(event, yaml.AliasEvent):
            # One that stands inside the node it means has no size yet, and no end.
            size = sizes.get(str(event.anchor), MAX_VALUES + 1)
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, size = open_nodes.pop()
            sizes |= {anchor: size} if anchor else {}
        elif not isinstance(event, yaml.ScalarEvent):
            continue
        elif event.anchor:
            sizes[event.anchor] = size
        if size > MAX_VALUES:
            raise _unbounded(event, _TOO_MANY)
        if open_nodes:
            anchor, held = open_nodes[-1]
            open_nodes[-1] = (anchor, held + size)


def _unbounded(event: yaml.Event, problem: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(None, None, problem, event.start_mark)  # type: ignore[arg-type]  # two marks, alike


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise _unusable(str(path), f"larger than {MAX_BYTES} bytes", "name another file")
        return content.decode("utf-8-sig")
    except FileNotFoundError as error:
        raise _unusable(str(path), "no such file", "create it, or name another") from error
    except UnicodeDecodeError as error:
        raise _unusable(str(path), "not text", "save it as UTF-8") from error
    except OSError as error:
        cause = (error.strerror or "cannot be read").lower()
        fix = "name a file that this user may read"
        raise _unusable(str(path), cause, fix) from error


def written(value: Any, depth: int = 0) -> Any:  # noqa: ANN401 -- any document
    """Return a value without the keys that have none: those count as not written.

    Raises:
        RecursionError: it is nested deeper than a configuration is.
    """
    if depth > MAX_DEPTH:
        raise RecursionError
    if isinstance(value, dict):
        kept = ((key, item) for key, item in value.items() if item is not None)
        return {str(key): written(item, depth + 1) for key, item in kept}
    if isinstance(value, list):
        return [written(item, depth + 1) for item in value]
    return value


def _unusable(where: str, cause: str, fix: str) -> ConfigError:
    return ConfigError([Problem(key=where, value=cause, fix=fix)])
