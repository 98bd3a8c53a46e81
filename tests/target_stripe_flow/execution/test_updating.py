"""`on_change: update`, and objects that exist in Stripe already; the sandbox shows the effects."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from target_stripe_flow.actions.table import ACTIONS
from tests.kills.target.ordeal import Ordeal
from tests.kills.target.rows import TYPES, Row
from tests.support.official import official
from tests.support.plugins import Ended, a_config, a_record, a_schema, run_target
from tests.support.sandbox import Sandbox
from tests.target_stripe_flow.generated import collected, valid

CHANGEABLE = [name for name, spec in ACTIONS.items() if spec.is_changeable]
EVERY_CHANGEABLE = pytest.mark.parametrize("action", CHANGEABLE)
# A valid value of each parameter that the sandbox takes.
SAMPLES = {
    action: {name: value for record in collected(valid(action), 300) for name, value in record.items() if value}
    for action in CHANGEABLE
}


def parameters(rule: str) -> list[tuple[str, str]]:
    """Every parameter of a changeable action whose schema has this rule, if there is a sample of it."""
    schemas: dict[str, Any] = {action: ACTIONS[action].schema()["properties"] for action in CHANGEABLE}
    return [(action, name) for action in CHANGEABLE for name in SAMPLES[action] if rule in schemas[action][name]]


def send(sandbox: Sandbox, folder: Path, action: str, *records: dict[str, Any], **settings: object) -> Ended:
    lines = [a_schema(action), *(a_record(action, **record) for record in records)]
    return run_target(folder, a_config(sandbox.url, on_change="update") | settings, lines)


def the_one(sandbox: Sandbox, action: str) -> dict[str, Any]:
    [found] = sandbox.objects(TYPES[action])
    return found


def updates(sandbox: Sandbox, action: str) -> list[dict[str, Any]]:
    return [
        each for each in sandbox.requests() if each["method"] == "POST" and each["path"].startswith(f"/v1/{action}/")
    ]


@EVERY_CHANGEABLE
def test_from_a_to_b_to_a_is_two_updates(action: str, sandbox: Sandbox, tmp_path: Path) -> None:
    a, b = {"id": 1, "name": "A"}, {"id": 1, "name": "B"}

    runs = [send(sandbox, tmp_path, action, each) for each in (a, b, b, a, a)]

    assert [each.summary for each in runs] == [
        f"1 records: 1 {status}" for status in ("created", "updated", "unchanged", "updated", "unchanged")
    ]
    made = the_one(sandbox, action)
    assert made["name"] == "A"
    keys = [each["headers"]["idempotency-key"] for each in updates(sandbox, action)]
    assert [key.rpartition(":")[2] for key in keys] == ["1", "2"]
    assert made["metadata"]["stripe_flow"].count(":") == 2


@EVERY_CHANGEABLE
def test_all_changes_of_one_run_are_applied_in_their_order(action: str, sandbox: Sandbox, tmp_path: Path) -> None:
    names = [f"N{number}" for number in range(12)]

    done = send(sandbox, tmp_path, action, *({"id": 1, "name": name} for name in names))

    assert done.summary == "12 records: 1 created, 11 updated"
    assert the_one(sandbox, action)["name"] == names[-1]


@pytest.mark.parametrize(("action", "field"), parameters("x-unset"))
def test_null_empties_what_stripe_can_empty(action: str, field: str, sandbox: Sandbox, tmp_path: Path) -> None:
    send(sandbox, tmp_path, action, {"id": 1, "name": "A", field: SAMPLES[action][field]})
    assert the_one(sandbox, action)[field]

    done = send(sandbox, tmp_path, action, {"id": 1, "name": "A", field: None})

    assert done.summary == "1 records: 1 updated"
    assert not the_one(sandbox, action)[field]


@EVERY_CHANGEABLE
def test_null_in_metadata_removes_a_key_and_keeps_the_marker(action: str, sandbox: Sandbox, tmp_path: Path) -> None:
    send(sandbox, tmp_path, action, {"id": 1, "name": "A", "metadata": {"plan": "x", "tier": "1"}})

    send(
        sandbox, tmp_path, action, {"id": 1, "name": "A", "metadata": {"plan": None, "tier": "2", "stripe_flow": None}}
    )

    metadata = the_one(sandbox, action)["metadata"]
    assert metadata.pop("stripe_flow")
    assert metadata == {"tier": "2"}


@EVERY_CHANGEABLE
def test_an_update_sends_no_parameter_that_only_a_creation_takes(action: str, sandbox: Sandbox, tmp_path: Path) -> None:
    only = {name: SAMPLES[action][name] for other, name in parameters("x-create-only") if other == action}
    send(sandbox, tmp_path, action, {"id": 1, "name": "A"} | only)

    done = send(sandbox, tmp_path, action, {"id": 1, "name": "B"} | only)

    [update] = updates(sandbox, action)
    assert done.summary == "1 records: 1 updated"
    assert {name.partition("[")[0] for name, _ in parse_qsl(update["body"])} == {"name", "metadata"}


@EVERY_CHANGEABLE
def test_a_refused_update_is_rejected_and_the_next_one_is_applied(
    action: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    send(sandbox, tmp_path, action, {"id": 1, "name": "A"})
    error = {"type": "invalid_request_error", "code": "parameter_invalid", "param": "name"}
    sandbox.faults(
        {"match": {"method": "POST"}, "times": 1, "action": {"kind": "answer", "status": 400, "error": error}}
    )

    refused = send(sandbox, tmp_path, action, {"id": 1, "name": "B"})
    fixed = send(sandbox, tmp_path, action, {"id": 1, "name": "C"})

    assert refused.summary.startswith("1 records: 1 rejected")
    assert fixed.summary == "1 records: 1 updated"
    assert the_one(sandbox, action)["name"] == "C"


POINTS = ("before the intent", "after the intent", "while sending", "executed but the answer lost",
          "answer received but not written", "outcome written but not reported")  # fmt: skip


@pytest.mark.parametrize("pause_h", [0, 25])
@pytest.mark.parametrize("point", POINTS)
def test_a_killed_update_is_applied_once_and_never_made_a_second_object(
    point: str, pause_h: int, sandbox: Sandbox, tmp_path: Path
) -> None:
    action = random.Random(point).choice(CHANGEABLE)
    ordeal = Ordeal(
        sandbox, tmp_path, [Row(action=action, number=1)], most_passages=1, settings={"on_change": "update"}
    )
    ordeal.live()
    ordeal.rows = [Row(action=action, number=1, title="B")]

    died = ordeal.die(point)
    sandbox.faults()
    sandbox.advance(pause_h * 3600)
    ordeal.live()
    sandbox.advance(25 * 3600)
    last = ordeal.live()

    assert died.was_killed
    assert (last.code, last.counts) == (0, {"unchanged": 1})
    assert the_one(sandbox, action)["name"] == "B"
    executed = [each["headers"]["idempotency-key"] for each in updates(sandbox, action) if each["executed"]]
    assert len(executed) == len(set(executed))


@EVERY_CHANGEABLE
def test_an_unknown_update_is_checked_before_another_is_sent(action: str, sandbox: Sandbox, tmp_path: Path) -> None:
    send(sandbox, tmp_path, action, {"id": 1, "name": "A"})
    failing = {"kind": "answer", "status": 500, "stored": "fault"}
    sandbox.faults({"match": {"method": "POST"}, "at": "after_execute", "action": failing})
    assert send(sandbox, tmp_path, action, {"id": 1, "name": "B"}).summary == "1 records: 1 unknown"
    sandbox.faults()

    meanwhile = send(sandbox, tmp_path, action, {"id": 1, "name": "A"})
    sandbox.advance(11 * 60)
    checked = send(sandbox, tmp_path, action, {"id": 1, "name": "B"})

    assert (meanwhile.code, meanwhile.summary) == (3, "1 records: 1 deferred")
    assert (checked.code, checked.summary) == (0, "1 records: 1 unchanged")
    assert the_one(sandbox, action)["name"] == "B"
    assert len(updates(sandbox, action)) == 1


def test_a_customer_with_the_same_email_is_found(sandbox: Sandbox, tmp_path: Path) -> None:
    known = official(sandbox).v1.customers.create({"email": "ann@example.com"}).id
    records = [{"id": 1, "email": "ann@example.com"}, {"id": 2, "email": "Ann@example.com"}, {"id": 3, "name": "No"}]

    done = send(sandbox, tmp_path, "customers", *records, match_customers_by="email")
    again = send(sandbox, tmp_path, "customers", *records, match_customers_by="email")

    assert done.summary == "3 records: 2 created, 1 found"
    assert again.summary == "3 records: 3 unchanged"
    assert known in {each["id"] for each in sandbox.objects("customer")}
    assert len(sandbox.objects("customer")) == 3


def test_two_rows_with_one_email_become_one_customer(sandbox: Sandbox, tmp_path: Path) -> None:
    records = [{"id": number, "email": "ann@example.com"} for number in range(20)]

    done = send(sandbox, tmp_path, "customers", *records, match_customers_by="email")

    assert done.summary == "20 records: 1 created, 19 found"
    assert len(sandbox.objects("customer")) == 1


def test_several_customers_with_one_email_are_rejected_with_their_ids(sandbox: Sandbox, tmp_path: Path) -> None:
    ids = {official(sandbox).v1.customers.create({"email": "ann@example.com"}).id for _ in range(2)}

    done = send(sandbox, tmp_path, "customers", {"id": 1, "email": "ann@example.com"}, match_customers_by="email")

    assert done.summary.startswith("1 records: 1 rejected")
    reason = json.loads((tmp_path / "stripe-flow-rejects.jsonl").read_text().splitlines()[1])["stripe_flow"]["reason"]
    assert all(each in reason for each in ids)


def test_a_product_gets_its_source_key_as_its_id(sandbox: Sandbox, tmp_path: Path) -> None:
    done = send(sandbox, tmp_path, "products", {"id": "shirt-1", "name": "Shirt"}, product_id_from_key=True)

    assert done.summary == "1 records: 1 created"
    assert the_one(sandbox, "products")["id"] == "shirt-1"


def test_our_own_product_is_adopted_by_its_id_after_a_lost_journal(sandbox: Sandbox, tmp_path: Path) -> None:
    send(sandbox, tmp_path, "products", {"id": "shirt-1", "name": "Shirt"}, product_id_from_key=True)
    (tmp_path / "stripe-flow-journal.db").unlink()
    sandbox.advance(30 * 3600)

    done = send(sandbox, tmp_path, "products", {"id": "shirt-1", "name": "Shirt"}, product_id_from_key=True)
    again = send(sandbox, tmp_path, "products", {"id": "shirt-1", "name": "Shirt"}, product_id_from_key=True)

    assert done.summary == "1 records: 1 created"
    assert again.summary == "1 records: 1 unchanged"
    assert the_one(sandbox, "products")["id"] == "shirt-1"


def test_a_product_id_of_another_product_is_rejected(sandbox: Sandbox, tmp_path: Path) -> None:
    official(sandbox).v1.products.create({"id": "shirt-1", "name": "Theirs"})

    done = send(sandbox, tmp_path, "products", {"id": "shirt-1", "name": "Shirt"}, product_id_from_key=True)

    assert done.summary.startswith("1 records: 1 rejected")
    assert the_one(sandbox, "products")["name"] == "Theirs"
