"""PromQL that splits the estate by the allow-listed tag that the reader picked.

A machine without the tag, or with an empty one, belongs to ``untagged``. ``owner`` is the label
that carries the answer, because the tag's own label has another name on every dashboard.
"""

from typing import Final

from dashboards.build.queries import (
    JOULES_PER_KWH,
    RECENT,
    RESOURCE,
    covered,
    estate,
    grown,
    of_machine,
    one_info,
    picks,
    single,
)

OWNER: Final = "owner"
UNTAGGED: Final = "untagged"
LEGEND: Final = "{{owner}}"
LEADING: Final = 7
"""Lines or areas of one chart: as many as the eye tells apart."""

TAG: Final = "tag_$tag"
_INFO: Final = "carbon_resource_info"
_GRAMS: Final = "carbon_resource_emissions_gco2eq_total"
_JOULES: Final = "carbon_resource_energy_joules_total"
_RATE: Final = "carbon_resource_emissions_gco2eq_per_hour"
_POWER: Final = "carbon_resource_power_watts"
_CPU: Final = "carbon_resource_cpu_utilization_ratio"
_VCPUS: Final = "carbon_resource_vcpus"
PICKED: Final = picks(TAG, "value")
_HAS_TAG: Final = f'{TAG}!=""'


def rate() -> str:
    """Grams per hour of each owner."""
    return by_owner(of_machine(_RATE))


def rate_of_all() -> str:
    """Grams per hour of each owner, whatever values of the tag are picked."""
    return by_owner(of_machine(_RATE), one_info(TAG))


def leaders(count: int, *matchers: str) -> str:
    """Choose the owners that emit most at the end of the time range, for all of it."""
    rate = f"sum by ({RESOURCE}) ({single(_RATE, window=RECENT)})"
    seen = f"last_over_time({estate(_INFO, *matchers)}[{RECENT}] @ end ())"
    info = f"topk by ({RESOURCE}) (1, group by ({RESOURCE}, {TAG}) ({seen}))"
    return f"topk ({count}, {by_owner(rate, info)})"


def of_leaders(expression: str) -> str:
    """Keep of values of owners those of the ones that emit most."""
    return f"({expression}) and on ({OWNER}) {leaders(LEADING, PICKED)}"


def grams() -> str:
    """Grams of each owner in the time range, by the tag that each machine had last.

    A machine that vanished within the range still counts for its owner.
    """
    return by_owner(grown(_GRAMS), _info_in_range())


def share() -> str:
    """Share of each owner in the grams of the time range."""
    return f"{grams()} / on () group_left () sum ({grams()})"


def change() -> str:
    """Grams of each owner against the time range before this one, as a share more or less.

    Nothing where that range was not wholly watched, or the owner emitted nothing in it.
    """
    before = grown(_GRAMS, "$__range")
    compared = covered(by_owner(before, _info_in_range("$__range")), "$__range")
    return f"{grams()} / ({compared} > 0) - 1"


def kilowatt_hours() -> str:
    """Kilowatt-hours of each owner in the time range, by the tag that each machine had last."""
    return f"{by_owner(grown(_JOULES), _info_in_range())} / {JOULES_PER_KWH}"


def untagged_share() -> str:
    """Share of the grams of the time range that nobody's tag claims; 0 where all is claimed."""
    everything = f"sum ({grown(_GRAMS)})"
    claimed = f"{grown(_GRAMS)} and on ({RESOURCE}) {_tagged()}"
    return f"1 - (sum ({claimed}) or 0 * {everything}) / {everything}"


def machines() -> str:
    """Machines of each owner that exist now."""
    return by_owner(f"group by ({RESOURCE}) ({estate(_INFO)})")


def cpu() -> str:
    """Mean utilisation of each owner's vCPUs: large machines weigh more."""
    used = f"{of_machine(_CPU)} * on ({RESOURCE}) {of_machine(_VCPUS)}"
    return f"{by_owner(used)} / {by_owner(_measured(_VCPUS, _CPU))}"


def grams_per_vcpu_hour() -> str:
    """Grams of an hour of each owner's work, for each vCPU that it holds."""
    return f"{by_owner(_measured(_RATE, _VCPUS))} / {by_owner(_measured(_VCPUS, _RATE))}"


def grams_per_used_vcpu_hour() -> str:
    """Grams of an hour of each owner's work, for each vCPU that is kept busy."""
    used = f"{of_machine(_CPU)} * on ({RESOURCE}) {of_machine(_VCPUS)}"
    return f"{by_owner(_measured(_RATE, _VCPUS, _CPU))} / ({by_owner(used)} > 0)"


def grams_per_kwh() -> str:
    """Operational grams in a kilowatt-hour of each owner: how clean its regions' grids are."""
    operational = _sum_of_machine(single(_RATE, 'scope="operational"'))
    return f"1000 * {by_owner(operational)} / ({by_owner(of_machine(_POWER))} > 0)"


def count() -> str:
    """How many owners are known by the tag."""
    return f"count (group by ({TAG}) ({estate(_INFO, PICKED, _HAS_TAG)}))"


def untagged_machines() -> str:
    """How many machines lack the tag; 0 where all have it."""
    nobody = f"count ({untagged()})"
    return f"{nobody} or 0 * count ({estate(_INFO)})"


def untagged() -> str:
    """Select the machines without the tag."""
    return estate(_INFO, f'{TAG}=""')


def by_owner(of_machines: str, info: str = "") -> str:
    """Sum values of machines by owner; machines without a tag are the owner ``untagged``."""
    known = info or one_info(TAG, matchers=(PICKED,))
    joined = f"({of_machines}) * on ({RESOURCE}) group_left ({TAG}) {known}"
    return f"sum by ({OWNER}) ({_owned(f'sum by ({TAG}) ({joined})')})"


def _owned(expression: str) -> str:
    nobody = f'label_replace({expression}, "{OWNER}", "{UNTAGGED}", "{TAG}", ".*")'
    return f'label_replace({nobody}, "{OWNER}", "$1", "{TAG}", "(.+)")'


def _sum_of_machine(series: str) -> str:
    return f"sum by ({RESOURCE}) ({series})"


def _measured(metric: str, *also: str) -> str:
    kept = "".join(f" and on ({RESOURCE}) {estate(other)}" for other in also)
    return f"{of_machine(metric)}{kept}"


def _tagged() -> str:
    return f"last_over_time({estate(_INFO, _HAS_TAG)}[$__range])"


def _info_in_range(offset: str = "") -> str:
    """One info for each machine of the range, the present one where there is one."""
    shifted = f" offset {offset}" if offset else ""
    labels = f"{RESOURCE}, {TAG}"
    picked = estate(_INFO, PICKED)
    now = f"2 * group by ({labels}) ({picked}{shifted})"
    once = f"group by ({labels}) (last_over_time({picked}[$__range]{shifted}))"
    return f"group by ({labels}) (topk by ({RESOURCE}) (1, {now} or {once}))"
