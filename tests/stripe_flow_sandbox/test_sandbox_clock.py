"""The sandbox's clock, as tests turn it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection
from typing import Any

import pytest

from tests.stripe_flow_sandbox.builders import a_charge, a_client
from tests.support.sandbox import Sandbox

NOW = 1_700_000_000


@contextmanager
def connected(sandbox: Sandbox) -> Iterator[HTTPConnection]:
    """A connection that has answered once and stays open."""
    connection = HTTPConnection(sandbox.url.removeprefix("http://"), timeout=30)
    try:
        ask(connection)
        yield connection
    finally:
        connection.close()


def ask(connection: HTTPConnection) -> int:
    connection.request("GET", "/_sandbox/clock")
    with connection.getresponse() as response:
        response.read()
        return response.status


def test_every_timestamp_follows_the_clock() -> None:
    with Sandbox("--now", str(NOW)) as sandbox:
        client = a_client(sandbox)
        first = a_charge(client)
        sandbox.set_clock(NOW + 86_400)

        later = a_charge(client)

        event = client.events.list({"limit": 1}).data[0]
        date = parsedate_to_datetime(later.last_response.headers["Date"]).timestamp()
        assert NOW <= first.created < NOW + 600
        assert 0 <= later.created - (NOW + 86_400) < 600
        assert 0 <= date - later.created < 600
        assert 0 <= event.created - later.created < 600
        assert 0 <= sandbox.requests()[-1]["time"] - later.created < 600


def test_the_clock_can_be_set_back_and_lists_stay_in_order_of_created(sandbox: Sandbox) -> None:
    client = a_client(sandbox)
    now = a_charge(client)
    sandbox.advance(-7200)

    earlier = a_charge(client)

    assert earlier.created < now.created
    assert [each.id for each in client.charges.list().data] == [now.id, earlier.id]


@pytest.mark.parametrize("jump_s", [3700, -3700])
def test_a_jump_of_over_an_hour_cuts_open_connections(sandbox: Sandbox, jump_s: int) -> None:
    with connected(sandbox) as connection:
        sandbox.advance(jump_s)

        with pytest.raises(ConnectionError):
            ask(connection)


def test_a_shorter_jump_leaves_connections_open(sandbox: Sandbox) -> None:
    with connected(sandbox) as connection:
        sandbox.advance(3500)

        assert ask(connection) == 200


@pytest.mark.parametrize("order", [{}, {"set": 1, "advance_s": 1}, {"back_s": 1}])
def test_an_invalid_clock_request_is_refused(sandbox: Sandbox, order: dict[str, Any]) -> None:
    before = sandbox.clock()

    with pytest.raises(ValueError, match="clock"):
        sandbox._control("POST", "clock", order)  # noqa: SLF001 - what no method of ours would send

    assert 0 <= sandbox.clock() - before < 600
