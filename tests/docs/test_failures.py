"""The page about failures names metrics, reasons, log lines and limits that there are."""

import re
from pathlib import Path

from exporter.core.errors import Reason
from exporter.engine.collector import GRID_CYCLE_SECONDS
from exporter.engine.daemon import HANG_LEAST_SECONDS, HANG_MOST_SECONDS, HANG_POLLS
from exporter.engine.saving import RETRY_SECONDS
from exporter.exposition.catalogue import FAMILIES
from exporter.http.client import DEADLINE_TIMEOUTS, Endpoint
from exporter.providers._shared.config import CYCLE_TIMEOUTS, REQUEST_TIMEOUTS, CloudConfig

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "failures.md").read_text(encoding="utf-8")
SOURCES = "\n".join(path.read_text(encoding="utf-8") for path in ROOT.glob("exporter/**/*.py"))
MINUTE = 60


def test_every_metric_on_the_page_is_exposed() -> None:
    named = set(re.findall(r"`(carbon_\w+)`", PAGE))
    assert len(named) > 5
    assert named <= {family.name for family in FAMILIES}


def test_every_reason_is_on_the_page() -> None:
    assert {reason.value for reason in Reason} <= set(re.findall(r"`([a-z_]+)`", PAGE))


def test_every_line_of_the_log_on_the_page_is_written_somewhere() -> None:
    lines = (
        "collector failed",
        "collector hangs",
        "left out",
        "state is not being saved",
        "the clock was stepped",
        "one cycle has",
    )
    for line in lines:
        assert f"`{line}`" in PAGE
        assert re.search(rf'["}} ]{line}["\' ]', SOURCES), line


def test_the_times_on_the_page_are_those_of_the_code() -> None:
    usual = CloudConfig.model_fields["timeout"].default.total_seconds()
    assert (REQUEST_TIMEOUTS, CYCLE_TIMEOUTS) == (3, 15)
    assert REQUEST_TIMEOUTS * usual == MINUTE
    assert CYCLE_TIMEOUTS * usual == 5 * MINUTE
    assert (HANG_POLLS, HANG_LEAST_SECONDS, HANG_MOST_SECONDS) == (3, 5 * MINUTE, 15 * MINUTE)
    assert GRID_CYCLE_SECONDS == 2 * MINUTE
    endpoint = Endpoint(source="any", base_url="https://example.org", auth_fix="none")
    assert DEADLINE_TIMEOUTS * endpoint.timeout_seconds == MINUTE / 2
    assert RETRY_SECONDS == MINUTE / 4
