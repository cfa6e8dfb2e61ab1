from exporter.core.model import FallbackLevel


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
