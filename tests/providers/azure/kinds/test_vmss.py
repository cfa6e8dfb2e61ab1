"""Instances of uniform scale sets."""

from tests.support.provider_azure import AzureHarness
from tests.support.providers import final_window, points, running


def test_instances_of_scale_sets_are_listed_and_read_with_the_machines(
    harness: AzureHarness,
) -> None:
    machines = running(harness.provider.discover().machines)
    window = final_window(harness)

    found = points(harness.provider.read(machines, window))

    assert {one.key.resource_type for one in machines} == {"azure_vm", "azure_vmss_vm"}
    for one in machines:
        assert set(found[one.key]) == set(window.buckets)
