"""Stripe's codes: each has words, it is clear who has to act, and only what asked no bank is not final."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import stripe

from stripe_flow.api.errors import Refusal
from target_stripe_flow.attempts.lifecycle import State
from target_stripe_flow.execution.attempt_outcome import describe_refusal, outcome_of_attempt
from target_stripe_flow.results.outcome import Status
from target_stripe_flow.results.refusal_codes import NOT_FINAL, OF_A_CARD, OF_A_RECORD, OF_AN_ACCOUNT, WORDS, is_final
from tests.target_stripe_flow.builders import an_attempt

TABLES = (OF_A_CARD, OF_A_RECORD, OF_AN_ACCOUNT)
# Published codes that no answer to the five actions has, by how they begin; or that another status decides (401, 403,
# 409, 429).
OF_OTHERS = re.compile(
    "account_(country|error|information|token|invalid)|acss_|alipay_|anomalous_|api_key|application_fees|bank_account_(bad|verif)"
    "|billing_|bitcoin|capture_|cardholder_|clearing_|customer_(max_sub|session)|dispute_|failed_tax|financial_"
    "|forwarding_|idempotency_key_in_use|incorrect_(zip|postal)|india_|instant_|intent_verification|invalid_(canceled"
    "|mandate)|invoice_|lock_timeout|no_account|ownership_|payment_evaluation|payment_intent_(konbini|rate)"
    "|payment_method_(bank_account_already|configuration|invalid_parameter_testmode|microdeposit)|payout|platform_api_key"
    "|progressive_|rate_limit|return_|sepa_|service_|setup_|shipping_calc|siret_|smart_|storer_|subscription_"
    "|tax_id_prohibited|taxes_|terminal_|three_d|transfer_source"
)


def published() -> set[str]:
    """The codes in the official client."""
    text = (Path(stripe.__file__).parent / "_payment_intent.py").read_text(encoding="utf-8")
    error = text[text.index("class LastPaymentError") :]
    found = re.search(r"code: Optional\[\s*Union\[\s*Literal\[(.*?)\]", error, re.DOTALL)
    assert found
    return set(re.findall(r'"(\w+)"', found[1]))


@pytest.mark.promise("target 7", "Each refusal code that Stripe publishes for our actions is explained")
@pytest.mark.parametrize("code", sorted(published()))
def test_each_published_code_is_in_one_table_or_none_of_our_actions_has_it(code: str) -> None:
    tables = sum(code in table for table in TABLES)

    assert tables == 1 or (tables == 0 and OF_OTHERS.match(code))


def test_a_code_is_in_one_table() -> None:
    assert len(WORDS) == sum(map(len, TABLES))


@pytest.mark.parametrize("code", OF_A_CARD)
def test_a_decline_says_the_cards_reason_in_words_and_that_it_is_final(code: str) -> None:
    declined = an_attempt(
        state=State.DECLINED, action="charges", http_status=402, code="card_declined", decline_code=code
    )

    outcome = outcome_of_attempt(declined)

    assert outcome.status is Status.DECLINED
    assert outcome.reason.startswith(f"the card was declined ({code}): {WORDS[code]}. That is final")
    assert is_final(Refusal(http_status=402, code="card_declined", decline_code=code))
    assert is_final(Refusal(http_status=402, code=code))


@pytest.mark.promise("target 7", "A refusal for which no bank was asked is not a decline, and its record is sent again")
@pytest.mark.parametrize("code", sorted(NOT_FINAL))
def test_what_asked_no_bank_is_no_decline_of_the_card(code: str) -> None:
    """A row of an earlier release is declined all the same."""
    outcome = outcome_of_attempt(an_attempt(state=State.DECLINED, action="charges", http_status=402, code=code))

    assert outcome.status is Status.DECLINED
    assert outcome.reason.startswith(f"Stripe declined it ({code}): {WORDS[code]}")
    assert "the card was declined" not in outcome.reason
    assert not is_final(Refusal(http_status=402, code=code))


@pytest.mark.parametrize("left", ["charge", "payment_intent", "decline_code"])
def test_what_left_an_object_or_asked_a_bank_is_final(left: str) -> None:
    assert is_final(Refusal(http_status=402, code="missing", **{left: "x"}))  # type: ignore[arg-type]  # texts only


@pytest.mark.parametrize("code", [*OF_A_RECORD, *OF_AN_ACCOUNT])
def test_a_refusal_says_its_code_in_words(code: str) -> None:
    reason = describe_refusal(Refusal(http_status=400, code=code, param="amount", request_id="req_1"))

    assert reason == f"Stripe refused it (HTTP 400, {code}, amount, request req_1): {WORDS[code]}. Then send it again"


@pytest.mark.parametrize(
    ("refusal", "says"),
    [
        (Refusal(http_status=400, param="name"), "fix the field name"),
        (Refusal(http_status=400, code="of_tomorrow"), "https://docs.stripe.com/error-codes explains of_tomorrow"),
        (Refusal(http_status=400, request_id="req_1"), "the Stripe dashboard shows the reason under this request"),
    ],
)
def test_a_refusal_without_a_known_code_says_where_to_look(refusal: Refusal, says: str) -> None:
    assert says in describe_refusal(refusal)
    assert "the code names" not in describe_refusal(refusal)
