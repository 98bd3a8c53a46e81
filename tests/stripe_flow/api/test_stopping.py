"""A run that is stopping sends no more requests, and ends every wait before a send."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from stripe_flow.api.client import Client
from stripe_flow.api.errors import Stopped
from stripe_flow.api.message import Request
from tests.stripe_flow.api.builders import a_client, allow_send
from tests.support.wire import Peer, Turn, answer

GOOD = answer(200, '{"id": "ch_1"}')
CREATE = Request(method="POST", path="/v1/charges", body=b"amount=1", idempotency_key="k1")
PROMPT_S = 0.3


def stopped_while(client: Client, peer: Peer, *, heard: int) -> Stopped:
    """Stop the client once `peer` has received `heard` requests and the client waits; returns the call's error."""
    stopped_at = 0.0
    with ThreadPoolExecutor() as pool:
        call = pool.submit(client.post, CREATE, allow_send)
        while len(peer.heard) < heard:
            threading.Event().wait(0.005)
        threading.Event().wait(0.1)
        stopped_at = time.monotonic()
        client.stopping.set()
        error = call.exception(timeout=20)
    assert time.monotonic() - stopped_at < PROMPT_S
    assert isinstance(error, Stopped)
    return error


def test_nothing_is_sent_once_the_run_is_stopping() -> None:
    with Peer([GOOD]) as peer:
        client = a_client(peer.url)
        client.stopping.set()

        with pytest.raises(Stopped) as caught:
            client.scoped("acct_1").get("/v1/charges")

        assert (caught.value.was_sent, peer.heard) == (False, [])


def test_a_wait_for_the_throttle_ends_at_once() -> None:
    with Peer([GOOD]) as peer:
        client = a_client(peer.url, max_requests_per_second=0.01)
        client.post(CREATE, allow_send)

        error = stopped_while(client, peer, heard=1)

        assert (error.was_sent, len(peer.heard)) == (False, 1)


@pytest.mark.parametrize(
    ("turns", "was_sent"),
    [
        pytest.param([answer(503, Retry_After="5")], True, id="503"),
        pytest.param([answer(429, Retry_After="5")], False, id="429, so nothing was executed"),
        pytest.param([answer(503), answer(429, Retry_After="5")], True, id="429 after a 503"),
    ],
)
def test_a_wait_to_send_again_ends_at_once_and_says_whether_the_request_may_be_executed(
    turns: list[Turn], *, was_sent: bool
) -> None:
    with Peer(turns) as peer:
        error = stopped_while(a_client(peer.url, give_up_after_s=60), peer, heard=len(turns))

        assert (error.was_sent, len(peer.heard)) == (was_sent, len(turns))


def test_a_request_in_flight_is_finished() -> None:
    with Peer([GOOD]) as peer:
        client = a_client(peer.url)
        stopping = client.stopping

        def read(body: bytes) -> bytes:
            stopping.set()
            return body

        assert client.get("/v1/charges", read=read).value == b'{"id": "ch_1"}'
