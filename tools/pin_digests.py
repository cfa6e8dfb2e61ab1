"""Pins every image that is pulled by its digest: ``python -m tools.pin_digests [--check]``.

Reads the ``image:`` lines of compose files and the ``FROM`` lines of Dockerfiles, asks each image's
registry for the digest of its tag, and writes ``name:tag@sha256:…``. For an image of several
platforms that is the digest of the list, so the pin holds for all of them. ``--check`` writes
nothing and fails where a tag is not pinned or leads elsewhere today.

It speaks the OCI distribution protocol (and Docker's, its ancestor) with the anonymous tokens that
public registries give: for images behind a login, pin by hand. Needs nothing but Python.
"""

import argparse
import hashlib
import json
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
FILES: Final = ("docker-compose.yml", "Dockerfile")

MANIFESTS: Final = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
"""What may be pinned, lists of platforms first (OCI image specification, "Media Types")."""

DOCKER_HUB: Final = "registry-1.docker.io"
"""Whom a name without a registry means."""
TIMEOUT_SECONDS: Final = 30
MOST_BYTES: Final = 4 * 1024 * 1024
"""Of an answer: the limit that the distribution specification names for a manifest."""

_NAMED: Final = re.compile(
    r"^(?P<before>\s*image:\s*(?:&\w+\s+)?|FROM\s+(?:--platform=\S+\s+)?)"
    r"(?P<name>[^\s@$*&]+)(?:@(?P<digest>sha256:[0-9a-f]{64}))?(?P<after>(?:\s.*)?)$",
    re.MULTILINE,
)
_CHALLENGE: Final = re.compile(r'(\w+)="([^"]*)"')
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")


class PinError(Exception):
    """A digest cannot be had; the text says of which image and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image's name, taken apart as Docker does."""

    name: str
    registry: str
    repository: str
    tag: str

    @classmethod
    def of(cls, name: str) -> "Image":
        """Take ``[registry/]repository:tag`` apart.

        Raises:
            PinError: it has no tag, so what it leads to is anybody's guess.
        """
        first, slash, rest = name.partition("/")
        elsewhere = bool(slash) and ("." in first or ":" in first or first == "localhost")
        registry, path = (first, rest) if elsewhere else (DOCKER_HUB, name)
        repository, colon, tag = path.rpartition(":")
        if not colon:
            message = f"{name}: it has no tag — name the version that is meant"
            raise PinError(message)
        if not elsewhere and "/" not in repository:
            repository = f"library/{repository}"
        return cls(name=name, registry=registry, repository=repository, tag=tag)

    @property
    def scheme(self) -> str:
        """Plain HTTP on this machine only, as Docker does it."""
        host = self.registry.rpartition(":")[0] or self.registry
        return "http" if host in {"localhost", "127.0.0.1"} else "https"

    @property
    def url(self) -> str:
        """Address of the manifest."""
        return f"{self.scheme}://{self.registry}/v2/{self.repository}/manifests/{self.tag}"


def digest(image: Image) -> str:
    """Ask the registry for the digest of an image's tag.

    The manifest is fetched and summed up: a digest that a registry only claims is not taken.

    Raises:
        PinError: the registry does not answer, refuses, has no such tag, or claims a wrong digest.
    """
    body, claimed = _fetch(image)
    found = f"sha256:{hashlib.sha256(body).hexdigest()}"
    if claimed and claimed != found:
        message = f"{image.name}: the registry says {claimed}, but its manifest has {found}"
        raise PinError(message)
    return found


def _fetch(image: Image) -> tuple[bytes, str]:
    """Return the manifest and the digest that the registry claims for it."""
    headers = {"Accept": ", ".join(MANIFESTS)}
    try:
        try:
            return _get(image.url, headers)
        except urllib.error.HTTPError as error:
            with error:  # it holds the connection
                challenge = error.headers.get("WWW-Authenticate", "")
            if error.code != HTTPStatus.UNAUTHORIZED or not challenge.startswith("Bearer "):
                raise
            token = _token(image, challenge)
        return _get(image.url, {**headers, "Authorization": f"Bearer {token}"})
    except urllib.error.HTTPError as error:
        error.close()
        why = {401: "it wants a login", 403: "it refuses", 404: "no such image or tag"}
        message = f"{image.name}: {why.get(error.code, 'unexpected answer')} ({error.code})"
        raise PinError(message) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        message = f"{image.name}: {image.registry} cannot be asked: {reason}"
        raise PinError(message) from error


def _token(image: Image, challenge: str) -> str:
    """Fetch the anonymous token that a registry's challenge asks for."""
    told = dict(_CHALLENGE.findall(challenge))
    realm = told.get("realm", "")
    # A token goes out only over TLS, unless all of it stays on this machine.
    if not realm.startswith(f"{image.scheme}://"):
        message = f"{image.name}: the registry sends to {realm!r} for a token: not asked"
        raise PinError(message)
    scope = told.get("scope", f"repository:{image.repository}:pull")
    asked = {"service": told["service"]} if "service" in told else {}
    body, _ = _get(f"{realm}?{urllib.parse.urlencode({**asked, 'scope': scope})}", {})
    answer = json.loads(body)
    token = answer.get("token") or answer.get("access_token") if isinstance(answer, dict) else None
    if not isinstance(token, str):
        message = f"{image.name}: {realm} gave no token"
        raise PinError(message)
    return token


def _get(url: str, headers: dict[str, str]) -> tuple[bytes, str]:
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 — http only on loopback
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 — as above
        body: bytes = answer.read(MOST_BYTES + 1)
        claimed = answer.headers.get("Docker-Content-Digest", "")
    if len(body) > MOST_BYTES:
        message = f"more than {MOST_BYTES} bytes"
        raise ValueError(message)
    return body, claimed if _DIGEST.fullmatch(claimed) else ""


def named(text: str) -> Iterator[re.Match[str]]:
    """Find the images that a file pulls: no stage of its own, and nothing that is built here."""
    stages = set(re.findall(r"^FROM\s.*\sAS\s+(\S+)\s*$", text, re.MULTILINE | re.IGNORECASE))
    built = set(re.findall(r"^    build:.*\n    image:\s*(?:&\w+\s+)?(\S+)", text, re.MULTILINE))
    return (m for m in _NAMED.finditer(text) if m["name"] not in stages | built)


def pinned(text: str) -> str:
    """Return a file's text with every digest that the registries tell today.

    Raises:
        PinError: one of them cannot be had.
    """
    names = dict.fromkeys(match["name"] for match in named(text))
    digests = {name: digest(Image.of(name)) for name in names}
    for match in reversed(list(named(text))):
        line = f"{match['before']}{match['name']}@{digests[match['name']]}{match['after']}"
        text = text[: match.start()] + line + text[match.end() :]
    return text


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code: 1 where something is not pinned or not to be had."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.pin_digests",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="*", type=Path, default=[ROOT / name for name in FILES])
    parser.add_argument("--check", action="store_true", help="write nothing; fail on a change")
    options = parser.parse_args(arguments)
    stale = False
    for path in options.files:
        text = path.read_text(encoding="utf-8")
        try:
            now = pinned(text)
        except PinError as error:
            print(error, file=sys.stderr)
            return 1
        if now != text and options.check:
            print(f"{path.name}: not pinned, or a tag leads elsewhere today", file=sys.stderr)
        elif now != text:
            path.write_text(now, encoding="utf-8")
            print(f"{path.name}: pinned")
        stale = stale or now != text
    return int(stale and options.check)


if __name__ == "__main__":
    sys.exit(main())
