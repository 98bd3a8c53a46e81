from __future__ import annotations

import json
import time

import pytest

from stripe_flow.api import errors
from stripe_flow.api.message import Request
from tests.stripe_flow.api.builders import KEY, a_client, allow_send
from tests.support.wire import Cut, Drip, Peer, Turn, answer

GOOD = answer(200, '{"id": "ch_1"}', Request_Id="req_1")
CREATE = Request(method="POST", path="/v1/charges", body=b"amount=1", idempotency_key="k1")


def refusal(http_status: int, **error: str) -> bytes:
    return answer(http_status, json.dumps({"error": error}), Request_Id="req_9")


def test_a_request_carries_key_version_and_account() -> None:
    with Peer([GOOD]) as peer:
        a_client(peer.url).scoped("acct_1").get("/v1/charges", {"limit": 100})

        request = peer.heard[0].decode()

    assert request.startswith("GET /v1/charges?limit=100 HTTP/1.1")
    assert "Authorization: Basic c2tfdGVzdF9zYW5kYm94Og==" in request
    assert "Stripe-Version: 2026-10-28.endive" in request
    assert "Stripe-Account: acct_1" in request
    assert "User-Agent: stripe-flow/" in request


def test_an_answer_carries_stripes_request_id_date_and_replay_mark() -> None:
    with Peer([answer(200, '{"id": "ch_1"}', Request_Id="req_1", Idempotent_Replayed="true")]) as peer:
        received = a_client(peer.url).post(CREATE, allow_send)

    assert (received.value, received.request_id, received.is_replay) == ({"id": "ch_1"}, "req_1", True)
    assert received.date_unix == 1_795_478_400


@pytest.mark.promise(
    "target 5",
    "A write without a usable answer is resent byte for byte",
)
@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(refusal(429), id="429"),
        pytest.param(refusal(409, code="idempotency_key_in_use"), id="409"),
        pytest.param(answer(503, "<html>busy</html>"), id="503 of a proxy"),
        pytest.param(answer(500, Stripe_Should_Retry="true"), id="500 that Stripe allows to resend"),
        pytest.param(answer(200, '{"id": "ch'), id="truncated JSON"),
        pytest.param(answer(200, "[]"), id="JSON that is not an object"),
        pytest.param(Cut(), id="cut off before the answer"),
        pytest.param(Cut(said=GOOD[:-3]), id="cut off in the answer"),
        pytest.param(Cut(said=b"HTTP/1.1 402 Payment Required\r\nConte"), id="a decline cut off in its headers"),
        pytest.param(answer(400, '{"error": {"type": "idempot'), id="a refusal cut off in its body"),
        pytest.param(answer(404, "<html>not Stripe</html>"), id="a page of a proxy"),
    ],
)
def test_a_write_is_sent_again_byte_for_byte(trouble: Turn) -> None:
    with Peer([trouble, GOOD]) as peer:
        received = a_client(peer.url).post(CREATE, allow_send)

        assert (received.value, received.sends) == ({"id": "ch_1"}, 2)
        assert peer.heard[0] == peer.heard[1]
        assert b"Idempotency-Key: k1" in peer.heard[0]
        assert len(peer.heard) == 2


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (refusal(400, type="invalid_request_error", code="parameter_missing", param="amount"), errors.RequestRefused),
        (refusal(400, type="idempotency_error"), errors.KeyReused),
        (refusal(401, type="invalid_request_error"), errors.KeyRefused),
        (refusal(402, type="card_error", code="card_declined", decline_code="generic_decline"), errors.Declined),
        (answer(402, '{"error": {"code": "x"}}', Stripe_Should_Retry="true"), errors.Declined),
        (refusal(403), errors.PermissionMissing),
        (refusal(403, code="account_invalid"), errors.AccountHidden),
        (answer(403, "<html>no</html>"), errors.AccountTrouble),
        (refusal(404, code="resource_missing", param="id"), errors.NotFound),
        (refusal(500, type="api_error"), errors.OutcomeUnknown),
        (answer(503, Stripe_Should_Retry="false"), errors.OutcomeUnknown),
        (answer(302, Location="http://127.0.0.1:1"), errors.AccountTrouble),
    ],
)
def test_a_refusal_is_raised_at_once(response: bytes, kind: type[errors.StripeError]) -> None:
    with Peer([response, GOOD]) as peer:
        with pytest.raises(errors.StripeError) as caught:
            a_client(peer.url).post(CREATE, allow_send)

        assert len(peer.heard) == 1
    assert type(caught.value) is kind


NOT_AGAIN = {"Stripe_Should_Retry": "false"}
CLASH = '{"error": {"type": "idempotency_error", "code": "idempotency_key_in_use"}}'


@pytest.mark.parametrize("http_status", [408, 409, 424, 500, 502, 503, 504])
@pytest.mark.parametrize("body", [CLASH, "<html>"])
def test_an_undecided_write_that_may_not_be_resent_has_an_unknown_outcome(http_status: int, body: str) -> None:
    with Peer([answer(http_status, body, **NOT_AGAIN), GOOD]) as peer:
        with pytest.raises(errors.OutcomeUnknown, match=f"HTTP {http_status}"):
            a_client(peer.url).post(CREATE, allow_send)

        assert len(peer.heard) == 1


def test_a_write_that_met_only_the_rate_limit_was_not_executed() -> None:
    with Peer([answer(429), answer(429, **NOT_AGAIN), GOOD]) as peer:
        with pytest.raises(errors.NotSent, match="nothing was executed") as caught:
            a_client(peer.url).post(CREATE, allow_send)

        assert (len(peer.heard), caught.value.exit_code) == (2, 4)


def test_a_rate_limit_that_outlasts_the_retry_budget_executed_nothing() -> None:
    with Peer([answer(429)]) as peer, pytest.raises(errors.NotSent, match="nothing was executed"):
        a_client(peer.url, give_up_after_s=0).post(CREATE, allow_send)


def test_a_rate_limit_after_an_undecided_send_leaves_the_outcome_unknown() -> None:
    with Peer([answer(503), answer(429, **NOT_AGAIN)]) as peer, pytest.raises(errors.OutcomeUnknown):
        a_client(peer.url).post(CREATE, allow_send)


@pytest.mark.parametrize("http_status", [408, 409, 424, 429, 500, 503])
def test_a_read_that_stripe_refuses_for_now_is_not_a_refused_record(http_status: int) -> None:
    with Peer([answer(http_status, CLASH, **NOT_AGAIN), GOOD]) as peer:
        with pytest.raises(errors.StripeUnreachable, match=f"HTTP {http_status}"):
            a_client(peer.url).get("/v1/customers/cus_1")

        assert len(peer.heard) == 1


def test_a_refusal_keeps_stripes_codes_and_ids_but_not_its_message() -> None:
    response = refusal(
        402,
        type="card_error",
        code="card_declined",
        decline_code="lost_card",
        charge="ch_7",
        message="jane@example.com",
    )

    with Peer([response]) as peer, pytest.raises(errors.Declined) as caught:
        a_client(peer.url).post(CREATE, allow_send)

    facts = caught.value.refusal
    assert facts is not None
    assert (facts.code, facts.decline_code, facts.charge, facts.request_id) == (
        "card_declined",
        "lost_card",
        "ch_7",
        "req_9",
    )
    assert "req_9" in str(caught.value)
    assert "lost_card" in str(caught.value)
    assert "jane" not in str(caught.value)


def test_a_missing_permission_is_named() -> None:
    response = refusal(403, message="… Having the 'rak_charge_read' permission would allow this request to continue.")

    with Peer([response]) as peer, pytest.raises(errors.PermissionMissing, match=r"acct_1.*rak_charge_read") as caught:
        a_client(peer.url).scoped("acct_1").get("/v1/charges")

    assert caught.value.exit_code == 4


def test_a_request_that_cannot_be_built_is_not_sent_again() -> None:
    impossible = Request(method="POST", path="/v1/charges", body=b"amount=1", idempotency_key="Ω")

    with Peer([GOOD]) as peer:
        with pytest.raises(UnicodeEncodeError):
            a_client(peer.url, give_up_after_s=1).post(impossible, allow_send)

        assert peer.heard == []


def test_an_unreachable_stripe_is_given_up() -> None:
    with Peer([]) as peer:
        pass  # its port is closed now

    with pytest.raises(errors.StripeUnreachable, match=r"base_url") as caught:
        a_client(peer.url, give_up_after_s=0.2).get("/v1/charges")

    assert caught.value.exit_code == 4
    assert KEY not in str(caught.value)


def test_the_time_of_the_first_failed_request_counts_and_is_in_the_message() -> None:
    with Peer([Drip(said=b"", every_s=10)]) as peer:
        client = a_client(peer.url, timeout_s=1, give_up_after_s=1)

        with pytest.raises(errors.StripeUnreachable, match="for 1 s: no"):
            client.get("/v1/charges")

        assert peer.connections == 1


def test_the_message_names_the_time_of_a_request_that_failed_while_others_succeeded() -> None:
    with Peer([GOOD]) as peer:
        client = a_client(peer.url, give_up_after_s=1.2)
        client.get("/v1/charges")

        def read(_body: bytes) -> object:
            client.retry_budget.record_success(time.monotonic())  # another thread's
            raise ValueError

        with pytest.raises(errors.StripeUnreachable, match="for 1 s: the answer is not Stripe's JSON"):
            client.get("/v1/charges", read=read)


def test_a_request_that_never_succeeds_ends_although_others_did() -> None:
    with Peer([GOOD]) as peer:
        client = a_client(peer.url, give_up_after_s=0.5)
        client.get("/v1/charges")
        peer.turns = [GOOD, answer(503)]

        with pytest.raises(errors.StripeUnreachable):
            client.post(CREATE, allow_send)

        peer.turns = [GOOD]
        assert client.get("/v1/charges").value == {"id": "ch_1"}


def test_each_scope_has_its_own_retry_budget() -> None:
    with Peer([GOOD]) as peer:
        client = a_client(peer.url)

        one, other = client.scoped("acct_1"), client.scoped("acct_2")

    assert one.retry_budget is not other.retry_budget
    assert one.throttle is other.throttle
    assert one.transport is other.transport
