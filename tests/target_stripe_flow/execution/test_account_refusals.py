"""Five alike refusals of money mean the account; anything else was a matter of records."""

from __future__ import annotations

import pytest

from stripe_flow.api.errors import AccountTrouble, Refusal
from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.execution.account_refusals import AccountRefusals
from target_stripe_flow.results.outcome import Outcome, Status

CHARGES, CUSTOMERS = ACTIONS["charges"], ACTIONS["customers"]
NO = Refusal(http_status=400, type="invalid_request_error")
CREATED, DECLINED = Outcome(status=Status.CREATED), Outcome(status=Status.DECLINED, refusal=Refusal(http_status=402))


def refused(refusal: Refusal = NO) -> Outcome:
    return Outcome(status=Status.REJECTED, refusal=refusal)


class Ended:
    """What was accounted for, by a new account of Stripe's."""

    def __init__(self) -> None:
        self.ended: list[str] = []
        self.closed = AccountRefusals({"charges": "do this"})

    def take(self, name: str, outcome: Outcome) -> bool:
        """Whether it was held back."""
        held = self.closed.account(CHARGES, name, outcome, lambda: self.ended.append(name))
        return held is not None and not held.is_over


def test_the_fifth_alike_refusal_stops_the_run_and_nothing_is_accounted_for() -> None:
    ended = Ended()

    assert all(ended.take(name, refused()) for name in "abcd")
    with pytest.raises(AccountTrouble, match="may not create charges"):
        ended.take("e", refused())

    assert ended.ended == []


@pytest.mark.parametrize("other", [CREATED, DECLINED, refused(Refusal(http_status=400, code="other"))])
def test_another_answer_shows_that_it_was_a_matter_of_records(other: Outcome) -> None:
    ended = Ended()
    for name in "abcd":
        ended.take(name, refused())

    ended.take("e", other)

    assert sorted(ended.ended) == ["a", "b", "c", "d", "e"]
    assert not any(ended.take(name, refused()) for name in "fghijk")


def test_the_end_of_the_input_lets_them_go() -> None:
    ended = Ended()
    ended.take("a", refused())

    ended.closed.release()

    assert ended.ended == ["a"]


def test_one_record_that_comes_again_and_again_is_one_record() -> None:
    ended = Ended()

    assert all(ended.take("a", refused()) for _ in range(9))


@pytest.mark.parametrize(
    "refusal",
    [
        Refusal(http_status=400, param="amount"),
        Refusal(http_status=404),
        Refusal(http_status=400, type="idempotency_error"),
        Refusal(http_status=400, code="idempotency_error"),
    ],
)
def test_a_refusal_that_blames_the_record_says_nothing_of_the_account(refusal: Refusal) -> None:
    ended = Ended()

    assert not any(ended.take(name, refused(refusal)) for name in "abcdefg")
    assert ended.take("h", refused())


def test_what_moves_no_money_is_never_held_back() -> None:
    closed, ended = AccountRefusals({"charges": "do this"}), list[int]()

    for number in range(9):
        closed.account(CUSTOMERS, str(number), refused(), lambda number=number: ended.append(number))  # type: ignore[misc]

    assert ended == list(range(9))
