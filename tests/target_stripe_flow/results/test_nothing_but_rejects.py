"""The exit code of a run in which nothing was accepted, and of those that are near to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.plugins import Message, a_config, a_record, a_schema, a_state, run_target
from tests.support.sandbox import Sandbox

VISA = {"amount": 100, "currency": "usd", "source": "tok_visa"}
BAD = a_record("charges", id="bad", amount="1.00")
GOOD = a_record("charges", id="good", **VISA)
DECLINED = a_record("charges", id="declined", **VISA | {"source": "tok_chargeDeclined"})
CHANGED = a_record("charges", id="good", **VISA | {"amount": 200})
ABSENT = a_record("charges", id="absent", amount=100, currency="usd", customer="cus_absent")
UNPAID = a_record("charges", id="unpaid", amount=100, currency="usd", customer="c1")
NULL: Message = {"type": "RECORD", "stream": "charges", "record": None}
BEFORE = [a_schema("customers"), a_record("customers", id="c1", name="Ann"), a_schema("charges"), GOOD, DECLINED]

CASES: dict[str, tuple[list[Message], int, dict[str, Any]]] = {
    "wrong values": ([BAD, BAD], 2, {}),
    "a changed record": ([CHANGED], 2, {}),
    "a customer that does not exist": ([ABSENT], 2, {}),
    "a customer without anything to pay with": ([UNPAID], 2, {}),
    "several reasons": ([BAD, CHANGED, ABSENT, UNPAID], 2, {}),
    "rejected and ignored": ([BAD, NULL, NULL], 2, {}),
    "fewer than max_rejects": ([BAD, BAD], 2, {"max_rejects": 2}),
    "ignored alone": ([NULL], 0, {}),
    "no record": ([], 0, {}),
    "rejected and created": ([BAD, a_record("charges", id="new", **VISA)], 0, {}),
    "rejected and unchanged": ([BAD, GOOD], 0, {}),
    "rejected and declined": ([BAD, DECLINED], 0, {}),
    "declined alone": ([DECLINED], 0, {}),
}


# Only Stripe's answer to the charge says that the customer has nothing to pay with.
RUNS = {
    f"{name}, {'a dry run' if is_dry else 'a run'}": (*case, is_dry)
    for name, case in CASES.items()
    for is_dry in (False, True)
    if not is_dry or UNPAID not in case[0]
}


@pytest.mark.promise("target 7", "A run with nothing but rejects, dry or not, exits with 2")
@pytest.mark.parametrize(("records", "code", "settings", "is_dry"), RUNS.values(), ids=RUNS)
def test_the_exit_code_says_whether_anything_was_accepted(
    *, records: list[Message], code: int, settings: Message, is_dry: bool, sandbox: Sandbox, tmp_path: Path
) -> None:
    run_target(tmp_path, a_config(sandbox.url), BEFORE)

    lines = [a_schema("charges"), *records, a_state(done=1)]
    done = run_target(tmp_path, a_config(sandbox.url, dry_run=is_dry, **settings), lines)

    assert done.code == code
    assert ("no record was accepted" in done.log) == (code == 2)
    assert done.messages == ([] if is_dry else [{"done": 1}])


def test_nothing_but_rejects_comes_before_what_an_earlier_run_left_open(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.faults({"match": {"method": "POST", "path": "/v1/charges"}, "action": {"kind": "answer", "status": 500}})
    left = run_target(tmp_path, a_config(sandbox.url), [a_schema("charges"), GOOD])
    sandbox.faults()

    done = run_target(tmp_path, a_config(sandbox.url), [a_schema("charges"), BAD])

    assert (left.code, done.code) == (3, 2)
    assert "not settled yet: 1 unknown" in done.log


def test_a_conflict_is_not_nothing_but_rejects(sandbox: Sandbox, tmp_path: Path) -> None:
    """Another project has used the key: its record is rejected, and a person has to decide."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    run_target(tmp_path / "a", a_config(sandbox.url), [a_schema("charges"), GOOD])

    conflicts = [
        run_target(tmp_path / "b", a_config(sandbox.url), [a_schema("charges"), CHANGED, BAD]) for _ in range(2)
    ]

    assert [each.code for each in conflicts] == [3, 3]
    assert all(each.summary.startswith("2 records: 2 rejected") for each in conflicts)
