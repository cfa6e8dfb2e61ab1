"""Secrets come by the environment or by a file of their own, and are never repeated."""

import pytest
from pydantic import SecretStr

from tests.settings.conftest import Load, Refuse

SECRET = "hunter2hunter2"


def test_a_secret_in_the_file_is_refused_with_the_two_ways_to_give_it(refused: Refuse) -> None:
    problem = refused(f"providers: [cloudy]\ngrids: [{{kind: breezy, token: {SECRET}}}]")[
        "grids[0].token"
    ]
    assert problem.value == "(hidden)"
    assert "token_file" in problem.fix
    assert "CARBON_GRIDS__0__TOKEN" in problem.fix


def test_a_secret_in_the_environment_is_taken_as_it_stands(load_text: Load) -> None:
    odd = '["not, json'
    settings = load_text(
        "providers: [cloudy]\ngrids: [breezy]",
        {"CARBON_GRIDS__0__TOKEN": odd, "CARBON_PROVIDERS__0__PASSWORD": SECRET},
    )
    token = settings.grids[0].model_dump()["token"]
    assert isinstance(token, SecretStr)
    assert token.get_secret_value() == odd
    assert SECRET not in repr(settings)
    assert SECRET not in settings.model_dump_json()


@pytest.mark.parametrize(
    "section",
    [
        f"{{kind: breezy, tokn: {SECRET}}}",
        f"{{kind: breezy, api_key: {SECRET}}}",
        f"{{kind: breezy, secret_access_key: {SECRET}}}",
        f"{{kind: breezy, passwd: {SECRET}}}",
        f"{{kind: breezy, credentials: {SECRET}}}",
        f"{{kind: breezy, token: [{SECRET}]}}",
        f"{{kind: breezy, zones: {{token: {SECRET}}}}}",
        f"{{kind: nonsense, token: {SECRET}}}",
    ],
)
def test_what_may_be_a_secret_is_not_shown(refused: Refuse, section: str) -> None:
    assert refused(f"providers: [cloudy]\ngrids: [{section}]")  # refused() looks for the secret


@pytest.mark.parametrize(
    "environ",
    [
        {"CARBON_TOKEN": SECRET},
        {"CARBON_GRIDS": f'[{{"kind": "breezy", "token": "{SECRET}"'},
        {"CARBON_GRIDS__0__TOKENS": SECRET},
        {"CARBON_GRIDS__9__TOKEN": SECRET},
    ],
)
def test_variables_that_cannot_be_used_do_not_show_their_text(
    refused: Refuse, environ: dict[str, str]
) -> None:
    assert refused("providers: [cloudy]\ngrids: [breezy]", environ)


def test_broken_yaml_does_not_show_its_line(refused: Refuse) -> None:
    assert refused(f"grids:\n  - token: {SECRET}\n   bad: [")
