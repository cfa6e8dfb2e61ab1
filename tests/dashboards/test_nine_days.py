"""Nine days of an estate, one account a shape: which are told as spike, growth or new, which not.

``python -m tests.dashboards.test_nine_days`` prints the table. Rules are evaluated every ten
minutes over samples five minutes apart; of the alerts only those about emissions are loaded. What
counts is for how many evaluations of each of the days an alert fires.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import pytest
import yaml

from dashboards.build import HOME
from tests.support.promtools import PROMTOOLS

STEPS, DAYS = 288, 9
BASE = 200.0
PARTS = 2
"""Estates of half of the shapes: promtool evaluates 10,000 samples at most."""
ALERTS = ("CarbonEmissionSpike", "CarbonGrowth", "CarbonNewAccount")
GROUPS = ("carbon-weeks", "carbon-usual")
DRAWN = 2.5
"""Watts per gram an hour: at 400 g/kWh."""

Shape = Callable[[int], float | None]


def at(day: int, hour: float) -> int:
    """Number of the sample."""
    return round((day * 24 + hour) * STEPS / 24)


def burst(begin: int, hours: float, times: float) -> Shape:
    """Times the base for some hours."""
    end = begin + round(hours * STEPS / 24)
    return lambda i: BASE * (times if begin <= i < end else 1)


def twice(i: int) -> float:
    return max(burst(at(6, 14), 2, 5)(i) or 0, burst(at(7, 14), 2, 5)(i) or 0)


def weekly(i: int) -> float:
    return max(burst(at(0, 14), 2, 1.9)(i) or 0, burst(at(7, 14), 2, 1.9)(i) or 0)


def miner(i: int) -> float | None:
    begun = i - at(7, 6)
    return None if begun < 0 else min(1000.0, 100 + 900 * begun / (STEPS / 8))


def ramp(i: int) -> float:
    return BASE * min(3.0, 1 + 2 * max(0, i - at(7, 10)) / (STEPS / 4)) if i < at(7, 20) else BASE


def first_day(i: int) -> float | None:
    begun = (i - at(7, 0)) / (STEPS / 24)
    return None if begun < 0 else BASE * (3.5 if 8 <= begun < 11.3 else 1)


def gap(i: int) -> float | None:
    return None if i in (at(7, 15), at(7, 15) + 1) else burst(at(7, 14), 3, 3.5)(i)


def working_days(i: int) -> float:
    day, hour = divmod(i * 24 / STEPS, 24)
    return BASE * (3 if day % 7 < 5 and 8 <= hour < 18 else 1)


def now_and_then(seed: int, number: int, samples: int, times: float) -> Shape:
    """So many bursts a day, at hours that nobody knows."""
    random = Random(seed)  # noqa: S311 — no secret
    begins = [
        d * STEPS + random.randrange(STEPS - samples) for d in range(DAYS) for _ in range(number)
    ]
    high = {i for begin in begins for i in range(begin, begin + samples)}
    return lambda i: BASE * (times if i in high else 1)


SHAPES: Mapping[str, Shape] = {
    "steady": lambda _i: BASE,
    "x5 for 2 h at the hour of yesterday's": twice,
    "x1.9 for 2 h as on this day of last week": weekly,
    "new account, a miner": miner,
    "30 % more each day": lambda i: BASE * 1.3 ** (i / STEPS),
    "3 machines x4": lambda i: 12 * (burst(at(7, 10), 3, 4)(i) or 0) / BASE,
    "10 deployments a day, 15 min x2.2": now_and_then(1, 10, 3, 2.2),
    "nightly 2 h x3, any hour": now_and_then(2, 1, 24, 3),
    "working days x3": working_days,
    "x1.6 for 3 h": burst(at(7, 10), 3, 1.6),
    "x2.2 for 3 h": burst(at(7, 10), 3, 2.2),
    "ramp to x3 in 6 h": ramp,
    "x3.5 for 3 h 20 on the first day": first_day,
    "x3.5 with a gap of 10 min": gap,
}
SILENT = {
    "steady",
    "x1.9 for 2 h as on this day of last week",
    "10 deployments a day, 15 min x2.2",
    "working days x3",
}
"""Nothing of these is told from the fourth day on, when a median is one."""


def simulated() -> dict[tuple[str, str, int], int]:
    """Run the rules; give evaluations in which an alert fires by account, alert and day."""
    names = tuple(SHAPES)
    parts = [{name: SHAPES[name] for name in names[first::PARTS]} for first in range(PARTS)]
    with ThreadPoolExecutor(PARTS) as pool:
        results = pool.map(lambda part: _simulated(part, range(DAYS)), parts)
        return {key: count for found in results for key, count in found.items()}


def _simulated(shapes: Mapping[str, Shape], days: Iterable[int]) -> dict[tuple[str, str, int], int]:
    days = tuple(days)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        _write_rules(home)
        test = {
            "interval": "5m",
            "input_series": [s for name, shape in shapes.items() for s in _series(name, shape)],
            "promql_expr_test": [
                {
                    "expr": f"count_over_time({_firing(alert)}[1d])",
                    "eval_time": f"{(day + 1) * 24}h",
                    "exp_samples": [{"labels": "nothing", "value": 0}],
                }
                for alert in ALERTS
                for day in days
            ],
        }
        names = [*GROUPS, "carbon-emissions"]
        content = {
            "rule_files": ["rules.yml"],
            "evaluation_interval": "10m",
            "group_eval_order": names,
            "tests": [test],
        }
        (home / "test.yml").write_text(yaml.safe_dump(content))
        done = PROMTOOLS[0].run("test", "rules", str(home / "test.yml"))
    return _read(done)


def _firing(alert: str) -> str:
    return f'ALERTS{{alertname="{alert}", alertstate="firing"}}'


def _write_rules(home: Path) -> None:
    recording = yaml.safe_load((HOME / "rules" / "recording.yml").read_text())["groups"]
    alerts = yaml.safe_load((HOME / "rules" / "alerts.yml").read_text())["groups"]
    groups = [group for group in recording if group["name"] in GROUPS]
    emissions = next(group for group in alerts if group["name"] == "carbon-emissions")
    told = [{**r, "annotations": {}} for r in emissions["rules"] if r["alert"] in ALERTS]
    groups.append({**emissions, "rules": told})
    (home / "rules.yml").write_text(yaml.safe_dump({"groups": groups}))


def _series(name: str, shape: Shape) -> list[dict[str, str]]:
    values = [shape(i) for i in range(DAYS * STEPS)]
    labels = f'{{provider="aws", account="{name}", cloud_region="eu-west-1"}}'
    return [
        {
            "series": f"{metric}{labels}",
            "values": " ".join("_" if v is None else f"{v * factor:.1f}" for v in values),
        }
        for metric, factor in (
            ("carbon_emissions_gco2eq_per_hour", 1.0),
            ("carbon_power_watts", DRAWN),
        )
    ]


def _read(done: subprocess.CompletedProcess[str]) -> dict[tuple[str, str, int], int]:
    text = done.stdout + done.stderr
    assert "err:" not in text, text[:2000]
    asked = re.findall(r'alertname=\\?"(\w+).*?time: ([\dwdhms]+).*?got: ?(.*?)\n', text, re.DOTALL)
    assert asked, text[:2000]
    found = {}
    for alert, when, got in asked:
        day = _hours(when) // 24 - 1
        for account, value in re.findall(r'account="([^"]*)"[^}]*\} ([\d.E+]+)', got):
            found[account, alert, day] = int(float(value))
    return found


def _hours(when: str) -> int:
    units = {"w": 168, "d": 24, "h": 1, "m": 0, "s": 0}
    return sum(int(n) * units[unit] for n, unit in re.findall(r"(\d+)([wdhms])", when))


def table(found: Mapping[tuple[str, str, int], int]) -> str:
    """Lay out who was told of what, evaluations a day."""
    lines = [f"{'shape':42}{'alert':21}" + "".join(f"day {d + 1:<3}" for d in range(DAYS))]
    for account in SHAPES:
        told = [alert for alert in ALERTS if any((account, alert, d) in found for d in range(DAYS))]
        for alert in told or ["-"]:
            cells = (found.get((account, alert, d), 0) or "." for d in range(DAYS))
            lines.append(f"{account:42}{alert:21}" + "".join(f"{c:<7}" for c in cells))
    return "\n".join(lines)


@pytest.mark.slow
def test_nine_days() -> None:
    found = simulated()
    told = {(account, alert) for account, alert, day in found if day >= 3}
    spikes = {account for account, alert in told if alert == "CarbonEmissionSpike"}
    assert not {account for account, _ in told} & SILENT, table(found)
    assert spikes >= {
        "x5 for 2 h at the hour of yesterday's",
        "3 machines x4",
        "x1.6 for 3 h",
        "x2.2 for 3 h",
        "ramp to x3 in 6 h",
        "x3.5 for 3 h 20 on the first day",
        "x3.5 with a gap of 10 min",
    }, table(found)
    assert ("new account, a miner", "CarbonNewAccount") in told
    assert ("30 % more each day", "CarbonGrowth") in told


if __name__ == "__main__":
    sys.stdout.write(f"{table(simulated())}\n")
