"""What listing each kind in each region came to, as one inventory."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from exporter.core.errors import AuthError, CollectorError
from exporter.providers.aws.errors import ClosedError
from exporter.providers.aws.kind import Listing

Job = tuple[str, str]
"""The name of a kind, and the region in which it was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """Listings, and what failed instead.

    ``refused`` are optional kinds that may not be listed in a region where others are: they are
    left out, and the region counts as seen. An account that never allows one must not keep what
    has vanished for ever. ``closed`` are regions that a policy of the organisation denies while it
    allows others: told once, and no failure.
    """

    listings: Mapping[Job, Listing]
    refused: Mapping[Job, CollectorError]
    failed: Mapping[Job, CollectorError]
    closed: Mapping[Job, CollectorError]

    @classmethod
    def of(
        cls,
        jobs: Sequence[Job],
        outcomes: Sequence[Listing | CollectorError],
        optional: Collection[str],
    ) -> "Survey":
        """Sort the outcomes of jobs, in their order; ``optional`` are names of kinds."""
        both = list(zip(jobs, outcomes, strict=True))
        listings = {job: one for job, one in both if isinstance(one, Listing)}
        answering = {region for _, region in listings}
        refused = {
            (kind, region): one
            for (kind, region), one in both
            if isinstance(one, AuthError) and kind in optional and region in answering
        }
        closed = {
            job: one
            for job, one in both
            if answering and isinstance(one, ClosedError) and job not in refused
        }
        failed = {
            job: one
            for job, one in both
            if isinstance(one, CollectorError) and job not in refused and job not in closed
        }
        return cls(listings=listings, refused=refused, failed=failed, closed=closed)

    @property
    def kinds(self) -> frozenset[str]:
        """Kinds that at least one region listed."""
        return frozenset(kind for kind, _ in self.listings)

    @property
    def failures(self) -> tuple[CollectorError, ...]:
        """What failed: a region without any answer once, and a kind refused everywhere once."""
        answering = {region for _, region in self.listings}
        told: dict[tuple[str, str], CollectorError] = {}
        for (kind, region), error in self.failed.items():
            whole_region = region not in answering
            everywhere = kind not in self.kinds and not whole_region
            told.setdefault(("" if whole_region else kind, "" if everywhere else region), error)
        return tuple(told.values())

    @property
    def unseen_regions(self) -> frozenset[str]:
        """Regions of which something is not known: what is not listed may still be there."""
        return frozenset(region for _, region in self.failed)


def once_each(failures: Sequence[CollectorError]) -> tuple[CollectorError, ...]:
    """Drop refusals of a permission that was refused in another region as well."""
    told = {_told(error): error for error in reversed(failures)}
    return tuple(told.values())[::-1]


def _told(error: CollectorError) -> str:
    """Return what makes a failure the same as another; each closed region is one of its own."""
    permission = isinstance(error, AuthError) and not isinstance(error, ClosedError)
    return str(error).partition(" in ")[0] if permission else str(error)
