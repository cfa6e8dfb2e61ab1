"""No secret is repeated: not in output, logs, metrics, API, page or state, whatever answers."""

import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from itertools import cycle
from pathlib import Path
from typing import Final

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from exporter.demo._http import HttpRequest, LoopbackServer, Reply

ENVIRONMENT: Final = {
    "AWS_ACCESS_KEY_ID": "AKIAPLANTEDPLANTED00",
    "AWS_SECRET_ACCESS_KEY": "plantedAwsSecretKey0123456789",
    "AWS_SESSION_TOKEN": "plantedAwsSessionToken0123456789",
    "AZURE_CLIENT_SECRET": "plantedAzureClientSecret0123456789",
    "CARBON_GRIDS__0__TOKEN": "plantedEiaKey0123456789",
    "CARBON_GRIDS__1__TOKEN": "plantedElectricityMapsKey0123456789",
    "CARBON_GRIDS__2__PASSWORD": "plantedWattTimePassword0123456789",
}
PROXY: Final = "plantedProxyPassword0123456789"
ENTSOE: Final = "plantedEntsoeToken0123456789"
IDS: Final = {
    "AZURE_TENANT_ID": "11111111-2222-4333-8444-555555555551",
    "AZURE_CLIENT_ID": "11111111-2222-4333-8444-555555555552",
}
USER: Final = "somebody"
PATHS: Final = ("", "metrics", "-/ready", "api/v1/summary", "api/v1/resources", "api/v1/grid")
CHECK: Final = (("check",),)
ALL: Final = (
    ("check", "--json"),
    ("discover",),
    ("backfill", "--since", "6h", "--output", "past.om"),
)


@pytest.fixture
def echo() -> Iterator[str]:
    """A server that refuses everything, and repeats all that it was told."""
    statuses = cycle((401, 503, 403, 200, 500))

    def respond(request: HttpRequest) -> Reply:
        sent = request.body.decode("latin-1")
        told = f"{request.method} {request.target}\n{request.headers}\n{sent}"
        body = json.dumps({"message": told, "error": {"code": "Echo", "message": told}})
        return Reply(status=next(statuses), body=body.encode())

    server = LoopbackServer("echo", respond)
    yield server.url
    server.close(lambda: None)


def key_file(folder: Path, url: str) -> str:
    """Write a key of a Google service account, and return a piece of it that nobody may see."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    account = {
        "type": "service_account",
        "client_email": "carbon@test.invalid",
        "private_key": pem,
        "private_key_id": "1",
        "token_uri": f"{url}/token",
    }
    (folder / "key.json").write_text(json.dumps(account))
    return pem.splitlines()[5]


def configure(folder: Path, url: str) -> None:
    (folder / "entsoe.token").write_text(ENTSOE)
    grid = f"base_url: {url}"
    (folder / "carbon-exporter.yml").write_text(
        f"""
listen: 127.0.0.1:0
log_level: debug
log_format: json
state: carbon.db
providers:
  - {{kind: aws, regions: [eu-west-1], endpoint_url: "{url}", max_attempts: 1, timeout: 3s}}
  - {{kind: azure, subscriptions: [{IDS["AZURE_TENANT_ID"]}], max_attempts: 1, timeout: 3s}}
  - {{kind: gcp, projects: [shop-123456], credentials_file: key.json, max_attempts: 1, timeout: 3s}}
  - host
grids:
  - {{kind: eia, {grid}}}
  - {{kind: electricity_maps, {grid}}}
  - {{kind: watttime, username: {USER}, regions: {{IE: IE}}, {grid}}}
  - {{kind: entsoe, token_file: entsoe.token, {grid}}}
"""
    )


def started(folder: Path, url: str, *arguments: str) -> subprocess.Popen[bytes]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CARBON_")}
    address = url.removeprefix("http://")
    proxy = {"HTTPS_PROXY": f"http://{USER}:{PROXY}@{address}", "NO_PROXY": "127.0.0.1"}
    return subprocess.Popen(
        [sys.executable, "-m", "exporter", *arguments],
        cwd=folder,
        env={
            **kept,
            **ENVIRONMENT,
            **IDS,
            **proxy,
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "AWS_EC2_METADATA_DISABLED": "true",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def secrets(piece_of_key: str) -> dict[str, bytes]:
    plain = {**ENVIRONMENT, "proxy": PROXY, "entsoe": ENTSOE, "google": piece_of_key}
    watttime = ENVIRONMENT["CARBON_GRIDS__2__PASSWORD"]
    pairs = {
        f"{name} in base64": base64.b64encode(f"{USER}:{word}".encode()).decode()
        for name, word in (("proxy", PROXY), ("watttime", watttime))
    }
    return {name: text.encode() for name, text in (plain | pairs).items()}


@pytest.mark.parametrize(
    "asked", [CHECK, pytest.param(ALL, marks=pytest.mark.slow)], ids=["check", "other verbs"]
)
def test_no_secret_is_repeated_by_any_verb_or_surface(
    tmp_path: Path, echo: str, asked: Sequence[Sequence[str]]
) -> None:
    hidden = secrets(key_file(tmp_path, echo))
    configure(tmp_path, echo)
    daemon = started(tmp_path, echo, "serve")
    shown: dict[str, bytes] = {}
    verbs = {" ".join(verb): started(tmp_path, echo, *verb) for verb in asked}
    try:
        assert daemon.stderr is not None
        log = bytearray()
        while b'"serving"' not in log:
            log += daemon.stderr.readline()
        address = json.loads(bytes(log).splitlines()[-1])["url"]
        for name, process in verbs.items():
            out, err = process.communicate(timeout=90)
            assert process.returncode in {0, 1}, (name, err.decode()[-500:])
            shown[name] = out + err
        for path in PATHS:
            answer = httpx.get(f"{address}{path}", trust_env=False)
            shown[f"/{path}"] = answer.content + str(answer.headers).encode()
    finally:
        daemon.send_signal(signal.SIGTERM)
        for process in verbs.values():
            process.kill()
        out, err = daemon.communicate(timeout=30)
    shown["serve"] = out + bytes(log) + err
    for file in tmp_path.glob("carbon.db*"):
        shown[file.name] = file.read_bytes()
    for file in tmp_path.glob("past*"):
        shown[file.name] = file.read_bytes()
    assert b"eia" in shown["serve"]
    assert b"carbon_" in shown["/metrics"]
    assert [
        (place, name)
        for place, text in shown.items()
        for name, word in hidden.items()
        if word in text
    ] == []
