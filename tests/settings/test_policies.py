from datetime import timedelta

import pytest

from exporter.settings.policies import PolicyKind
from tests.settings.conftest import Load, Refuse

HEAD = "providers: [cloudy]\npolicies:\n"


def test_the_three_kinds_of_policies(load_text: Load) -> None:
    settings = load_text(
        HEAD + "  batch: {kind: capacity, zone: NO, deadline: 24h, load: 0.5, floor: 0}\n"
        "  nightly: {kind: window, duration: 4h, regions: [aws/eu-west-1, aws:eu-west-3]}\n"
        "  web: {kind: rank, deny: [azure, aws/us-east-1], near: [48.9, 2.3],"
        " max_round_trip_ms: 40}\n"
    )
    batch, nightly, web = (settings.policies[name] for name in ("batch", "nightly", "web"))
    assert (batch.kind, batch.zone, batch.load) == (PolicyKind.CAPACITY, "NO", 0.5)
    assert nightly.regions == ("aws:eu-west-1", "aws:eu-west-3")
    assert (nightly.duration, nightly.deadline) == (timedelta(hours=4), timedelta(hours=24))
    assert web.deny == ("azure", "aws:us-east-1")


def test_a_variable_sets_a_key_of_one_policy(load_text: Load) -> None:
    text = HEAD + "  batch: {kind: capacity, zone: FR, load: 0.5}\n"
    settings = load_text(text, {"CARBON_POLICIES__batch__LOAD": "0.7"})
    assert settings.policies["batch"].load == 0.7


@pytest.mark.parametrize(
    ("policy", "key", "fix"),
    [
        ("{kind: windo, zone: FR}", "policies.p.kind", "did you mean 'window'?"),
        ("{kind: window, zone: FR}", "policies.p", "needs the duration"),
        ("{kind: window, duration: 4h}", "policies.p", "its zone or its regions"),
        (
            "{kind: window, duration: 4h, zone: FR, regions: [aws:eu-west-1]}",
            "policies.p",
            "one of",
        ),
        ("{kind: window, duration: 9h, deadline: 4h, zone: FR}", "policies.p", "do not fit"),
        ("{kind: window, duration: 4h, zone: FR, min_slice: 1h}", "policies.p", "interruptible"),
        ("{kind: capacity, zone: FR, deadline: 3d}", "policies.p.deadline", "2d or less"),
        ("{kind: capacity, zone: FR, duration: 4h}", "policies.p", "takes no duration"),
        ("{kind: capacity, regions: [aws:eu-west-1, aws:eu-west-3]}", "policies.p", "one place"),
        ("{kind: capacity, zone: FR, load: 1.5}", "policies.p.load", "1"),
        ("{kind: rank, regions: [eu-west-1]}", "policies.p.regions[0]", "write provider:region"),
        ("{kind: rank, regions: [aws:eu-west-11]}", "policies.p.regions[0]", "did you mean aws:"),
        ("{kind: rank, near: [99, 2], max_round_trip_ms: 9}", "policies.p.near", "in degrees"),
        ("{kind: rank, near: [48, 2]}", "policies.p", "go together"),
        ("{kind: rank, dollars_per_hour: {aws:eu-west-1: -1}}", "policies.p.dollars_per_hour", "0"),
        ("{kind: rank, colour: green}", "policies.p.colour", "unknown key"),
    ],
)
def test_a_mistake_names_the_key_and_what_would_be_right(
    refused: Refuse, policy: str, key: str, fix: str
) -> None:
    problems = refused(HEAD + f"  p: {policy}\n")
    assert list(problems) == [key]
    assert fix in problems[key].fix


def test_a_policy_may_name_a_region_that_an_override_describes(load_text: Load) -> None:
    settings = load_text(
        "regions: {'aws:mars-1': {grid_zone: FR}}\n"
        + HEAD
        + "  web: {kind: rank, regions: [aws:mars-1]}\n"
    )
    assert settings.policies["web"].regions == ("aws:mars-1",)


def test_a_name_is_a_word(refused: Refuse) -> None:
    [problem] = refused(HEAD + "  9x: {kind: rank}\n").values()
    assert "such as nightly" in problem.fix
