"""The world's marginal emissions with an account: WattTime's MOER, API version 3.

Each zone has the WattTime region of ``data/zone_codes.csv``: that of the place of most of the
zone's cloud regions. Where a zone has several, the table's note tells; ``regions`` in the config
chooses another. The signal is ``co2_moer``, pounds of CO2 per MWh over
``[point_time, + 5 min)``, turned into grams per kWh: what one kilowatt-hour more or less would
change. The forecast reaches 72 h, of which 24 are asked for.

The percentile (signal index) says where the present stands among the 24 h that follow, as WattTime
expects them: 0 is the cleanest, 100 the dirtiest. It is told beside the intensity, never as one.

A login by name and password gives a token for half an hour. An account is registered by POST to
https://api.watttime.org/register.
"""

import base64
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Final, Self, TypeVar

from pydantic import Field, SecretStr, field_validator, model_validator

from exporter.core.clock import epoch, floor_to, from_epoch
from exporter.core.errors import AuthError, BadPayloadError, NoDataError
from exporter.core.model import Basis, GridReading, IntensityPoint, Method, Standing
from exporter.core.plugins import GridConfig
from exporter.core.ports import AdapterContext, Clock
from exporter.core.units import GRAMS_PER_KILOGRAM, GRAMS_PER_POUND, PERCENT, GCO2eqPerKwh
from exporter.grids._shared.facts import SourceFacts, codes
from exporter.grids._shared.payload import (
    ShapeError,
    as_instant,
    as_intensity,
    as_list,
    as_mapping,
    as_number,
    read_rows,
    shaped,
)
from exporter.grids._shared.windows import collect, in_window, slices
from exporter.http.address import SecureUrl
from exporter.http.client import Endpoint, JsonClient, Params, RefusedError
from exporter.http.secret import Secret

NAME: Final = "watttime"
SIGNAL: Final = "co2_moer"
UNITS: Final = "lbs_co2_per_mwh"
PERCENTILE: Final = "percentile"
"""Units of ``/v3/signal-index``."""
STEP: Final = 300
"""Seconds."""
RENEW_SECONDS: Final = 25 * 60.0
"""A token lives for 30 minutes."""
_TOKEN: Final = re.compile(r"[!-~]{1,8192}", re.ASCII)
REGIONS: Final[Mapping[str, str]] = codes("watttime_region")
"""WattTime region by grid zone."""
LAG_SECONDS: Final = 3600
"""Asked for before each window, so that a late region still has a newest value."""
LONGEST_REQUEST: Final = 30 * 86400
"""Seconds; the API allows 32 days."""
HISTORY_SECONDS: Final = 7 * 86400
"""One request of 2000 points for each region, of a source that tells its own forecast."""
AHEAD_HOURS: Final = 24
PLAN_SECONDS: Final = 86400.0
"""How long a plan is taken to lack what it lacked."""

HISTORICAL: Final = "historical"
FORECAST: Final = "forecast"
INDEX: Final = "signal-index"
_APIS: Final = (HISTORICAL, INDEX, FORECAST)

_Told = TypeVar("_Told", IntensityPoint, Standing)

FACTS: Final = SourceFacts(
    kind=NAME,
    title="WattTime",
    zones=tuple(REGIONS),
    method=Method.MARGINAL,
    basis=Basis.DIRECT,
    step="5 min",
    lag="minutes",
    forecast="24 h",
    budget="three requests for each region every 5 minutes: values, percentile and forecast; a "
    "login every half-hour. What the plan lacks is asked for again after a day. The source allows "
    "3000 in 5 minutes and 100 logins",
    licence="proprietary; data may not be passed on beyond the plan",
    attribution="WattTime",
    key="an account: `username` and `password_file`; register at api.watttime.org",
    url="https://watttime.org",
    notes=(
        "Marginal: a signal for decisions, never multiplied into totals.",
        (
            "Besides, `carbon_grid_marginal_percentile`: where the present stands among the next "
            "24 hours, 0 the cleanest and 100 the dirtiest. It is no intensity."
        ),
        (
            "The free plan tells the percentile of every region; values and forecast of the region "
            "CAISO_NORTH (zone US-CAL-CISO) only."
        ),
        "Zones with several WattTime regions get that of most of their cloud regions.",
    ),
)


class Config(GridConfig):
    """`kind: watttime`: marginal emissions of the world, with an account."""

    base_url: SecureUrl = Field(
        default="https://api.watttime.org", description="Address of the API, for a proxy."
    )
    username: str = Field(
        min_length=1, max_length=200, pattern=r"^[^:]+$", description="Name of the account."
    )
    password: SecretStr | None = Field(
        default=None,
        description="The account's password; only by its environment variable. "
        "Or use `password_file`.",
    )
    password_file: Path | None = Field(
        default=None,
        description="File that holds the account's password alone. It is read for every login.",
    )
    regions: dict[str, str] = Field(
        default_factory=dict,
        description="WattTime region by grid zone, where the shipped choice is not yours: "
        "`{US-MIDA-PJM: PJM_SOUTHWEST_OH}`.",
    )

    @field_validator("regions")
    @classmethod
    def _plain_names(cls, regions: dict[str, str]) -> dict[str, str]:
        for region in regions.values():
            if not region.isascii() or not region.replace("_", "").isalnum():
                message = "write WattTime's abbreviations, such as PJM_DC"
                raise ValueError(message)
        return regions

    @model_validator(mode="after")
    def _one_password(self) -> Self:
        if (self.password is None) == (self.password_file is None):
            message = (
                "needs one password: write `password_file: /path/to/password` "
                "(or set the variable CARBON_GRIDS__<position from 0>__PASSWORD)"
            )
            raise ValueError(message)
        return self


def build(config: Config, context: AdapterContext) -> tuple["WattTimeSource", ...]:
    """Make the source; nothing is asked or read yet."""
    endpoint = Endpoint(
        source=NAME,
        base_url=config.base_url,
        auth_fix="check username and password_file, or register anew",
    )
    password = Secret(NAME, config.password_file or config.password or Path(), setting="password")
    client = JsonClient(endpoint, context)
    logged_in = LoggedInClient(client, config.username, password, context.clock)
    return (WattTimeSource(logged_in, {**REGIONS, **config.regions}, context.clock),)


class PlanError(AuthError):
    """The account is right, but its plan lacks what was asked for."""


class LoggedInClient:
    """Gets documents with a token that is renewed by time and whenever it is refused."""

    def __init__(self, client: JsonClient, username: str, password: Secret, clock: Clock) -> None:
        self._client = client
        self._username = username
        self._password = password
        self._clock = clock
        self._token = ""
        self._renew_at = 0.0

    def get(self, path: str, *, api: str, params: Params) -> object:
        """Return the document at ``path``.

        Raises:
            PlanError: the plan lacks it.
            AuthError: the login is refused, or a new token as well.
            CollectorError: as ``JsonClient.get_json``.
        """
        try:
            return self._get(path, api, params)
        except RefusedError as error:
            if error.status == HTTPStatus.UNAUTHORIZED:
                self._token = ""
                return self._get(path, api, params)
            if not isinstance(error.document, dict):
                raise
            message = "watttime: the plan lacks this region or endpoint — see watttime.org, plans"
            raise PlanError(message) from error

    def close(self) -> None:
        """Release the connections."""
        self._client.close()

    def _get(self, path: str, api: str, params: Params) -> object:
        if not self._token or self._clock.monotonic() >= self._renew_at:
            self._token = self._login()
            self._renew_at = self._clock.monotonic() + RENEW_SECONDS
        headers = {"Authorization": f"Bearer {self._token}"}
        return self._client.get_json(path, api=api, params=params, headers=headers)

    def _login(self) -> str:
        pair = f"{self._username}:{self._password.reveal()}".encode()
        headers = {"Authorization": f"Basic {base64.b64encode(pair).decode('ascii')}"}
        try:
            document = self._client.get_json("/login", api="login", headers=headers)
        except RefusedError as error:  # a new try would be refused as well
            raise AuthError(str(error)) from error
        token = document.get("token") if isinstance(document, Mapping) else None
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            message = "watttime: the login gave no token — check base_url"
            raise BadPayloadError(message)
        return token


class WattTimeSource:
    """Marginal emissions and their forecast by WattTime region, for the zones of ``regions``."""

    name = NAME
    method = Method.MARGINAL
    basis = Basis.DIRECT
    refresh_seconds = 300
    history_seconds = HISTORY_SECONDS

    def __init__(self, client: LoggedInClient, regions: Mapping[str, str], clock: Clock) -> None:
        self._client = client
        self._regions = regions
        self._clock = clock
        self._lacking: dict[tuple[str, str], float] = {}

    def covers(self, zone: str) -> bool:
        """Whether the zone has a region, and the plan is not known to lack it."""
        region = self._regions.get(zone)
        return region is not None and not all(self._lacks(api, region) for api in _APIS)

    def fetch(self, zones: Collection[str], start: int, end: int) -> GridReading:
        """Read the intervals that overlap ``[start, end)`` epoch seconds.

        With them come the newest value before, where there is none inside, and the forecast and
        the standing, where the window reaches the running interval.

        Raises:
            CollectorError: nothing could be read.
        """
        now = int(epoch(self._clock.now()))
        until = min(end, now + 1)
        asked = {zone: self._regions[zone] for zone in sorted(zones) if self.covers(zone)}
        if not asked or until <= start:
            return GridReading(points=())
        reading = collect(self._parts(sorted(set(asked.values())), start, until, now))
        points = in_window(_of_zones(reading.points, asked), start, until)
        standings = tuple(_of_zones(reading.standings, asked))
        silent = not (points or standings or reading.failures)
        # A plan without values has said so once; of the past it then tells nothing.
        if silent and not all(self._lacks(HISTORICAL, region) for region in asked.values()):
            message = f"{NAME}: no value between {_iso(start)} and {_iso(until)} — wait"
            raise NoDataError(message)
        return GridReading(points=points, failures=reading.failures, standings=standings)

    def close(self) -> None:
        """Release the connections."""
        self._client.close()

    def _parts(
        self, regions: Collection[str], start: int, until: int, now: int
    ) -> Iterator[Callable[[], GridReading]]:
        first = min(start, now - LAG_SECONDS)
        windows = slices(first, until, step=STEP, longest=LONGEST_REQUEST)
        for left, right in sorted(windows, reverse=True):
            for region in regions:
                span = [("start", _iso(left)), ("end", _iso(right))]
                yield partial(self._read, HISTORICAL, region, span)
        if until > floor_to(now, STEP):
            for region in regions:
                yield partial(self._read, INDEX, region, ())
            for region in regions:
                span = [("horizon_hours", str(AHEAD_HOURS))]
                yield partial(self._read, FORECAST, region, span)

    def _read(self, api: str, region: str, span: Params) -> GridReading:
        if self._lacks(api, region):
            return GridReading(points=())
        params = [("region", region), ("signal_type", SIGNAL), *span]
        try:
            document = self._client.get(f"/v3/{api}", api=api, params=params)
        except PlanError as error:
            self._lacking[api, region] = self._clock.monotonic() + PLAN_SECONDS
            failure = PlanError(f"{error} ({api} of {region})", scope=region)
            return GridReading(points=(), failures=(failure,))
        now = epoch(self._clock.now())
        with shaped(NAME, scope=region):
            if api == INDEX:
                return parse_standing(document, region, now=now)
            return parse_points(document, region, forecast=api == FORECAST, now=now)

    def _lacks(self, api: str, region: str) -> bool:
        return self._clock.monotonic() < self._lacking.get((api, region), float("-inf"))


def _of_zones(told: Collection[_Told], asked: Mapping[str, str]) -> list[_Told]:
    """Give what was told of a region to every zone that has it."""
    return [
        replace(one, zone=zone)
        for zone, region in asked.items()
        for one in told
        if one.zone == region
    ]


def _iso(seconds: int) -> str:
    return from_epoch(seconds).strftime("%Y-%m-%dT%H:%M:%S+00:00")


def parse_points(document: object, region: str, *, forecast: bool, now: float) -> GridReading:
    """Turn an answer of ``/v3/historical`` or ``/v3/forecast`` into points; region is their zone.

    Observed intervals that begin after ``now`` (epoch seconds) are left out, and forecast ones that
    have ended. Imputed values and the running interval are estimated.

    Raises:
        ShapeError: another region, signal, unit or step, or no such document.
        BadPayloadError: there are values, and none is readable.
    """
    answer = as_mapping(document, "the document")
    meta = as_mapping(answer.get("meta"), "meta")
    _check(meta, region, UNITS)
    if meta.get("data_point_period_seconds") != STEP:
        message = f"data_point_period_seconds is not {STEP}"
        raise ShapeError(message)
    rows = as_list(answer.get("data"), "data")
    read = partial(_point, region=region, forecast=forecast, now=now)
    return read_rows(rows, read, source=NAME, scope=region)


def parse_standing(document: object, region: str, *, now: float) -> GridReading:
    """Turn an answer of ``/v3/signal-index`` into the standing of a region, which is its zone.

    Raises:
        ShapeError: another region, signal or unit, no percentile, a time to come (``now`` is epoch
            seconds, and one step is allowed to clocks), several values, or no such document.
        NoDataError: there is no value.
    """
    answer = as_mapping(document, "the document")
    _check(as_mapping(answer.get("meta"), "meta"), region, PERCENTILE)
    rows = [as_mapping(row, "an entry of data") for row in as_list(answer.get("data"), "data")]
    if not rows or rows[0].get("value", "absent") is None:
        message = f"{NAME}: no percentile of {region} — wait"
        raise NoDataError(message, scope=region)
    if len(rows) > 1:
        message = "data has more than one entry"
        raise ShapeError(message)
    return GridReading(points=(), standings=(_standing(rows[0], region, now),))


def grams_per_kwh(pounds_per_mwh: float) -> GCO2eqPerKwh:
    """Convert pounds per MWh: kilograms per MWh are grams per kWh."""
    return GCO2eqPerKwh(pounds_per_mwh * GRAMS_PER_POUND / GRAMS_PER_KILOGRAM)


def _check(meta: Mapping[str, object], region: str, units: str) -> None:
    for key, expected in (("region", region), ("signal_type", SIGNAL), ("units", units)):
        if meta.get(key) != expected:
            message = f"{key} is not {expected}"
            raise ShapeError(message)


def _standing(row: Mapping[str, object], region: str, now: float) -> Standing:
    moment = as_instant(row.get("point_time"), "point_time")
    if moment > now + STEP:
        message = "point_time is still to come"
        raise ShapeError(message)
    percentile = as_number(row.get("value"), "value")
    if percentile > PERCENT:
        message = f"value of {percentile:g} is no percentile"
        raise ShapeError(message)
    return Standing(zone=region, source=NAME, moment=moment, percentile=percentile)


def _point(row: object, *, region: str, forecast: bool, now: float) -> IntensityPoint | None:
    entry = as_mapping(row, "an entry of data")
    start = as_instant(entry.get("point_time"), "point_time")
    if start % STEP:
        message = "point_time is not the start of an interval"
        raise ShapeError(message)
    value, end = entry.get("value", "absent"), start + STEP
    if value is None or (end <= now if forecast else start > now):
        return None
    grams = grams_per_kwh(as_number(value, "value"))
    return IntensityPoint(
        zone=region,
        start=start,
        end=end,
        gco2eq_per_kwh=as_intensity(grams, "value", Basis.DIRECT),
        estimated=not forecast and (end > now or entry.get("imputed_data_used") is True),
        forecast=forecast,
    )
