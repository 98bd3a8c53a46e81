"""A limit of requests in flight: few connections for many threads, no burst after a hang, and signals wake waiters."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Self

import pytest

from stripe_flow.api.bucket import BURST_S
from stripe_flow.api.client import Client
from stripe_flow.api.errors import Stopped
from stripe_flow.api.settings import open_client
from tests.stripe_flow.api.builders import KEY
from tests.support.wire import Peer, answer

GOOD = answer(200, '{"id": "ch_1"}')
SETTINGS = {"api_key": KEY, "max_requests_per_second": 0, "max_requests_per_second_total": 0, "give_up_after_s": 30}


class Stripe(Peer):
    """Answers when `is_open` is set; counts the requests that it holds at once, and notes when each came."""

    def __enter__(self) -> Self:
        self.is_open, self.lock = threading.Event(), threading.Lock()
        self.in_flight = self.most_in_flight = 0
        self.came_at: list[float] = []
        super().__enter__()
        return self

    def answers(self, _request: bytes) -> bytes:
        with self.lock:
            self.came_at.append(time.monotonic())
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
        self.is_open.wait(30)
        time.sleep(0.002)
        with self.lock:
            self.in_flight -= 1
        return GOOD

    def holds(self, count: int) -> None:
        until = time.monotonic() + 20
        while len(self.came_at) < count and time.monotonic() < until:
            time.sleep(0.005)
        assert len(self.came_at) == count


@pytest.fixture
def stripe() -> Iterator[Stripe]:
    peer = Stripe([])
    peer.turns = [peer.answers]
    with peer:
        yield peer
        peer.is_open.set()


def a_client(stripe: Stripe, slots: int | None, **settings: object) -> Client:
    return open_client(SETTINGS | {"base_url": stripe.url} | settings, most_in_flight=slots)


@contextmanager
def reading(client: Client, threads: int, *, requests: int = 1) -> Iterator[list[Future[None]]]:
    """So many threads that read charges, each on a copy of the client for an account of its own."""

    def read(number: int) -> None:
        own = client.scoped() if number % 2 else client
        for _ in range(requests):
            own.get("/v1/charges")

    with ThreadPoolExecutor(threads) as pool:
        yield [pool.submit(read, number) for number in range(threads)]


@pytest.mark.promise("tap 6", "`concurrency` limits the requests in flight and the connections")
def test_many_threads_share_few_connections(stripe: Stripe) -> None:
    stripe.is_open.set()
    with reading(a_client(stripe, 4), 64, requests=5) as calls:
        for call in calls:
            call.result(timeout=60)

    assert len(stripe.came_at) == 64 * 5
    assert stripe.most_in_flight <= 4
    assert stripe.connections <= 4


def test_without_a_limit_each_thread_has_its_own_connection(stripe: Stripe) -> None:
    with reading(a_client(stripe, None), 8):
        stripe.holds(8)
        stripe.is_open.set()

    assert stripe.connections == 8


def test_the_connection_that_was_used_last_is_used_first(stripe: Stripe) -> None:
    stripe.is_open.set()
    client = a_client(stripe, 16)
    for _ in range(5):
        with reading(client, 1):
            pass

    assert stripe.connections == 1


def test_what_waits_for_the_throttle_holds_no_slot(stripe: Stripe) -> None:
    stripe.is_open.set()
    client = a_client(stripe, 1, max_requests_per_second=0.01)
    client.get("/v1/charges")
    with reading(client, 8) as waiting:
        for name in ("refunds", "events", "customers"):
            client.get(f"/v1/{name}")
        client.stopping.set()
        assert [type(call.exception(timeout=20)) for call in waiting] == [Stopped] * 8

    assert len(stripe.came_at) == 4


@pytest.mark.promise("tap 6", "Requests that waited for a slot are not sent in a burst")
def test_a_server_that_hangs_for_a_while_is_not_sent_a_burst(stripe: Stripe) -> None:
    rate = 20
    with reading(a_client(stripe, 3, max_requests_per_second=rate), 40) as calls:
        stripe.holds(3)
        time.sleep(2.5)  # all moments pass
        opened_at = time.monotonic()
        stripe.is_open.set()
        for call in calls:
            call.result(timeout=60)

    after = sorted(at for at in stripe.came_at if at >= opened_at)
    # a peer sees two requests closer together, or farther apart, than they were sent
    slack = 3
    for first, at in enumerate(after):
        for last in range(first, len(after)):
            assert last - first <= (after[last] - at + 2 * BURST_S) * rate + slack
    assert len(after) == 37


def test_a_thread_that_waits_for_a_slot_ends_when_the_run_stops(stripe: Stripe) -> None:
    client = a_client(stripe, 1)
    with reading(client, 4) as calls:
        stripe.holds(1)
        client.stopping.set()
        until = time.monotonic() + 20
        while sum(call.done() for call in calls) < 3 and time.monotonic() < until:
            time.sleep(0.01)
        assert [type(call.exception()) for call in calls if call.done()] == [Stopped] * 3
        stripe.is_open.set()

    assert [call.exception() for call in calls].count(None) == 1
    assert len(stripe.came_at) == 1


def test_a_failure_gives_its_slot_back() -> None:
    with Peer([answer(404, '{"error": {"type": "invalid_request_error"}}')]) as peer:
        client = open_client(SETTINGS | {"base_url": peer.url}, most_in_flight=1)
        for _ in range(3):
            with pytest.raises(Exception, match="no such object"):
                client.get("/v1/charges/ch_1")

        assert peer.connections == 1
