"""A write is sent only after `before_send` returned, and only on a connection that is known to be alive."""

from __future__ import annotations

import pytest

from stripe_flow.api import errors
from stripe_flow.api.message import Request
from tests.stripe_flow.api.builders import a_client, allow_send
from tests.support.wire import Cut, Peer, answer

GOOD = answer(200, '{"id": "ch_1"}')
CREATE = Request(method="POST", path="/v1/charges", body=b"amount=1", idempotency_key="k1")
NOW = 1_795_478_400  # the peer's Date


class RefusedError(Exception):
    pass


def test_before_send_is_called_before_each_send_with_stripes_time() -> None:
    calls: list[tuple[int, bool, int]] = []
    with Peer([answer(429), answer(503), GOOD]) as peer:
        a_client(peer.url).post(CREATE, lambda now, executed: calls.append((now, executed, len(peer.heard))))

    assert calls == [(NOW, False, 0), (NOW, False, 1), (NOW, True, 2)]


def test_nothing_is_sent_when_before_send_raises() -> None:
    def refuse(_now: int, _may_be_executed: bool) -> None:  # noqa: FBT001
        raise RefusedError

    with Peer([GOOD]) as peer:
        with pytest.raises(RefusedError):
            a_client(peer.url).post(CREATE, refuse)

        assert peer.heard == []


def test_a_connection_is_checked_once_and_again_before_each_resend() -> None:
    with Peer([GOOD, answer(503), GOOD, GOOD]) as peer:
        client = a_client(peer.url)

        for _ in range(3):
            client.post(CREATE, allow_send)

        assert (len(peer.heard), len(peer.checks)) == (4, 2)


@pytest.mark.promise(
    "target 5",
    "A write opens no connection: it leaves only on one that answered a read since the last wait",
)
def test_a_write_never_opens_a_connection() -> None:
    """The server closed it while it was idle: the client reads the time again before it sends the write."""
    calls: list[bool] = []
    with Peer([Cut(said=GOOD), GOOD]) as peer:
        client = a_client(peer.url)
        client.post(CREATE, allow_send)
        assert peer.closed.wait(10)

        received = client.post(CREATE, lambda _now, executed: calls.append(executed))

        assert (received.value, received.sends) == ({"id": "ch_1"}, 2)
        assert (len(peer.heard), len(peer.checks), peer.connections) == (2, 2, 2)
    assert calls == [False, False], "nothing is sent on a closed connection"


def test_a_write_works_through_a_proxy_that_closes_each_connection() -> None:
    closing = answer(200, Connection="close")
    with Peer([GOOD], check=Cut(said=closing)) as peer:
        received = a_client(peer.url).post(CREATE, allow_send)

        assert (received.sends, len(peer.checks), peer.connections) == (1, 1, 2)


def test_a_write_waits_for_an_answer_with_a_date() -> None:
    untimed = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    with Peer([GOOD], check=untimed) as peer:
        with pytest.raises(errors.StripeUnreachable, match="Date"):
            a_client(peer.url, give_up_after_s=0).post(CREATE, allow_send)

        assert peer.heard == []
