"""What a test does to logging is undone after it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import structlog


@contextmanager
def loggers_restored() -> Iterator[None]:
    """Put back handlers and level of the root logger, and structlog's own configuration."""
    root = logging.getLogger()
    handlers, level, ours = root.handlers[:], root.level, structlog.get_config()
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.configure(**ours)
