"""What can be set, with its type, its default and its meaning: source of docs/configuration.md."""

from collections import Counter
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializeAsAny,
    ValidationInfo,
    field_validator,
)

from exporter.core.durations import format_duration
from exporter.core.labels import tag_label
from exporter.core.listen import parse_listen
from exporter.core.plugins import Duration, GridConfig, ProviderConfig, offering
from exporter.settings.policies import PolicyName, PolicySection
from exporter.settings.sections import on_by_default, section_of

_HOUR: Final = timedelta(hours=1)
_FINEST_RESOLUTION: Final = timedelta(minutes=1)
"""Clouds deliver no CPU average finer than this."""
_SHORTEST_POLL: Final = timedelta(seconds=10)
"""Shorter is a forgotten unit (``poll_interval: 5``), and each poll is billed."""
_STALE_POLLS: Final = 3
_NOT_SHORTER_THAN: Final = {"look_back": "resolution", "max_catch_up": "look_back"}


class MissingPolicy(StrEnum):
    """What a bucket counts as when a running machine never delivered it."""

    SKIP = "skip"
    IDLE = "idle"
    LAST = "last"


_DEFAULT_POWER_MODEL: Final = "measured"


class PowerModelName(StrEnum):
    """By which method utilisation becomes watts: each is a file of ``exporter/power``."""

    _ignore_ = "members found"

    # Members made in a loop are what _ignore_ is for: no list of models to keep beside the files.
    members = vars()
    for found in sorted(
        offering("exporter.power", "build"), key=lambda one: one != _DEFAULT_POWER_MODEL
    ):
        members[found.upper()] = found


class LogLevel(StrEnum):
    """Least severity that is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """How a log line is written."""

    AUTO = "auto"
    JSON = "json"
    CONSOLE = "console"


def checked_listen(text: object) -> object:
    """Let a valid address pass unchanged; anything else is a ValueError."""
    if isinstance(text, str):
        parse_listen(text)
    return text


def check_resolution(span: timedelta) -> timedelta:
    """Let whole buckets of an hour pass: 1m, 5m, 15m and the like."""
    if span < _FINEST_RESOLUTION or _HOUR % span or span.microseconds:
        message = "buckets must divide an hour evenly and last 1m or more: write 1m, 5m or 15m"
        raise ValueError(message)
    return span


def check_poll(span: timedelta) -> timedelta:
    """Let poll intervals of ten seconds or more pass."""
    if span < _SHORTEST_POLL:
        message = f"write {format_duration(_SHORTEST_POLL)} or more, with a unit, such as 5m"
        raise ValueError(message)
    return span


def _check_tags(tags: tuple[str, ...]) -> tuple[str, ...]:
    labels = Counter(tag_label(tag) for tag in tags)
    clash = [tag for tag in tags if labels[tag_label(tag)] > 1]
    if clash:
        message = f"{' and '.join(clash)} become the same label {tag_label(clash[0])}: keep one"
        raise ValueError(message)
    return tags


class RegionOverride(BaseModel):
    """What a user knows better about a cloud region than the shipped table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    grid_zone: str | None = Field(
        default=None,
        min_length=1,
        max_length=40,
        description="Grid zone that feeds the region, such as `FR` or `US-CAL-CISO`.",
    )
    pue: float | None = Field(
        default=None,
        ge=1.0,
        le=5.0,
        description="Power usage effectiveness of the data centre: facility energy ÷ IT energy.",
    )


RegionName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*:[A-Za-z0-9._-]+$")]
GridZone = Annotated[str, Field(min_length=1, max_length=40)]
AnnualGrams = Annotated[float, Field(ge=0.0, le=2000.0)]
CalibrationFactor = Annotated[float, Field(ge=0.2, le=5.0)]
HostName = Annotated[str, Field(pattern=r"^(\*|(\*\.)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*)$")]
Tag = Annotated[str, Field(min_length=1, max_length=128)]


def _file_or_none(value: object) -> object:
    if value is None:
        message = "write a path, or none for no file"
        raise ValueError(message)
    return None if value in ("none", Path("none")) else value


class Settings(BaseModel):
    """All settings of the daemon; immutable once read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    listen: Annotated[str, BeforeValidator(checked_listen)] = Field(
        default="127.0.0.1:9180",
        description="Address to serve on, `host:port`. `:9180` is every interface; "
        "IPv6 as `[::1]:9180`.",
    )
    allowed_hosts: tuple[HostName, ...] = Field(
        default=(),
        description="Names with a dot by which browsers may call the page and `/api`, such as "
        "`carbon.example.org` or `*.example.org`; `*` is every name. Addresses, `localhost`, names "
        "without a dot and the host of `listen` always may. `/metrics` and `/-/` answer to all.",
    )
    state: Annotated[Path | None, BeforeValidator(_file_or_none)] = Field(
        default=Path("carbon-exporter.db"),
        description="SQLite file that keeps counters and watermarks across restarts. "
        "One daemon per file. `none`: no file is wanted, counters begin at 0 with each start.",
    )
    poll_interval: Annotated[Duration, AfterValidator(check_poll)] = Field(
        default=timedelta(minutes=5),
        description="How often each cloud is asked: freshness and API bill, not accuracy. "
        "10s or more.",
    )
    resolution: Annotated[Duration, AfterValidator(check_resolution)] = Field(
        default=timedelta(minutes=5),
        description="Length of a bucket: the step in which energy and emissions are counted. "
        "Divides an hour evenly; 1m or more.",
    )
    look_back: Duration = Field(
        default=timedelta(minutes=60),
        description="How far back each poll reads again, to correct buckets whose value changed.",
    )
    max_catch_up: Duration = Field(
        default=timedelta(hours=24),
        description="After a stop, how far back buckets are still fetched. "
        "What is older is not counted.",
    )
    missing: MissingPolicy = Field(
        default=MissingPolicy.SKIP,
        description="What a bucket counts as when a running machine never delivered it: nothing "
        "(`skip`), the idle power (`idle`) or the last known utilisation (`last`). "
        "Coverage shows it in every case.",
    )
    stale_after: Duration | None = Field(
        default=None,
        description="Age at which a machine's gauges are withdrawn. Default: three polls.",
    )
    power_model: PowerModelName = Field(
        default=PowerModelName(_DEFAULT_POWER_MODEL),
        description="How utilisation becomes watts: by the product's own model (`measured`), or as "
        "Cloud Carbon Footprint (`ccf`) or the EC2 sheet of Teads (`teads`) do, to reconcile with "
        "their figures. PUE and grid are the same in all three.",
    )
    tags: Annotated[tuple[Tag, ...], AfterValidator(_check_tags)] = Field(
        default=(),
        description="Cloud tags that become labels `tag_<name>` of `carbon_resource_info`. "
        "No other tag is exported.",
    )
    max_series: int = Field(
        default=250_000,
        ge=1_000,
        description="Most series that `/metrics` serves; `carbon_exposition_series_dropped` and "
        "the log say when it cuts.",
    )
    budget_kgco2eq_per_month: float | None = Field(
        default=None,
        gt=0.0,
        le=1e9,
        description="What all machines together may emit in a calendar month, both scopes, in kg "
        "of CO2eq: for the budget's panel and alert. Default: no budget.",
    )
    log_level: LogLevel = Field(
        default=LogLevel.INFO, description="Least severity that is logged, on stderr."
    )
    log_format: LogFormat = Field(
        default=LogFormat.AUTO,
        description="`console` for people, `json` for collectors, `auto`: console on a terminal, "
        "JSON elsewhere.",
    )
    regions: dict[RegionName, RegionOverride] = Field(
        default_factory=dict,
        description="Overrides of the shipped region table, by `provider:region`, such as "
        "`aws:eu-west-1`; of AWS also by zone (`aws:us-west-2-lax-1a`) and by Outpost "
        "(`aws:op-0123456789abcdef0`), which stands where you put it.",
    )
    annual: dict[GridZone, AnnualGrams] = Field(
        default_factory=dict,
        description="Yearly average intensity by grid zone in gCO2eq/kWh, in place of the "
        "shipped value.",
    )
    calibration: dict[GridZone, CalibrationFactor] = Field(
        default_factory=dict,
        description="Factor by grid zone for values that are computed from a generation mix "
        "(`eia`, `entsoe`, `neso`): what `python -m tools.calibrate` makes of a year of your own "
        "series against the yearly value. Kept history is not changed by it.",
    )
    policies: dict[PolicyName, PolicySection] = Field(
        default_factory=dict,
        description="Advice by name: for `window`, `signal` and `simulate`, `/api/v1` and the "
        "metrics of advice. Nothing acts on it.",
    )
    providers: tuple[
        Annotated[SerializeAsAny[ProviderConfig], BeforeValidator(section_of("providers"))], ...
    ] = Field(
        default=(),
        description="Where machines are found: one entry per cloud account, or per cloud where "
        "one entry serves several accounts. At least one.",
    )
    grids: tuple[
        Annotated[SerializeAsAny[GridConfig], BeforeValidator(section_of("grids"))], ...
    ] = Field(
        default_factory=on_by_default,
        validate_default=True,
        description="Live sources of grid intensity, in order of preference. Annual averages "
        "always stand behind them; `[]` is annual averages alone.",
    )

    @field_validator("look_back", "max_catch_up")
    @classmethod
    def _not_shorter(cls, span: timedelta, info: ValidationInfo) -> timedelta:
        other = _NOT_SHORTER_THAN[str(info.field_name)]
        least = info.data.get(other)
        if isinstance(least, timedelta) and span < least:
            message = f"write {format_duration(least)} or more: not less than {other}"
            raise ValueError(message)
        return span

    @property
    def stale(self) -> timedelta:
        """Age at which gauges are withdrawn: ``stale_after``, or three polls."""
        return self.stale_after or self.poll_interval * _STALE_POLLS
