"""Reads recordings that are not part of this project: CSV files with certain columns."""

import csv
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

Read = TypeVar("Read")


def table(
    path: Path, columns: Collection[str], read: Callable[[Mapping[str, str]], Read]
) -> Iterator[Read]:
    """Yield what ``read`` makes of each line; other columns may be there in any order.

    Raises:
        OSError: the file cannot be read.
        ValueError: columns are missing, or a line cannot be read; the message names file and line.
    """
    with path.open(newline="", encoding="utf-8-sig") as text:
        lines = csv.DictReader(text)
        missing = sorted(set(columns) - set(lines.fieldnames or ()))
        if missing:
            several = "columns" if len(missing) > 1 else "column"
            is_missing = "are missing" if len(missing) > 1 else "is missing"
            message = f"{path}: {several} {', '.join(missing)} {is_missing}"
            raise ValueError(message)
        for line in lines:
            try:
                yield read({name: cell or "" for name, cell in line.items() if name})
            except ValueError as error:
                message = f"{path} line {lines.line_num}: {error}"
                raise ValueError(message) from error
