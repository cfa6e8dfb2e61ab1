"""Which token is used, and how a refused credential is found anew."""

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from exporter.providers.azure.config import Config
from exporter.providers.azure.credentials import Credentials, NoToken

TENANT = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
SIMULATED = Config(
    management_endpoint="http://127.0.0.1:1", metrics_endpoint="http://127.0.0.1:1/{region}"
)


class Login:
    """A credential that counts what happens to it."""

    def __init__(self, *, good: bool = True) -> None:
        self.good = good
        self.options: list[dict[str, object]] = []
        self.closed = 0

    def get_token(self, *scopes: str, **options: object) -> AccessToken:
        self.options.append(options)
        if not self.good:
            raise ClientAuthenticationError(message="expired")
        return AccessToken(f"for {scopes[0]}", 2**33)

    def close(self) -> None:
        self.closed += 1


def test_a_credential_is_made_at_the_first_token_and_once() -> None:
    logins = [Login(), Login()]
    credentials = Credentials(Config(), lambda _: logins.pop(0))

    assert len(logins) == 2
    assert credentials.get_token("a").token == "for a"
    assert credentials.get_token("b").token == "for b"
    assert len(logins) == 1


def test_after_a_refusal_another_credential_is_made() -> None:
    logins = [Login(good=False), Login()]
    credentials = Credentials(Config(), lambda _: logins.pop(0))

    with pytest.raises(ClientAuthenticationError):
        credentials.get_token("a")

    assert credentials.get_token("a").token == "for a"


def test_renewing_forgets_the_tokens_of_before() -> None:
    logins = [Login(), Login()]
    credentials = Credentials(Config(), lambda _: logins.pop(0))
    credentials.get_token("a")

    credentials.renew()
    credentials.get_token("a")

    assert logins == []


def test_a_tenant_is_asked_for_by_name() -> None:
    login = Login()

    Credentials(Config(tenant_id=TENANT), lambda _: login).get_token("a")
    Credentials(Config(), lambda _: login).get_token("a")

    assert login.options == [{"tenant_id": TENANT}, {}]


def test_closing_twice_is_harmless_and_closes_what_is_open() -> None:
    login = Login()
    credentials = Credentials(Config(), lambda _: login)
    credentials.close()
    credentials.get_token("a")

    credentials.close()
    credentials.close()

    assert login.closed == 1


def test_a_test_server_gets_no_real_token() -> None:
    token = Credentials(SIMULATED).get_token("https://management.azure.com/.default")

    assert token.token == "simulated"
    assert token == NoToken().get_token()


def test_the_chain_is_environment_workload_identity_managed_identity_and_cli(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AZURE_TENANT_ID", TENANT)
    monkeypatch.setenv("AZURE_CLIENT_ID", TENANT)
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", "/nowhere/token")
    monkeypatch.delenv("AZURE_CLIENT_SECRET", raising=False)
    monkeypatch.delenv("AZURE_TOKEN_CREDENTIALS", raising=False)
    credentials = Credentials(Config(tenant_id=TENANT, managed_identity_client_id=TENANT))

    chain = credentials._current().credentials  # type: ignore[attr-defined]
    names = [type(one).__name__ for one in chain]
    credentials.close()

    assert names == [
        "EnvironmentCredential",
        "WorkloadIdentityCredential",
        "ManagedIdentityCredential",
        "AzureCliCredential",
    ]
