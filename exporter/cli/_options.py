"""What can be typed: options that several verbs take, and how their texts become values."""

import re
from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, TypeVar

import typer

from exporter.core.durations import parse_duration
from exporter.core.errors import CarbonExporterError
from exporter.core.model import Method
from exporter.core.units import Ratio, ratio_from_percent
from exporter.settings import parse_listen
from exporter.settings.environment import CONFIG_VARIABLE
from exporter.settings.hints import did_you_mean
from exporter.settings.model import PowerModelName

_NUMBER: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(%?)")

Choice = TypeVar("Choice", bound=StrEnum)


class UsageError(CarbonExporterError):
    """An argument that cannot be used: names it, and says what would be right. Exit code 2."""


def one_of(option: str, kind: type[Choice]) -> Callable[[str], Choice]:
    """Make the parser of an option that takes one of a few words.

    The parser raises ``UsageError``, which reads like our other mistakes; typer's own text for an
    Enum would not.
    """

    def parse(text: str) -> Choice:
        try:
            return kind(text)
        except ValueError as error:
            message = f"{option} {text!r} — write one of {', '.join(kind)}"
            raise UsageError(message) from error

    return parse


def parse_model(text: str) -> PowerModelName:
    """Read the name of a power model.

    Raises:
        UsageError: there is none of that name.
    """
    try:
        return PowerModelName(text)
    except ValueError as error:
        hint = did_you_mean(text, [model.value for model in PowerModelName])
        message = f"--model {text!r} — {hint}one of {', '.join(PowerModelName)}"
        raise UsageError(message) from error


def parse_cpu(text: str) -> Ratio:
    """Read a mean CPU utilisation: ``40%``, ``40`` or ``0.4``; a bare number up to 1 is a ratio.

    Raises:
        UsageError: not a number, or not within 0 and 100 %.
    """
    found = _NUMBER.fullmatch(text.strip())
    amount = float(found[1]) if found else -1.0
    as_ratio = found is not None and not found[2] and amount <= 1
    utilization = Ratio(amount) if as_ratio else ratio_from_percent(amount)
    if not 0 <= utilization <= 1:
        message = f"--cpu {text!r} — write a mean utilisation such as 40%, or 0.4"
        raise UsageError(message)
    return utilization


def parse_span(option: str, text: str) -> timedelta:
    """Read a time span such as ``24h``.

    Raises:
        UsageError: it is none, or longer than can be counted.
    """
    try:
        return parse_duration(text)
    except (ValueError, OverflowError) as error:
        message = f"{option} {text!r} — {error}"
        raise UsageError(message) from error


def checked_listen(listen: str) -> str:
    """Return an address to serve on as it is.

    Raises:
        UsageError: it is not one.
    """
    try:
        parse_listen(listen)
    except ValueError as error:
        message = f"--listen {listen!r} — {error}"
        raise UsageError(message) from error
    return listen


Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        envvar=CONFIG_VARIABLE,
        help="YAML file. Default: ./carbon-exporter.yml if it is there. Every key can also be "
        "set by the environment, as CARBON_POLL_INTERVAL=15m.",
    ),
]
Overrides = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        help="YAML file whose overrides of regions and annual averages are to be used.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Write JSON for programs.")]
GridMethod = Annotated[
    Method,
    typer.Option(
        "--method",
        metavar="METHOD",
        parser=one_of("--method", Method),
        help="average: of all generation; marginal: what one kWh more would change.",
    ),
]
Cpu = Annotated[
    str,  # so that the help tells the default as people write it; ``parse_cpu`` reads it
    typer.Option(metavar="LOAD", help="Mean CPU utilisation: 40%, or 0.4."),
]
Model = Annotated[
    PowerModelName | None,
    typer.Option(
        "--model",
        metavar="MODEL",
        parser=parse_model,
        help="measured, ccf (Cloud Carbon Footprint) or teads. Default: measured, or that of "
        "--config.",
    ),
]
Cloud = Annotated[
    str,
    typer.Option(
        "--provider",
        "-p",
        metavar="CLOUD",
        help="aws, gcp or azure. Default: the only cloud that has the type.",
    ),
]
