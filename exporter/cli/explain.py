"""``explain``: every factor from utilisation to grams, of a machine type or a live machine."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Final
from urllib.parse import quote

import httpx
import typer

from exporter.app.explain import explain_type
from exporter.cli._asked import (
    DEFAULT_URL,
    DaemonError,
    ask_daemon,
    find_regions,
    find_types,
    offline_app,
    providers_with,
)
from exporter.cli._options import Cloud, Cpu, Json, Model, Overrides, parse_cpu
from exporter.cli._shown import number, print_json, print_line, print_table
from exporter.settings.environment import URL_VARIABLE

ORDER: Final = 60
SUMMARY: Final = "Show every factor from CPU utilisation to grams."
EXAMPLES: Final = (
    "carbon-exporter explain m5.large --region eu-west-3 --cpu 40%",
    "carbon-exporter explain i-0123456789abcdef0 --url http://carbon.internal:9180",
)

_HEAD: Final = ("FACTOR", "VALUE", "LOW", "HIGH", "UNIT", "YEAR", "SOURCE")


def explain(  # noqa: PLR0913 -- a verb's options are its parameters
    subject: Annotated[
        str, typer.Argument(metavar="RESOURCE_OR_TYPE", help="A machine type, or a machine's id.")
    ],
    *,
    provider: Cloud = "",
    region: Annotated[
        str,
        typer.Option(
            "--region", "-r", metavar="REGION", help="For a type. Default: the world's average."
        ),
    ] = "",
    cpu: Cpu = "50%",
    url: Annotated[
        str,
        typer.Option(metavar="URL", envvar=URL_VARIABLE, help="The daemon that knows the machine."),
    ] = DEFAULT_URL,
    model: Model = None,
    config: Overrides = None,
    as_json: Json = False,
) -> int:
    """Show every factor from CPU utilisation to grams, with its unit, year and source.

    A machine type is explained from the shipped tables; anything else is taken for a machine's id
    and asked of the running daemon, with its live values.
    """
    utilization = parse_cpu(cpu)
    app = offline_app(config, model)
    if provider or region or providers_with(app, subject):
        [(cloud, name)] = find_types(app, provider, [subject])
        # Without a region: the one without a name, on the world's average grid.
        place = find_regions(app, cloud, [region])[0] if region else app.regions.find(cloud, "")
        document = explain_type(app, (cloud, name), place, utilization)
    else:
        document = _of_machine(url, subject)
    if as_json:
        print_json(document)
    else:
        _print(subject, document)
    return 0


def _of_machine(url: str, subject: str) -> dict[str, Any]:
    """Ask a running daemon to explain one of its machines.

    Raises:
        UsageError: ``url`` is not an address.
        DaemonError: it does not answer, does not know the machine, or is something else.
    """
    fix = "start it with `carbon-exporter serve`, or name its address with --url"
    silent = f"{subject!r} is no machine type, and no daemon answers at {url} — {fix}"
    status, document = ask_daemon(url, f"/api/v1/explain/{quote(subject, safe='')}", silent=silent)
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
