"""What no database can hold is dropped from Stripe's answers before anything is stored."""

from __future__ import annotations

import json

import pytest

from stripe_flow.api.message import decode
from target_stripe_flow.attempts.lifecycle import State
from target_stripe_flow.execution.sender import Sender
from target_stripe_flow.journal.store import Journal
from target_stripe_flow.results.text import storable
from tests.stripe_flow.api.builders import a_client
from tests.support.wire import Peer, answer
from tests.target_stripe_flow.builders import an_attempt

BAD = ["\0", "\ud800", "\udfff", "\udc00\ud800", "\0\ud83d"]


@pytest.mark.parametrize("bad", BAD, ids=ascii)
def test_what_no_database_can_hold_is_dropped(bad: str) -> None:
    assert storable(f"a{bad}b") == "ab"
    assert storable("a😀b\ufffd") == "a😀b\ufffd"


@pytest.mark.promise("target 7", "NUL and halves of surrogate pairs in Stripe's answers are never stored")
@pytest.mark.parametrize("bad", BAD, ids=ascii)
@pytest.mark.parametrize(
    ("status", "state", "columns"),
    [
        (200, State.CREATED, {"stripe_id": "cus_1"}),
        (400, State.REFUSED, {"code": "x", "param": "name"}),
        (402, State.DECLINED, {"code": "x", "decline_code": "y", "stripe_id": "ch_1", "payment_intent": "pi_1"}),
    ],
)
def test_an_answer_with_it_is_stored_without_it(
    status: int, state: State, columns: dict[str, str], bad: str, journal: Journal
) -> None:
    error = {
        "type": f"card_error{bad}",
        "code": f"x{bad}",
        "param": f"na{bad}me",
        "decline_code": f"{bad}y",
        "charge": f"ch_{bad}1",
        "payment_intent": {"id": f"pi_{bad}1"},
    }
    body = {"id": f"cus_{bad}1", "livemode": False} if status == 200 else {"error": error}
    unsent = an_attempt(api_version="2026-10-28.endive", idempotency_key="k", first_sent_unix=None, last_sent_unix=None)
    with Peer([answer(status, json.dumps(body))]) as peer:
        Sender(a_client(peer.url), journal).send(unsent, is_new=True)

    row = journal.latest(unsent.digest)
    assert row is not None
    assert row.state is state
    assert {name: getattr(row, name) for name in columns} == columns


def test_whole_surrogate_pairs_and_escaped_backslashes_stay() -> None:
    body = rb'{"a": "\ud83d\ude00", "b": "\\ud800", "c": "\ud800", "d": "\\\udc00x"}'

    assert decode(body, dict[str, str]) == {"a": "😀", "b": "\\ud800", "c": "", "d": "\\x"}
