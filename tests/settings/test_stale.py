from exporter.settings import Settings


def test_gauges_go_stale_after_three_polls_unless_told() -> None:
    assert Settings(grids=(), poll_interval="10m").stale.total_seconds() == 1800
    assert Settings(grids=(), stale_after="1h").stale.total_seconds() == 3600
