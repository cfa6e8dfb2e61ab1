"""Log lines on stderr: for people on a terminal, as JSON for collectors of logs.

Every logger is routed through the same format: ours, and those of the libraries. All lines pass one
filter that bounds them: what repeats, because a source is down for a day or because somebody sends
nonsense in a loop, is told once a minute with a count, and must not fill a disk.
"""

import logging
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
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

_SILENT: Final = {
    "apscheduler": logging.ERROR,  # warns at each round that a job still runs: we tell once
    "azure.core.pipeline": logging.ERROR,  # warns of each retry: we tell what came of it
}
"""Libraries whose warnings tell nothing that ours do not."""

WINDOW_SECONDS: Final = 60.0
"""How long a line is not repeated."""
MAX_LINES: Final = 30
"""Lines in a window that differ in their details only, such as in an address or a number."""
MAX_KINDS: Final = 1000
"""Lines that are remembered at a time: the least recent one is forgotten first."""
_LONGEST_KEY: Final = 500
_NO_DETAIL: Final = frozenset({"event", "timestamp", "level", "logger", "exc_info", "seconds"})
"""Parts of our lines that differ each time, or stand in the key already."""

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
    handler.addFilter(Repeats(handler.handle))
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    for name, least in _SILENT.items():
        logging.getLogger(name).setLevel(max(least, root.level))
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


@dataclass(slots=True)
class _Seen:
    """A line, or all lines of one wording: since when, how often, how often not shown."""

    since: float
    shown: int = 0
    held_back: int = 0


class Repeats(logging.Filter):
    """Lets a line pass once in a window, and of one wording a few, and tells how many did not.

    ``tell`` handles the record that tells; ``monotonic`` tells seconds from any origin.
    """

    def __init__(
        self,
        tell: Callable[[logging.LogRecord], object],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._tell = tell
        self._monotonic = monotonic
        # A signal or a destructor may log while this thread does: not a plain lock.
        self._lock = threading.RLock()
        self._seen: OrderedDict[tuple[str, ...], _Seen] = OrderedDict()

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a line is shown."""
        if hasattr(record, "repeated"):
            return True
        wording, details = _parts(record)
        base = (record.name, record.levelname, wording)
        with self._lock:
            line, line_told = self._look((*base, details))
            kind, kind_told = self._look(base)
            shown = line.shown == 0 and kind.shown < MAX_LINES
            for each in (line, kind):
                each.shown += shown
            # Counted once: by the line if it repeats, else by what exceeds the wording's share.
            (line if line.shown else kind).held_back += not shown
        for held_back in (line_told, kind_told):
            if held_back:
                self._tell(_told(record, wording, held_back))
        return shown

    def _look(self, key: tuple[str, ...]) -> tuple[_Seen, int]:
        """Return what is known of a line in this window, and how many the one before held back."""
        now, held_back = self._monotonic(), 0
        seen = self._seen.pop(key, None)
        if seen is not None and now - seen.since >= WINDOW_SECONDS:
            held_back, seen = seen.held_back, None
        self._seen[key] = seen = seen or _Seen(since=now)
        if len(self._seen) > MAX_KINDS:
            self._seen.popitem(last=False)
        return seen, held_back


def _parts(record: logging.LogRecord) -> tuple[str, str]:
    """Split a line into its wording, which the program wrote, and its details."""
    if isinstance(record.msg, dict):  # ours, by structlog
        known = record.msg
        details = [f"{k}={v}" for k, v in sorted(known.items()) if k not in _NO_DETAIL]
        return str(known.get("event"))[:_LONGEST_KEY], " ".join(details)[:_LONGEST_KEY]
    wording = str(record.msg)[:_LONGEST_KEY]
    return wording, str(record.args or "")[:_LONGEST_KEY]


def _told(record: logging.LogRecord, wording: str, times: int) -> logging.LogRecord:
    message = f"repeated {times} times: {wording}"
    told = logging.LogRecord(record.name, record.levelno, "", 0, message, None, None)
    told.repeated = times
    return told
