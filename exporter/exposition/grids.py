"""JSON views of forecasts, of percentiles and of the ranking of regions."""

from exporter.advice.rank import Candidate, rank
from exporter.core.model import ForecastHour, Method, Outlook, Standing
from exporter.core.snapshot import RegionIntensityView, Snapshot
from exporter.exposition.summary import grid, number


def outlook(told: Outlook) -> dict[str, object]:
    """Return the forecast of a zone."""
    return {
        "grid_zone": told.zone,
        "method": told.method,
        "source": told.source,
        "hours": [_hour(hour) for hour in told.hours],
    }


def _hour(hour: ForecastHour) -> dict[str, object]:
    return {
        "start": hour.start,
        "end": hour.end,
        "gco2eq_per_kwh": number(hour.gco2eq_per_kwh),
        "low": number(hour.low),
        "high": number(hour.high),
    }


def standing(told: Standing, time: float) -> dict[str, object]:
    """Return how a zone's marginal intensity compares with its next day, told so long before."""
    return {
        "grid_zone": told.zone,
        "method": Method.MARGINAL,
        "source": told.source,
        "percentile": number(told.percentile),
        "time": told.moment,
        "age_seconds": max(0.0, time - told.moment),
    }


def ranking(snapshot: Snapshot) -> list[dict[str, object]]:
    """Return all regions, the cleanest first; equals share a rank.

    The key is grams per kWh of IT energy: average, life-cycle intensity of the grid times PUE.
    """
    views = {(view.region.provider, view.region.name): view for view in snapshot.region_intensities}
    ranked = rank(
        Candidate(region=view.region, grid=view.grid, weaker=view.weaker) for view in views.values()
    )
    return [
        _region(views[one.candidate.region.provider, one.candidate.region.name], snapshot.time)
        | {"rank": one.rank}
        for one in ranked
    ]


def _region(view: RegionIntensityView, time: float) -> dict[str, object]:
    region = view.region
    return {
        "provider": region.provider,
        "cloud_region": region.name,
        "location": region.location,
        "latitude": region.latitude,
        "longitude": region.longitude,
        "known": region.known,
        **grid(view.grid, time),
        "gco2eq_per_kwh_it": number(view.it_gco2eq_per_kwh),
        "pue": number(region.pue),
        "mean_24h": number(view.mean_24h),
        "annual": number(view.annual.gco2eq_per_kwh),
        "annual_year": view.annual.year,
        "weaker": view.weaker,
    }
