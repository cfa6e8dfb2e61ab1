"""How what was typed becomes a value, and how what cannot is refused."""

from datetime import timedelta

import pytest

from exporter.cli._options import UsageError, one_of, parse_cpu, parse_model, parse_span
from exporter.core.model import Method
from exporter.settings.model import PowerModelName


def test_one_of_a_few_words() -> None:
    assert one_of("--method", Method)("marginal") is Method.MARGINAL
    with pytest.raises(UsageError, match=r"--method 'mean' — write one of average, marginal$"):
        one_of("--method", Method)("mean")


def test_a_power_model_that_is_mistyped_is_guessed() -> None:
    assert parse_model("ccf") is PowerModelName("ccf")
    with pytest.raises(UsageError, match=r"--model 'tedas' — did you mean 'teads'[?] one of meas"):
        parse_model("tedas")


def test_a_time_span_names_its_option_where_it_is_none() -> None:
    assert parse_span("--forecast", "24h") == timedelta(days=1)
    with pytest.raises(UsageError, match="--forecast 'soon' — "):
        parse_span("--forecast", "soon")


@pytest.mark.parametrize(
    ("text", "ratio"),
    [
        ("40%", 0.4),
        ("40", 0.4),
        ("0.4", 0.4),
        ("1", 1.0),
        ("1%", 0.01),
        ("0", 0.0),
        ("100", 1.0),
        (" 12.5 % ", 0.125),
    ],
)
def test_utilisation_as_people_write_it(text: str, ratio: float) -> None:
    assert parse_cpu(text) == pytest.approx(ratio)


@pytest.mark.parametrize("text", ["", "%", "-1", "101", "1e9", "nan", "half", "40%%", "1,5"])
def test_other_utilisations_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="such as 40%"):
        parse_cpu(text)
