"""Log lines on stderr: for people on a terminal, as JSON for collectors of logs.

Every logger is routed through the same format: ours, and those of the libraries.
"""

import logging
import sys
from typing import Final, TextIO

import stamina.instrumentation
import structlog
from structlog.typing import Processor

_CHATTY: Final = (
    "httpx",
    "httpcore",
    "botocore",
    "boto3",
    "urllib3",
    "apscheduler",
    "azure",
    "msal",
)
"""Libraries that log each request at info, with its address, or at debug with its headers."""

_SHARED: Final[tuple[Processor, ...]] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


def configure(level: str, form: str, stream: TextIO | None = None) -> None:
    """Send all log lines of at least a level to a stream, stderr by default.

    ``level`` and ``form`` are values of ``log_level`` and ``log_format``.
    """
    target = stream or sys.stderr
    handler = logging.StreamHandler(target)
    handler.setFormatter(_formatter(form, target))
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    # It would tell of each retry, with the arguments of what is retried: those may hold a key.
    stamina.instrumentation.set_on_retry_hooks(())
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(root.level),
        cache_logger_on_first_use=False,
    )


def _formatter(form: str, stream: TextIO) -> logging.Formatter:
    people = form == "console" or (form == "auto" and stream.isatty())
    last: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if people:
        plain = structlog.dev.plain_traceback
        colours = stream.isatty()
        last.append(structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=plain))
    else:
        last += [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    return structlog.stdlib.ProcessorFormatter(foreign_pre_chain=_SHARED, processors=last)
