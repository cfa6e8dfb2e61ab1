"""Every key can be set by a variable, and the variable wins."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import certifi
import httpx
import pytest

from exporter.settings import Settings, load
from tests.settings.conftest import Load, Refuse

FILE = """
listen: 127.0.0.1:1
state: file.db
poll_interval: 20m
resolution: 15m
look_back: 2h
max_catch_up: 5h
missing: last
stale_after: 9h
tags: [from_file]
max_series: 5000
log_level: error
log_format: json
regions: {"aws:eu-west-1": {grid_zone: XX, pue: 1.5}}
annual: {FR: 1, DE: 2}
calibration: {FR: 1.1}
policies: {web: {kind: rank}}
providers:
  - {kind: cloudy, name: file, regions: [a], attempts: 2}
  - {kind: cloudy, name: other}
grids: [neso, {kind: breezy, zones: [Z]}]
"""
VARIABLES: dict[str, tuple[str, object]] = {
    "listen": ("[::1]:9180", "[::1]:9180"),
    "state": ("/var/lib/x.db", Path("/var/lib/x.db")),
    "poll_interval": ("15m", timedelta(minutes=15)),
    "resolution": ("60", timedelta(minutes=1)),
    "look_back": ("90m", timedelta(minutes=90)),
    "max_catch_up": ("2d", timedelta(days=2)),
    "missing": ("idle", "idle"),
    "stale_after": ("1h30m", timedelta(minutes=90)),
    "tags": ("team, cost centre,", ("team", "cost centre")),
    "allowed_hosts": ("a.example.org, *.b.example", ("a.example.org", "*.b.example")),
    "max_series": ("7000", 7000),
    "power_model": ("ccf", "ccf"),
    "budget_kgco2eq_per_month": ("250", 250.0),
    "log_level": ("debug", "debug"),
    "log_format": ("console", "console"),
    "regions": ('{"aws:eu-west-2": {"pue": 1.3}}', {"aws:eu-west-1", "aws:eu-west-2"}),
    "annual": ('{"FR": 21.5}', {"FR": 21.5, "DE": 2.0}),
    "calibration": ('{"DE": 1.2}', {"FR": 1.1, "DE": 1.2}),
    "policies": ('{"all": {"kind": "rank"}}', {"web", "all"}),
    "providers": ('[{"kind": "cloudy", "name": "x"}]', ["x"]),
    "grids": ("breezy", ["breezy"]),
}


def plain(settings: Settings, key: str) -> object:
    value: Any = getattr(settings, key)
    if key == "providers":
        return [provider.name for provider in value]
    if key == "grids":
        return [grid.kind for grid in value]
    return set(value) if key in ("regions", "policies") else value


def test_the_table_of_this_test_has_every_key() -> None:
    assert set(VARIABLES) == set(Settings.model_fields)


@pytest.mark.parametrize("key", VARIABLES)
def test_a_variable_wins_over_the_file(load_text: Load, key: str) -> None:
    text, value = VARIABLES[key]
    settings, unset = load_text(FILE, {f"CARBON_{key.upper()}": text}), load_text(FILE)
    assert plain(settings, key) == value
    assert plain(unset, key) != value
    for other in VARIABLES.keys() - {key}:
        assert plain(settings, other) == plain(unset, other)


@pytest.mark.parametrize("text", ["", "  "])
def test_an_empty_variable_is_as_good_as_none(load_text: Load, text: str) -> None:
    environ = {f"CARBON_{key.upper()}": text for key in VARIABLES}
    assert load_text(FILE, environ) == load_text(FILE)


def test_variables_reach_into_entries_of_the_file(load_text: Load) -> None:
    settings = load_text(
        FILE,
        {
            "CARBON_PROVIDERS__0__REGIONS": "b,c",
            "CARBON_PROVIDERS__0__PROXY__HOST": "proxy",
            "CARBON_PROVIDERS__1__PROXY": '{"host": "json", "port": 80}',
            "CARBON_PROVIDERS__1__VERIFY": "false",
            "CARBON_PROVIDERS__2__NAME": "third",
            "CARBON_PROVIDERS__2__KIND": "cloudy",
            "CARBON_PROVIDERS__2__ACCOUNTS": "001,002",
            "CARBON_GRIDS__1__ZONES__0": "Y",
            "CARBON_ANNUAL__NO": "30",
            "CARBON_REGIONS__aws:eu-west-1__PUE": "1.1",
        },
    )
    first, second, third = (provider.model_dump() for provider in settings.providers)
    assert (first["regions"], first["attempts"]) == (("b", "c"), 2)
    assert first["proxy"] == {"host": "proxy", "port": 3128}
    assert (second["proxy"]["port"], second["verify"]) == (80, False)
    assert (third["name"], third["accounts"]) == ("third", ["001", "002"])
    assert settings.grids[1].model_dump()["zones"] == ("Y",)
    assert settings.annual == {"FR": 1.0, "DE": 2.0, "NO": 30.0}
    override = settings.regions["aws:eu-west-1"]
    assert (override.grid_zone, override.pue) == ("XX", 1.1)


@pytest.mark.parametrize(
    "environ",
    [
        {"CARBON_PROVIDERS": "cloudy"},
        {"CARBON_PROVIDERS": '["cloudy"]'},
        {"CARBON_PROVIDERS__0": "cloudy"},
        {"CARBON_PROVIDERS__0": '{"kind": "cloudy"}'},
        {"CARBON_PROVIDERS__0__KIND": "cloudy"},
    ],
)
def test_no_file_is_needed(environ: dict[str, str]) -> None:
    assert [provider.kind for provider in load(None, environ).providers] == ["cloudy"]


def test_more_than_ten_entries_keep_their_order() -> None:
    environ = {f"CARBON_PROVIDERS__{i}__NAME": f"n{i}" for i in range(12)}
    environ |= {f"CARBON_PROVIDERS__{i}__KIND": "cloudy" for i in range(12)}
    names = [provider.name for provider in load(None, environ).providers]
    assert names == [f"n{i}" for i in range(12)]


@pytest.mark.parametrize(
    ("name", "text", "fix"),
    [
        ("CARBON_POLL_INTERVL", "5m", "did you mean 'CARBON_POLL_INTERVAL'?"),
        ("CARBON_PROVIDERS__4__NAME", "x", "without a gap: there are 2"),
        ("CARBON_ANNUAL", "{FR: 1}", "not JSON at character 2"),
        ("CARBON_PROVIDERS", '[{"kind": "cloudy"}', "not JSON at character"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named(
    refused: Refuse, name: str, text: str, fix: str
) -> None:
    problems = refused(FILE, {name: text})
    assert list(problems) == [name]
    assert fix in problems[name].fix


@pytest.mark.parametrize(
    ("name", "text", "key"),
    [
        ("CARBON_MAX_SERIES", "lots", "max_series"),
        ("CARBON_PROVIDERS__0__ATTEMPTS", "0", "providers[0].attempts"),
        ("CARBON_PROVIDERS__0__REGONS", "a", "providers[0].regons"),
        ("CARBON_ANNUAL", "FR=1", "annual"),
    ],
)
def test_a_bad_value_tells_the_variable_it_came_from(
    refused: Refuse, name: str, text: str, key: str
) -> None:
    assert list(refused(FILE, {name: text})) == [f"{key} ({name})"]


def test_variables_of_the_command_line_are_no_keys(load_text: Load) -> None:
    environ = {"CARBON_CONFIG": "other.yml", "CARBON_URL": "http://carbon:9180"}
    assert load_text(FILE, environ) == load_text(FILE)


def test_what_kubernetes_adds_is_not_ours(load_text: Load) -> None:
    service = "CARBON_EXPORTER"
    environ = {
        f"{service}_SERVICE_HOST": "10.0.0.1",
        f"{service}_SERVICE_PORT": "9180",
        f"{service}_SERVICE_PORT_HTTP": "9180",
        f"{service}_PORT": "tcp://10.0.0.1:9180",
        f"{service}_PORT_9180_TCP": "tcp://10.0.0.1:9180",
        f"{service}_PORT_9180_TCP_PROTO": "tcp",
        f"{service}_PORT_9180_TCP_PORT": "9180",
        f"{service}_PORT_9180_TCP_ADDR": "10.0.0.1",
        "CARBON_PORT": "tcp://10.0.0.1:9180",
        "CARBON_SERVICE_HOST": "10.0.0.1",
        "PATH": "/bin",
    }
    assert load_text(FILE, environ) == load_text(FILE)


@pytest.mark.parametrize(
    ("name", "proxy", "fix"),
    [
        ("HTTPS_PROXY", "socks5://user:hunter2@proxy:1080", "SOCKS5 proxies are not supported"),
        ("all_proxy", "socks5h://127.0.0.1:9050", "SOCKS5H proxies are not supported"),
        ("http_proxy", "ftp://user:hunter2@proxy", "FTP proxies are not supported"),
        ("https_proxy", "http://user:hunter2@proxy:none", "write http://host:port"),
        ("HTTP_PROXY", "http://", "write http://host:port"),
        ("HTTP_PROXY", "http://[::1", "write http://host:port"),
    ],
)
def test_a_proxy_that_no_client_can_use_is_one_mistake(
    refused: Refuse, name: str, proxy: str, fix: str
) -> None:
    [(key, problem)] = refused(FILE, {name: proxy}).items()
    assert (key, fix in problem.fix) == (name, True)


@pytest.mark.parametrize("odd", ["[::1", "[fe80::1]", "proxy:port", "é.example", "a b"])
def test_an_exception_that_clients_cannot_read_is_one_mistake(refused: Refuse, odd: str) -> None:
    [(key, problem)] = refused(FILE, {"NO_PROXY": f"localhost,{odd}"}).items()
    assert key == "NO_PROXY"
    assert repr(odd) in str(problem.value)


@pytest.mark.parametrize(
    "fine", ["", "*", "::1,127.0.0.1", ".example.org:443", "10.0.0.0/8,", " a"]
)
def test_exceptions_that_clients_can_read_pass(
    load_text: Load, monkeypatch: pytest.MonkeyPatch, fine: str
) -> None:
    load_text(FILE, {"no_proxy": fine})
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    monkeypatch.setenv("no_proxy", fine)
    httpx.Client().close()  # which reads them itself


@pytest.mark.parametrize(
    ("content", "why"),
    [(None, "No such file"), ("", "no certificate is in it"), ("text", "no certificate is in it")],
)
def test_a_bundle_of_certificates_that_is_none_is_one_mistake(
    refused: Refuse, tmp_path: Path, content: str | None, why: str
) -> None:
    bundle = tmp_path / "bundle.pem"
    if content is not None:
        bundle.write_text(content, encoding="utf-8")
    [(key, problem)] = refused(FILE, {"SSL_CERT_FILE": str(bundle)}).items()
    assert (key, why in problem.fix) == ("SSL_CERT_FILE", True)


def test_the_bundle_of_the_system_passes(load_text: Load) -> None:
    load_text(FILE, {"SSL_CERT_FILE": certifi.where()})


@pytest.mark.parametrize("proxy", ["http://u:p@proxy:3128", "https://proxy", "proxy:3128", " "])
def test_usual_proxies_pass(load_text: Load, proxy: str) -> None:
    load_text(FILE, {"HTTPS_PROXY": proxy, "NO_PROXY": "*.example.org,10.0.0.0/8"})


def test_a_variable_nested_without_end_is_a_mistake(refused: Refuse) -> None:
    for depth in (100, 900, 50_000):
        problem = refused(FILE, {"CARBON_TAGS": "[" * depth + "]" * depth})["CARBON_TAGS"]
        assert "nested too deep" in problem.fix
