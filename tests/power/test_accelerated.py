"""No name of a machine with accelerators is off by more than its bounds, whoever asks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.app.explain import imagined
from exporter.core.units import Ratio
from exporter.power.catalogue import Types
from exporter.power.hardware import of_name
from exporter.power.measured import MeasuredModel, MeasuredProfile, profile_of
from tests.support.machines import machine

TYPES = Types()
MODEL = MeasuredModel(TYPES)
LOADS = (Ratio(0.0), Ratio(0.3), Ratio(0.5), Ratio(1.0))
ACCELERATED = [
    (provider, name)
    for provider in ("aws", "azure", "gcp")
    for name in TYPES.names(provider)
    if (known := TYPES.lookup(provider, name)) and known.type.gpu_count and known.type.complete
]
UNLISTED = [
    ("gcp", "a4-highgpu-4g"),
    ("gcp", "a5-highgpu-8g"),
    ("gcp", "g2-custom-24-98304"),
    ("gcp", "e2-custom-small-2048"),
    ("aws", "p7.48xlarge"),
    ("aws", "trn4.48xlarge"),
    ("azure", "Standard_ND192isr_B300_v6"),
]


def hidden(provider: str, name: str) -> MeasuredProfile:
    """Return what is answered for a name whose line the table lacks."""
    one = machine(provider, name)
    known = TYPES.lookup(provider, name, blind=True)
    reading = TYPES.reading(provider, name, blind=True)
    return profile_of(of_name(TYPES, known, reading, one))


@pytest.mark.parametrize("utilization", LOADS)
def test_the_watts_of_every_listed_type_are_inside_the_bounds_of_its_bare_name(
    utilization: Ratio,
) -> None:
    assert len(ACCELERATED) > 100
    for provider, name in ACCELERATED:
        low, _, high = hidden(provider, name).bounds(utilization)
        assert low <= MODEL.profile(machine(provider, name)).power(utilization).it <= high, name


@given(kind=st.sampled_from([*ACCELERATED, *UNLISTED]), cpu=st.floats(min_value=0.0, max_value=1.0))
def test_a_planned_machine_and_one_that_runs_have_the_same_profile_without_facts_of_the_cloud(
    kind: tuple[str, str], cpu: float
) -> None:
    provider, name = kind
    planned = MODEL.profile(imagined(provider, name, "anywhere"))
    runs = MeasuredModel(TYPES).profile(machine(provider, name))
    assert planned.machine == runs.machine
    assert planned.bounds(Ratio(cpu)) == runs.bounds(Ratio(cpu))
    assert planned.embodied() == runs.embodied()


@pytest.mark.parametrize(
    ("provider", "name", "least", "most"),
    [
        # 8.4 kW at full power was measured of an 8 x H100 server (arXiv 2412.08602)
        ("aws", "p5.48xlarge", 4000, 8500),
        ("azure", "Standard_ND96isr_H100_v5", 4000, 8500),
        ("gcp", "a4-highgpu-8g", 6000, 13000),
        ("gcp", "g2-standard-4", 40, 120),
        ("aws", "inf2.xlarge", 50, 350),
        ("aws", "trn1.32xlarge", 1500, 9000),
    ],
)
def test_well_known_machines_draw_what_servers_of_their_kind_draw(
    provider: str, name: str, least: float, most: float
) -> None:
    bounds = MODEL.profile(machine(provider, name)).bounds(Ratio(1.0))
    assert least <= bounds.central <= most
    assert bounds.low < bounds.central < bounds.high
