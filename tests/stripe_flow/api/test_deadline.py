"""The deadline of an exchange holds from the name look-up to the last byte, on every kind of connection."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from stripe_flow.api.deadline import Watchdog
from stripe_flow.api.network_errors import NetworkTrouble
from stripe_flow.api.transport import Transport
from tests.support.wire import Drip, Peer, answer

TIMEOUT_S = 0.6
LATE = r"no whole answer within"


def slow_names(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    look_up: Callable[..., object] = socket.getaddrinfo

    def slowly(*arguments: object, **named: object) -> object:
        time.sleep(seconds)
        return look_up(*arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", slowly)


def exchange(url: str) -> None:
    Transport(url, timeout_s=TIMEOUT_S).exchange("POST", f"{url}/v1/charges", {}, b"a=1")


def test_a_request_is_not_sent_once_its_deadline_has_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    slow_names(monkeypatch, 2 * TIMEOUT_S)

    with Peer([answer(200)]) as peer:
        with pytest.raises(NetworkTrouble, match=LATE):
            exchange(peer.url)
        time.sleep(0.1)  # a late request would be heard by now

        assert peer.heard == []


def test_the_time_for_a_look_up_is_taken_from_the_tls_handshake(monkeypatch: pytest.MonkeyPatch) -> None:
    slow_names(monkeypatch, TIMEOUT_S * 0.9)

    with Peer([answer(200)]) as peer:  # it waits for a request and never answers the TLS handshake
        started = time.monotonic()
        with pytest.raises(NetworkTrouble, match=LATE):
            exchange(peer.url.replace("http:", "https:"))

        assert time.monotonic() - started < TIMEOUT_S * 1.7


def test_the_deadline_holds_for_an_answer_that_ends_with_its_connection() -> None:
    headers = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5000\r\n\r\n"

    with Peer([Drip(said=headers)]) as peer:
        started = time.monotonic()
        with pytest.raises(NetworkTrouble, match=LATE):
            exchange(peer.url)

        assert time.monotonic() - started < 20


class Wrapped:
    """Like urllib3's object for TLS inside a proxy's TLS: it has a descriptor, but is not a socket."""

    def __init__(self, inner: socket.socket) -> None:
        self.fileno = inner.fileno


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs):
        yield ours, theirs


def test_a_wrapped_socket_is_cut_off_and_the_watchdog_goes_on(pair: tuple[socket.socket, socket.socket]) -> None:
    watchdog = Watchdog()
    pair[0].settimeout(20)

    with watchdog.limit(0.05) as first:
        first.watch(Wrapped(pair[0]))
        received = pair[0].recv(1)
    with watchdog.limit(0.05) as second:
        while not second.has_passed:
            time.sleep(0.01)

    assert (received, first.has_passed) == (b"", True)


def test_a_short_deadline_holds_beside_an_older_long_one() -> None:
    """The watchdog sleeps until the first deadline that it knows: an earlier one must wake it."""
    watchdog = Watchdog()
    with watchdog.limit(600):
        time.sleep(0.05)  # it is asleep now
        started = time.monotonic()
        with watchdog.limit(0.05) as short:
            while not short.has_passed and time.monotonic() - started < 20:
                time.sleep(0.01)

    assert short.has_passed


def test_a_connection_stays_open_after_an_exchange_in_time(pair: tuple[socket.socket, socket.socket]) -> None:
    with Watchdog().limit(20) as limit:
        limit.watch(pair[0])
    limit.cut()

    pair[0].sendall(b"x")

    assert pair[1].recv(1) == b"x"
