import pytest

from dashboards.build.rules import limits
from exporter.advice import idle
from exporter.advice.idle import Use, Week, judge
from exporter.core.model import Rate, ResourceKey
from exporter.core.units import GCO2eqPerHour, Ratio

KEY = ResourceKey("aws", "111122223333", "eu-west-3", "ec2_instance", "i-1")
RATE = Rate(operational=GCO2eqPerHour(4.0), embodied=GCO2eqPerHour(1.5))
NOW = 30 * 86400.0


def a_week(cpu: list[float], *, since: float = 0.0, buckets: int = 100, **gpu: object) -> Week:
    return Week(
        key=KEY,
        cpu=[Ratio(value) for value in cpu],
        buckets=buckets,
        since=since,
        now=NOW,
        rate=RATE,
        **gpu,  # type: ignore[arg-type]
    )


def test_the_definition_is_that_of_the_alert_and_the_boards() -> None:
    assert (idle.THRESHOLD, idle.QUANTILE, idle.MEASURED, idle.SPAN) == (
        limits.IDLE_THRESHOLD,
        limits.IDLE_QUANTILE,
        limits.IDLE_MEASURED,
        limits.IDLE_DAYS * 86400,
    )


def test_an_idle_machine_saves_its_operational_grams_and_tells_the_embodied_beside() -> None:
    told = judge(a_week([0.01] * 100))
    assert (told.use, told.saves, told.embodied) == (Use.IDLE, 4.0, 1.5)
    assert told.cpu == pytest.approx(0.01)
    assert told.measured == 1.0


@pytest.mark.parametrize(
    ("week", "use"),
    [
        (a_week([0.01] * 98 + [0.9] * 2), Use.USED),
        (a_week([0.05] * 100), Use.USED),
        (a_week([0.01] * 79), Use.UNMEASURED),
        (a_week([]), Use.UNMEASURED),
        (a_week([0.01] * 100, since=NOW - 6 * 86400), Use.YOUNG),
        (a_week([0.01] * 100, has_gpu=True), Use.ACCELERATOR),
        (a_week([0.01] * 100, has_gpu=True, gpu=[0.0, 0.5]), Use.ACCELERATOR),
    ],
)
def test_what_works_or_is_not_known_well_enough_is_not_idle(week: Week, use: Use) -> None:
    told = judge(week)
    assert (told.use, told.saves, told.embodied) == (use, None, None)


def test_one_short_spike_in_a_week_is_no_use() -> None:
    assert judge(a_week([0.01] * 499 + [1.0], buckets=500)).use is Use.IDLE


def test_an_accelerator_that_was_measured_and_does_nothing_idles() -> None:
    assert judge(a_week([0.01] * 100, has_gpu=True, gpu=[0.0] * 100)).use is Use.IDLE
