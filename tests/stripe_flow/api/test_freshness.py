"""A write leaves at most 30 seconds after Stripe's last answer on its connection, whatever came in between."""

from __future__ import annotations

import time

import pytest

from stripe_flow.api import client as client_module
from stripe_flow.api import deadline, errors, transport
from stripe_flow.api.client import FRESH_S, MOST_CHECKS
from stripe_flow.api.clock import elapsed_s
from stripe_flow.api.message import Request
from tests.stripe_flow.api.builders import a_client, allow_send
from tests.support.wire import Cut, Peer, Turn, answer

GOOD = answer(200, '{"id": "ch_1"}')
CREATE = Request(method="POST", path="/v1/charges", body=b"amount=1", idempotency_key="k1")
NOW = 1_795_478_400  # the peer's Date
CLOSING = Cut(said=answer(200, Connection="close"))
# How a peer treats the connection on which it answered the check.
EVERY_PEER = pytest.mark.parametrize("check", [answer(200), CLOSING], ids=["keeps it", "closes it"])


class Sleeper:
    """The clock of a machine that can sleep: every reader of `elapsed_s` sees it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._slept_s = 0.0
        for module in (client_module, transport, deadline):
            monkeypatch.setattr(module, "elapsed_s", self.now)

    def now(self) -> float:
        return elapsed_s() + self._slept_s

    def sleep(self, seconds: float) -> None:
        self._slept_s += seconds


@pytest.fixture
def sleeper(monkeypatch: pytest.MonkeyPatch) -> Sleeper:
    return Sleeper(monkeypatch)


@pytest.mark.promise(
    "target 5",
    "A write leaves at most 30 seconds after Stripe's last answer, whatever came in between",
)
@EVERY_PEER
@pytest.mark.parametrize("was_sent", [False, True])
@pytest.mark.parametrize("asleep_s", [FRESH_S + 1, 25 * 3600])
def test_after_a_long_wait_for_the_journal_the_time_is_read_again(
    check: Turn,
    was_sent: bool,  # noqa: FBT001
    asleep_s: float,
    sleeper: Sleeper,
) -> None:
    """Nothing has left in between. Where Stripe's own clock shows a wait, `before_send` is asked with the new time."""
    calls: list[int] = []

    def slow_once(_now_unix: int, _may_be_executed: bool) -> None:  # noqa: FBT001
        calls.append(len(peer.checks))
        if len(calls) == 1:
            sleeper.sleep(asleep_s)

    with Peer([GOOD], check=check) as peer:
        received = a_client(peer.url).post(CREATE, slow_once, was_sent=was_sent)

        assert (received.sends, len(peer.heard), len(peer.checks)) == (1, 1, 2)
    # Behind a peer that closes, a resend reads Stripe's time after the wait, and that has not moved here.
    assert calls == ([1] if was_sent and check is CLOSING else [1, 2])


@EVERY_PEER
def test_a_short_wait_for_the_journal_needs_no_second_check(check: Turn, sleeper: Sleeper) -> None:
    with Peer([GOOD], check=check) as peer:
        a_client(peer.url).post(CREATE, lambda _now, _executed: sleeper.sleep(FRESH_S - 2))

        assert (len(peer.heard), len(peer.checks)) == (1, 1)


def test_where_each_answer_closes_a_resend_reads_the_time_after_the_journals_write() -> None:
    """No clock of this machine shows how long it stood; Stripe's own does."""
    later = answer(200, Connection="close").replace(b"Tue, 24 Nov", b"Wed, 25 Nov")
    seen: list[int] = []

    class Changing(Peer):
        def stand_still(self, now_unix: int, _may_be_executed: bool) -> None:  # noqa: FBT001
            seen.append(now_unix)
            self.check = Cut(said=later)

    with Changing([GOOD], check=CLOSING) as peer:
        a_client(peer.url).post(CREATE, peer.stand_still, was_sent=True)

    assert seen == [NOW, NOW + 86_400]


def test_a_connection_that_answered_long_ago_is_checked_before_a_write(sleeper: Sleeper) -> None:
    with Peer([GOOD]) as peer:
        client = a_client(peer.url)
        client.post(CREATE, allow_send)
        client.post(CREATE, allow_send)
        sleeper.sleep(FRESH_S + 1)
        client.post(CREATE, allow_send)

        assert (len(peer.heard), len(peer.checks), peer.connections) == (3, 2, 1)


def test_an_answer_that_waited_for_a_sleeping_machine_is_old(sleeper: Sleeper, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine slept between the check and its answer: its Date is from before."""
    real, naps = transport.Transport._send, [25 * 3600]  # noqa: SLF001

    def sleeping(self: transport.Transport, *arguments: object) -> object:
        answered = real(self, *arguments)  # type: ignore[arg-type]
        sleeper.sleep(naps.pop() if naps else 0)
        return answered

    monkeypatch.setattr(transport.Transport, "_send", sleeping)
    with Peer([GOOD]) as peer:
        a_client(peer.url).post(CREATE, allow_send)

        assert (len(peer.heard), len(peer.checks)) == (1, 2)


def test_nothing_leaves_on_a_connection_that_took_too_long_to_set_up(
    sleeper: Sleeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, naps = deadline._WatchedConnection._new_conn, [0, 25 * 3600]  # noqa: SLF001

    def slow(self: deadline._WatchedConnection) -> object:
        sleeper.sleep(naps.pop(0) if naps else 0)
        return real(self)

    monkeypatch.setattr(deadline._WatchedConnection, "_new_conn", slow)  # noqa: SLF001
    calls: list[int] = []
    with Peer([GOOD], check=CLOSING) as peer:
        received = a_client(peer.url).post(CREATE, lambda _now, _executed: calls.append(len(peer.heard)))

        assert (received.sends, len(peer.heard)) == (2, 1)
    assert calls == [0, 0], "the send that was too late left nothing"


def test_a_journal_that_is_always_too_slow_ends_the_call(sleeper: Sleeper) -> None:
    calls: list[int] = []

    def slow(_now_unix: int, _may_be_executed: bool) -> None:  # noqa: FBT001
        calls.append(1)
        sleeper.sleep(FRESH_S + 1)

    with Peer([GOOD]) as peer:
        with pytest.raises(errors.StripeUnreachable, match="the journal took longer"):
            a_client(peer.url, give_up_after_s=0).post(CREATE, slow)

        assert peer.heard == []
    assert len(calls) == MOST_CHECKS


def test_the_clock_also_runs_while_the_machine_sleeps() -> None:
    if not hasattr(time, "CLOCK_BOOTTIME"):
        pytest.skip("this system has no such clock")

    assert elapsed_s() == pytest.approx(time.clock_gettime(time.CLOCK_BOOTTIME), abs=5)
