"""Five equal refusals stop the run; any other answer shows that the records are the cause."""

from __future__ import annotations

import pytest

from stripe_flow.api.errors import AccountTrouble, Refusal
from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.execution.account_refusals import AccountRefusals
from target_stripe_flow.results.outcome import Outcome, Status

CHARGES, CUSTOMERS = ACTIONS["charges"], ACTIONS["customers"]
REFUSAL = Refusal(http_status=400, type="invalid_request_error")
CREATED, DECLINED = Outcome(status=Status.CREATED), Outcome(status=Status.DECLINED, refusal=Refusal(http_status=402))


def refused(refusal: Refusal = REFUSAL) -> Outcome:
    return Outcome(status=Status.REJECTED, refusal=refusal)


class Counted:
    """The records that were counted in a new run."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.refusals = AccountRefusals({"charges": "do this"})

    def take(self, name: str, outcome: Outcome) -> bool:
        """Whether the record is held back."""
        held = self.refusals.finish(CHARGES, name, outcome, lambda: self.names.append(name))
        return held is not None and not held.is_over


def test_the_fifth_equal_refusal_stops_the_run_and_no_record_is_counted() -> None:
    counted = Counted()

    assert all(counted.take(name, refused()) for name in "abcd")
    with pytest.raises(AccountTrouble, match="may not create charges"):
        counted.take("e", refused())

    assert counted.names == []


@pytest.mark.parametrize("other", [CREATED, DECLINED, refused(Refusal(http_status=400, code="other"))])
def test_any_other_answer_counts_the_held_records(other: Outcome) -> None:
    counted = Counted()
    for name in "abcd":
        counted.take(name, refused())

    counted.take("e", other)

    assert sorted(counted.names) == ["a", "b", "c", "d", "e"]
    assert not any(counted.take(name, refused()) for name in "fghijk")


def test_the_end_of_the_input_counts_the_held_records() -> None:
    counted = Counted()
    counted.take("a", refused())

    counted.refusals.release()

    assert counted.names == ["a"]


def test_a_repeated_record_counts_as_one_refusal() -> None:
    counted = Counted()

    assert all(counted.take("a", refused()) for _ in range(9))


@pytest.mark.parametrize(
    "refusal",
    [
        Refusal(http_status=400, param="amount"),
        Refusal(http_status=404),
        Refusal(http_status=400, type="idempotency_error"),
        Refusal(http_status=400, code="idempotency_error"),
    ],
)
def test_a_refusal_caused_by_the_record_is_not_held_back(refusal: Refusal) -> None:
    counted = Counted()

    assert not any(counted.take(name, refused(refusal)) for name in "abcdefg")
    assert counted.take("h", refused())


def test_an_action_without_advice_is_never_held_back() -> None:
    refusals, counted = AccountRefusals({"charges": "do this"}), list[int]()

    for number in range(9):
        refusals.finish(CUSTOMERS, str(number), refused(), lambda number=number: counted.append(number))  # type: ignore[misc]

    assert counted == list(range(9))
