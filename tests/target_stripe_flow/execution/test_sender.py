"""The journal after each answer that a send can get, and after no answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from stripe_flow.api import errors
from stripe_flow.api.client import Client
from stripe_flow.api.transport import RawAnswer, Transport
from target_stripe_flow.attempts.attempt import Attempt
from target_stripe_flow.attempts.lifecycle import State
from target_stripe_flow.execution.sender import UNKNOWN_PAST_S, Sender, Sent
from target_stripe_flow.journal.store import Journal
from tests.stripe_flow.api.builders import a_client
from tests.support.sandbox import Sandbox
from tests.support.wire import Peer, answer
from tests.target_stripe_flow.builders import NOW, an_attempt

REFUSED = '{"error": {"type": "invalid_request_error", "code": "x", "param": "name"}}'
CONFLICT = '{"error": {"type": "idempotency_error"}}'
MADE = answer(200, '{"id": "cus_1", "livemode": false}', Request_Id="req_1")


def intent(**columns: Any) -> Attempt:  # Any: columns of the journal
    return an_attempt(**{"api_version": "2026-10-28.endive", "idempotency_key": "k", **columns})


def unsent() -> Attempt:
    return intent(first_sent_unix=None, last_sent_unix=None)


def sent(client: Client, journal: Journal, attempt: Attempt, *, is_new: bool = True) -> Sent:
    return Sender(client, journal).send(attempt, is_new=is_new)


def stored(journal: Journal, **columns: Any) -> Attempt:  # Any: columns of the journal
    """An intent of this process, stored in the journal."""
    attempt = intent(owner=journal.ownership.owner, **columns)
    journal.open_attempt(attempt)
    return attempt


def row(journal: Journal, attempt: Attempt) -> Attempt:
    found = journal.latest(attempt.digest)
    assert found is not None
    return found


@pytest.mark.promise("target 4", "The outcome is in the journal before the record counts as done")
@pytest.mark.parametrize(
    ("response", "state"),
    [
        pytest.param(MADE, State.CREATED, id="made"),
        pytest.param(answer(402, REFUSED), State.DECLINED, id="declined"),
        pytest.param(answer(400, REFUSED), State.REFUSED, id="refused"),
        pytest.param(answer(404, REFUSED), State.REFUSED, id="no such object"),
        pytest.param(answer(400, CONFLICT), State.CONFLICT, id="key used before"),
        pytest.param(answer(500, REFUSED), State.UNKNOWN, id="failed"),
        pytest.param(answer(409, REFUSED, Stripe_Should_Retry="false"), State.UNKNOWN, id="conflict without a retry"),
        pytest.param(answer(200, "{}"), State.UNKNOWN, id="a success without an id"),
    ],
)
def test_the_outcome_is_durable_when_the_send_returns(response: bytes, state: State, journal: Journal) -> None:
    with Peer([response]) as peer:
        received = sent(a_client(peer.url), journal, unsent())

    found = row(journal, received.attempt)
    assert found == received.attempt
    assert (found.state, found.last_sent_unix) == (state, NOW)
    is_settled = state in {State.CREATED, State.DECLINED, State.REFUSED}
    assert (found.body is None) == is_settled, "the body is kept only while it may be sent again"
    assert (found.settled_unix is None) == (not is_settled)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_api_key_leaves_the_attempt_not_sent(status: int, journal: Journal) -> None:
    attempt = unsent()
    with Peer([answer(status, REFUSED)]) as peer, pytest.raises(errors.AccountTrouble):
        sent(a_client(peer.url), journal, attempt)

    assert row(journal, attempt).state is State.NOT_SENT


def test_a_page_of_a_proxy_leaves_the_attempt_open(journal: Journal) -> None:
    attempt = unsent()
    with Peer([answer(403, "<html>no</html>")]) as peer, pytest.raises(errors.AccountTrouble):
        sent(a_client(peer.url), journal, attempt)

    assert row(journal, attempt).state is State.INTENT


def test_an_attempt_that_only_met_the_rate_limit_is_not_sent(journal: Journal) -> None:
    attempt = unsent()
    with Peer([answer(429)]) as peer, pytest.raises(errors.NotSent):
        sent(a_client(peer.url, give_up_after_s=0), journal, attempt)

    assert row(journal, attempt).state is State.NOT_SENT


def test_a_rate_limit_leaves_the_attempt_of_an_earlier_run_open(journal: Journal) -> None:
    attempt = stored(journal)
    with Peer([answer(429)]) as peer, pytest.raises(errors.NotSent):
        sent(a_client(peer.url, give_up_after_s=0), journal, attempt, is_new=False)

    assert row(journal, attempt).state is State.INTENT


@pytest.mark.promise("target 4", "An attempt without an answer stays open with its bytes")
def test_an_unanswered_attempt_stays_open_with_its_bytes(journal: Journal) -> None:
    attempt = unsent()
    with Peer([answer(503)]) as peer, pytest.raises(errors.StripeUnreachable):
        sent(a_client(peer.url, give_up_after_s=0), journal, attempt)

    found = row(journal, attempt)
    assert (found.state, found.body, found.first_sent_unix) == (State.INTENT, attempt.body, NOW)


def test_nothing_is_written_if_nothing_is_sent(journal: Journal) -> None:
    with Peer([MADE]) as peer:
        client = a_client(peer.url)
        client.stopping.set()

        with pytest.raises(errors.Stopped):
            sent(client, journal, unsent())

        assert peer.heard == []
    assert journal.count() == 0


def test_an_answer_of_the_other_mode_stops_the_run_and_the_attempt_is_unknown(journal: Journal) -> None:
    attempt = unsent()
    live = answer(200, '{"id": "cus_1", "livemode": true}')
    with Peer([live]) as peer, pytest.raises(errors.AccountTrouble, match="other mode"):
        sent(a_client(peer.url), journal, attempt)

    assert row(journal, attempt).state is State.UNKNOWN


def test_a_reused_key_is_scanned_for_in_its_whole_lifetime(journal: Journal) -> None:
    with Peer([answer(400, CONFLICT)]) as peer:
        received = sent(a_client(peer.url), journal, unsent())

    assert received.attempt.first_sent_unix == NOW - UNKNOWN_PAST_S
    assert received.attempt.fingerprint == "", "an unknown record was sent under this key"


@pytest.mark.parametrize("age_s", [-1, 23 * 3600, 25 * 3600])
def test_nothing_is_resent_if_the_check_shows_that_the_key_is_too_old(age_s: int, journal: Journal) -> None:
    attempt = stored(journal, first_sent_unix=NOW - age_s)
    with Peer([MADE]) as peer:
        received = sent(a_client(peer.url), journal, attempt, is_new=False)

        assert (peer.heard, len(peer.checks)) == ([], 1)
    assert received.attempt.state is State.UNKNOWN


class SuspendedTransport(Transport):
    """Moves the clock by 25 hours after each write, as if the process had been suspended."""

    sandbox: Sandbox

    def exchange(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        **more: Any,  # Any: passed on
    ) -> RawAnswer:
        try:
            return super().exchange(method, url, headers, body, **more)
        finally:
            if method == "POST":
                self.sandbox.advance(25 * 3600)


def test_a_process_that_slept_between_two_sends_does_not_send_again(sandbox: Sandbox, journal: Journal) -> None:
    sandbox.faults({"match": {"method": "POST"}, "at": "after_execute", "times": 1, "action": {"kind": "cut"}})
    transport = SuspendedTransport(sandbox.url, timeout_s=10)
    transport.sandbox = sandbox

    received = sent(replace(a_client(sandbox.url), transport=transport), journal, unsent())

    assert received.attempt.state is State.UNKNOWN
    assert len(sandbox.objects("customer")) == 1
    assert [each["method"] for each in sandbox.requests()].count("POST") == 1


@pytest.mark.promise("target 4", "A resend has the bytes and headers of the first send")
def test_the_bytes_and_headers_of_a_resend_are_those_of_the_first_send(journal: Journal) -> None:
    attempt = stored(journal, api_version="2025-01-01.old", stripe_account="acct_9", body=b"name=Zo%C3%AB")
    with Peer([MADE]) as peer:
        sent(a_client(peer.url), journal, attempt, is_new=False)

        (heard,) = peer.heard
    assert b"Stripe-Version: 2025-01-01.old\r\n" in heard
    assert b"Stripe-Account: acct_9\r\n" in heard
    assert b"Idempotency-Key: k\r\n" in heard
    assert heard.endswith(b"\r\n\r\nname=Zo%C3%AB")
