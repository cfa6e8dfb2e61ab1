"""What the queries of the Overview's first screen come to."""

from pathlib import Path

import pytest

from dashboards.build import charts, savings, usual
from tests.support.promql_values import NEEDS_PROMTOOL, History

ACCOUNT = 'provider="aws", account="{}"'
GRAMS = "account:carbon_emissions_gco2eq_per_hour"


def recorded(what: str, account: str) -> str:
    return f"{GRAMS}:{what}{{{ACCOUNT.format(account)}}}"


ACCOUNTS = History(
    interval="1m",
    choices={},
    series={
        "estate:carbon_emissions_gco2eq_per_hour:notable": "40x60",
        "carbon_limit_spike_factor": "1.5x60",
        recorded("usual", "1"): "1000x60",
        recorded("avg5m", "1"): "1300x60",
        recorded("excess", "1"): "300x60",
        recorded("usual", "2"): "10x60",
        recorded("avg5m", "2"): "8x60",
        recorded("excess", "2"): "-2x60",
        # Too young for a baseline: it must not make the estate look larger than usual.
        recorded("avg5m", "3"): "500x60",
    },
)


@NEEDS_PROMTOOL
@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        pytest.param(usual.change(), {"{}": round(1308 / 1010 - 1, 3)}, id="more than usual"),
        pytest.param(
            usual.spike_limit(),
            {"{}": 1.5 * 1000 + 10 + 40},
            id="each account's own limit: a factor, or so many grams",
        ),
        pytest.param(usual.movers(1), {f"{{{ACCOUNT.format('1')}}}": 300}, id="moved most"),
        pytest.param(
            usual.beside(1, "usual"), {f"{{{ACCOUNT.format('1')}}}": 1000}, id="and what is usual"
        ),
    ],
)
def test_usual(expression: str, expected: dict[str, float], tmp_path: Path) -> None:
    ACCOUNTS.check(tmp_path, expression, "30m", expected)


def alert(metric: str, name: str, severity: str, state: str = "") -> str:
    stated = f', alertstate="{state}"' if state else ""
    return f'{metric}{{alertname="{name}", severity="{severity}"{stated}}}'


ALERTS = History(
    interval="1m",
    choices={},
    series={
        alert("ALERTS", "CarbonEmissionSpike", "warning", "firing"): "1x20 stale",
        alert("ALERTS_FOR_STATE", "CarbonEmissionSpike", "warning"): "600x20 stale",
        alert("ALERTS", "CarbonBudgetBurn", "critical", "pending"): "1x60",
        alert("ALERTS", "CarbonMachineIdle", "info", "firing"): "1 _x14 1 _x60",
        alert("ALERTS_FOR_STATE", "CarbonMachineIdle", "info"): "60 _x14 60 _x60",
        alert("ALERTS", "SomebodyElses", "warning", "firing"): "1x60",
    },
)


@NEEDS_PROMTOOL
@pytest.mark.parametrize(
    ("expression", "at", "expected"),
    [
        pytest.param(charts.FIRING, "15m", 2, id="ours that fire"),
        pytest.param(charts.FIRING, "27m", 1, id="what is over is gone, a slow one stays"),
        pytest.param(charts.FIRING, "40m", 0, id="a slow one that is over goes as well"),
        pytest.param(charts.ACTIVE_FOR, "15m", 2, id="each with how long"),
    ],
)
def test_alerts_that_fire(expression: str, at: str, expected: int, tmp_path: Path) -> None:
    count = f"count ({expression})"
    ALERTS.check(tmp_path, count, at, {"{}": expected} if expected else {})


MACHINE = (
    'provider="aws", account="1", cloud_region="south", resource_type="ec2_instance", '
    'resource_id="{}"'
)


def machine(name: str, cpu: str) -> dict[str, str]:
    labels = MACHINE.format(name)
    return {
        f"carbon_resource_cpu_utilization_ratio{{{labels}}}": cpu,
        f'carbon_resource_emissions_gco2eq_per_hour{{{labels}, scope="operational"}}': "10x2400",
        f'carbon_resource_emissions_gco2eq_per_hour{{{labels}, scope="embodied"}}': "3x2400",
        f'carbon_resource_power_watts{{{labels}, component="cpu"}}': "30x2400",
        f'carbon_resource_info{{{labels}, name="{name}", tag_team="a"}}': "1x2400",
    }


ESTATE = History(
    interval="5m",
    choices={},
    series={
        **machine("idle", "0.01x2400"),
        **machine("large", "0.2x2400"),
        **machine("busy", "0.8x2400"),
        **machine("young", "_x500 0.01x1900"),
    },
)
WHAT = '{{what="{}", board="carbon-machines"}}'


@NEEDS_PROMTOOL
@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        pytest.param(
            savings.kilograms_by_action(),
            {
                WHAT.format("Switch off what idles"): 10 * 730 / 1000,
                WHAT.format("Halve what is too large"): 5 * 730 / 1000,
            },
            id="operational grams alone",
        ),
        pytest.param(
            savings.machines_by_action(),
            {
                WHAT.format("Switch off what idles"): 1,
                WHAT.format("Halve what is too large"): 1,
            },
            id="neither the busy nor the young one",
        ),
        pytest.param(savings.kilograms_of_all(), {"{}": 15 * 730 / 1000}, id="together"),
    ],
)
def test_what_would_lower_it(expression: str, expected: dict[str, float], tmp_path: Path) -> None:
    ESTATE.check(tmp_path, expression, "7d6h", expected)
