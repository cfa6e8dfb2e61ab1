"""Receives alerts as webhooks from Alertmanager and Grafana, prints them and shows them on a page.

``python receiver.py [HOST:PORT]``; needs nothing but Python. What posts to ``/grafana`` is told
apart from what posts to ``/alertmanager`` by that path.
"""

import json
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

DEFAULT_LISTEN: Final = "127.0.0.1:8080"
MOST_BYTES: Final = 4_000_000
"""Of one message: far more than a few hundred alerts take."""
MOST_ALERTS: Final = 200
"""Shown; older ones are forgotten."""
_LOST_CLIENT_SECONDS: Final = 10

_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Alerts received</title>
<meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="5">
<style>
:root {{ color-scheme: light dark }}
body {{ font: 16px/1.5 system-ui, sans-serif }}
body {{ margin: 2rem auto; max-width: 60rem; padding: 0 1rem }}
article {{ border-left: .3rem solid #888; padding: .2rem 1rem; margin: 1rem 0 }}
article.firing {{ border-color: #c4162a }} article.resolved {{ border-color: #37872d }}
h2 {{ font-size: 1.05rem; margin: 0 }} p {{ margin: .3rem 0 }} small {{ opacity: .75 }}
</style></head><body>
<h1>Alerts received</h1>
<p>What Alertmanager and Grafana sent to this receiver of the demo, the latest first.</p>
{alerts}
</body></html>
"""
_NONE: Final = "<p>None yet. The demo's accident fires one about ten minutes after its start.</p>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert as it was last heard of. ``key`` is the same for all that is heard of it."""

    key: tuple[str, ...]
    sender: str
    status: str
    name: str
    severity: str
    since: str
    until: str
    summary: str
    description: str

    def __str__(self) -> str:
        """Return one line for the log."""
        return f"{self.status.upper()} {self.name} ({self.sender}): {self.summary}"


class Board:
    """The alerts received, each as it was last heard of."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._alerts: dict[tuple[str, ...], Alert] = {}

    def take(self, alerts: Sequence[Alert]) -> list[Alert]:
        """Keep alerts; return those whose status is news."""
        with self._lock:
            news = [alert for alert in alerts if self._is_news(alert)]
            for alert in alerts:
                self._alerts.pop(alert.key, None)
                self._alerts[alert.key] = alert
            for key in list(self._alerts)[:-MOST_ALERTS]:
                del self._alerts[key]
        return news

    def _is_news(self, alert: Alert) -> bool:
        known = self._alerts.get(alert.key)
        return known is None or (known.status, known.since) != (alert.status, alert.since)

    def page(self) -> str:
        """Return what was received as HTML."""
        with self._lock:
            alerts = list(self._alerts.values())
        shown = "\n".join(_article(alert) for alert in reversed(alerts))
        return _PAGE.format(alerts=shown or _NONE)


def parse(sender: str, body: bytes) -> tuple[Alert, ...]:
    """Read a webhook of Alertmanager, or of Grafana, which has the same members.

    Raises:
        ValueError: it is none.
    """
    message = json.loads(body)
    listed = message.get("alerts") if isinstance(message, dict) else None
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        text = "no list of alerts"
        raise ValueError(text)
    return tuple(_alert(sender, one) for one in listed)


def _alert(sender: str, raw: Mapping[str, object]) -> Alert:
    labels, annotations = _texts(raw.get("labels")), _texts(raw.get("annotations"))
    firing = raw.get("status") == "firing"
    return Alert(
        key=(sender, *(f"{name}={value}" for name, value in sorted(labels.items()))),
        sender=sender,
        status="firing" if firing else "resolved",
        name=labels.get("alertname", "unnamed"),
        severity=labels.get("severity", ""),
        since=_time(raw.get("startsAt")),
        until="" if firing else _time(raw.get("endsAt")),
        summary=" ".join(annotations.get("summary", "").split()),
        description=annotations.get("description", "").strip(),
    )


def _texts(raw: object) -> dict[str, str]:
    return {str(k): str(v) for k, v in raw.items()} if isinstance(raw, dict) else {}


def _time(raw: object) -> str:
    try:
        return f"{datetime.fromisoformat(str(raw)):%Y-%m-%d %H:%M:%S %Z}"
    except ValueError:
        return ""


def _article(alert: Alert) -> str:
    until = f" until {escape(alert.until)}" if alert.until else ""
    severity = f" · {escape(alert.severity)}" if alert.severity else ""
    return (
        f'<article class="{alert.status}"><h2>{escape(alert.name)}: {alert.status}</h2>'
        f"<p>{escape(alert.summary)}</p><p>{escape(alert.description)}</p>"
        f"<small>{escape(alert.sender)}{severity} · since {escape(alert.since)}{until}</small>"
        "</article>"
    )


class Receiver(ThreadingHTTPServer):
    """The server; ``board`` holds what it received."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int]) -> None:
        super().__init__(address, _Handler)
        self.board = Board()


class _Handler(BaseHTTPRequestHandler):
    server: Receiver
    timeout = _LOST_CLIENT_SECONDS

    def do_GET(self) -> None:
        if self.path == "/-/healthy":
            self._answer(HTTPStatus.OK, "OK\n", "text/plain")
        elif self.path == "/":
            self._answer(HTTPStatus.OK, self.server.board.page(), "text/html")
        else:
            self._answer(HTTPStatus.NOT_FOUND, "not found\n", "text/plain")

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit() and int(length) <= MOST_BYTES):
            self._answer(HTTPStatus.LENGTH_REQUIRED, "a length of 4 MB or less\n", "text/plain")
            return
        try:
            alerts = parse(self.path.strip("/"), self.rfile.read(int(length)))
        except ValueError as error:
            self._answer(HTTPStatus.BAD_REQUEST, f"no webhook of alerts: {error}\n", "text/plain")
            return
        news = self.server.board.take(alerts)
        sys.stdout.write("".join(f"{alert}\n" for alert in news))  # whole lines: we have threads
        sys.stdout.flush()
        self._answer(HTTPStatus.OK, "", "text/plain")

    def _answer(self, status: HTTPStatus, text: str, kind: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing of requests: the log tells of alerts."""


def main(arguments: Sequence[str]) -> None:
    """Serve until the process ends."""
    host, _, port = (arguments[0] if arguments else DEFAULT_LISTEN).rpartition(":")
    with Receiver((host, int(port))) as server:
        print(f"alerts are shown on http://{host}:{server.server_port}/", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(0)
