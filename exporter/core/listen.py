"""The address to serve on, as people write it."""

from typing import NamedTuple

_HIGHEST_PORT = 65535
_FIX = "write host:port, such as 127.0.0.1:9180, or :9180 for every interface"


class ListenAddress(NamedTuple):
    """Where to bind: an empty host is every interface, port 0 any free port."""

    host: str
    port: int


def parse_listen(text: str) -> ListenAddress:
    """Read ``127.0.0.1:9180``, ``:9180``, ``localhost:9180`` or ``[::1]:9180``.

    Raises:
        ValueError: the text is not an address; the message says what would be right.
    """
    host, colon, port = text.strip().rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > _HIGHEST_PORT:
        raise ValueError(_FIX)
    bracketed = host.startswith("[") and host.endswith("]")
    bare = host[1:-1] if bracketed else host
    if bracketed != (":" in bare) or any(c in bare for c in "/@[] "):
        raise ValueError(_FIX)
    return ListenAddress(bare, int(port))
