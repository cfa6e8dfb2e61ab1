import asyncio
import errno
import socket

import pytest

from exporter.core.errors import ConfigError
from exporter.exposition.listen import ListenError, bind


def test_what_is_no_address_is_a_config_error_with_its_fix() -> None:
    with pytest.raises(ConfigError) as caught:
        bind("localhost:http")
    assert str(caught.value).startswith("listen: 'localhost:http' — write host:port, such as")
    assert "\n" not in str(caught.value)


def test_port_zero_takes_a_free_port_that_accepts() -> None:
    with bind("127.0.0.1:0") as sock, socket.create_connection(sock.getsockname()):
        assert sock.getsockname()[1] > 0


def test_accepted_connections_do_not_wait_for_a_delayed_acknowledgement() -> None:
    """The second witness is asyncio's own server, which decides by what the socket says it is."""

    async def delayed() -> int:
        told: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def connected(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            accepted = writer.get_extra_info("socket")
            told.set_result(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        with bind("127.0.0.1:0") as sock:
            address = sock.getsockname()
            async with await asyncio.start_server(connected, sock=sock):
                with socket.create_connection(address):
                    return await asyncio.wait_for(told, 10)

    assert asyncio.run(delayed()) == 1


def test_port_in_use_is_told_with_a_fix() -> None:
    with bind("127.0.0.1:0") as sock:
        taken = f"127.0.0.1:{sock.getsockname()[1]}"
        with pytest.raises(ListenError) as caught:
            bind(taken)
    assert str(caught.value) == (
        f"{taken} is in use by another program — stop it, or set another listen address"
    )


def test_address_of_another_machine_is_told_with_a_fix() -> None:
    with pytest.raises(ListenError, match="is not an address of this machine — use"):
        bind("192.0.2.1:0")  # TEST-NET-1, never assigned


def test_unknown_host_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match=r"host 'no-such-host\.invalid' is unknown"):
        bind("no-such-host.invalid:9180")


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.EACCES, "no permission to listen on 127.0.0.1:0 — use a port from 1024 up"),
        (errno.ENOBUFS, "cannot listen on 127.0.0.1:0 (No buffer space available) — set another"),
    ],
)
def test_refusals_of_the_system_are_one_line(
    monkeypatch: pytest.MonkeyPatch, number: int, message: str
) -> None:
    """A root user may take any port, so the refusal itself has to be made up."""

    def refuse(_sock: socket.socket, _address: object) -> None:
        raise OSError(number, "No buffer space available")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(ListenError) as caught:
        bind("127.0.0.1:0")
    assert str(caught.value).startswith(message)
