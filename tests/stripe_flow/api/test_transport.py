from __future__ import annotations

import gzip
import time

import pytest

from stripe_flow.api.body import MOST_BYTES
from stripe_flow.api.network_errors import NetworkTrouble
from stripe_flow.api.transport import RawAnswer, Transport
from tests.support.wire import Cut, Drip, Peer, answer


def exchange(url: str, timeout_s: float = 5) -> RawAnswer:
    return Transport(url, timeout_s=timeout_s).exchange("GET", f"{url}/v1/x", {}, None)


def test_a_whole_answer_is_returned_unchanged() -> None:
    with Peer([answer(418, '{"a": 1}', Request_Id="req_1")]) as peer:
        raw = exchange(peer.url)

    assert (raw.http_status, raw.headers["request-id"], raw.body) == (418, "req_1", b'{"a": 1}')


@pytest.mark.promise("tap 6", "`timeout_s` bounds a whole request")
@pytest.mark.parametrize(
    "turn",
    [
        pytest.param(Drip(said=b"HTTP/1.1 200 OK\r\nX-Slow: "), id="in the headers"),
        pytest.param(Drip(said=b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"), id="in the body"),
        pytest.param(Drip(said=b"", every_s=10), id="before the first byte"),
    ],
)
def test_the_deadline_holds_against_an_answer_that_drips(turn: Drip) -> None:
    with Peer([turn]) as peer:
        started = time.monotonic()

        with pytest.raises(NetworkTrouble, match=r"no (whole )?answer"):
            exchange(peer.url, timeout_s=0.4)

        # the peer would drip for 100 s; the limit only separates "cut off" from "never cut off"
        assert time.monotonic() - started < 20


def test_one_exchange_may_have_a_shorter_deadline() -> None:
    with Peer([Drip(said=b"", every_s=10)]) as peer, pytest.raises(NetworkTrouble, match=r"0.2 s|in time"):
        Transport(peer.url, timeout_s=60).exchange("GET", peer.url, {}, None, within_s=0.2)


@pytest.mark.parametrize(
    "turn",
    [
        pytest.param(Cut(), id="before the answer"),
        pytest.param(Cut(said=b"HTTP/1.1 200 OK\r\nContent-Le"), id="in the headers"),
        pytest.param(Cut(said=answer(200, "x" * 100)[:-50]), id="in the body"),
        pytest.param(Cut(said=b"not http at all\r\n\r\n"), id="not HTTP"),
    ],
)
def test_an_answer_that_is_cut_off_is_refused(turn: Cut) -> None:
    with Peer([turn]) as peer, pytest.raises(NetworkTrouble):
        exchange(peer.url)


_LARGE = b"x" * (MOST_BYTES + 1)
_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % len(_LARGE) + _LARGE + b"\r\n0\r\n\r\n"
_ZIPPED = gzip.compress(_LARGE, 1)


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(answer(200, _LARGE.decode()), id="of a known size"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n" + _LARGE, id="to the end of the connection"),
        pytest.param(_CHUNKED, id="in chunks"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(_ZIPPED) + _ZIPPED,
            id="small until it is unpacked",
        ),
    ],
)
def test_an_answer_that_would_fill_the_memory_is_refused(said: bytes) -> None:
    with Peer([Cut(said=said)]) as peer, pytest.raises(NetworkTrouble, match="larger than 64 MiB"):
        exchange(peer.url, timeout_s=30)


def test_a_redirect_is_not_followed() -> None:
    with Peer([answer(302, Location="http://127.0.0.1:1/elsewhere")]) as peer:
        assert exchange(peer.url).http_status == 302


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_no_proxy_sees_what_is_sent_to_this_machine(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    with Peer([answer(418)]) as peer, Peer([answer(502)]) as proxy:
        monkeypatch.setenv(name, proxy.url)
        monkeypatch.setenv("NO_PROXY", "")
        monkeypatch.setenv("no_proxy", "")

        assert exchange(peer.url).http_status == 418
        assert proxy.heard == []


def test_the_proxy_of_requests_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://ann:canary@proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "near.example")

    assert Transport("https://far.example", timeout_s=1).proxy == "proxy.example:3128"
    assert Transport("https://near.example", timeout_s=1).proxy is None
    assert Transport("http://127.0.0.1:1", timeout_s=1).proxy is None


def test_a_connection_is_reused() -> None:
    with Peer([answer(200)]) as peer:
        sender = Transport(peer.url, timeout_s=5)
        for _ in range(5):
            sender.exchange("GET", peer.url, {}, None)

        assert (len(peer.heard), peer.connections) == (5, 1)


def test_cookies_are_not_kept() -> None:
    with Peer([answer(200, Set_Cookie="a=b")]) as peer:
        sender = Transport(peer.url, timeout_s=5)
        for _ in range(2):
            sender.exchange("GET", peer.url, {}, None)

        assert b"ookie" not in peer.heard[1]


def test_a_refused_connection_says_so_without_the_url() -> None:
    with Peer([]) as peer:
        pass  # its port is closed now

    with pytest.raises(NetworkTrouble, match="connection refused") as caught:
        exchange(f"{peer.url}")

    assert "127.0.0.1" not in str(caught.value)
