from concurrent.futures import ThreadPoolExecutor

from exporter.core.meter import ApiMeter, ApiUsage


def test_a_counter_appears_at_zero() -> None:
    meter = ApiMeter()
    meter.count("aws", "GetMetricData", requests=0)
    assert meter.usage() == {("aws", "GetMetricData"): ApiUsage(requests=0, dollars=0.0)}


def test_threads_lose_no_request() -> None:
    meter = ApiMeter()

    def ask(_: int) -> None:
        for _ in range(100):
            meter.count("aws", "GetMetricData", dollars=0.5)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(8)))
    assert meter.usage()["aws", "GetMetricData"] == ApiUsage(requests=800, dollars=400.0)


def test_a_reading_of_usage_does_not_change_later() -> None:
    meter = ApiMeter()
    before = meter.usage()
    meter.count("gcp", "ListTimeSeries")
    assert before == {}
