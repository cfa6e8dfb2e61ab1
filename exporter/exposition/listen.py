"""The listening socket, made before anything else starts: a port in use is told at once."""

import errno
import socket

from exporter.core.errors import CarbonExporterError, ConfigError, Problem
from exporter.core.listen import parse_listen

_BACKLOG = 128

_Address = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]


class ListenError(CarbonExporterError):
    """The address is well written but cannot be listened on."""


def bind(listen: str) -> socket.socket:
    """Return a listening socket on ``HOST:PORT``; port 0 takes any free one.

    Raises:
        ConfigError: not an address, or a host name that is unknown.
        ListenError: port in use, no permission, or not an address of this machine.
    """
    try:
        host, port = parse_listen(listen)
    except ValueError as error:
        raise _wrong(listen, str(error)) from error
    family, address = _resolve(host, port, listen)
    # asyncio switches Nagle's algorithm off only for sockets that say they are TCP, as accepted
    # ones then do: with it, a body on a kept connection can wait 40 ms for a delayed ACK.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(_BACKLOG)
    except OSError as error:
        sock.close()
        raise ListenError(_cause(error, listen)) from error
    return sock


def _resolve(host: str, port: int, listen: str) -> tuple[socket.AddressFamily, _Address]:
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError) as error:
        raise _wrong(
            listen, f"host {host!r} is unknown: write an address or a name of this machine"
        ) from error
    # IPv4 first for names: what "localhost" means to most clients.
    family, _, _, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
    return family, address


def _wrong(listen: str, fix: str) -> ConfigError:
    return ConfigError([Problem(key="listen", value=repr(listen), fix=fix)])


def _cause(error: OSError, listen: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"{listen} is in use by another program — stop it, or set another listen address"
    if error.errno in {errno.EACCES, errno.EPERM}:
        return f"no permission to listen on {listen} — use a port from 1024 up"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{listen} is not an address of this machine — use 127.0.0.1, or 0.0.0.0 for all"
    return f"cannot listen on {listen} ({error.strerror}) — set another listen address"
