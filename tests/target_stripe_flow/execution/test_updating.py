"""`on_change: update`, and objects that exist in Stripe already; the sandbox shows the effects."""

from __future__ import annotations

import json
import random
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from target_stripe_flow.actions.table import ACTIONS
from tests.kills.target.ordeal import Ordeal
from tests.kills.target.rows import TYPES, Row
from tests.support.official import official
from tests.support.plugins import Ended, a_config, a_record, a_schema, run, run_target
from tests.support.sandbox import Sandbox
from tests.target_stripe_flow.generated import collected, valid

# Each case is several runs.
pytestmark = pytest.mark.volume(cases=2)

CHANGEABLE = [name for name, spec in ACTIONS.items() if spec.is_changeable]
EVERY_CHANGEABLE = pytest.mark.parametrize("action", CHANGEABLE)
# A valid value of each parameter that the sandbox takes.
SAMPLES = {
    action: {name: value for record in collected(valid(action), 80) for name, value in record.items() if value}
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


def emptied() -> list[tuple[str, str]]:
    """Every parameter of a changeable action that null empties, as a dotted path."""

    def paths(properties: dict[str, Any], path: str) -> list[str]:
        found = []
        for name, rules in properties.items():
            found += [path + name] * ("x-unset" in rules) + paths(rules.get("properties", {}), f"{path}{name}.")
        return found

    schemas: dict[str, Any] = {action: ACTIONS[action].schema()["properties"] for action in CHANGEABLE}
    return [(action, path) for action in CHANGEABLE for path in paths(schemas[action], "")]


# What creates.json of Stripe's description lets an empty string empty, of the parameters that an update takes.
STRIPE_EMPTIES = {
    "customers": {
        *("address", "business_name", "individual_name", "invoice_settings.custom_fields", "metadata", "shipping"),
        *("invoice_settings.rendering_options", "invoice_settings.rendering_options.amount_tax_display"),
        *("tax.ip_address", "tax_exempt"),
    },
    "products": {
        *("description", "images", "marketing_features", "metadata", "package_dimensions", "tax_code", "tax_details"),
        *("tax_details.tax_code", "unit_label", "url"),
    },
}
# Samples that the sandbox takes, where a generated one does not fit.
FIT: dict[str, Any] = {
    "invoice_settings.custom_fields": [{"name": "PO", "value": "7"}],
    "invoice_settings.rendering_options": {"amount_tax_display": "exclude_tax"},
    "invoice_settings.rendering_options.amount_tax_display": "exclude_tax",
    "tax.ip_address": "192.0.2.1",
    "tax_exempt": "exempt",
    "tax_details": {"tax_code": "txcd_10000000"},
    "tax_details.tax_code": "txcd_10000000",
    "metadata": {"plan": "x", "tier": "1"},
    "email": "ann@example.com",
}
# Stripe shows it only when it is asked for.
HIDDEN = "tax.ip_address"


def at(path: str, value: object) -> dict[str, Any]:
    """The members that lead to a value."""
    name, _, rest = path.partition(".")
    return {name: at(rest, value) if rest else value}


def member(found: Any, path: str) -> Any:  # Any: JSON
    for name in path.split("."):
        found = found.get(name) or {}
    return found


@EVERY_CHANGEABLE
def test_null_empties_all_that_stripe_can_empty(action: str) -> None:
    assert {path for other, path in emptied() if other == action} >= STRIPE_EMPTIES[action]


@pytest.mark.promise("target 9", "Null empties every parameter that Stripe can empty")
@pytest.mark.parametrize(("action", "path"), emptied())
def test_null_empties_what_stripe_can_empty(action: str, path: str, sandbox: Sandbox, tmp_path: Path) -> None:
    sample: Any = FIT.get(path, SAMPLES[action].get(path.partition(".")[0]))
    named = {} if path == "name" else {"name": "A"}
    send(sandbox, tmp_path, action, {"id": 1, **named, **at(path, sample)})
    before = member(the_one(sandbox, action), path)

    done = send(sandbox, tmp_path, action, {"id": 1, **named, **at(path, None)})

    after = member(the_one(sandbox, action), path)
    assert done.summary == "1 records: 1 updated"
    name, *inner = path.split(".")
    [update] = updates(sandbox, action)
    sent = dict(parse_qsl(update["body"], keep_blank_values=True))
    assert path == "metadata" or sent[name + "".join(f"[{each}]" for each in inner)] == ""
    assert before or path == HIDDEN
    if path == "metadata":
        assert set(before) == {*sample, "stripe_flow"}
        assert set(after) == {"stripe_flow"}
    else:
        # a list, text, or an object of which only empty members are left
        assert not after or (isinstance(after, dict) and not any(after.values())) or after == "none"


def test_null_in_part_of_an_object_leaves_the_rest(sandbox: Sandbox, tmp_path: Path) -> None:
    settings = {"footer": "Thanks", "custom_fields": [{"name": "PO", "value": "7"}]}
    send(sandbox, tmp_path, "customers", {"id": 1, "name": "A", "invoice_settings": settings})

    send(
        sandbox, tmp_path, "customers", {"id": 1, "name": "A", "invoice_settings": {**settings, "custom_fields": None}}
    )

    found = the_one(sandbox, "customers")["invoice_settings"]
    assert (found["footer"], found["custom_fields"]) == ("Thanks", None)


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


@pytest.mark.promise(
    "target 9",
    "A change and its reverse are two updates, and an update that was killed is applied once",
)
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


REFUSED = {"type": "invalid_request_error", "code": "parameter_invalid", "param": "name"}
# How an update ends without an effect, as a fault of the sandbox.
WITHOUT_EFFECT: dict[str, dict[str, Any]] = {
    "refused": {"at": "before_execute", "action": {"kind": "answer", "status": 400, "error": REFUSED}},
    "only 429": {"at": "before_read", "action": {"kind": "answer", "status": 429}},
    "the key was refused": {"at": "before_read", "action": {"kind": "answer", "status": 401, "error": {"type": "x"}}},
}


@pytest.mark.promise("target 9", "After an update without effect, the record that was applied before is `unchanged`")
@EVERY_CHANGEABLE
@pytest.mark.parametrize("end", WITHOUT_EFFECT)
@pytest.mark.parametrize("applied", ["A", "B"], ids=["after the creation", "after an update"])
def test_an_update_without_effect_leaves_what_was_applied_before_as_the_truth(
    applied: str, end: str, action: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    for name in ("A", applied):
        send(sandbox, tmp_path, action, {"id": 1, "name": name})
    count = len(updates(sandbox, action))
    sandbox.faults({"match": {"method": "POST", "path": f"/v1/{action}/*"}, **WITHOUT_EFFECT[end]})
    send(sandbox, tmp_path, action, {"id": 1, "name": "C"}, give_up_after_s=0)
    sandbox.faults()

    same = send(sandbox, tmp_path, action, {"id": 1, "name": applied})
    rejecting = send(sandbox, tmp_path, action, {"id": 1, "name": applied}, on_change="reject")
    afresh = send(sandbox, tmp_path, action, {"id": 1, "name": "C"})
    back = send(sandbox, tmp_path, action, {"id": 1, "name": applied}, {"id": 1, "name": applied})

    unchanged = "1 records: 1 unchanged"
    assert (same.summary, rejecting.summary, afresh.summary) == (unchanged, unchanged, "1 records: 1 updated")
    assert back.summary == "2 records: 1 updated, 1 unchanged"
    assert the_one(sandbox, action)["name"] == applied
    executed = [each for each in updates(sandbox, action)[count:] if each["executed"]]
    assert len(executed) == 2


@EVERY_CHANGEABLE
@pytest.mark.parametrize("policy", ["update", "reject", "ignore"])
def test_a_journal_whose_fingerprint_an_older_release_erased_goes_on(
    policy: str, action: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    """It was erased while an update was open, and the update was refused."""
    send(sandbox, tmp_path, action, {"id": 1, "name": "A"})
    sandbox.faults({"match": {"method": "POST", "path": f"/v1/{action}/*"}, **WITHOUT_EFFECT["refused"]})
    send(sandbox, tmp_path, action, {"id": 1, "name": "B"})
    sandbox.faults()
    with closing(sqlite3.connect(tmp_path / "stripe-flow-journal.db")) as raw:
        raw.execute("UPDATE attempts SET fingerprint = '' WHERE revision = 0")
        raw.commit()

    done = [send(sandbox, tmp_path, action, {"id": 1, "name": "A"}, on_change=policy).summary for _ in range(2)]

    first = "updated" if policy == "update" else "unchanged"
    assert done == [f"1 records: 1 {first}", "1 records: 1 unchanged"]
    assert the_one(sandbox, action)["name"] == "A"


@EVERY_CHANGEABLE
def test_a_record_that_differs_from_an_attempt_in_doubt_is_deferred(
    action: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    """Its own content is nowhere: no STATE may pass it until the attempt before it is settled."""
    failing = {"kind": "answer", "status": 500, "stored": "fault"}
    sandbox.faults({"match": {"method": "POST"}, "at": "after_execute", "times": 1, "action": failing})

    first = send(sandbox, tmp_path, action, {"id": 1, "name": "A"}, {"id": 1, "name": "B"}, {"id": 1, "name": "C"})
    sandbox.advance(11 * 60)
    later = send(sandbox, tmp_path, action, {"id": 1, "name": "A"}, {"id": 1, "name": "B"}, {"id": 1, "name": "C"})

    assert (first.code, first.summary) == (3, "3 records: 1 unknown, 2 deferred")
    assert later.summary == "3 records: 2 updated, 1 unchanged"
    assert the_one(sandbox, action)["name"] == "C"


@pytest.mark.promise(
    "target 12",
    "`match_customers_by` finds the customers of its own run, which Stripe's list shows late",
)
@pytest.mark.parametrize("doubtful", [False, True])
def test_a_run_remembers_the_emails_of_its_own_customers(
    doubtful: bool,  # noqa: FBT001
    sandbox: Sandbox,
    tmp_path: Path,
) -> None:
    """Stripe's list shows them seconds later. One that may exist is no reason to create another."""
    late = {"kind": "late_visibility", "up_to_s": 600, "at_least_s": 600}
    rules: list[dict[str, Any]] = [{"match": {"method": "POST"}, "at": "before_execute", "action": late}]
    if doubtful:
        failing = {"kind": "answer", "status": 500, "stored": "fault"}
        rules.append({"match": {"method": "POST"}, "at": "after_execute", "times": 1, "action": failing})
    sandbox.faults(*rules)
    records = [{"id": number, "email": "ann@example.com", "name": f"N{number}"} for number in range(4)]

    done = send(sandbox, tmp_path, "customers", *records, match_customers_by="email")

    parts = "1 unknown, 3 deferred" if doubtful else "1 created, 3 found"
    assert done.summary == f"4 records: {parts}"
    assert len(sandbox.objects("customer")) == 1


@pytest.mark.promise("target 12", "No record is matched by an e-mail address that an earlier record is changing")
@pytest.mark.parametrize("is_new", [False, True], ids=["changed by this run", "made and changed by this run"])
@pytest.mark.parametrize("email", ["new@example.com", None])
def test_a_record_is_not_matched_by_an_email_that_an_earlier_one_is_changing(
    email: str | None,
    is_new: bool,  # noqa: FBT001
    sandbox: Sandbox,
    tmp_path: Path,
) -> None:
    """Else it would be the same person as the other, or not, by chance."""
    first: dict[str, Any] = {"id": 1, "email": "old@example.com"}
    changed: dict[str, Any] = {"id": 1, "email": email, "name": "Ann"}
    other: dict[str, Any] = {"id": 2, "email": "old@example.com"}
    if not is_new:
        send(sandbox, tmp_path, "customers", first, match_customers_by="email")
    slow = {"kind": "latency", "ms": 500}
    sandbox.faults({"match": {"method": "POST", "path": "/v1/customers/*"}, "at": "before_execute", "action": slow})

    records = [first, changed, other] if is_new else [changed, other]
    done = send(sandbox, tmp_path, "customers", *records, match_customers_by="email", concurrency=4)

    assert done.summary == ("3 records: 2 created, 1 updated" if is_new else "2 records: 1 created, 1 updated")
    assert {each["email"] for each in sandbox.objects("customer")} == {email, "old@example.com"}


def test_an_email_that_an_update_changed_is_remembered_too(sandbox: Sandbox, tmp_path: Path) -> None:
    late = {"kind": "late_visibility", "up_to_s": 600, "at_least_s": 600}
    sandbox.faults({"match": {"method": "POST"}, "at": "before_execute", "action": late})
    records = [{"id": 1, "email": "old@example.com"}, {"id": 1, "email": "new@example.com"}]
    others = [{"id": 2, "email": "new@example.com"}, {"id": 3, "email": "old@example.com"}]

    done = send(sandbox, tmp_path, "customers", *records, *others, match_customers_by="email", concurrency=1)

    assert done.summary == "4 records: 2 created, 1 updated, 1 found"
    assert len(sandbox.objects("customer")) == 2


@pytest.mark.promise("target 9", "After a rebuild `on_change: update` updates each object once")
@EVERY_CHANGEABLE
@pytest.mark.parametrize("revised", [False, True], ids=["created", "updated before"])
@pytest.mark.parametrize("policy", ["update", "reject", "ignore"])
def test_after_a_rebuild_an_update_makes_sure_of_the_content_once(
    policy: str,
    revised: bool,  # noqa: FBT001
    action: str,
    sandbox: Sandbox,
    tmp_path: Path,
) -> None:
    """The marker says which record made an object, and nothing of what it holds."""
    for name in ("A", "B") if revised else ("A",):
        send(sandbox, tmp_path, action, {"id": 1, "name": name})
    journal = tmp_path / "stripe-flow-journal.db"
    journal.unlink()
    count = len(updates(sandbox, action))
    for command in ("init", "rebuild"):
        line = [sys.executable, "-m", "stripe_flow_cli", "journal", command, "--config", "target_stripe_flow.json"]
        assert run(line, tmp_path).code == 0

    done = [send(sandbox, tmp_path, action, {"id": 1, "name": "New"}, on_change=policy).summary for _ in range(2)]

    first = "updated" if policy == "update" else "unchanged"
    assert done == [f"1 records: 1 {first}", "1 records: 1 unchanged"]
    assert the_one(sandbox, action)["name"] == ("New" if policy == "update" else "B" if revised else "A")
    assert len(updates(sandbox, action)) - count == (policy == "update")
    with closing(sqlite3.connect(journal)) as raw:
        keys = {key for (key,) in raw.execute("SELECT source_key FROM attempts WHERE revision = 0")}
    assert keys == {'["1"]'}, "the record adds its source key"


@EVERY_CHANGEABLE
def test_an_update_after_a_rebuild_that_is_refused_is_sent_again(action: str, sandbox: Sandbox, tmp_path: Path) -> None:
    send(sandbox, tmp_path, action, {"id": 1, "name": "A"})
    (tmp_path / "stripe-flow-journal.db").unlink()
    for command in ("init", "rebuild"):
        line = [sys.executable, "-m", "stripe_flow_cli", "journal", command, "--config", "target_stripe_flow.json"]
        assert run(line, tmp_path).code == 0
    sandbox.faults({"match": {"method": "POST"}, "times": 1, **WITHOUT_EFFECT["refused"]})

    done = [send(sandbox, tmp_path, action, {"id": 1, "name": "B"}).summary.partition(" (")[0] for _ in range(3)]

    assert done == ["1 records: 1 rejected", "1 records: 1 updated", "1 records: 1 unchanged"]
    assert the_one(sandbox, action)["name"] == "B"
