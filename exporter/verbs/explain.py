"""``explain``: every factor from utilisation to grams, of a machine type or a live machine."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import httpx

from exporter.app import App
from exporter.app.explain import explain_type
from exporter.core.errors import CarbonExporterError
from exporter.core.model import Region
from exporter.verbs.choices import find_regions, find_types, parse_cpu, providers_with
from exporter.verbs.errors import UsageError
from exporter.verbs.offline import offline_app
from exporter.verbs.output import number, print_json, print_line, print_table

DEFAULT_URL: Final = "http://127.0.0.1:9180"

_TIMEOUT_SECONDS: Final = 10.0
_HEAD = ("FACTOR", "VALUE", "LOW", "HIGH", "UNIT", "YEAR", "SOURCE")


class DaemonError(CarbonExporterError):
    """The running daemon could not be asked, or does not know the machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What was asked, as it was typed."""

    subject: str
    provider: str = ""
    region: str = ""
    cpu: str = "50%"
    url: str = DEFAULT_URL
    model: str = ""
    config: Path | None = None


def explain(question: Question, *, as_json: bool) -> int:
    """Print the factors of a type from the tables, of a machine from a running daemon.

    Raises:
        UsageError: an argument that cannot be used.
        DaemonError: no daemon answers, or it knows no such machine.
        ConfigError: the configuration file that was named is wrong.
    """
    parse_cpu(question.cpu)
    app = offline_app(question.config, question.model)
    is_type = question.provider or question.region or providers_with(app, question.subject)
    document = _of_type(app, question) if is_type else ask(question.url, question.subject)
    if as_json:
        print_json(document)
    else:
        _print(question.subject, document)
    return 0


def _of_type(app: App, question: Question) -> dict[str, Any]:
    """Explain a machine type in a region; without one, on the world's average grid."""
    [(provider, name)] = find_types(app, question.provider, [question.subject])
    region = _region(app, provider, question.region)
    return explain_type(app, (provider, name), region, parse_cpu(question.cpu))


def ask(url: str, subject: str) -> dict[str, Any]:
    """Ask a running daemon to explain one of its machines.

    Raises:
        UsageError: ``url`` is not an address.
        DaemonError: it does not answer, does not know the machine, or is something else.
    """
    address = f"{url.rstrip('/')}/api/v1/explain/{quote(subject, safe='')}"
    try:
        answer = httpx.get(address, timeout=_TIMEOUT_SECONDS)
        document = answer.json()
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        message = f"--url {url!r} — write an address such as {DEFAULT_URL}"
        raise UsageError(message) from error
    except httpx.HTTPError as error:
        fix = "start it with `carbon-exporter serve`, or name its address with --url"
        message = f"{subject!r} is no machine type, and no daemon answers at {url} — {fix}"
        raise DaemonError(message) from error
    except ValueError:
        document = None
    return _checked(answer.status_code, document, url, subject)


def _checked(status: int, document: object, url: str, subject: str) -> dict[str, Any]:
    if not isinstance(document, dict):
        message = f"{url} does not answer as a carbon-exporter — name its address with --url"
        raise DaemonError(message)
    if status == httpx.codes.NOT_FOUND:
        fix = "see the page or /api/v1/resources for what it watches"
        message = f"the daemon at {url} knows no machine {subject!r} — {fix}"
        raise DaemonError(message)
    if status != httpx.codes.OK:
        message = f"the daemon at {url} answered HTTP {status} — see its log"
        raise DaemonError(message)
    return document


def _region(app: App, provider: str, name: str) -> Region:
    if name:
        return find_regions(app, provider, [name])[0]
    return app.regions.find(provider, "")


def _print(subject: str, document: Mapping[str, Any]) -> None:
    for one in document.get("resources", (document,)):
        factors = one.get("factors", ())
        print_table(f"How {subject} emits", _HEAD, [_row(factor) for factor in factors])
        for line in _totals(one):
            print_line(line)


def _row(factor: Mapping[str, Any]) -> Sequence[str]:
    value = factor.get("value")
    return (
        str(factor.get("name", "")),
        number(value) if isinstance(value, int | float) else str(value),
        _bound(factor.get("low")),
        _bound(factor.get("high")),
        *(str(factor.get(key) or "") for key in ("unit", "year", "source")),
    )


def _bound(value: float | None) -> str:
    return "" if value is None else number(value)


def _totals(document: Mapping[str, Any]) -> Iterator[str]:
    for key, value in document.items():
        label = key.replace("_", " ").replace("gco2eq", "gCO2eq").replace("it watts", "IT watts")
        if isinstance(value, Mapping) and {"low", "central", "high"} <= value.keys():
            low, central, high = (number(value[end]) for end in ("low", "central", "high"))
            yield f"{label}: {central} ({low} to {high})"
        elif isinstance(value, str | int | float) and value != "":
            yield f"{label}: {value}"
