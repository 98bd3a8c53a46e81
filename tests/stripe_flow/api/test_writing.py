"""A write leaves only with leave, and only on a connection that is known to be alive."""

from __future__ import annotations

import pytest

from stripe_flow.api import errors
from stripe_flow.api.message import Request
from tests.stripe_flow.api.builders import a_client, freely
from tests.support.wire import Cut, Peer, answer

GOOD = answer(200, '{"id": "ch_1"}')
CREATE = Request(method="POST", path="/v1/charges", body=b"amount=1", idempotency_key="k1")
NOW = 1_795_478_400  # the peer's Date


class No(Exception):
    pass


def test_leave_is_asked_before_each_send_with_stripes_time() -> None:
    asked: list[tuple[int, bool, int]] = []
    with Peer([answer(429), answer(503), GOOD]) as peer:
        a_client(peer.url).post(CREATE, lambda now, is_open: asked.append((now, is_open, len(peer.heard))))

    assert asked == [(NOW, False, 0), (NOW, False, 1), (NOW, True, 2)]


def test_without_leave_nothing_is_sent() -> None:
    def refuse(_now: int, _is_open: bool) -> None:  # noqa: FBT001
        raise No

    with Peer([GOOD]) as peer:
        with pytest.raises(No):
            a_client(peer.url).post(CREATE, refuse)

        assert peer.heard == []


def test_a_connection_is_tried_once_and_again_before_each_resend() -> None:
    with Peer([GOOD, answer(503), GOOD, GOOD]) as peer:
        client = a_client(peer.url)

        for _ in range(3):
            client.post(CREATE, freely)

        assert (len(peer.heard), len(peer.checks)) == (4, 2)


def test_a_write_never_opens_a_connection() -> None:
    """It was closed while nobody looked: the client asks for the time anew before the write goes out."""
    asked: list[bool] = []
    with Peer([Cut(said=GOOD), GOOD]) as peer:
        client = a_client(peer.url)
        client.post(CREATE, freely)

        got = client.post(CREATE, lambda _now, is_open: asked.append(is_open))

        assert (got.value, got.sends) == ({"id": "ch_1"}, 2)
        assert (len(peer.heard), len(peer.checks), peer.connections) == (2, 2, 2)
    assert asked == [False, False], "what met a closed connection was not sent"


def test_a_proxy_that_closes_each_connection_does_not_end_all_writing() -> None:
    closing = answer(200, Connection="close")
    with Peer([GOOD], check=Cut(said=closing)) as peer:
        got = a_client(peer.url).post(CREATE, freely)

        assert (got.sends, len(peer.checks), peer.connections) == (1, 1, 2)


def test_a_write_waits_for_an_answer_that_tells_the_time() -> None:
    untimed = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    with Peer([GOOD], check=untimed) as peer:
        with pytest.raises(errors.StripeUnreachable, match="Date"):
            a_client(peer.url, give_up_after_s=0).post(CREATE, freely)

        assert peer.heard == []
