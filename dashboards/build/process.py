"""Panels about the exporter as a program: its API bill, its page, its memory."""

from typing import Final

from grafana_foundation_sdk.builders import stat, table, timeseries
from grafana_foundation_sdk.builders.common import TableSortByFieldState

from dashboards.build import limits, observations, panels, shapes, thresholds
from dashboards.build.panels import Frame, Place, column, now, over_time, rows
from dashboards.build.queries import exporter

_DOLLARS: Final = "currencyUSD"
_BYTES: Final = "bytes"
_THOUSANDS: Final = "locale"
"""Whole numbers with separators, where a table has room for all digits."""
_CORES: Final = "suffix:cores"
_INSTANCE: Final = "{{instance}}"
_LIMIT: Final = "limit"
_SERIES: Final = "on the page"


def bill(number: int, at: Place) -> stat.Panel:
    """Make what watching will cost this month."""
    frame = Frame(
        number=number,
        title="What does a month cost?",
        description=(
            "List price of the requests to the clouds' monitoring APIs in this month, at the pace "
            "at which they were sent in the last 24 hours, from an hour on. Free quotas and "
            "discounts are not taken off. A longer `poll_interval` makes it cheaper and changes no "
            "total. The demo polls all the time, and is priced as if it did so every "
            f"{observations.POLL_SECONDS / 60:.0f} minutes."
        ),
        unit=_DOLLARS,
        at=at,
        empty="Known after an hour",
    )
    return panels.numbers(frame, now(observations.dollars_per_month())).decimals(2)


def dropped(number: int, at: Place) -> stat.Panel:
    """Make the number of series that are left out."""
    frame = Frame(
        number=number,
        title="Is a series left out?",
        description=(
            "Series above `max_series`: whole machines are left out, those that emit "
            "least first. Totals are complete all the same."
        ),
        unit=panels.COUNT,
        at=at,
    )
    panel = panels.numbers(frame, now(observations.dropped()))
    return panel.thresholds(thresholds.any_is_bad()).mappings(thresholds.mapping(_NONE))


_NONE: Final = {0: ("none", thresholds.GOOD)}


def requests(number: int, at: Place) -> timeseries.Panel:
    """Make the requests by provider."""
    frame = Frame(
        number=number,
        title="How often do we call the APIs?",
        description="Requests to each provider's APIs and to grid sources in the last hour.",
        unit=panels.COUNT,
        at=at,
    )
    query = over_time(observations.requests_per_hour(), "{{provider}}")
    return panels.legend_below(panels.stacked(frame, query))


def dollars(number: int, at: Place) -> timeseries.Panel:
    """Make the price of a day's requests."""
    frame = Frame(
        number=number,
        title="What does a day of calls cost?",
        description=(
            "List price of a day's requests at the pace of the last hour, by provider: a step "
            "shows which change made watching dearer. In its first hour the line only rises. The "
            "demo is priced at the usual poll interval."
        ),
        unit=_DOLLARS,
        at=at,
    )
    query = over_time(observations.dollars_per_day(), "{{provider}}")
    return panels.legend_below(panels.stacked(frame, query))


def apis(number: int, at: Place) -> table.Panel:
    """Make the table of calls and price by API."""
    frame = Frame(
        number=number,
        title="Which calls are dear?",
        description=(
            "Requests of the last 24 hours by API operation, and their list price. Most are free: "
            "metrics are what clouds charge for."
        ),
        unit=panels.TEXT,
        at=at,
    )
    panel = panels.grid(
        frame,
        _API_COLUMNS,
        rows(observations.requests_of_the_day(), "A"),
        rows(observations.dollars_of_the_day(), "B"),
    )
    return panel.sort_by([TableSortByFieldState().display_name("Price").desc(desc=True)])


_FREE: Final = {0: ("free", thresholds.MUTED)}

_API_COLUMNS: Final = (
    column("provider", "Provider", panels.width(85)),
    column("api", "API"),
    column("Value #A", "Calls", panels.width(85), *panels.unit(_THOUSANDS, 0)),
    column("Value #B", "Price", panels.width(95), *panels.unit(_DOLLARS, 4), *panels.worded(_FREE)),
)


def exporters(number: int, at: Place) -> table.Panel:
    """Make the table of the exporters."""
    frame = Frame(
        number=number,
        title="Which exporters run?",
        description=(
            "Each exporter that the picked jobs scrape: version, how long it has run, and what it "
            "takes. Two that watch the same account count it twice."
        ),
        unit=panels.TEXT,
        at=at,
    )
    return panels.grid(
        frame,
        _EXPORTER_COLUMNS,
        rows(observations.versions(), "A"),
        rows(observations.age_of_process("process_start_time_seconds"), "B"),
        rows(observations.of_process("process_resident_memory_bytes"), "C"),
        rows(observations.cpu_of_process(), "D"),
        rows(observations.of_process("process_open_fds"), "E"),
        rows(observations.of_process("carbon_exposition_series"), "F"),
        rows(observations.age_of_process("carbon_exposition_timestamp_seconds"), "G"),
    )


_EXPORTER_COLUMNS: Final = (
    column("job", "Job"),
    column("instance", "Instance"),
    column("version", "Version", panels.width(130)),
    column("Value #B", "Running for", panels.width(110), *panels.unit(panels.SECONDS, 0)),
    column("Value #C", "Memory", panels.width(100), *panels.unit(_BYTES, 0)),
    column("Value #D", "CPU", panels.width(110), *panels.unit(_CORES, 2)),
    column("Value #E", "Open files", panels.width(95), *panels.unit(panels.COUNT, 0)),
    column("Value #F", "Series", panels.width(90), *panels.unit(panels.COUNT)),
    column(
        "Value #G",
        "Page made",
        panels.width(105),
        *panels.unit(panels.SECONDS, 0),
        *panels.tinted(thresholds.age()),
    ),
)


def scrapes(number: int, at: Place) -> timeseries.Panel:
    """Make the time that scrapes take."""
    frame = Frame(
        number=number,
        title="How long does a scrape take?",
        description=(
            "As Prometheus measures it. The page is rendered in advance: a long scrape is the "
            "network, a busy machine, or very many series."
        ),
        unit=panels.SECONDS,
        at=at,
    )
    query = over_time(observations.of_process("scrape_duration_seconds"), _INSTANCE)
    return shapes.bounded(panels.legend_below(panels.lines(frame, query)), limits.scrape())


def series(number: int, at: Place) -> timeseries.Panel:
    """Make the number of series against its limit."""
    frame = Frame(
        number=number,
        title="How many series are there?",
        description=(
            "Series on the exporters' pages, and `max_series`, above which whole machines are "
            "left out: raise it before they meet."
        ),
        unit=panels.COUNT,
        at=at,
    )
    panel = panels.lines(
        frame,
        over_time(f"sum ({exporter('carbon_exposition_series')})", _SERIES, "A"),
        over_time(f"sum ({exporter('carbon_exposition_series_limit')})", _LIMIT, "B"),
    )
    panel.override_by_name(_LIMIT, [panels.colour(thresholds.BAD), panels.dashed()])
    return panels.legend_below(panel)


def snapshots(number: int, at: Place) -> timeseries.Panel:
    """Make the age of what the page shows."""
    frame = Frame(
        number=number,
        title="How old is the page?",
        description=(
            "Seconds since the state that the page shows was taken: up to a poll interval. A slope "
            "is an exporter that answers but no longer works."
        ),
        unit=panels.SECONDS,
        at=at,
    )
    age = observations.age_of_process("carbon_exposition_timestamp_seconds")
    panel = panels.lines(frame, over_time(age, _INSTANCE))
    return shapes.bounded(panels.legend_below(panel), thresholds.age())


def memory(number: int, at: Place) -> timeseries.Panel:
    """Make the memory of the exporters."""
    frame = Frame(
        number=number,
        title="How much memory does it take?",
        description=(
            "Resident memory of each exporter: grows with machines, not with time. A steady slope "
            "is a leak worth a bug report."
        ),
        unit=_BYTES,
        at=at,
    )
    query = over_time(observations.of_process("process_resident_memory_bytes"), _INSTANCE)
    return panels.legend_below(panels.lines(frame, query))


def processor(number: int, at: Place) -> timeseries.Panel:
    """Make the CPU of the exporters."""
    frame = Frame(
        number=number,
        title="How much CPU does it take?",
        description="Cores that each exporter keeps busy, mean of 15 minutes.",
        unit=_CORES,
        at=at,
    )
    query = over_time(observations.cpu_of_process(), _INSTANCE)
    return panels.legend_below(panels.lines(frame, query)).decimals(2)


def files(number: int, at: Place) -> timeseries.Panel:
    """Make the open files of the exporters."""
    frame = Frame(
        number=number,
        title="How many files are open?",
        description=(
            "Open file descriptors of each exporter, connections included. A steady slope is a "
            "leak worth a bug report."
        ),
        unit=panels.COUNT,
        at=at,
    )
    query = over_time(observations.of_process("process_open_fds"), _INSTANCE)
    return panels.legend_below(panels.lines(frame, query)).decimals(0)
