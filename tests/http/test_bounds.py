"""A body is counted as it is unpacked: what is too large is never held."""

import gzip
import tracemalloc
import zlib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.http.bounds import BoundsError, TooLargeError, unpacked

MIB = 1024 * 1024


@given(st.binary(max_size=300_000), st.integers(1, 100_000), st.sampled_from(["gzip", "deflate"]))
def test_a_body_is_the_same_however_it_arrives(body: bytes, size: int, encoding: str) -> None:
    packed = gzip.compress(body) if encoding == "gzip" else zlib.compress(body)
    chunks = [packed[at : at + size] for at in range(0, len(packed), size)]
    assert unpacked(chunks, encoding, len(body)) == body
    assert unpacked([body], " Identity ", len(body)) == body


def test_blanks_that_fill_pieces_to_the_byte_are_whole() -> None:
    for length in (64 * 1024, 128 * 1024, 128 * 1024 + 1):
        assert len(unpacked([gzip.compress(b" " * length)], "gzip", length)) == length


def test_members_of_gzip_follow_each_other() -> None:
    assert unpacked([gzip.compress(b"a") + gzip.compress(b"b")], "gzip", 2) == b"ab"


@pytest.mark.parametrize("encoding", ["gzip, gzip", "gzip,identity", "br", "zstd", "compress"])
def test_other_encodings_and_several_are_refused_unread(encoding: str) -> None:
    read: list[bytes] = []

    def chunks() -> Iterator[bytes]:
        read.append(b"")
        yield b""

    with pytest.raises(BoundsError, match="more than once"):
        unpacked(chunks(), encoding, 10)
    assert not read


@pytest.mark.parametrize(
    "packed",
    [b"junk", gzip.compress(b"whole")[:-3], gzip.compress(b"a")[:4]],
    ids=["junk", "no end", "four bytes"],
)
def test_broken_compression_is_told(packed: bytes) -> None:
    with pytest.raises(BoundsError, match="broken"):
        unpacked([packed], "gzip", 100)


def test_an_empty_body_may_be_called_packed() -> None:
    assert unpacked([], "gzip", 0) == b""


def test_a_bomb_costs_no_more_memory_than_is_allowed() -> None:
    packed = gzip.compress(b" " * 64 * MIB)
    tracemalloc.start()
    try:
        with pytest.raises(TooLargeError, match="larger than 1048576 bytes"):
            unpacked([packed], "gzip", MIB)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * MIB
