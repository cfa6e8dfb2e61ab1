import pytest

from exporter.core.listen import parse_listen


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:9180", ("127.0.0.1", 9180)),
        (":9180", ("", 9180)),
        ("localhost:0", ("localhost", 0)),
        ("[::1]:9180", ("::1", 9180)),
        (" 10.0.0.1:65535 ", ("10.0.0.1", 65535)),
    ],
)
def test_addresses_as_people_write_them(text: str, address: tuple[str, int]) -> None:
    assert parse_listen(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "9180",
        "localhost",
        "localhost:",
        "host:-1",
        "host:65536",
        "::1:9180",
        "[::1]",
        "a b:1",
        "[host]:1",
        "http://host:1",
        "host:9180/",
        "host:\uff19",
        "user@host:1",
        "[::1:9180",
        "::1]:1",
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="host:port"):
        parse_listen(text)
