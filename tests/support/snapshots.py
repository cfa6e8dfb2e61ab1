"""Made-up snapshots: a small one that has every kind of series, and parts to build others."""

from dataclasses import replace

from exporter.core.clock import floor_to
from exporter.core.errors import Reason
from exporter.core.meter import ApiUsage
from exporter.core.model import (
    AnnualIntensity,
    Basis,
    Bounds,
    Confidence,
    Error,
    FallbackLevel,
    ForecastHour,
    IntensityInForce,
    Machine,
    Method,
    Outlook,
    Power,
    Rate,
    Region,
    RegionKey,
    ResourceKey,
    RunState,
    Standing,
    Uncertain,
    Usage,
)
from exporter.core.snapshot import (
    CollectorView,
    HistoryPoint,
    Quality,
    RegionIntensityView,
    RegionView,
    ResourceNow,
    ResourceState,
    ResourceView,
    Snapshot,
)
from exporter.core.units import GCO2eqPerHour, GCO2eqPerKwh, GramsCO2eq, Joules, Ratio, Watts

TIME = 1_772_449_500.0  # 2026-03-02 11:05 UTC
BUCKET = (1_772_448_900, 1_772_449_200)
AWKWARD = 'say "hi"\nback\\slash 🌍 \x00\x1b[31m\udc80 <script>alert(1)</script>'


def a_key(number: int = 1, region: str = "eu-west-3") -> ResourceKey:
    return ResourceKey("aws", "111122223333", region, "ec2_instance", f"i-{number:017x}")


def a_grid(zone: str = "FR") -> IntensityInForce:
    return IntensityInForce(
        zone=zone,
        gco2eq_per_kwh=GCO2eqPerKwh(38.5),
        source="energy_charts",
        method=Method.AVERAGE,
        basis=Basis.LIFECYCLE,
        level=FallbackLevel.LIVE,
        valid_from=BUCKET[0],
    )


def a_now(
    *, watts: float = 20.0, gpu: float = 0.0, zone: str = "FR", gpu_busy: Ratio | None = None
) -> ResourceNow:
    """Return current values: CPU ``watts``, 5 W of memory, PUE 1.2, 38.5 g/kWh, 1 g/h embodied."""
    power = Power(Watts(watts), Watts(5.0), Watts(gpu), Watts(0.0), Watts(0.0))
    facility = power.it * 1.2
    grams = facility * 38.5 / 1000
    return ResourceNow(
        bucket_start=BUCKET[0],
        bucket_end=BUCKET[1],
        usage=Usage(Ratio(0.25), gpu_busy),
        power=power,
        overhead=Watts(power.it * 0.2),
        power_bounds=Bounds(facility * 0.8, facility, facility * 1.3),
        rate=Rate(operational=GCO2eqPerHour(grams), embodied=GCO2eqPerHour(1.0)),
        rate_bounds=Bounds(grams * 0.7, grams + 1.0, grams * 1.5 + 1.0),
        intensity=a_grid(zone),
        power_known=an_uncertain(Bounds(facility * 0.8, facility, facility * 1.3)),
        rate_known=an_uncertain(Bounds(grams * 0.7, grams + 1.0, grams * 1.5 + 1.0)),
    )


def an_uncertain(bounds: Bounds) -> Uncertain:
    """Return a value of which one cause, the same for all, makes the whole error."""
    low, central, high = bounds
    return Uncertain(central, (Error(("power", ""), central - low, high - central),))


def a_machine(number: int = 1, **changes: object) -> Machine:
    machine = Machine(
        key=a_key(number),
        name=f"web-{number}",
        instance_type="m5.large",
        state=RunState.RUNNING,
        cloud_zone="eu-west-3a",
        tags={"team": "shop", "service": "checkout"},
    )
    return replace(machine, **changes)  # type: ignore[arg-type]  # fields by name


def a_view(number: int = 1, *, grams: float = 12.5, **changes: object) -> ResourceView:
    view = ResourceView(
        machine=a_machine(number),
        grid_zone="FR",
        state=ResourceState.MEASURED,
        confidence=Confidence.SKU,
        vcpus=2.0,
        now=a_now(),
        energy=Joules(1_080_000.25),
        operational=GramsCO2eq(grams),
        embodied=GramsCO2eq(0.5),
    )
    return replace(view, **changes)  # type: ignore[arg-type]  # fields by name


def a_region(**changes: object) -> RegionView:
    region = RegionView(
        key=RegionKey("aws", "111122223333", "eu-west-3"),
        energy=Joules(7_200_000.5),
        operational=GramsCO2eq(77.0),
        embodied=GramsCO2eq(3.25),
        observed_seconds={Quality.MEASURED: 86400.0, Quality.MISSING: 300.0},
        states={ResourceState.MEASURED: 2, ResourceState.STOPPED: 1},
        power=Bounds(60.0, 75.0, 97.5),
        rate=Bounds(2.0, 3.0, 4.5),
        power_known=an_uncertain(Bounds(60.0, 75.0, 97.5)),
        rate_known=an_uncertain(Bounds(2.0, 3.0, 4.5)),
    )
    return replace(region, **changes)  # type: ignore[arg-type]  # fields by name


def a_collector(name: str = "aws/111122223333", **changes: object) -> CollectorView:
    collector = CollectorView(
        name=name,
        success=True,
        last_success=TIME - 30,
        duration_seconds=1.25,
        data_timestamp=float(BUCKET[1]),
        failures=dict.fromkeys(map(str, Reason), 0),
    )
    return replace(collector, **changes)  # type: ignore[arg-type]  # fields by name


def rich_snapshot() -> Snapshot:
    """Return a small estate in which every family of the catalogue has a sample."""
    node = a_machine(
        2,
        group="eks-gpu",
        cluster="prod",
        node_pool="gpu-nodes",
        provider_id="aws:///eu-west-3a/i-2",
        lifecycle="spot",
    )
    gpu = a_view(
        2, machine=node, now=a_now(watts=90.0, gpu=150.0, gpu_busy=Ratio(0.625)), grams=300.0
    )
    awkward = a_view(
        3,
        machine=a_machine(3, name=AWKWARD, tags={"team": "x" * 10_000, "cost-center": AWKWARD}),
    )
    stopped = a_view(4, now=None, state=ResourceState.STOPPED, confidence=None)
    annual = replace(a_grid("IE"), source="annual", level=FallbackLevel.ANNUAL, estimated=True)
    second = replace(a_grid("GB"), source="neso", level=FallbackLevel.SECOND_SOURCE)
    idle = RegionKey("aws", "111122223333", "eu-west-1")
    pue = RegionIntensityView(
        region=Region(
            provider="aws",
            name="eu-west-3",
            grid_zone="FR",
            pue=1.2,
            pue_source="test",
            location="Paris",
            latitude=48.86,
            longitude=2.35,
        ),
        grid=a_grid("FR"),
        mean_24h=GCO2eqPerKwh(40.0),
        annual=AnnualIntensity(
            zone="FR", gco2eq_per_kwh=GCO2eqPerKwh(36.0), year="2025", source="test"
        ),
    )
    hour = floor_to(TIME, 3600)
    outlook = Outlook(
        zone="FR",
        method=Method.AVERAGE,
        source="energy_charts",
        hours=tuple(
            ForecastHour(
                start=hour + n * 3600,
                end=hour + (n + 1) * 3600,
                gco2eq_per_kwh=GCO2eqPerKwh(30.0 + n),
            )
            for n in range(1, 25)
        ),
    )
    failing = a_collector(
        "neso",
        success=False,
        last_success=None,
        failures={"unreachable": 3},
        last_error="api.carbonintensity.org.uk did not answer in 10 s — check the network",
    )
    untried = a_collector(
        "store", success=None, last_success=None, duration_seconds=None, data_timestamp=None
    )
    return Snapshot(
        time=TIME,
        resources=(a_view(), gpu, awkward, stopped),
        regions=(
            a_region(),
            a_region(key=idle, power=None, rate=None, power_known=None, rate_known=None, states={}),
        ),
        grids=(a_grid(), annual, second),
        outlooks=(outlook,),
        standings=(
            Standing(zone="FR", source="watttime", moment=BUCKET[1], percentile=62.5),
            Standing(zone="IE", source="watttime", moment=BUCKET[0], percentile=0.0),
        ),
        region_intensities=(pue,),
        collectors=(a_collector(), failing, untried),
        api={("aws", "GetMetricData"): ApiUsage(requests=7, dollars=0.035)},
        buckets_corrected=4,
        repriced={("FR", "up"): GramsCO2eq(12.5), ("FR", "down"): GramsCO2eq(0.0)},
        catch_up_remaining_seconds={"aws/111122223333": 0.0},
        history=(
            HistoryPoint(start=BUCKET[0], end=BUCKET[1], watts=Watts(75.0), grams_per_hour=3.0),
        ),
        budget_month=GramsCO2eq(50_000.0),
        simulated=True,
    )


def _silent(key: RegionKey) -> RegionView:
    """Return a region in which no machine has a current value."""
    return a_region(key=key, power=None, rate=None, power_known=None, rate_known=None, states={})
