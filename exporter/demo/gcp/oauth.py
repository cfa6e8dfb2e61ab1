"""Tokens of the demo: the metadata server of a Compute machine, and a token endpoint.

With ``GCE_METADATA_HOST`` pointing here, Application Default Credentials work as on a machine of
the estate; key files of the tests name ``token_uri``.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from exporter.demo._http import HttpRequest, Reply
from exporter.demo.gcp.errors import GoogleError, json_reply, not_found
from exporter.demo.gcp.faults import Call
from exporter.demo.gcp.world import World

TOKEN_PATH: Final = "/token"  # noqa: S105 - a path
_METADATA: Final = "/computeMetadata/v1/"
_ACCOUNT: Final = "carbon-exporter@demo.invalid"
_FLAVOR: Final = {"Metadata-Flavor": "Google"}
_SECONDS: Final = 3600


def read_call(path: str) -> Call | None:
    """Say whether a path asks for a token or for what leads to one."""
    if path == TOKEN_PATH:
        return Call(service="oauth", operation="token")
    if path == "/" or path.startswith(_METADATA):
        return Call(service="oauth", operation="metadata")
    return None


def respond(world: World, call: Call, request: HttpRequest) -> Reply:
    """Answer a request.

    Raises:
        GoogleError: the metadata server has no such path.
    """
    if call.operation == "token":
        return json_reply(_token())
    path = request.path.removeprefix(_METADATA).rstrip("/")
    if path.endswith("/token"):
        return _flavored(json_reply(_token()))
    if path.startswith("instance/service-accounts/"):
        return _flavored(json_reply({"email": _ACCOUNT, "scopes": [], "aliases": ["default"]}))
    return _flavored(_text(_texts(world), path))


def refusal(error: GoogleError) -> Reply:
    """Write an error as RFC 6749 has it."""
    known = error.status != HTTPStatus.UNAUTHORIZED
    document = {
        "error": error.code.lower() if known else "invalid_grant",
        "error_description": str(error),
    }
    return json_reply(document, error.status if known else HTTPStatus.BAD_REQUEST)


def _token() -> Mapping[str, object]:
    return {"access_token": "demo-token", "expires_in": _SECONDS, "token_type": "Bearer"}


def _texts(world: World) -> Mapping[str, str]:
    project = world.projects[0] if world.projects else "demo"
    return {
        "": "computeMetadata/",
        "project/project-id": project,
        "universe/universe-domain": "googleapis.com",
    }


def _text(texts: Mapping[str, str], path: str) -> Reply:
    if path not in texts:
        not_found(f"no metadata at {path}")
    return Reply(status=200, content_type="text/plain", body=texts[path].encode())


def _flavored(reply: Reply) -> Reply:
    return Reply(
        status=reply.status, content_type=reply.content_type, body=reply.body, headers=_FLAVOR
    )
