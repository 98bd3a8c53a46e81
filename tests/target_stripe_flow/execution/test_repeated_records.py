"""Records that were sent before: reordered, with other types, changed, after a crash, or after a lost journal."""

from __future__ import annotations

from pathlib import Path

import pytest

from target_stripe_flow.actions.table import ACTIONS
from tests.kills.target.ordeal import Ordeal
from tests.kills.target.rows import TYPES, WAYS, fields_of, rows_of, shuffled
from tests.support.plugins import Ended, Message, a_config, a_record, a_schema, run_target
from tests.support.sandbox import Sandbox

EVERY_WAY = pytest.mark.parametrize("way", WAYS)
CHANGEABLE = [name for name, spec in ACTIONS.items() if spec.is_changeable]
FINAL = [way for way, (action, _) in WAYS.items() if action not in CHANGEABLE]


def send(sandbox: Sandbox, folder: Path, way: str, *records: Message, **settings: object) -> Ended:
    action, chosen = WAYS[way]
    lines = [a_schema(action), *(a_record(action, **record) for record in records)]
    return run_target(folder, a_config(sandbox.url, **chosen) | settings, lines)


def made(sandbox: Sandbox, way: str) -> int:
    """The number of objects with a marker."""
    return len([each for each in sandbox.objects(TYPES[WAYS[way][0]]) if "stripe_flow" in each["metadata"]])


def an_ordeal(sandbox: Sandbox, folder: Path, way: str, count: int) -> Ordeal:
    action, settings = WAYS[way]
    return Ordeal(sandbox, folder, rows_of([action], count), most_passages=1, settings=settings)


@EVERY_WAY
def test_the_order_of_the_input_makes_no_difference(way: str, sandbox: Sandbox, tmp_path: Path) -> None:
    ordeal = an_ordeal(sandbox, tmp_path, way, 30)
    ordeal.rows = [row for row in ordeal.rows if not row.is_declined]
    first = ordeal.live()

    ordeal.rows = shuffled(ordeal.rows, 1)
    again = ordeal.live()

    count = len(ordeal.rows)
    assert (first.counts, again.counts) == ({"created": count}, {"unchanged": count})
    assert made(sandbox, way) == count


@EVERY_WAY
def test_a_number_and_its_text_are_the_same_record(way: str, sandbox: Sandbox, tmp_path: Path) -> None:
    fields = fields_of(sandbox, WAYS[way][0])
    send(sandbox, tmp_path, way, {"id": 7} | fields)

    again = send(sandbox, tmp_path, way, {"id": "7"} | fields)

    assert (again.summary, made(sandbox, way)) == ("1 records: 1 unchanged", 1)


@pytest.mark.promise("target 9", "A changed price, charge or refund is rejected, whatever `on_change` is")
@pytest.mark.parametrize("on_change", ["reject", "ignore", "update"])
@pytest.mark.parametrize("way", FINAL)
def test_a_changed_price_charge_or_refund_is_a_conflict_for_every_on_change(
    way: str, on_change: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    fields = fields_of(sandbox, WAYS[way][0])
    send(sandbox, tmp_path, way, {"id": 1} | fields)

    done = send(sandbox, tmp_path, way, {"id": 1, "metadata": {"new": "x"}} | fields, on_change=on_change)

    assert done.summary.startswith("1 records: 1 rejected")
    assert made(sandbox, way) == 1


@pytest.mark.parametrize(("on_change", "status"), [("reject", "rejected"), ("ignore", "unchanged")])
@pytest.mark.parametrize("action", CHANGEABLE)
def test_a_changed_customer_or_product_does_what_on_change_says(
    action: str, on_change: str, status: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    send(sandbox, tmp_path, action, {"id": 1, "name": "A"})

    done = send(sandbox, tmp_path, action, {"id": 1, "name": "B"}, on_change=on_change)

    assert done.summary.startswith(f"1 records: 1 {status}")
    assert [each["name"] for each in sandbox.objects(TYPES[action])] == ["A"]


@EVERY_WAY
def test_a_changed_field_that_is_no_parameter_leaves_the_record_unchanged(
    way: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    fields = fields_of(sandbox, WAYS[way][0])
    send(sandbox, tmp_path, way, {"id": 1, "loaded_at": "monday"} | fields)

    done = send(sandbox, tmp_path, way, {"id": 1, "loaded_at": "tuesday", "colour": None} | fields)

    assert done.summary == "1 records: 1 unchanged"


@pytest.mark.promise("target 5", "The next run reconciles what a crash left open, also without input")
@EVERY_WAY
def test_a_run_without_input_reconciles_what_a_crash_left_open(way: str, sandbox: Sandbox, tmp_path: Path) -> None:
    ordeal = an_ordeal(sandbox, tmp_path, way, 4)
    assert ordeal.die("executed but the answer lost").was_killed
    sandbox.faults()
    made_before = made(sandbox, way)

    empty = run_target(tmp_path, a_config(sandbox.url), [])

    assert (empty.code, empty.summary) == (0, "0 records: nothing to do")
    assert "reconciled what earlier runs left open" in empty.log
    assert ordeal.world().in_doubt == frozenset()
    assert made(sandbox, way) >= made_before


@pytest.mark.promise("target 1", "A lost journal creates nothing twice while Stripe knows the keys")
@EVERY_WAY
def test_a_lost_journal_makes_nothing_twice_while_stripe_knows_the_keys(
    way: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    ordeal = an_ordeal(sandbox, tmp_path, way, 12)
    ordeal.live()
    before = made(sandbox, way)
    (tmp_path / "stripe-flow-journal.db").unlink()
    sandbox.advance(23 * 3600)

    ordeal.live()

    assert made(sandbox, way) == before == len(ordeal.rows)


@pytest.mark.parametrize("is_found", [True, False])
@EVERY_WAY
def test_a_conflict_with_a_lost_run_is_reported_once(
    *, way: str, is_found: bool, sandbox: Sandbox, tmp_path: Path
) -> None:
    fields = fields_of(sandbox, WAYS[way][0])
    changed = {"id": 1} | fields | {"metadata": {"new": "x"}}
    send(sandbox, tmp_path, way, {"id": 1} | fields)
    (tmp_path / "stripe-flow-journal.db").unlink()
    first = send(sandbox, tmp_path, way, changed)
    if not is_found:
        path = ACTIONS[WAYS[way][0]].path if way in ACTIONS else "/v1/payment_intents"
        sandbox.faults({"match": {"method": "GET", "path": path}, "action": {"kind": "answer", "status": 404}})

    second = send(sandbox, tmp_path, way, changed)

    assert [each.summary[:21] for each in (first, second)] == ["1 records: 1 rejected"] * 2
    assert (first.code, second.code) == (3, 3)
    written = (tmp_path / "stripe-flow-rejects.jsonl").read_text()
    assert written.count('"RECORD"') == 1
    assert "in a run that the journal does not know" in written
    assert made(sandbox, way) == 1


@pytest.mark.parametrize("keys", [("id",), ("shop", "id")])
@EVERY_WAY
def test_the_source_key_is_sent_in_clear_text_only_with_metadata_source_key(
    way: str, keys: tuple[str, ...], sandbox: Sandbox, tmp_path: Path
) -> None:
    action, chosen = WAYS[way]
    one, other = (
        {"shop": "north", "id": number} | fields_of(sandbox, action) | {"metadata": {"mine": "x"}} for number in (7, 8)
    )

    for record, is_clear in ((one, False), (other, True)):
        config = a_config(sandbox.url, **chosen, metadata_source_key=is_clear)
        run_target(tmp_path, config, [a_schema(action, *keys), a_record(action, **record)])

    metadata = [each["metadata"] for each in sandbox.objects(TYPES[action])]
    hidden, clear = sorted((each for each in metadata if "mine" in each), key=len)
    assert set(hidden) == {"mine", "stripe_flow"}
    assert clear.pop("stripe_flow_source_key") == ",".join(str(other[name]) for name in keys)
    assert set(clear) == {"mine", "stripe_flow"}


@EVERY_WAY
def test_a_clear_source_key_that_does_not_fit_is_rejected(way: str, sandbox: Sandbox, tmp_path: Path) -> None:
    fields, full = fields_of(sandbox, WAYS[way][0]), {f"k{number}": "v" for number in range(49)}
    most = dict(list(full.items())[1:])
    records: list[Message] = [{"id": 1, "metadata": full}, {"id": "x" * 501}, {"id": 2, "metadata": most}]

    done = send(sandbox, tmp_path, way, *(fields | record for record in records), metadata_source_key=True)

    assert done.summary.startswith("3 records: 1 created, 2 rejected")
    assert [len(each["metadata"]) for each in sandbox.objects(TYPES[WAYS[way][0]]) if each["metadata"]] == [50]
