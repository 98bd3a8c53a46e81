"""Five refusals alike, before any success, stop the run; everything else shows that the records are the cause."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from stripe_flow.api.errors import AccountTrouble, Refusal, RequestRefused
from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.actions.validation import RecordChecker
from target_stripe_flow.attempts.identity import Identity, Scope
from target_stripe_flow.execution.account_refusals import ALIKE_REFUSALS, FIRST_RECORDS, AccountRefusals
from target_stripe_flow.execution.job import Job
from target_stripe_flow.results.outcome import Outcome, Rejected, Status
from target_stripe_flow.results.refusal_codes import OF_A_CARD, OF_A_RECORD, OF_AN_ACCOUNT

EVERY_ACTION = pytest.mark.parametrize("action", ACTIONS)
CHECKERS = {name: RecordChecker(spec) for name, spec in ACTIONS.items()}
SCOPE = Scope(account="acct_1", mode="test", source_name="shop")
REFUSAL = Refusal(http_status=400, type="invalid_request_error", message="This account cannot make this request.")


def refused(refusal: Refusal | None = REFUSAL, **more: Any) -> Outcome:  # Any: members of an outcome
    return Outcome(status=Status.REJECTED, **({"refusal": refusal} | more))


def done(status: Status) -> Outcome:
    return Outcome(status=status)


def saying(message: str) -> Outcome:
    return refused(Refusal(http_status=400, type="invalid_request_error", message=message))


def a_job(action: str, name: str, /, **parameters: Any) -> Job:  # Any: JSON
    spec = ACTIONS[action]
    identity = Identity(scope=SCOPE, action=action, source_key=(name,))
    return Job(spec=spec, identity=identity, parameters=parameters, checker=CHECKERS[action], unset={})


class Counted:
    """The records that were counted in a new run."""

    def __init__(self, action: str = "charges") -> None:
        self.action = action
        self.names: list[str] = []
        self.refusals = AccountRefusals({name: spec.endpoint for name, spec in ACTIONS.items()})

    def take(self, name: str, outcome: Outcome, action: str = "", /, **parameters: Any) -> bool:  # Any: JSON
        """Whether the record is held back."""
        job = a_job(action or self.action, name, **parameters)
        with self.refusals.turn(job.spec.name):
            return self.finish(job, outcome)

    def finish(self, job: Job, outcome: Outcome) -> bool:
        held = self.refusals.finish(job, outcome, lambda: self.names.append(job.identity.source_key[0]))
        return held is not None and not held.is_over


@EVERY_ACTION
def test_the_fifth_refusal_alike_stops_the_run_and_no_record_is_counted(action: str) -> None:
    counted = Counted(action)

    assert all(counted.take(name, refused()) for name in "abcd")
    with pytest.raises(AccountTrouble, match=rf"may not create.* {action}: the first 5 records were refused alike"):
        counted.take("e", refused())

    assert counted.names == []


@EVERY_ACTION
def test_look_ups_that_are_refused_alike_stop_the_run(action: str) -> None:
    counted = Counted(action)

    def asked() -> Outcome:
        return refused(refusal=None, lookup_refusal=REFUSAL)

    assert all(counted.take(name, asked()) for name in "abcd")
    with pytest.raises(AccountTrouble, match=f"may not read what is needed for {action}: the first 5 records"):
        counted.take("e", asked())


def test_a_reject_knows_the_refusal_of_the_question_behind_it() -> None:
    def look_up() -> None:
        raise RequestRefused("no", REFUSAL)

    def check() -> None:
        try:
            look_up()
        except RequestRefused:
            raise Rejected("the look-up was refused") from None

    with pytest.raises(Rejected) as caught:
        check()

    assert caught.value.outcome.lookup_refusal == REFUSAL
    assert Rejected("of its own").outcome.lookup_refusal is None


@pytest.mark.parametrize("status", [Status.CREATED, Status.UPDATED, Status.DECLINED, Status.PENDING])
def test_a_success_counts_the_held_records_and_ends_the_watch(status: Status) -> None:
    counted = Counted()
    for name in "abcd":
        counted.take(name, refused())

    counted.take("e", done(status))

    assert sorted(counted.names) == ["a", "b", "c", "d", "e"]
    assert not any(counted.take(name, refused()) for name in "fghijk")


@pytest.mark.parametrize("status", [Status.FOUND, Status.UNCHANGED, Status.UNKNOWN, Status.DEFERRED, Status.REJECTED])
def test_what_stripe_did_not_do_for_the_action_is_no_success(status: Status) -> None:
    counted = Counted()

    for name in "abcd":
        counted.take(name, refused())
        counted.take(f"{name}2", done(status))
    with pytest.raises(AccountTrouble):
        counted.take("e", refused())


def test_an_update_that_changed_only_what_no_update_takes_is_a_success() -> None:
    counted = Counted()

    counted.take("a", replace(done(Status.UNCHANGED), left_out=("source",)))

    assert not any(counted.take(name, refused()) for name in "bcdefg")


def test_a_found_object_shows_that_the_account_may_read_but_not_that_it_may_write() -> None:
    counted = Counted()

    def asked() -> Outcome:
        return refused(refusal=None, lookup_refusal=REFUSAL)

    assert all(counted.take(name, asked()) for name in "ab")
    assert all(counted.take(name, refused()) for name in "wxyz")
    counted.take("c", done(Status.FOUND))

    assert sorted(counted.names) == ["a", "b", "c"]
    assert not any(counted.take(name, asked()) for name in "defgh")
    with pytest.raises(AccountTrouble, match="may not create"):
        counted.take("v", refused())


def test_a_success_of_another_action_is_none_of_this_one() -> None:
    counted = Counted()
    counted.take("a customer", done(Status.CREATED), "customers")

    assert all(counted.take(name, refused()) for name in "abcd")
    with pytest.raises(AccountTrouble):
        counted.take("e", refused())


def test_the_end_of_the_input_counts_the_held_records() -> None:
    counted = Counted()
    counted.take("a", refused())

    counted.refusals.release()

    assert counted.names == ["a"]


def test_a_success_in_flight_at_the_fifth_refusal_consumes_none_of_them() -> None:
    counted = Counted()
    for number in range(FIRST_RECORDS):  # so many that the turns are free
        counted.take(str(number), done(Status.UNCHANGED))
    before = list(counted.names)
    for name in "abcd":
        counted.take(name, refused())

    with counted.refusals.turn("charges"):
        with pytest.raises(AccountTrouble):
            counted.take("e", refused())
        counted.finish(a_job("charges", "f"), done(Status.CREATED))
    counted.refusals.release()

    assert counted.names == [*before, "f"]
    with pytest.raises(AccountTrouble):
        counted.take("g", done(Status.CREATED))


def test_a_repeated_record_counts_as_one_refusal() -> None:
    counted = Counted()

    assert all(counted.take("a", refused()) for _ in range(9))


OF_THE_RECORD = {
    "a parameter": Refusal(http_status=400, param="amount"),
    "an object that is absent": Refusal(http_status=404),
    "a conflict": Refusal(http_status=400, type="idempotency_error"),
    "a conflict of an earlier run": Refusal(http_status=400, code="idempotency_error"),
    **{code: Refusal(http_status=400, type="invalid_request_error", code=code) for code in (*OF_A_RECORD, *OF_A_CARD)},
}


@pytest.mark.parametrize("refusal", OF_THE_RECORD.values(), ids=OF_THE_RECORD)
def test_a_refusal_caused_by_the_record_or_its_card_is_not_held_back(refusal: Refusal) -> None:
    counted = Counted()

    assert not any(counted.take(name, refused(refusal)) for name in "abcdefg")
    assert counted.take("h", refused())


@pytest.mark.parametrize("code", [*OF_AN_ACCOUNT, "a_code_of_tomorrow"])
def test_a_code_that_does_not_name_the_record_stops_the_run(code: str) -> None:
    counted = Counted()
    refusal = Refusal(http_status=400, type="invalid_request_error", code=code)
    for name in "abcd":
        counted.take(name, refused(refusal))

    with pytest.raises(AccountTrouble, match=code):
        counted.take("e", refused(refusal))


ALIKE: dict[str, Callable[[str], tuple[str, dict[str, Any]]]] = {
    "the same text": lambda _: ("This account is closed.", {}),
    "a name in quotes": lambda name: (f"The customer '{name}' may not be made.", {}),
    "a value of the record": lambda name: (
        f"{name.upper()} Lovelace may not be charged.",
        {"name": f"{name} lovelace"},
    ),
    "a nested value": lambda name: (
        f"No orders to {name} street.",
        {"shipping": {"address": {"line1": f"{name} street"}}},
    ),
    "a value that is a word of the text": lambda name: (f"This may not be {name}.", {"name": name, "phone": "may"}),
    "the source key": lambda name: (f"No access for {name}.", {}),
    "an e-mail address": lambda name: (f"No access for {name}@example.com now.", {}),
    "an id": lambda name: (f"No access: cus_1{name} is blocked.", {}),
    "an amount as it is written": lambda name: (f"You may not charge ${len(name)}1.00 {ord(name[0])}.", {"amount": 1}),
}


@pytest.mark.parametrize("text_of", ALIKE.values(), ids=ALIKE)
def test_texts_that_differ_only_in_values_are_alike(text_of: Callable[[str], tuple[str, dict[str, Any]]]) -> None:
    counted, names = Counted(), ["Ann", "Bob", "Cleo", "Dan", "Eve"]

    def take(name: str) -> bool:
        text, parameters = text_of(name)
        return counted.take(name, saying(text), **parameters)

    assert all(map(take, names[:4]))
    with pytest.raises(AccountTrouble):
        take(names[4])


def test_refusals_with_other_request_ids_are_alike() -> None:
    counted = Counted()
    answers = [refused(Refusal(http_status=400, request_id=f"req_{number}")) for number in range(5)]

    assert all(counted.take(str(number), answers[number]) for number in range(4))
    with pytest.raises(AccountTrouble):
        counted.take("4", answers[4])


def test_different_refusals_are_the_records_fault() -> None:
    counted = Counted()
    words = ["a stone", "a river", "a tree", "a cloud", "a bird"]

    for number, word in enumerate(words * 3):
        counted.take(str(number), saying(f"The order is {word}"))
    counted.refusals.release()

    assert sorted(counted.names) == sorted(map(str, range(15)))


def test_one_other_refusal_among_the_first_does_not_hide_the_accounts() -> None:
    counted = Counted()
    counted.take("odd", saying("This one is odd"))

    assert all(counted.take(name, refused()) for name in "abcd")
    with pytest.raises(AccountTrouble):
        counted.take("e", refused())


def test_no_message_shows_stripes_text() -> None:
    """It may repeat what the record does not have: the name of the customer at Stripe."""
    counted = Counted()
    for name in "abcd":
        counted.take(name, saying("Canary Jones may not be charged"))

    with pytest.raises(AccountTrouble) as caught:
        counted.take("e", saying("Canary Jones may not be charged"))

    assert "Canary" not in f"{caught.value} {caught.value.refusal!r}"


class Gate:
    """Workers that wait inside their turn until they are let go."""

    def __init__(self, refusals: AccountRefusals) -> None:
        self.refusals, self.go, self.entered = refusals, threading.Event(), 0

    def send(self, _: int) -> None:
        with self.refusals.turn("charges"):
            self.entered += 1
            assert self.go.wait(30)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(16) as workers:
        yield workers


def test_the_first_records_are_sent_a_few_at_once(pool: ThreadPoolExecutor) -> None:
    counted = Counted()
    gate = Gate(counted.refusals)

    sent = [pool.submit(gate.send, number) for number in range(16)]
    threading.Event().wait(0.2)
    first = gate.entered
    gate.go.set()
    for each in sent:
        each.result(30)

    assert (first, gate.entered) == (ALIKE_REFUSALS, 16)


@pytest.mark.parametrize("opening", ["a success", "many records"])
def test_after_a_success_or_many_records_all_workers_send_at_once(pool: ThreadPoolExecutor, opening: str) -> None:
    counted = Counted()
    for number in range(FIRST_RECORDS if opening == "many records" else 1):
        counted.take(str(number), done(Status.REJECTED if opening == "many records" else Status.CREATED))
    gate = Gate(counted.refusals)

    sent = [pool.submit(gate.send, number) for number in range(16)]
    threading.Event().wait(0.2)
    at_once = gate.entered
    gate.go.set()
    for each in sent:
        each.result(30)

    assert at_once == 16
