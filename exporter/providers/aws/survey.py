"""What listing each service in each region came to, as one inventory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from exporter.core.errors import AuthError, CollectorError
from exporter.providers.aws.config import Service
from exporter.providers.aws.inventory import Listing

Job = tuple[Service, str]
"""A service, and the region in which it was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """Listings, and what failed instead."""

    listings: Mapping[Job, Listing]
    failed: Mapping[Job, CollectorError]

    @classmethod
    def of(cls, jobs: Sequence[Job], outcomes: Sequence[Listing | CollectorError]) -> "Survey":
        """Sort the outcomes of jobs, in their order."""
        both = list(zip(jobs, outcomes, strict=True))
        return cls(
            listings={job: one for job, one in both if isinstance(one, Listing)},
            failed={job: one for job, one in both if isinstance(one, CollectorError)},
        )

    @property
    def services(self) -> frozenset[Service]:
        """Services that at least one region listed."""
        return frozenset(service for service, _ in self.listings)

    @property
    def failures(self) -> tuple[CollectorError, ...]:
        """What failed: a region without any answer once, and a service refused everywhere once."""
        answering = {region for _, region in self.listings}
        told: dict[tuple[str, str], CollectorError] = {}
        for (service, region), error in self.failed.items():
            whole_region = region not in answering
            everywhere = service not in self.services and not whole_region
            told.setdefault(("" if whole_region else service, "" if everywhere else region), error)
        return tuple(told.values())

    @property
    def refused_databases(self) -> frozenset[str]:
        """Regions that list instances but may not list databases.

        They count as seen: an account that never allows it must not keep vanished instances.
        """
        return frozenset(
            region
            for (service, region), error in self.failed.items()
            if service == "rds"
            and isinstance(error, AuthError)
            and ("ec2", region) in self.listings
        )

    @property
    def unseen_regions(self) -> frozenset[str]:
        """Regions of which something is not known: what is not listed may still be there."""
        return frozenset(region for _, region in self.failed) - self.refused_databases
