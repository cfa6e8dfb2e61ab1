from hypothesis import given
from hypothesis import strategies as st

from exporter.core.model import Bounds, FallbackLevel


def test_every_fallback_level_has_its_number_and_words_of_its_own() -> None:
    told = {level.value: level.words for level in FallbackLevel}
    assert told == {
        0: "live",
        1: "second source",
        2: "last known",
        3: "forecast",
        4: "annual average",
    }
    assert f"{FallbackLevel.FORECAST}" == "3", "series and tables show the number"


ends = st.floats(min_value=0, max_value=1e9)
bounds = st.builds(Bounds, ends, ends, ends)


@given(first=bounds, second=bounds)
def test_intervals_add_end_by_end_in_either_order(first: Bounds, second: Bounds) -> None:
    added = first.plus(second)
    assert added == second.plus(first)
    assert tuple(added) == tuple(a + b for a, b in zip(first, second, strict=True))


@given(one=bounds, factor=ends)
def test_a_factor_scales_each_end_of_an_interval(one: Bounds, factor: float) -> None:
    assert tuple(one.times(factor)) == tuple(end * factor for end in one)
