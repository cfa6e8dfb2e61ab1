"""``state``: look into the state file, write out what it holds, forget accounts that left.

``check`` and ``export`` never open the file itself: a running daemon holds its lock. They read a
copy of it and of its write-ahead log, which is what a crash at that moment would have left.
"""

import csv
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from exporter import app
from exporter.cli._options import Config, Json, UsageError, one_of
from exporter.cli._shown import print_check, print_json, print_line, print_table
from exporter.core.clock import from_epoch
from exporter.core.errors import CarbonExporterError, StoreError
from exporter.core.model import RegionKey, ResourceKey
from exporter.engine.store import Changes, State, Store, look
from exporter.settings import Settings, load

ORDER: Final = 95
SUMMARY: Final = "Check or export the state file; forget accounts that left."
EXAMPLES: Final = (
    "carbon-exporter state check",
    "carbon-exporter state export --format csv --state /var/lib/carbon-exporter/state.db",
    "carbon-exporter state prune --account aws/111122223333 --dry-run",
)

QUANTITIES: Final = ("energy_joules", "operational_gco2eq", "embodied_gco2eq")
SECONDS: Final = ("measured_seconds", "estimated_seconds", "missing_seconds")


class Format(StrEnum):
    """How an export is written."""

    JSON = "json"
    CSV = "csv"


class PruneError(CarbonExporterError):
    """An account that must not be forgotten, or is not there."""


StateFile = Annotated[
    Path | None,
    typer.Option("--state", metavar="FILE", help="The state file. Default: that of --config."),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What a state file holds of one account."""

    provider: str
    account: str
    collectors: tuple[str, ...]
    regions: int
    resources: int
    open_buckets: int
    last_seen: str | None
    """When one of its machines was last seen running; None where none is kept."""


def check(config: Config = None, state: StateFile = None, *, as_json: Json = False) -> int:
    """Read all of the state file and tell what it holds. Changes nothing.

    Also while a daemon runs. Exit code 1 if it is damaged, no state file, or of a newer version;
    every row has a checksum, and all are compared.
    """
    path = _path(config, state)
    try:
        schema, size, held = look(path)
    except StoreError as error:
        if as_json:
            print_json({"state": str(path), "ok": False, "error": str(error)})
        else:
            print_check("state", str(error), ok=False)
        return 1
    accounts = list(_accounts(held))
    if as_json:
        print_json(
            {
                "state": str(path),
                "ok": True,
                "schema": schema,
                "bytes": size,
                "accounts": [asdict(each) for each in accounts],
            }
        )
        return 0
    print_check("state", f"{path}: schema {schema}, {size / 2**20:.1f} MiB", ok=True)
    head = ("ACCOUNT", "COLLECTOR", "REGIONS", "RESOURCES", "OPEN BUCKETS", "LAST SEEN")
    print_table("", head, (_row(each) for each in accounts))
    print_line("every checksum holds")
    return 0


def _row(each: Account) -> tuple[str, ...]:
    counts = map(str, (each.regions, each.resources, each.open_buckets))
    name, collectors = f"{each.provider}/{each.account}", ", ".join(each.collectors) or "-"
    return name, collectors, *counts, each.last_seen or "-"


def export(
    config: Config = None,
    state: StateFile = None,
    form: Annotated[
        Format,
        typer.Option(
            "--format", metavar="FORMAT", parser=one_of("--format", Format), help="json or csv."
        ),
    ] = Format.JSON,
) -> int:
    """Write totals of all regions and counters of all resources, to the last bit.

    `accounted` is what was counted, `shown` what counters have shown of it: the larger one where a
    correction downwards is still to be netted. Regions hold what vanished machines counted too.
    Changes nothing; also while a daemon runs.
    """
    _, _, held = look(_path(config, state))
    if form is Format.JSON:
        print_json(
            {
                "origins": {name: origin._asdict() for name, origin in held.origins.items()},
                "buckets_corrected": held.corrected,
                "repriced": {zone: sums._asdict() for zone, sums in held.repriced.items()},
                "regions": list(_regions(held)),
                "resources": list(_resources(held)),
            }
        )
        return 0
    writer = csv.writer(sys.stdout, lineterminator="\n")
    told = [f"{how}_{name}" for how in ("accounted", "shown") for name in (*QUANTITIES, *SECONDS)]
    writer.writerow((*ResourceKey._fields, *told))
    for key, tally in sorted(held.regions.items()):
        writer.writerow((*key, "", "", *tally.accounted, *tally.exposed))
    blank = [""] * len(SECONDS)  # which are kept by region
    for ident, row in sorted(held.resources.items()):
        sums = held.progress[ident].tally
        writer.writerow((*row.machine.key, *sums.accounted, *blank, *sums.exposed, *blank))
    return 0


def prune(  # noqa: PLR0913 -- each is an option
    account: Annotated[
        str, typer.Option(metavar="PROVIDER/ACCOUNT", help="As `state check` lists it.")
    ],
    config: Config = None,
    state: StateFile = None,
    before: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="Only machines last seen before it: 2026-03-01."),
    ] = None,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be forgotten, change nothing.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also where the account is still configured.")
    ] = False,
) -> int:
    """Forget an account that left the configuration: its machines, open buckets and totals.

    Needs the daemon to be stopped. Series of the account end with the next start; what Prometheus
    has stored stays there. Should the account come back, its counters begin at 0, which Prometheus
    takes for a reset: `increase()` stays right. With --before, totals stay while a machine does.
    """
    settings = load(config, dict(os.environ))
    path = _path(config, state)
    provider, _, name = account.partition("/")
    if not name:
        message = f"--account {account!r} — write PROVIDER/ACCOUNT, as `state check` lists it"
        raise UsageError(message)
    limit = None if before is None else _date(before)
    if not path.exists():
        message = f"state file {path}: not there — set `state`, or give --state"
        raise StoreError(message)
    store = Store.open(path, update=not dry_run)
    try:
        held = store.load()
        changes = _forgetting(held, provider, name, limit)
        _refuse_configured(held, provider, name, settings, force=force)
        _tell(held, changes, dry_run=dry_run)
        if not dry_run:
            store.commit(changes)
    finally:
        store.close()
    return 0


def _path(config: Path | None, state: Path | None) -> Path:
    path = state or load(config, dict(os.environ)).state
    if path is None:
        message = "`state: none`: there is no state file — give --state"
        raise UsageError(message)
    return path


def _date(text: str) -> float:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"--before {text!r} — write a date such as 2026-03-01; {error}"
        raise UsageError(message) from error
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _accounts(held: State) -> Iterator[Account]:
    keys = {(key.provider, key.account) for key in held.regions}
    for provider, account in sorted(keys):
        idents = list(_idents(held, provider, account))
        seen = max((held.progress[ident].last_seen for ident in idents), default=None)
        yield Account(
            provider=provider,
            account=account,
            collectors=tuple(sorted({held.resources[ident].collector for ident in idents})),
            regions=sum((key.provider, key.account) == (provider, account) for key in held.regions),
            resources=len(idents),
            open_buckets=sum(len(held.buckets.get(ident, ())) for ident in idents),
            last_seen=None if seen is None else _when(seen),
        )


def _idents(held: State, provider: str, account: str) -> Iterator[int]:
    for ident, row in held.resources.items():
        if (row.machine.key.provider, row.machine.key.account) == (provider, account):
            yield ident


def _when(seconds: float) -> str:
    return from_epoch(seconds).isoformat(timespec="seconds")


def _sums(values: Iterable[float]) -> dict[str, float]:
    return dict(zip((*QUANTITIES, *SECONDS), values, strict=False))  # a machine has no seconds


def _regions(held: State) -> Iterator[Mapping[str, object]]:
    for key, tally in sorted(held.regions.items()):
        shown = {"accounted": _sums(tally.accounted), "shown": _sums(tally.exposed)}
        yield key._asdict() | shown


def _resources(held: State) -> Iterator[Mapping[str, object]]:
    for ident, row in sorted(held.resources.items()):
        at, machine = held.progress[ident], row.machine
        yield machine.key._asdict() | {
            "name": machine.name,
            "instance_type": machine.instance_type,
            "state": machine.state.value,
            "collector": row.collector,
            "last_seen": _when(at.last_seen),
            "counted_until": _when(at.watermark),
            "open_buckets": len(held.buckets.get(ident, ())),
            "accounted": _sums(at.tally.accounted),
            "shown": _sums(at.tally.exposed),
        }


def _forgetting(held: State, provider: str, account: str, limit: float | None) -> Changes:
    """Return what forgets an account.

    Raises:
        PruneError: nothing is known of it.
    """
    regions = {key for key in held.regions if (key.provider, key.account) == (provider, account)}
    if not regions:
        known = ", ".join(sorted({f"{key.provider}/{key.account}" for key in held.regions}))
        message = f"the state file knows no account {provider}/{account} — it has {known or 'none'}"
        raise PruneError(message)
    idents = set(_idents(held, provider, account))
    old = {i for i in idents if limit is None or held.progress[i].last_seen < limit}
    kept: set[RegionKey] = {held.resources[ident].machine.region_key for ident in idents - old}
    return Changes(removed=old, forgotten=regions - kept)


def _refuse_configured(
    held: State, provider: str, account: str, settings: Settings, *, force: bool
) -> None:
    """Keep what a daemon would count on with.

    Whose account it is tells the collector of its machines; where none of them is kept, it may be
    any collector's of that cloud.
    """
    built = app.build(settings)
    try:
        configured = {one.name: one.kind for one in built.providers}
    finally:
        built.close()
    owners = {held.resources[ident].collector for ident in _idents(held, provider, account)}
    still = sorted(
        name
        for name, kind in configured.items()
        if name in owners or (not owners and kind == provider)
    )
    if still and not force:
        message = (
            f"{provider}/{account} may still be watched by {', '.join(still)} — take it out of the "
            "configuration first, or give --force: it would be counted from 0 again"
        )
        raise PruneError(message)


def _tell(held: State, changes: Changes, *, dry_run: bool) -> None:
    buckets = sum(len(held.buckets.get(ident, ())) for ident in changes.removed)
    kwh, grams = 0.0, 0.0
    for key in changes.forgotten:
        joules, operational, embodied, *_ = held.regions[key].exposed
        kwh, grams = kwh + joules / 3.6e6, grams + operational + embodied
    doing = "would forget" if dry_run else "forgetting"
    print_line(
        f"{doing} {len(changes.removed)} resources, {buckets} open buckets, and totals of "
        f"{len(changes.forgotten)} regions: {kwh:.6g} kWh, "
        f"{grams / 1000:.6g} kgCO2eq"
    )


VERBS: Final = (check, export, prune)
