"""Credentials: found, renewed, refused, replaced."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from exporter.core.errors import AuthError, Reason, UnreachableError
from exporter.core.meter import ApiMeter
from exporter.demo.gcp import Fault, FaultKind
from exporter.providers.gcp import Config, GcpProvider, build
from exporter.providers.gcp.errors import translated
from exporter.providers.gcp.session import Connection
from tests.support.clock import ManualClock
from tests.support.provider_fakes import context_of
from tests.support.provider_gcp import PROJECT, GcpHarness

READER = "reader@test-shop-123456.iam.gserviceaccount.com"
KEY_ID = "0123456789abcdef"


@pytest.fixture
def harness() -> Iterator[GcpHarness]:
    made = GcpHarness()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def nothing_around(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide the credentials of whoever runs the tests."""
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "no-gcloud"))
    monkeypatch.setenv("NO_GCE_CHECK", "true")


@pytest.fixture(scope="module")
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


@pytest.fixture
def key_file(tmp_path: Path, harness: GcpHarness, private_key: str) -> Path:
    path = tmp_path / "key.json"
    document = {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": KEY_ID,
        "private_key": private_key,
        "client_email": READER,
        "client_id": "1",
        "token_uri": f"{harness.fake.url}/token",
    }
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def config(**settings: Any) -> Config:  # noqa: ANN401 - config keys
    return Config.model_validate({"projects": [PROJECT], "timeout": "5s", **settings})


def authorized(connection: Connection) -> str:
    """Renew the token as a request would, and return it."""
    try:
        with translated(connection.call("iam.serviceAccounts.getAccessToken", PROJECT)):
            connection.authorize()
        assert connection.credentials is not None
        return str(connection.credentials.token)
    finally:
        connection.close()


def provider(**settings: Any) -> GcpProvider:  # noqa: ANN401 - config keys
    (made,) = build(config(**settings), context_of(ManualClock(), ApiMeter()))
    return made


def test_a_key_file_gives_a_token(key_file: Path) -> None:
    connection = Connection(
        config(credentials_file=key_file), context_of(ManualClock(), ApiMeter())
    )

    assert authorized(connection) == "demo-token"


def test_default_credentials_come_from_the_environment(
    key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key_file))

    assert authorized(Connection(config(), context_of(ManualClock(), ApiMeter()))) == "demo-token"


def test_default_credentials_come_from_the_attached_service_account(
    harness: GcpHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = harness.fake.url.removeprefix("http://")
    monkeypatch.delenv("NO_GCE_CHECK")
    monkeypatch.setenv("GCE_METADATA_IP", host)
    monkeypatch.setattr("google.auth.compute_engine._metadata._GCE_METADATA_HOST", host)

    assert authorized(Connection(config(), context_of(ManualClock(), ApiMeter()))) == "demo-token"


def test_check_says_whose_credentials_are_used(key_file: Path, harness: GcpHarness) -> None:
    made = provider(
        credentials_file=key_file,
        compute_endpoint=harness.fake.url,
        monitoring_endpoint="https://127.0.0.1:1",
        max_attempts=1,
    )

    identity = made.permissions()[0]
    made.close()

    assert identity.ok
    assert identity.message == f"service account {READER}"


def test_check_stops_at_credentials_that_are_refused(key_file: Path, harness: GcpHarness) -> None:
    harness.fake.faults.add(Fault(kind=FaultKind.INVALID_CREDENTIALS, service="oauth"))
    made = provider(credentials_file=key_file)

    (identity,) = made.permissions()
    made.close()

    assert not identity.ok
    assert "log in again or replace the key" in identity.message


def test_to_a_server_on_this_machine_no_credentials_are_needed_or_sent(
    harness: GcpHarness,
) -> None:
    harness.provider.discover()

    assert harness.provider._connected().credentials is None
    assert harness.provider.permissions()[0].ok


def test_without_credentials_it_is_told_where_to_put_them() -> None:
    made = provider()

    with pytest.raises(AuthError, match="gcloud auth application-default login"):
        made.discover()
    assert [(check.permission, check.ok) for check in made.permissions()] == [
        ("credentials", False)
    ]
    made.close()


@pytest.mark.parametrize("content", ["", "{}", '{"type": "wallet"}', "[]"])
def test_a_file_that_holds_no_credentials_is_refused_without_its_content(
    tmp_path: Path, content: str
) -> None:
    path = tmp_path / "key.json"
    path.write_text(content, encoding="utf-8")
    made = provider(credentials_file=path)

    with pytest.raises(AuthError) as refused:
        made.discover()
    made.close()

    assert f"credentials_file {path} cannot be used" in str(refused.value)
    assert "wallet" not in str(refused.value)


def test_a_file_that_comes_later_is_read_without_a_restart(tmp_path: Path, key_file: Path) -> None:
    late = tmp_path / "late.json"
    made = provider(credentials_file=late)
    with pytest.raises(AuthError):
        made.discover()

    key_file.rename(late)
    connection = made._connected()

    assert authorized(connection) == "demo-token"
    made.close()


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (FaultKind.INVALID_CREDENTIALS, Reason.AUTH),
        (FaultKind.MISSING_PERMISSION, Reason.AUTH),
        (FaultKind.RESET, Reason.UNREACHABLE),
    ],
)
def test_a_token_that_is_refused_is_told_without_the_key(
    key_file: Path, harness: GcpHarness, kind: FaultKind, reason: Reason
) -> None:
    harness.fake.faults.add(Fault(kind=kind, service="oauth"))
    connection = Connection(
        config(credentials_file=key_file), context_of(ManualClock(), ApiMeter())
    )

    with pytest.raises((AuthError, UnreachableError)) as refused:
        authorized(connection)

    assert refused.value.reason is reason
    assert KEY_ID not in str(refused.value)
    assert "PRIVATE" not in str(refused.value)


def test_an_account_that_may_not_be_impersonated_is_named_with_the_role(
    key_file: Path, harness: GcpHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = f"{harness.fake.url}/v1/projects/-/serviceAccounts/{{}}:generateAccessToken"
    monkeypatch.setattr("google.auth.iam._IAM_ENDPOINT", endpoint)
    target = f"target@{PROJECT}.iam.gserviceaccount.com"
    connection = Connection(
        config(credentials_file=key_file, impersonate_service_account=target),
        context_of(ManualClock(), ApiMeter()),
    )

    with pytest.raises(AuthError) as refused:
        authorized(connection)

    assert f"may not act as {target}" in str(refused.value)
    assert "roles/iam.serviceAccountTokenCreator" in str(refused.value)
