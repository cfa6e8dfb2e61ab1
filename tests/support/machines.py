"""Machines for tests of the power model: only what the model looks at."""

from exporter.core.model import Machine, ResourceKey, RunState, Shape


def machine(
    provider: str, instance_type: str, *, shape: Shape | None = None, cpu_platform: str = ""
) -> Machine:
    """Return a running machine of a type."""
    return Machine(
        key=ResourceKey(provider, "account", "region", "machine", "id"),
        name="name",
        instance_type=instance_type,
        state=RunState.RUNNING,
        shape=shape,
        cpu_platform=cpu_platform,
    )
