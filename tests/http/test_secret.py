from pathlib import Path

import pytest
from pydantic import SecretStr

from exporter.core.errors import AuthError
from exporter.http.secret import Secret

SECRET = "hunter2hunter2"


def test_a_key_is_given_without_the_space_around_it(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(f"  {SECRET}\r\n")
    assert Secret("src", path).reveal() == SECRET
    assert Secret("src", SecretStr(f"{SECRET}\n")).reveal() == SECRET


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" \n",
        b"hunter2\nhunter2",
        b"hunter2\x00",
        "hunter2é".encode(),
        b"hunter2" * 1000,
        b"\xff\xfehunter2",
    ],
)
def test_a_file_that_holds_no_key_is_named_and_not_shown(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(AuthError, match=r"src: .*token_file") as caught:
        Secret("src", path).reveal()
    assert "hunter2" not in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", ["absent", "."])
def test_a_file_that_cannot_be_read_is_an_auth_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(AuthError, match=r"src: cannot read token_file .* — check"):
        Secret("src", tmp_path / name).reveal()


def test_a_variable_that_holds_no_key_is_named() -> None:
    with pytest.raises(AuthError, match=r"src: .*token"):
        Secret("src", SecretStr(" ")).reveal()
