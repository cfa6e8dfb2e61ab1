"""Credentials and clients of one account: everything that is made once and then shared."""

import functools
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import boto3
import botocore.session
from botocore.awsrequest import AWSHTTPConnectionPool, AWSHTTPSConnectionPool
from botocore.config import Config as SdkConfig
from botocore.configprovider import ConstantProvider
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    CredentialProvider,
    CredentialResolver,
    DeferredRefreshableCredentials,
)
from botocore.endpoint import Endpoint
from botocore.exceptions import NoCredentialsError
from botocore.httpsession import URLLib3Session
from botocore.utils import parse_timestamp

from exporter.core.errors import AuthError
from exporter.core.ports import AdapterContext
from exporter.http.deadline import TimeBudget
from exporter.providers._shared.provider import WORKERS
from exporter.providers._shared.wire import Wire
from exporter.providers.aws.config import Config
from exporter.providers.aws.errors import Call, translated
from exporter.providers.aws.models import shared_loader

if TYPE_CHECKING:  # the stubs are a development dependency
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_ec2 import EC2Client

_FIRST_USE: Final = {"ec2": "ec2:DescribeInstances", "cloudwatch": "cloudwatch:GetMetricData"}
"""What to name where a client cannot even be made."""

_making: Final = threading.Lock()
"""Accounts are collected by threads of their own; what they share is not made by two at once."""


class _AssumedRole(CredentialProvider):
    """Credentials of the configured role, renewed by botocore before they expire."""

    METHOD = "assume-role"

    def __init__(self, fetcher: AssumeRoleCredentialFetcher) -> None:
        super().__init__()
        self._fetcher = fetcher

    def load(self) -> DeferredRefreshableCredentials:
        return DeferredRefreshableCredentials(
            refresh_using=self._fetcher.fetch_credentials, method=self.METHOD
        )


class Connection:
    """Working credentials of one account and its clients.

    The constructor reads configuration files but sends nothing. All methods but ``close`` may be
    called from several threads, and clients are safe to share.
    """

    def __init__(
        self,
        config: Config,
        context: AdapterContext,
        home: str,
        budget: TimeBudget | None = None,
    ) -> None:
        self._config = config
        self._wire = Wire(config.request_seconds, budget)
        self.meter = context.meter
        self._sdk_config = SdkConfig(
            retries={"mode": "standard", "total_max_attempts": config.max_attempts},
            max_pool_connections=WORKERS,
            connect_timeout=config.connect_seconds,
            read_timeout=config.read_seconds,
            user_agent_extra=context.user_agent,
        )
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()
        self.home = home
        self.account = ""
        core = self._core(home)
        with _making:
            self._session = boto3.session.Session(botocore_session=core, region_name=home)
            paths = shared_loader().search_paths
            paths[:] = dict.fromkeys(paths)  # each boto3 session adds its own folder again

    def ec2(self, region: str) -> "EC2Client":
        """Return the client of a region."""
        client: EC2Client = self.client(self.call(_FIRST_USE["ec2"], region))
        return client

    def cloudwatch(self, region: str) -> "CloudWatchClient":
        """Return the client of a region."""
        client: CloudWatchClient = self.client(self.call(_FIRST_USE["cloudwatch"], region))
        return client

    def authorize(self) -> None:
        """Renew the credentials if that is due: what each call would do, but without an end.

        Raises:
            CollectorError: they are refused, or cannot be had.
        """
        with translated(self.call("sts:GetCallerIdentity", self.home)):
            found = self._session.get_credentials()
            if found is None:
                raise NoCredentialsError
            found.get_frozen_credentials()

    def identify(self) -> str:
        """Ask STS whose credentials these are, and return the account id.

        Raises:
            CollectorError: there are no credentials, or STS does not accept them.
        """
        call = self.call("sts:GetCallerIdentity", self.home)
        with translated(call):
            answer = self.client(call).get_caller_identity()
        account = answer.get("Account")
        if not isinstance(account, str) or not account:
            call.reject("the answer names no account")
        self.account = account
        return account

    def call(self, permission: str, region: str, otherwise: str = "") -> Call:
        """Describe a call for error messages."""
        return Call(
            permission=permission,
            region=region,
            account=self.account or self._config.role_account,
            role_arn=self._config.role_arn or "",
            otherwise=otherwise,
        )

    def client(self, call: Call, service: str = "") -> Any:  # noqa: ANN401 - boto3 makes the classes
        """Return the client of a service in the region of a call.

        Without a name it is the service whose permission the call needs.

        Raises:
            CollectorError: it cannot be made, for want of credentials for example.
        """
        service = service or call.permission.partition(":")[0]
        key = (service, call.region)
        with self._lock:
            if key not in self._clients:
                self._clients[key] = self._made(service, call)
            return self._clients[key]

    def close(self) -> None:
        """Close the clients' connections."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def _made(self, service: str, call: Call) -> Any:  # noqa: ANN401 - boto3 makes the classes
        with translated(call):
            if self._session.get_credentials() is None:
                raise NoCredentialsError
            with _making:
                return self._session.client(
                    service,  # type: ignore[call-overload] # the stubs know only some
                    region_name=call.region,
                    endpoint_url=self._config.endpoint_url,
                    config=self._sdk_config,
                )

    def _core(self, home: str) -> botocore.session.Session:
        core = self._source()
        if self._config.role_arn is None:
            return core
        with translated(self.call("sts:AssumeRole", home)):
            own = core.get_credentials()
            if own is None:
                raise NoCredentialsError
        extra = {"RoleSessionName": self._config.session_name}
        if self._config.external_id:
            extra["ExternalId"] = self._config.external_id
        fetcher = AssumeRoleCredentialFetcher(
            client_creator=functools.partial(
                core.create_client,
                region_name=home,
                endpoint_url=self._config.endpoint_url,
                config=self._sdk_config,
            ),
            source_credentials=own,
            role_arn=self._config.role_arn,
            extra_args=extra,
        )
        assumed = self._source()
        resolver = CredentialResolver(providers=[_AssumedRole(fetcher)])
        assumed.register_component("credential_provider", resolver)
        return assumed

    def _source(self) -> botocore.session.Session:
        core = sdk_session(self._config)
        core.register_component("data_loader", shared_loader())
        emitter = core.get_component("event_emitter")
        emitter.register_first("before-send", self._count)
        # Of every client that is made from this session, those that fetch credentials included.
        emitter.register("creating-client-class", _bounding(self._wire))
        core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_moment)
        return core

    def _count(self, event_name: str, **_: object) -> None:
        """Count each request that goes out, the SDK's retries included."""
        self.meter.count("aws", event_name.rsplit(".", 1)[-1])


def _bounding(wire: Wire) -> Callable[..., None]:
    """Return what adds to the class of a client that its requests are bounded."""

    class Bounded:
        def __init__(self, *, endpoint: Endpoint, **others: Any) -> None:  # noqa: ANN401 - the client's
            _bound(endpoint.http_session, wire)
            super().__init__(endpoint=endpoint, **others)  # type: ignore[call-arg] # a client's

    def add(*, base_classes: list[type], **_: object) -> None:
        base_classes.insert(0, Bounded)

    return add


def _bound(http: URLLib3Session, wire: Wire) -> None:
    # There is no argument for it; a test sees that it has an effect.
    pools = wire.pools(AWSHTTPConnectionPool, AWSHTTPSConnectionPool)
    http._pool_classes_by_scheme = pools  # type: ignore[attr-defined] # noqa: SLF001
    http._manager.pool_classes_by_scheme = pools  # type: ignore[attr-defined] # noqa: SLF001


def _moment(value: float | str | None) -> datetime | None:
    """Read a timestamp; botocore's own way through local time zones takes ten times as long.

    A day of 1,000 instances is 288,000 of them, all epoch numbers. One that is none, or of the year
    10000, is None: raised here, it would take the whole answer with it.
    """
    try:
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value, UTC)
        return None if value is None else parse_timestamp(value)
    except (ValueError, OverflowError, TypeError, OSError, RuntimeError, AttributeError):
        return None


def sdk_session(config: Config) -> botocore.session.Session:
    """Return a session of the configured credential chain."""
    core = botocore.session.Session(profile=config.profile)
    if core.get_config_variable("profile") == "":  # AWS_PROFILE= is meant to name none
        core.get_component("config_store").set_config_provider("profile", ConstantProvider(None))
    if config.credentials_file is not None:
        core.set_config_variable("credentials_file", str(config.credentials_file))
    return core


def connect(
    config: Config, context: AdapterContext, budget: TimeBudget | None = None
) -> Connection:
    """Find a region that takes the credentials, and learn the account id there.

    Raises:
        CollectorError: none does; the first refusal tells why.
    """
    with translated(Call(permission="sts:GetCallerIdentity", region="any region")):
        own = sdk_session(config).get_config_variable("region")
    refusals = []
    for home in config.first_regions(own):
        with translated(Call(permission="sts:GetCallerIdentity", region=home)):
            connection = Connection(config, context, home, budget)
        try:
            connection.identify()
        except AuthError as error:  # a region may be switched off for the account: try another
            connection.close()
            refusals.append(error)
        except BaseException:
            connection.close()
            raise
        else:
            return connection
    raise refusals[0]
