"""The judge of the kill tests reports each broken promise in a made-up history."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.kills.target.judge import World, all_is_settled, never_twice, state_is_not_ahead
from tests.kills.target.long_run import CASES, Report, shortfalls
from tests.kills.target.ordeal import POINTS
from tests.kills.target.rows import Row, messages, rows_of, shuffled

ROWS = rows_of(["customers", "charges"], 6)
CUSTOMER, CHARGE = ROWS[0], ROWS[7]
DECLINED = next(row for row in ROWS if row.is_declined)


def made(row: Row, **more: Any) -> dict[str, Any]:  # Any: JSON
    return {"id": "x", "metadata": {"row": row.name, "stripe_flow": f"{row.name}:1"}} | more


def posted(key: str, *, executed: bool = True, replayed: bool = False) -> dict[str, Any]:  # Any: JSON
    return {"method": "POST", "headers": {"idempotency-key": key}, "executed": executed, "replayed": replayed}


def a_good_end() -> tuple[list[dict[str, Any]], list[tuple[str, str]], Counter[str]]:
    objects = [made(row, status="failed" if row.is_declined else "succeeded") for row in ROWS]
    return objects, [(DECLINED.name, "no")], Counter(unchanged=len(ROWS) - 1, declined=1)


def test_a_history_without_faults_breaks_no_promise() -> None:
    objects, rejects, counts = a_good_end()
    world = World(objects=objects, rejects=rejects, requests=[posted("a"), posted("a", replayed=True), posted("b")])

    assert never_twice(ROWS, world) + all_is_settled(ROWS, world, counts) == []


@pytest.mark.parametrize(
    ("more", "broken"),
    [
        ([made(CHARGE, metadata={"row": CHARGE.name, "stripe_flow": "other:2"})], "charges-1 exists 2 times"),
        ([made(DECLINED, status="failed")], "charges-5:1 exists 2 times"),
    ],
)
def test_a_second_object_is_reported(more: list[dict[str, Any]], broken: str) -> None:
    objects, *_ = a_good_end()

    assert never_twice(ROWS, World(objects=objects + more)) == [broken]


def test_a_key_that_was_executed_twice_is_reported() -> None:
    world = World(requests=[posted("a"), posted("a"), posted("b", executed=False), posted("b")])

    assert never_twice(ROWS, world) == ["a was executed 2 times"]


def test_a_state_ahead_of_its_rows_is_reported() -> None:
    world = World(
        objects=[made(ROWS[0]), made(ROWS[3])], rejects=[(ROWS[1].name, "no")], in_doubt=frozenset({ROWS[2].name})
    )

    assert state_is_not_ahead(ROWS, 4, world) == []
    assert state_is_not_ahead(ROWS, 5, world) == [f"STATE is ahead of {ROWS[4].name}"]


def test_a_missing_customer_is_reported() -> None:
    objects, rejects, counts = a_good_end()
    world = World(objects=objects[1:], rejects=rejects)

    broken = all_is_settled(ROWS, world, counts)

    assert broken[0] == f"{CUSTOMER.name} is missing"
    assert "the target says" in broken[1]


def test_a_refund_of_a_parked_charge_must_be_rejected() -> None:
    rows = rows_of(["charges", "refunds"], 2)
    objects = [made(row, status="succeeded") for row in rows if row.number]
    counts = {"unchanged": 2, "parked": 1, "rejected": 1}

    assert all_is_settled(rows, World(objects=objects, rejects=[("refunds-0", "no charge")]), counts) == []
    assert all_is_settled(rows, World(objects=objects), counts) == ["refunds-0 was rejected and is not reported"]


def test_a_decline_that_is_reported_twice_or_never_is_reported() -> None:
    objects, rejects, counts = a_good_end()

    assert "was reported 2 times" in all_is_settled(ROWS, World(objects=objects, rejects=rejects * 2), counts)[0]
    assert "is not reported" in all_is_settled(ROWS, World(objects=objects), counts)[0]


def test_an_ordeal_with_too_few_kills_is_reported() -> None:
    enough = Report(1, CASES[1], kills=Counter(dict.fromkeys(POINTS, 10)))
    none = Report(2, CASES[2], kills=Counter(dict.fromkeys(POINTS[1:], 10)))

    assert shortfalls([enough], 80) == []
    assert shortfalls([enough, none], 150) == [f"seed 2: 0 kills at {POINTS[0]}"]
    assert shortfalls([enough], 81) == ["only 80 of 81 kills hit a living process"]


def test_each_state_of_the_input_has_the_number_of_rows_before_it() -> None:
    rows = shuffled(ROWS, 7)
    lines = messages(rows).decode().splitlines()

    assert Counter(row.name for row in rows) == Counter(row.name for row in ROWS)
    assert lines[-1] == '{"type": "STATE", "value": {"rows": 12}}'
    assert sum('"RECORD"' in line for line in lines) == len(ROWS)
