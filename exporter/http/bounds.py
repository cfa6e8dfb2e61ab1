"""What an answer may cost in memory: its bytes, counted after decompression as they come."""

import zlib
from collections.abc import Iterable
from io import BytesIO
from typing import Final

ACCEPT_ENCODING: Final = "gzip"
"""What may be sent back to us. An answer that is packed twice is refused whatever is in it."""

_PLAIN: Final = frozenset({"", "identity"})
_PACKED: Final = frozenset({"gzip", "x-gzip", "deflate"})
_GZIP_OR_ZLIB: Final = zlib.MAX_WBITS | 32
_PIECE: Final = 64 * 1024
"""Bytes unpacked at once."""


class BoundsError(ValueError):
    """An answer that is too large, or packed in a way that is not unpacked. Has no text of it."""


class TooLargeError(BoundsError):
    """An answer that has more bytes than any that is right."""


def unpacked(chunks: Iterable[bytes], encoding: str, most: int) -> bytes:
    """Return a body from its bytes on the wire; ``encoding`` is the header Content-Encoding.

    Never holds more than ``most`` bytes of it, however many the packed ones stand for.

    Raises:
        TooLargeError: it has more than ``most`` bytes.
        BoundsError: it is packed more than once, in an unknown way, or wrongly.
    """
    told = encoding.strip().lower()
    if told not in _PLAIN | _PACKED:
        message = "the answer is compressed more than once, or in a way that was not asked for"
        raise BoundsError(message)
    # Closed in any case: an error that is kept would keep the frame, and what was read, with it.
    with BytesIO() as body:
        if told in _PACKED:
            _unpack(chunks, body, most)
        else:
            for chunk in chunks:
                _put(body, chunk, most)
        return body.getvalue()


def _unpack(chunks: Iterable[bytes], body: BytesIO, most: int) -> None:
    unpacker = zlib.decompressobj(_GZIP_OR_ZLIB)
    begun = False
    try:
        for chunk in chunks:
            packed = chunk
            while packed:
                begun = True
                if unpacker.eof:  # gzip may have several members, one after the other
                    unpacker = zlib.decompressobj(_GZIP_OR_ZLIB)
                piece = unpacker.decompress(packed, _PIECE)
                _put(body, piece, most)
                packed = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
                while len(piece) == _PIECE and not packed:  # more may wait inside of it
                    piece = unpacker.decompress(b"", _PIECE)
                    _put(body, piece, most)
    except zlib.error as error:
        message = "the answer's compression is broken"
        raise BoundsError(message) from error
    if begun and not unpacker.eof:
        message = "the answer's compression is broken off"
        raise BoundsError(message)


def _put(body: BytesIO, piece: bytes, most: int) -> None:
    if body.tell() + len(piece) > most:
        message = f"the answer is larger than {most} bytes"
        raise TooLargeError(message)
    body.write(piece)
