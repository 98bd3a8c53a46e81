"""What has come before comes again: reordered, retyped, changed, after a crash, or after the journal was lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from target_stripe_flow.actions import ACTIONS
from tests.mortality.ordeal import Ordeal
from tests.mortality.rows import TYPES, rows_of, shuffled
from tests.support.plugins import Ended, Message, a_config, a_record, a_schema, run_target
from tests.support.sandbox import Sandbox

EVERY_ACTION = pytest.mark.parametrize("action", ACTIONS)
FIELDS: dict[str, dict[str, object]] = {
    "customers": {"name": "Ann"},
    "products": {"name": "Shirt"},
    "charges": {"amount": 100, "currency": "usd", "source": "tok_visa"},
}
CHANGEABLE = [name for name, spec in ACTIONS.items() if spec.is_changeable]
FINAL = [name for name in ACTIONS if name not in CHANGEABLE]


def run(sandbox: Sandbox, folder: Path, *lines: Message, **settings: object) -> Ended:
    return run_target(folder, a_config(sandbox.url, **settings), lines)


def made(sandbox: Sandbox, action: str) -> int:
    return len(sandbox.objects(TYPES[action]))


@EVERY_ACTION
def test_the_order_of_the_input_makes_no_difference(action: str, sandbox: Sandbox, tmp_path: Path) -> None:
    ordeal = Ordeal(sandbox, tmp_path, [row for row in rows_of([action], 30) if not row.is_declined])
    first = ordeal.live()

    ordeal.rows = shuffled(ordeal.rows, 1)
    again = ordeal.live()

    count = len(ordeal.rows)
    assert (first.counts, again.counts) == ({"created": count}, {"unchanged": count})
    assert made(sandbox, action) == count


@EVERY_ACTION
def test_a_number_that_becomes_its_text_is_the_same_key(action: str, sandbox: Sandbox, tmp_path: Path) -> None:
    run(sandbox, tmp_path, a_schema(action), a_record(action, id=7, **FIELDS[action]))

    again = run(sandbox, tmp_path, a_schema(action), a_record(action, id="7", **FIELDS[action]))

    assert (again.summary, made(sandbox, action)) == ("1 records: 1 unchanged", 1)


@pytest.mark.parametrize("on_change", ["reject", "ignore"])
@pytest.mark.parametrize("action", FINAL)
def test_what_moved_money_is_a_conflict_when_it_changes_whatever_on_change_says(
    action: str, on_change: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    run(sandbox, tmp_path, a_schema(action), a_record(action, id=1, **FIELDS[action]))

    changed = a_record(action, id=1, **FIELDS[action] | {"description": "another"})
    done = run(sandbox, tmp_path, a_schema(action), changed, on_change=on_change)

    assert done.summary.startswith("1 records: 1 rejected")
    assert made(sandbox, action) == 1


@pytest.mark.parametrize(("on_change", "place"), [("reject", "rejected"), ("ignore", "unchanged")])
@pytest.mark.parametrize("action", CHANGEABLE)
def test_a_changed_customer_or_product_does_what_on_change_says(
    action: str, on_change: str, place: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    run(sandbox, tmp_path, a_schema(action), a_record(action, id=1, **FIELDS[action]))

    changed = a_record(action, id=1, **FIELDS[action] | {"description": "another"})
    done = run(sandbox, tmp_path, a_schema(action), changed, on_change=on_change)

    assert done.summary.startswith(f"1 records: 1 {place}")
    assert [each["description"] for each in sandbox.objects(TYPES[action])] == [None]


@EVERY_ACTION
def test_what_stripe_has_no_parameter_for_changes_nothing(action: str, sandbox: Sandbox, tmp_path: Path) -> None:
    run(sandbox, tmp_path, a_schema(action), a_record(action, id=1, **FIELDS[action], loaded_at="monday"))

    again = a_record(action, id=1, **FIELDS[action], loaded_at="tuesday", colour=None)
    done = run(sandbox, tmp_path, a_schema(action), again)

    assert done.summary == "1 records: 1 unchanged"


@EVERY_ACTION
def test_what_a_crash_left_open_is_settled_by_a_run_without_input(
    action: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    ordeal = Ordeal(sandbox, tmp_path, rows_of([action], 4), most_passages=1)
    assert ordeal.die("executed but the answer lost").was_killed
    sandbox.faults()
    made_before = made(sandbox, action)

    empty = run(sandbox, tmp_path)

    assert (empty.code, empty.summary) == (0, "0 records: nothing to do")
    assert "settled what earlier runs left open" in empty.log
    assert ordeal.world().in_doubt == frozenset()
    assert made(sandbox, action) >= made_before


@EVERY_ACTION
def test_a_lost_journal_makes_nothing_twice_while_stripe_knows_the_keys(
    action: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    ordeal = Ordeal(sandbox, tmp_path, rows_of([action], 12))
    ordeal.live()
    before = made(sandbox, action)
    (tmp_path / "stripe-flow-journal.db").unlink()
    sandbox.advance(23 * 3600)

    ordeal.live()

    assert made(sandbox, action) == before == len(ordeal.rows)


@pytest.mark.parametrize("keys", [("id",), ("shop", "id")])
@EVERY_ACTION
def test_the_source_key_goes_to_stripe_in_clear_only_where_it_is_asked_for(
    action: str, keys: tuple[str, ...], sandbox: Sandbox, tmp_path: Path
) -> None:
    record = {"shop": "north", "id": 7} | FIELDS[action] | {"metadata": {"mine": "x"}}
    others = record | {"id": 8}

    run(sandbox, tmp_path, a_schema(action, *keys), a_record(action, **record))
    run(sandbox, tmp_path, a_schema(action, *keys), a_record(action, **others), metadata_source_key=True)

    hidden, clear = sorted((each["metadata"] for each in sandbox.objects(TYPES[action])), key=len)
    assert set(hidden) == {"mine", "stripe_flow"}
    assert clear.pop("stripe_flow_source_key") == ",".join(str(others[name]) for name in keys)
    assert set(clear) == {"mine", "stripe_flow"}


def test_a_clear_source_key_that_finds_no_room_is_a_reject(sandbox: Sandbox, tmp_path: Path) -> None:
    full = {f"k{number}": "v" for number in range(49)}
    lines = [
        a_schema("customers"),
        a_record("customers", id=1, metadata=full),
        a_record("customers", id="x" * 501, name="Ann"),
        a_record("customers", id=2, metadata=dict(list(full.items())[1:])),
    ]

    done = run(sandbox, tmp_path, *lines, metadata_source_key=True)

    assert done.summary.startswith("3 records: 1 created, 2 rejected")
