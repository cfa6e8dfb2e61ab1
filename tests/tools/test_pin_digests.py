"""Pinning images by digest, against a registry on loopback that wants tokens as Docker's does."""

import hashlib
import json
import threading
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tools.pin_digests import (
    FILES,
    MANIFESTS,
    MOST_BYTES,
    ROOT,
    Image,
    PinError,
    digest,
    main,
    named,
    pinned,
)

LIST = json.dumps({"schemaVersion": 2, "mediaType": MANIFESTS[0], "manifests": []}).encode()
DIGEST = f"sha256:{hashlib.sha256(LIST).hexdigest()}"
TOKEN = "anonymous-1"


@dataclass
class Registry:
    """What the registry has, and how it misbehaves."""

    host: str = ""
    manifests: dict[str, bytes] = field(default_factory=dict)
    claims: str = DIGEST
    wants_token: bool = True
    realm: str = ""
    token: object = TOKEN
    asked: list[str] = field(default_factory=list)

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        self.asked.append(handler.path)
        path, _, query = handler.path.partition("?")
        if path == "/token":
            assert "Authorization" not in handler.headers
            scope = urllib.parse.parse_qs(query)
            assert scope["service"] == ["registry.test"]
            assert scope["scope"] == ["repository:prom/prometheus:pull"]
            self.send(handler, 200, json.dumps({"token": self.token}).encode())
        elif self.wants_token and handler.headers.get("Authorization") != f"Bearer {TOKEN}":
            realm = self.realm or f"http://{self.host}/token"
            challenge = (
                f'Bearer realm="{realm}",service="registry.test",'
                'scope="repository:prom/prometheus:pull"'
            )
            self.send(handler, 401, b"{}", {"WWW-Authenticate": challenge})
        elif path in self.manifests:
            assert MANIFESTS[0] in handler.headers["Accept"]
            claims = {"Docker-Content-Digest": self.claims} if self.claims else {}
            self.send(handler, 200, self.manifests[path], claims)
        else:
            self.send(handler, 404, b"{}")

    def send(
        self,
        handler: BaseHTTPRequestHandler,
        status: int,
        body: bytes,
        headers: dict[str, str] | None = None,
    ) -> None:
        handler.send_response(status)
        for name, value in (headers or {}).items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)


@pytest.fixture
def registry() -> Iterator[Registry]:
    has = Registry(manifests={"/v2/prom/prometheus/manifests/v3.16.0": LIST})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            has.answer(self)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    has.host = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield has
    server.shutdown()
    thread.join()
    server.server_close()


def image(registry: Registry, tag: str = "v3.16.0") -> Image:
    return Image.of(f"{registry.host}/prom/prometheus:{tag}")


def test_the_digest_is_that_of_the_list_of_all_platforms(registry: Registry) -> None:
    assert digest(image(registry)) == DIGEST
    assert [path.partition("?")[0] for path in registry.asked] == [
        "/v2/prom/prometheus/manifests/v3.16.0",
        "/token",
        "/v2/prom/prometheus/manifests/v3.16.0",
    ]


def test_a_registry_without_tokens_and_without_a_claim_is_asked_once(registry: Registry) -> None:
    registry.wants_token, registry.claims = False, ""
    assert digest(image(registry)) == DIGEST
    assert len(registry.asked) == 1


def test_a_digest_that_is_only_claimed_is_not_taken(registry: Registry) -> None:
    registry.claims = "sha256:" + "0" * 64
    with pytest.raises(PinError, match=r"says sha256:0+, but its manifest has sha256:"):
        digest(image(registry))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"manifests": {}}, r"no such image or tag \(404\)"),
        ({"token": "another"}, r"it wants a login \(401\)"),
        ({"token": None}, "gave no token"),
        ({"realm": "https://elsewhere.test/token"}, "for a token: not asked"),
        (
            {"manifests": {"/v2/prom/prometheus/manifests/v3.16.0": b" " * (MOST_BYTES + 1)}},
            f"more than {MOST_BYTES} bytes",
        ),
    ],
)
def test_what_cannot_be_had_is_told_with_its_image(
    registry: Registry, change: dict[str, object], message: str
) -> None:
    for name, value in change.items():
        setattr(registry, name, value)
    with pytest.raises(PinError, match=message) as told:
        digest(image(registry))
    assert image(registry).name in str(told.value)


def test_a_registry_that_is_not_there_is_an_error_and_no_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "compose.yml"
    file.write_text("    image: 127.0.0.1:1/prom/prometheus:v1\n")
    assert main([str(file)]) == 1
    assert "127.0.0.1:1 cannot be asked" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("python:3.13-slim", "https://registry-1.docker.io/v2/library/python/manifests/3.13-slim"),
        ("prom/prometheus:v3", "https://registry-1.docker.io/v2/prom/prometheus/manifests/v3"),
        ("ghcr.io/a/b/c:1", "https://ghcr.io/v2/a/b/c/manifests/1"),
        ("localhost:5000/a:1", "http://localhost:5000/v2/a/manifests/1"),
    ],
)
def test_a_name_leads_where_docker_would_go(name: str, url: str) -> None:
    assert Image.of(name).url == url


def test_a_name_without_a_tag_is_refused() -> None:
    with pytest.raises(PinError, match="no tag"):
        Image.of("localhost:5000/python")


def test_files_are_pinned_and_then_stay_as_they_are(registry: Registry, tmp_path: Path) -> None:
    name = image(registry).name
    file = tmp_path / "compose.yml"
    file.write_text(
        "services:\n  a:\n    build: .\n    image: &us ours:0.1.0\n  b:\n    image: *us\n"
        f"  c:\n    image: &them {name}    # why\n  d:\n    image: ${{OTHER}}\n"
    )
    text = file.read_text()
    assert main(["--check", str(file)]) == 1
    assert file.read_text() == text
    assert main([str(file)]) == 0
    assert file.read_text() == text.replace(name, f"{name}@{DIGEST}")
    assert main(["--check", str(file)]) == 0


def test_a_tag_that_moved_is_pinned_anew(registry: Registry) -> None:
    old = f"FROM {image(registry).name}@sha256:{'1' * 64} AS build\nFROM build\n"
    assert pinned(old) == f"FROM {image(registry).name}@{DIGEST} AS build\nFROM build\n"


def test_in_our_files_it_finds_what_is_pulled() -> None:
    found = {m["name"].partition(":")[0] for f in FILES for m in named((ROOT / f).read_text())}
    assert found == {"python", "prom/prometheus", "prom/alertmanager", "grafana/grafana"}
