"""Every kind of mistake: the message names the key, the value and what would be right."""

import pytest

from exporter.settings import Settings, load
from tests.settings.conftest import Refuse

OK = "providers: [cloudy]\n"


@pytest.mark.parametrize(
    ("text", "key", "value", "fix"),
    [
        ("listne: x", "listne", "'x'", "did you mean 'listen'?"),
        ("listen: localhost", "listen", "'localhost'", "host:port"),
        ("listen: 127.0.0.1:99999", "listen", "'127.0.0.1:99999'", "host:port"),
        ("poll_interval: 5", "poll_interval", "'5'", "with a unit, such as 5m"),
        ("poll_interval: often", "poll_interval", "'often'", "5m"),
        ("poll_interval: -5m", "poll_interval", "'-5m'", "5m"),
        ("resolution: 7m", "resolution", "'7m'", "divide an hour evenly"),
        ("resolution: 30s", "resolution", "'30s'", "1m or more"),
        ("resolution: 2h", "resolution", "'2h'", "divide an hour evenly"),
        ("look_back: 1m", "look_back", "'1m'", "5m or more: not less than resolution"),
        ("max_catch_up: 30m", "max_catch_up", "'30m'", "1h or more: not less than look_back"),
        ("missing: zero", "missing", "'zero'", "'skip', 'idle' or 'last'"),
        ("missing: skp", "missing", "'skp'", "did you mean 'skip'?"),
        ("stale_after: 0m", "stale_after", "'0m'", "positive"),
        ("tags: team", "tags", "'team'", "write a list"),
        ("tags: [a-b, a_b]", "tags", "a list", "same label tag_a_b"),
        (f"tags: [{'t' * 100}x, {'t' * 100}y]", "tags", "a list", "same label tag_ttt"),
        ("max_series: lots", "max_series", "'lots'", "integer"),
        ("max_series: 10", "max_series", "'10'", "greater than or equal to 1000"),
        ("log_level: loud", "log_level", "'loud'", "'debug', 'info', 'warning' or 'error'"),
        ("log_format: xml", "log_format", "'xml'", "'auto', 'json' or 'console'"),
        ("regions: {paris: {pue: 1.2}}", "regions.paris", "'paris'", "provider:region"),
        ("regions: {'aws:eu-west-3': 1.2}", "regions.aws:eu-west-3", "'1.2'", "keys with values"),
        (
            "regions: {'aws:eu-west-3': {peu: 1.2}}",
            "regions.aws:eu-west-3.peu",
            "'1.2'",
            "did you mean 'pue'?",
        ),
        (
            "regions: {'aws:eu-west-3': {pue: 0.9}}",
            "regions.aws:eu-west-3.pue",
            "'0.9'",
            "greater than or equal to 1",
        ),
        (
            "regions: {'aws:eu-wset-3': {pue: 1.2}}",
            "regions.aws:eu-wset-3",
            "'aws:eu-wset-3'",
            "did you mean aws:eu-west-3?",
        ),
        ("annual: {FR: low}", "annual.FR", "'low'", "number"),
        ("annual: {FR: -1}", "annual.FR", "'-1'", "greater than or equal to 0"),
        ("grids: [neso, neso]", "grids[1].kind", "'neso'", "already listed as grids[0]"),
        ("grids: [brezy]", "grids[0].kind", "'brezy'", "did you mean 'breezy'?"),
        ("grids: {kind: neso}", "grids", "a mapping", "write a list"),
        ("grids: [[neso]]", "grids[0]", "a list", "keys with values"),
    ],
)
def test_a_top_level_mistake_is_explained(
    refused: Refuse, text: str, key: str, value: str, fix: str
) -> None:
    problems = refused(OK + text)
    assert list(problems) == [key]
    assert problems[key].value == value
    assert fix in problems[key].fix


@pytest.mark.parametrize(
    ("section", "key", "value", "fix"),
    [
        ("kind: cloudi", "kind", "'cloudi'", "did you mean 'cloudy'? one of cloudy, heavy"),
        ("regions: [x]", "kind", "(missing)", "one of cloudy, heavy"),
        ("{kind: cloudy, regoins: [x]}", "regoins", "a list", "did you mean 'regions'?"),
        ("{kind: cloudy, regions: x}", "regions", "'x'", "write a list"),
        ("{kind: cloudy, regions: [{}]}", "regions[0]", "a mapping", "string"),
        ("{kind: cloudy, attempts: 0}", "attempts", "'0'", "greater than or equal to 1"),
        ("{kind: cloudy, verify: maybe}", "verify", "'maybe'", "boolean"),
        ("{kind: cloudy, proxy: {port: 1}}", "proxy.host", "(missing)", "add it"),
        ("{kind: cloudy, proxy: {host: a, prot: 1}}", "proxy.prot", "'1'", "did you mean 'port'?"),
        ("{kind: cloudy, poll_interval: 1s}", "poll_interval", "'1s'", "10s or more"),
        ("{kind: cloudy, resolution: 50m}", "resolution", "'50m'", "divide an hour evenly"),
        ("{kind: cloudy, settle: soon}", "settle", "'soon'", "5m"),
        ("{kind: heavy}", "kind", "'heavy'", "pip install 'carbon-exporter[heavy]'"),
        ("{kind: cloudy, name: neso}", "name", "'neso'", "grid source that is on by default"),
        ("{kind: cloudy, name: store}", "name", "'store'", "the product itself"),
    ],
)
def test_a_mistake_in_a_section_is_explained(
    refused: Refuse, section: str, key: str, value: str, fix: str
) -> None:
    problems = refused(f"providers:\n  - kind: cloudy\n    name: first\n  - {section}\n")
    place = f"providers[1].{key}"
    assert list(problems) == [place]
    assert problems[place].value == value
    assert fix in problems[place].fix


@pytest.mark.parametrize("text", ["", "providers: []", "providers:", "log_level: info"])
def test_without_providers_the_message_says_how_to_begin(refused: Refuse, text: str) -> None:
    problem = refused(text)["providers"]
    assert "kind: host" in problem.fix
    assert "carbon-exporter demo" in problem.fix


def test_without_any_file_the_message_is_the_same() -> None:
    with pytest.raises(Exception, match="carbon-exporter demo"):
        load(None, {})


def test_entries_of_one_kind_need_a_name_or_a_role(refused: Refuse) -> None:
    problems = refused("providers: [cloudy, cloudy]")
    assert "providers[0]" in problems["providers[1].name"].fix


def test_entries_told_apart_by_name_or_role_pass(load_text: object) -> None:
    text = "providers: [cloudy, {kind: cloudy, name: b}, {kind: cloudy, role_arn: r}]"
    assert callable(load_text)
    settings = load_text(text)
    assert isinstance(settings, Settings)
    assert len(settings.providers) == 3


def test_all_mistakes_come_at_once(refused: Refuse) -> None:
    problems = refused(
        "listne: x\nresolution: 7m\nproviders:\n  - {kind: cloudy, attempts: 0}\n"
        "  - {kind: cloudy, bogus: 1}\n  - kind: nope\ngrids: [neso, neso]\n",
        {"CARBON_LOG_LEVEL": "loud", "CARBON_BOGUS": "1"},
    )
    assert set(problems) == {
        "listne",
        "resolution",
        "providers[0].attempts",
        "providers[1].bogus",
        "providers[1].name",
        "providers[2].kind",
        "grids[1].kind",
        "log_level (CARBON_LOG_LEVEL)",
        "CARBON_BOGUS",
    }


def test_each_problem_is_one_line(refused: Refuse) -> None:
    problems = refused(OK + 'log_level: "two\\nlines ' + "x" * 500 + '"')
    line = str(problems["log_level"])
    assert "\n" not in line
    assert len(line) < 200


@pytest.mark.parametrize(
    "value",
    [
        "http://u:hunter2@api.example.org/",
        "https://hunter2@api.example.org",
        "http://u:hunter2/@hunter2@api.example.org",
        "u:hunter2@api.example.org",
        "ftp:/u:hunter2@api.example.org",
        "https://api.example.org/?key=hunter2",
        "https://api.example.org/#hunter2",
        "https://api.example.org/?a=b#@hunter2=?",
    ],
)
@pytest.mark.parametrize("key", ["base_url", "url", "zone"])
def test_what_may_be_a_secret_in_an_address_is_never_shown(
    refused: Refuse, key: str, value: str
) -> None:
    refused(f"{OK}grids: [{{kind: breezy, {key}: '{value}'}}]\nlisten: '{value}'")
    refused(f"{OK}poll_interval: '{value}'\nstate: '{value}'")


def test_the_rest_of_an_address_is_shown(refused: Refuse) -> None:
    problem = refused(f"{OK}listen: 'http://u:hunter2@api.example.org/x'")["listen"]
    assert problem.value == "'http://(hidden)@api.example.org/x'"


@pytest.mark.parametrize("key", ["poll_interval", "look_back", "max_catch_up", "stale_after"])
def test_a_time_span_beyond_the_calendar_is_a_mistake(refused: Refuse, key: str) -> None:
    assert refused(f"{OK}{key}: 9999999999999999999d")[key].fix == "write 3660d or less"
