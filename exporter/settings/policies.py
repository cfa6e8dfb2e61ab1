"""Policies: standing questions of when, where and how much, answered anew at each refresh."""

import re
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from exporter.core.durations import format_duration
from exporter.core.plugins import Duration
from exporter.core.units import WATTS_PER_KILOWATT

_REGION: Final = re.compile(r"[a-z][a-z0-9_]*:[A-Za-z0-9._-]+")
_LONGEST: Final = timedelta(hours=48)
"""As far ahead as forecasts are trusted."""
_EARTH: Final = ((-90.0, 90.0), (-180.0, 180.0))


class PolicyKind(StrEnum):
    """What a policy asks."""

    WINDOW = "window"
    CAPACITY = "capacity"
    RANK = "rank"


_TAKES: Final = {
    PolicyKind.WINDOW: frozenset(
        {
            *("zone", "regions", "duration", "deadline", "power_watts", "interruptible"),
            *("resume_cost", "min_slice", "caution"),
        }
    ),
    PolicyKind.CAPACITY: frozenset({"zone", "regions", "deadline", "load", "floor", "machines"}),
    PolicyKind.RANK: frozenset(
        {
            *("regions", "deny", "near", "max_round_trip_ms", "dollars_per_tonne"),
            *("dollars_per_hour", "power_watts"),
        }
    ),
}


def with_colon(name: object) -> object:
    """Take ``aws/eu-west-1`` as ``aws:eu-west-1``, the form that the product writes."""
    return name.replace("/", ":", 1) if isinstance(name, str) and ":" not in name else name


def _check_region(name: object) -> object:
    told = with_colon(name)
    if isinstance(told, str) and not _REGION.fullmatch(told):
        message = "write provider:region, such as aws:eu-west-1"
        raise ValueError(message)
    return told


PolicyRegion = Annotated[str, BeforeValidator(_check_region)]
PolicyName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,62}$")]


class PolicySection(BaseModel):
    """One policy; ``kind`` says which keys it takes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: PolicyKind = Field(
        description="`window`: when and where a job emits least. `capacity`: what share of "
        "deferrable work should run now. `rank`: which region is the cleanest."
    )
    zone: str | None = Field(
        default=None,
        min_length=1,
        max_length=40,
        description="Grid zone, such as `FR`, in place of `regions` (window, capacity).",
    )
    regions: tuple[PolicyRegion, ...] = Field(
        default=(),
        description="Regions that may be used, as `aws:eu-west-1`; the first is home. One for a "
        "capacity; a rank without any takes those of all watched clouds.",
    )
    duration: Duration | None = Field(
        default=None, description="How long the job runs (window, required)."
    )
    deadline: Duration = Field(
        default=timedelta(hours=24),
        description="Within which time work must be done (window), or how long it may wait "
        "(capacity). 48h at most: as far as forecasts are trusted.",
    )
    power_watts: float = Field(
        default=WATTS_PER_KILOWATT,
        gt=0.0,
        le=1e9,
        description="IT power of the job or machine in watts, to tell grams (window) or to price "
        "them (rank).",
    )
    interruptible: bool = Field(
        default=False, description="Whether the job may pause and go on elsewhere (window)."
    )
    resume_cost: Duration | None = Field(
        default=None, description="Work that each resume does again, such as `6m` (window)."
    )
    min_slice: Duration | None = Field(
        default=None, description="Shortest run between two pauses (window)."
    )
    caution: float = Field(
        default=0.0,
        ge=0.0,
        le=1.0,
        description="How far the future is priced towards its 90 % quantile: 0.5 halves the jobs "
        "that end up worse than at once, and costs a tenth of the saving (window).",
    )
    load: float | None = Field(
        default=None,
        ge=0.0,
        le=1.0,
        description="Share of full capacity that work needs on average (capacity). Without it, "
        "and without a backlog in the question, the target is 1.",
    )
    floor: float = Field(
        default=0.0,
        ge=0.0,
        le=1.0,
        description="Least share of capacity (capacity). 0.3 takes most of the saving at low load.",
    )
    machines: float = Field(
        default=1.0,
        gt=0.0,
        description="How many machines are full capacity: a backlog in machine-hours is divided "
        "by it (capacity).",
    )
    deny: tuple[str, ...] = Field(
        default=(),
        description="Regions or whole clouds that are never used, such as `aws:us-east-1` or "
        "`azure` (rank).",
    )
    near: tuple[float, float] | None = Field(
        default=None, description="Latitude and longitude of the users, in degrees (rank)."
    )
    max_round_trip_ms: float | None = Field(
        default=None,
        gt=0.0,
        description="Longest round trip from `near`, estimated by distance (rank).",
    )
    dollars_per_tonne: float = Field(
        default=0.0, ge=0.0, description="What a tonne of CO2eq is worth (rank)."
    )
    dollars_per_hour: dict[PolicyRegion, float] = Field(
        default_factory=dict,
        description="Price of the machine by region; with it regions are ordered by money, carbon "
        "among it (rank).",
    )

    @field_validator("deny", mode="before")
    @classmethod
    def _denied(cls, names: object) -> object:
        return [with_colon(name) for name in names] if isinstance(names, list | tuple) else names

    @field_validator("deadline")
    @classmethod
    def _within_forecasts(cls, span: timedelta) -> timedelta:
        if span > _LONGEST:
            message = f"write {format_duration(_LONGEST)} or less: forecasts reach no further"
            raise ValueError(message)
        return span

    @field_validator("near")
    @classmethod
    def _on_earth(cls, point: tuple[float, float] | None) -> tuple[float, float] | None:
        spans = zip(point or (0.0, 0.0), _EARTH, strict=True)
        if any(not low <= value <= high for value, (low, high) in spans):
            message = "write [latitude, longitude] in degrees, such as [48.86, 2.35]"
            raise ValueError(message)
        return point

    @field_validator("dollars_per_hour")
    @classmethod
    def _prices(cls, prices: dict[str, float]) -> dict[str, float]:
        if any(not 0.0 <= price < float("inf") for price in prices.values()):
            message = "prices are 0 or more"
            raise ValueError(message)
        return prices

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        odd = sorted(self.model_fields_set - _TAKES[self.kind] - {"kind"})
        if odd:
            takes = ", ".join(sorted(_TAKES[self.kind]))
            message = f"a {self.kind} takes no {' and no '.join(odd)}: it takes {takes}"
            raise ValueError(message)
        if self.kind is not PolicyKind.RANK and bool(self.zone) == bool(self.regions):
            message = "name its zone or its regions, one of both"
            raise ValueError(message)
        if self.kind is PolicyKind.CAPACITY and len(self.regions) > 1:
            message = "a capacity stands in one place: name one region"
            raise ValueError(message)
        if self.kind is PolicyKind.WINDOW:
            self._check_window()
        if (self.max_round_trip_ms is None) is not (self.near is None):
            message = "near and max_round_trip_ms go together"
            raise ValueError(message)
        return self

    def _check_window(self) -> None:
        if self.duration is None:
            message = "a window needs the duration of its job, such as 4h"
            raise ValueError(message)
        if self.duration > self.deadline:
            message = f"{format_duration(self.duration)} of work do not fit into the deadline"
            raise ValueError(message)
        if not self.interruptible and (self.resume_cost or self.min_slice):
            message = "resume_cost and min_slice belong to an interruptible job"
            raise ValueError(message)
