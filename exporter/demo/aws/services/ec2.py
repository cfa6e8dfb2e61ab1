"""EC2 as the demo speaks it: regions, instances and instance types."""

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import groupby
from typing import Final

from exporter.core.clock import from_epoch
from exporter.core.units import MIB_PER_GIB
from exporter.demo.aws.paging import next_token, position
from exporter.demo.aws.registry import BY_ID, Kind, Operation
from exporter.demo.aws.services import ebs
from exporter.demo.aws.wire import Call, Code, require
from exporter.demo.aws.world import DISABLED_REGIONS, EMPTY_REGION, World
from exporter.demo.estate import EstateMachine, EstateState, MachineType
from exporter.demo.estate.hashing import seed_of

DESCRIBE: Final = "DescribeInstances"
TRANSITION_SECONDS: Final = 20
"""How long a machine is pending, stopping or shutting down."""
_CODES: Final[Mapping[str, int]] = {
    "pending": 0,
    "running": 16,
    "shutting-down": 32,
    "terminated": 48,
    "stopping": 64,
    "stopped": 80,
}
_SMALLEST_PAGE: Final = 5
_LARGEST_PAGE: Final = 1000
_MOST_TYPES: Final = 100
"""MaxResults of DescribeInstances and DescribeInstanceTypes."""


def describe_regions(world: World, call: Call) -> Mapping[str, object]:
    """List enabled regions, or all of them."""
    status = dict.fromkeys(world.regions, "opt-in-not-required")
    status[EMPTY_REGION] = "opted-in"
    if call.params.get("AllRegions") == "true":
        status |= dict.fromkeys(DISABLED_REGIONS, "not-opted-in")
    wanted = call.params.get("RegionName", list(status))
    for name in wanted:
        require(name in status, Code.INVALID_VALUE, f"Invalid region name : {name}")
    return {"regionInfo": [_region(name, status[name]) for name in wanted]}


def _region(name: str, status: str) -> Mapping[str, object]:
    endpoint = f"ec2.{name}.amazonaws.com"
    return {"regionName": name, "regionEndpoint": endpoint, "optInStatus": status}


def describe_instances(world: World, call: Call) -> Mapping[str, object]:
    """List instances in all states, grouped in reservations, page by page."""
    size = _page_size(call, _LARGEST_PAGE, world.limits.instances)
    moment, offset = position(call, world.now())
    instances = [
        Instance(world, machine, moment) for machine in world.listed(call, moment, DESCRIBE)
    ]
    chosen = _chosen(call, instances)
    page = chosen[offset : offset + size]
    groups = groupby(page, key=lambda instance: instance.reservation)
    result = {"reservationSet": [_reservation(call, name, group) for name, group in groups]}
    return {**result, "nextToken": next_token(moment, offset + len(page), len(chosen))}


def describe_instance_types(world: World, call: Call) -> Mapping[str, object]:
    """Describe instance types by name, or all of them, page by page."""
    moment, offset = position(call, world.now())
    names = call.params.get("InstanceType", sorted(world.machine_types))
    unknown = [name for name in names if name not in world.machine_types]
    require(len(names) <= _MOST_TYPES, Code.INVALID_VALUE, f"More than {_MOST_TYPES} types")
    message = f"The following supplied instance types do not exist: [{', '.join(unknown)}]"
    require(not unknown, Code.INVALID_INSTANCE_TYPE, message)
    page = names[offset : offset + _page_size(call, _MOST_TYPES, world.limits.instance_types)]
    result = {"instanceTypeSet": [_type(world.machine_types[name]) for name in page]}
    return {**result, "nextToken": next_token(moment, offset + len(page), len(names))}


def _page_size(call: Call, largest: int, limit: int) -> int:
    """Return the entries of a page: what is asked for, or fewer, as AWS reserves itself to do."""
    asked = int(call.params.get("MaxResults", largest))
    message = (
        f"Value ( {asked} ) for parameter maxResults is invalid: {_SMALLEST_PAGE} to {largest}"
    )
    require(_SMALLEST_PAGE <= asked <= largest, Code.INVALID_VALUE, message)
    named = "InstanceId" in call.params or "InstanceType" in call.params
    message = "Names cannot be used together with the parameter maxResults"
    require("MaxResults" not in call.params or not named, Code.INVALID_COMBINATION, message)
    return min(asked, limit)


class Instance:
    """One machine as EC2 shows it at a time."""

    def __init__(self, world: World, machine: EstateMachine, moment: float) -> None:
        self.machine = machine
        self.launched = int(world.estate.launched_at(machine, moment) or 0)
        self.stopped = world.estate.stopped_at(machine, moment)
        self.volumes = ebs.volumes_of(world, machine, moment)
        self.state = self._state(world.estate.state_at(machine, moment), moment)

    def _state(self, state: EstateState, moment: float) -> str:
        if self.stopped is None:
            return "pending" if moment < self.launched + TRANSITION_SECONDS else "running"
        over = moment >= self.stopped + TRANSITION_SECONDS
        if state is EstateState.STOPPED:
            return "stopped" if over else "stopping"
        return "terminated" if over else "shutting-down"

    @property
    def reservation(self) -> str:
        """Machines whose names differ in the last digit only were launched together."""
        together = f"{self.machine.account}/{self.machine.name[:-1]}"
        return f"r-0de30{seed_of(together) >> 16:012x}"

    def facts(self) -> Mapping[str, object]:
        """Return the instance in the words of the API."""
        machine = self.machine
        return {
            "instanceId": machine.resource_id,
            "imageId": "ami-0de30000000000001",
            "instanceState": {"code": _CODES[self.state], "name": self.state},
            "privateDnsName": "",
            "dnsName": "",
            "reason": self._reason(),
            "amiLaunchIndex": 0,
            "productCodes": [],
            "instanceType": machine.instance_type,
            "launchTime": _iso(self.launched),
            "placement": {"availabilityZone": machine.zone, "groupName": "", "tenancy": "default"},
            "monitoring": {"state": "enabled" if machine.detailed else "disabled"},
            "stateReason": self._state_reason(),
            "architecture": machine.machine_type.architecture.value,
            "rootDeviceType": "ebs",
            "blockDeviceMapping": ebs.mappings(self.volumes),
            "virtualizationType": "hvm",
            "hypervisor": "xen",
            "tagSet": [{"key": key, "value": value} for key, value in machine.tags.items()],
            "instanceLifecycle": "spot" if machine.spot else None,
            "cpuOptions": _cpu_options(machine.machine_type),
            "platformDetails": "Linux/UNIX",
        }

    def _reason(self) -> str:
        if self.stopped is None:
            return ""
        return f"User initiated ({from_epoch(self.stopped):%Y-%m-%d %H:%M:%S} GMT)"

    def _state_reason(self) -> Mapping[str, str] | None:
        if self.stopped is None:
            return None
        code = "Client.UserInitiatedShutdown"
        return {"code": code, "message": f"{code}: User initiated shutdown"}


def _reservation(call: Call, name: str, instances: Iterable[Instance]) -> Mapping[str, object]:
    return {
        "reservationId": name,
        "ownerId": call.account,
        "groupSet": [],
        "instancesSet": [instance.facts() for instance in instances],
    }


def _chosen(call: Call, instances: Sequence[Instance]) -> list[Instance]:
    """Return the instances that ids and filters leave over, those of a reservation together."""
    wanted = call.params.get("InstanceId")
    missing = set(wanted or ()) - {instance.machine.resource_id for instance in instances}
    message = f"The instance IDs '{', '.join(sorted(missing))}' do not exist"
    require(not missing, Code.INVALID_INSTANCE_ID, message)
    filters = [(f["Name"], f.get("Value", [])) for f in call.params.get("Filter", [])]
    left = [
        instance
        for instance in instances
        if wanted is None or instance.machine.resource_id in wanted
        if all(_passes(instance, name, values) for name, values in filters)
    ]
    return sorted(left, key=lambda i: (i.reservation, i.machine.resource_id))


def _passes(instance: Instance, name: str, patterns: Sequence[str]) -> bool:
    machine = instance.machine
    facts = {
        "instance-state-name": instance.state,
        "instance-id": machine.resource_id,
        "instance-type": machine.instance_type,
        "availability-zone": machine.zone,
    }
    if name.startswith("tag:"):
        facts[name] = machine.tags.get(name.removeprefix("tag:"), "")
    require(name in facts, Code.INVALID_VALUE, f"The filter '{name}' is invalid")
    return any(fnmatchcase(facts[name], pattern) for pattern in patterns)


def _type(found: MachineType) -> Mapping[str, object]:
    return {
        "instanceType": found.name,
        "currentGeneration": True,
        "bareMetal": False,
        "hypervisor": "nitro",
        "processorInfo": {
            "supportedArchitectures": [found.architecture.value],
            "sustainedClockSpeedInGhz": found.clock_ghz,
            "manufacturer": found.manufacturer,
        },
        "vCpuInfo": {
            "defaultVCpus": found.vcpus,
            "defaultCores": found.vcpus // found.threads_per_core,
            "defaultThreadsPerCore": found.threads_per_core,
        },
        "memoryInfo": {"sizeInMiB": round(found.memory_gib * MIB_PER_GIB)},
        "gpuInfo": _gpus(found),
        "burstablePerformanceSupported": found.burstable,
    }


def _gpus(found: MachineType) -> Mapping[str, object] | None:
    if not found.gpu_count:
        return None
    gpu = {
        "name": found.gpu_model,
        "manufacturer": "NVIDIA",
        "count": found.gpu_count,
        "memoryInfo": {"sizeInMiB": found.gpu_memory_mib},
    }
    return {"gpus": [gpu], "totalGpuMemoryInMiB": found.gpu_count * found.gpu_memory_mib}


def _cpu_options(found: MachineType) -> Mapping[str, object]:
    cores = found.vcpus // found.threads_per_core
    return {"coreCount": cores, "threadsPerCore": found.threads_per_core}


def _iso(moment: int) -> str:
    return f"{from_epoch(moment):%Y-%m-%dT%H:%M:%S}.000Z"


OPERATIONS: Final[Mapping[tuple[str, str], Operation]] = {
    ("ec2", "DescribeRegions"): describe_regions,
    ("ec2", DESCRIBE): describe_instances,
    ("ec2", "DescribeInstanceTypes"): describe_instance_types,
}
KINDS: Final = (
    Kind(
        name="ec2_instance",
        listed_by=DESCRIBE,
        namespace="AWS/EC2",
        dimension="InstanceId",
        subject=BY_ID,
    ),
)
