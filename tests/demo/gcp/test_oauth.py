from collections.abc import Iterator
from typing import Any

import pytest
from google.auth.transport.requests import Request
from google.oauth2 import credentials

from exporter.demo.gcp import GcpFake


@pytest.fixture
def transport() -> Iterator[Any]:
    request = Request()
    yield request
    request.session.close()


def test_a_refresh_token_gives_an_access_token_for_an_hour(fake: GcpFake, transport: Any) -> None:  # noqa: ANN401 - untyped upstream
    mine = credentials.Credentials(  # type: ignore[no-untyped-call] # untyped upstream
        None, "refresh", token_uri=f"{fake.url}/token", client_id="demo", client_secret="demo"
    )
    mine.refresh(transport)  # type: ignore[no-untyped-call] # untyped upstream
    assert mine.token == "demo-token"
    assert mine.valid
    assert fake.requests == {("oauth", "token"): 1}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("", "computeMetadata/"),
        ("computeMetadata/v1/project/project-id", "demo-estate-shop"),
        ("computeMetadata/v1/universe/universe-domain", "googleapis.com"),
    ],
)
def test_the_metadata_server_tells_whose_machine_it_is(
    fake: GcpFake,
    transport: Any,  # noqa: ANN401 - untyped upstream
    path: str,
    text: str,
) -> None:
    answer = transport(f"{fake.url}/{path}")
    assert answer.headers["Metadata-Flavor"] == "Google"
    assert answer.data.decode() == text


def test_the_metadata_server_knows_no_more(fake: GcpFake, transport: Any) -> None:  # noqa: ANN401 - untyped upstream
    assert transport(f"{fake.url}/computeMetadata/v1/instance/colour").status == 404
