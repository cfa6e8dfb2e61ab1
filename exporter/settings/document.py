"""The YAML file as plain text values.

Scalars stay text and get their type from the model, exactly like values of the environment. So
the zone ``NO`` is Norway rather than false, and an account number keeps its leading zeros.
"""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from exporter.core.errors import ConfigError, Problem

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
        document = yaml.load(_text(path), _TextLoader)  # noqa: S506 -- a SafeLoader
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


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise _unusable(str(path), "no such file", "create it, or name another") from error
    except UnicodeDecodeError as error:
        raise _unusable(str(path), "not text", "save it as UTF-8") from error
    except OSError as error:
        cause = (error.strerror or "cannot be read").lower()
        fix = "name a file that this user may read"
        raise _unusable(str(path), cause, fix) from error


def written(value: Any) -> Any:  # noqa: ANN401 -- any document
    """Return a value without the keys that have none: those count as not written."""
    if isinstance(value, dict):
        return {str(key): written(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [written(item) for item in value]
    return value


def _unusable(where: str, cause: str, fix: str) -> ConfigError:
    return ConfigError([Problem(key=where, value=cause, fix=fix)])
