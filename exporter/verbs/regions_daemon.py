"""The regions as a running daemon knows them: ``/api/v1/regions``."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final

import httpx
from pydantic import BaseModel, Field, ValidationError

from exporter.core.model import (
    AnnualIntensity,
    Basis,
    FallbackLevel,
    IntensityInForce,
    Method,
    Region,
)
from exporter.core.snapshot import RegionIntensityView
from exporter.core.units import GCO2eqPerKwh
from exporter.verbs.errors import UsageError
from exporter.verbs.explain import DEFAULT_URL, DaemonError
from exporter.verbs.grid import RANKED_BASIS
from exporter.verbs.regions_shown import Survey

_PATH: Final = "/api/v1/regions"
_TIMEOUT_SECONDS: Final = 10.0

_Grams = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Told(BaseModel):
    """One region of the answer; what a later daemon adds is left aside."""

    provider: str
    cloud_region: str
    location: str = ""
    latitude: float | None = None
    longitude: float | None = None
    known: bool = True
    grid_zone: str
    gco2eq_per_kwh: _Grams
    source: str
    method: Method
    basis: Basis
    fallback_level: int = Field(ge=0, le=4)
    valid_from: int
    estimated: bool = False
    pue: float = Field(ge=1, allow_inf_nan=False)
    mean_24h: _Grams | None = None
    annual: _Grams
    annual_year: str = ""
    weaker: bool = False


class _Answer(BaseModel):
    time: float
    regions: tuple[_Told, ...]


def ask_daemon(url: str, regions: Sequence[Region], method: Method) -> Survey:
    """Ask a running daemon for the regions of the providers that are in ``regions``.

    Raises:
        UsageError: ``url`` is not an address.
        DaemonError: it does not answer, or is something else.
    """
    answer = _checked(url, *_get(url))
    providers = {region.provider for region in regions}
    kind = (method, RANKED_BASIS[method])
    told = [r for r in answer.regions if r.provider in providers and (r.method, r.basis) == kind]
    if not told:
        watched = sorted({one.provider for one in answer.regions})
        message = (
            f"the daemon at {url} tells no {method} intensity of {', '.join(sorted(providers))}: "
            f"it watches {', '.join(watched) or 'no cloud'} — leave --url out to ask the sources"
        )
        raise DaemonError(message)
    views = tuple(_view(one) for one in told)
    return Survey(
        time=answer.time, method=method, regions=tuple(v.region for v in views), views=views
    )


def _get(url: str) -> tuple[int, object]:
    try:
        answer = httpx.get(f"{url.rstrip('/')}{_PATH}", timeout=_TIMEOUT_SECONDS)
        return answer.status_code, answer.json()
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        message = f"--url {url!r} — write an address such as {DEFAULT_URL}"
        raise UsageError(message) from error
    except httpx.HTTPError as error:
        fix = "start it with `carbon-exporter serve`, or leave --url out"
        message = f"no daemon answers at {url} — {fix}"
        raise DaemonError(message) from error
    except ValueError:
        return answer.status_code, None


def _checked(url: str, status: int, document: object) -> _Answer:
    if status == httpx.codes.SERVICE_UNAVAILABLE and isinstance(document, Mapping):
        message = f"the daemon at {url} is {document.get('error', 'not ready')} — try again soon"
        raise DaemonError(message)
    try:
        return _Answer.model_validate(document)
    except ValidationError as error:
        message = f"{url} does not answer as a carbon-exporter — name its address with --url"
        raise DaemonError(message) from error


def _view(told: _Told) -> RegionIntensityView:
    return RegionIntensityView(
        region=Region(
            provider=told.provider,
            name=told.cloud_region,
            grid_zone=told.grid_zone,
            pue=told.pue,
            pue_source="",
            location=told.location,
            latitude=told.latitude,
            longitude=told.longitude,
            known=told.known,
        ),
        grid=IntensityInForce(
            zone=told.grid_zone,
            gco2eq_per_kwh=GCO2eqPerKwh(told.gco2eq_per_kwh),
            source=told.source,
            method=told.method,
            basis=told.basis,
            level=FallbackLevel(told.fallback_level),
            valid_from=told.valid_from,
            estimated=told.estimated,
        ),
        mean_24h=None if told.mean_24h is None else GCO2eqPerKwh(told.mean_24h),
        annual=AnnualIntensity(
            zone=told.grid_zone,
            gco2eq_per_kwh=GCO2eqPerKwh(told.annual),
            year=told.annual_year,
            source="",
        ),
        weaker=told.weaker,
    )
