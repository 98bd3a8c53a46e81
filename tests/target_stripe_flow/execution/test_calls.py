"""What a creation and an update take of a record, and that a longer list of parameters changes no older row."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from tests.support.official import official
from tests.support.plugins import Ended, a_config, a_record, a_schema, run_target
from tests.support.sandbox import Sandbox

DATA = Path(__file__).parents[2] / "data"
OLDER: dict[str, Any] = json.loads((DATA / "journal_of_0_1_0.json").read_text(encoding="utf-8"))  # Any: JSON


def send(sandbox: Sandbox, folder: Path, action: str, *records: dict[str, Any], **settings: object) -> Ended:
    lines = [a_schema(action), *(a_record(action, **record) for record in records)]
    return run_target(folder, a_config(sandbox.url, on_change="update") | settings, lines)


def posted(sandbox: Sandbox) -> list[dict[str, str]]:
    """The parameters of each write."""
    return [
        dict(parse_qsl(each["body"], keep_blank_values=True)) for each in sandbox.requests() if each["method"] == "POST"
    ]


def rejects(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "stripe-flow-rejects.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["stripe_flow"] for line in lines if '"RECORD"' in line]


def warnings(done: Ended, name: str) -> list[str]:
    return [line for line in done.log.splitlines() if "WARNING" in line and name in line]


def test_what_is_as_wide_as_stripes_description_is_created(sandbox: Sandbox, tmp_path: Path) -> None:
    phone = "+1 555 0100 ext. 123456"
    shipping = {"name": "C", "phone": phone, "address": {"line1": "1 Street"}}

    done = send(sandbox, tmp_path, "customers", {"id": 1, "invoice_prefix": "AB"}, {"id": 2, "shipping": shipping})

    assert done.summary == "2 records: 2 created"
    made = sandbox.objects("customer")
    assert {each["invoice_prefix"] for each in made} >= {"AB"}
    assert [each["shipping"]["phone"] for each in made if each["shipping"]] == [phone]


@pytest.mark.promise(
    "stripe",
    "A value that Stripe does not list is rejected with those that it lists, as in a dry run",
)
@pytest.mark.parametrize(
    ("action", "record", "field"),
    [
        ("customers", {"id": 1, "name": "C", "tax_exempt": "bad"}, "tax_exempt"),
        ("products", {"id": 1, "name": "P", "type": "bad"}, "type"),
        (
            "prices",
            {"id": 1, "currency": "usd", "unit_amount": 1, "product": "p", "tax_behavior": "bad"},
            "tax_behavior",
        ),
        ("refunds", {"id": 1, "charge": "ch_1", "amount": 1, "reason": "bad"}, "reason"),
    ],
)
def test_a_value_that_stripe_does_not_list_is_rejected_as_in_a_dry_run(
    action: str, record: dict[str, Any], field: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    dry = send(sandbox, tmp_path, action, record, dry_run=True)
    real = send(sandbox, tmp_path, action, record)

    assert dry.code == real.code
    assert ["1 rejected" in done.log for done in (dry, real)] == [True, True]
    [report] = rejects(tmp_path)
    assert (report["field"], report["reason"][:15]) == (field, "must be one of ")
    assert posted(sandbox) == []


def an_own_card(sandbox: Sandbox) -> dict[str, Any]:
    """The customer's card."""
    [customer] = sandbox.objects("customer")
    return {"default_source": customer["default_source"]}


def an_own_price(sandbox: Sandbox) -> dict[str, Any]:
    [product] = sandbox.objects("product")
    price = official(sandbox).v1.prices.create({"product": product["id"], "currency": "usd", "unit_amount": 1})
    return {"default_price": price.id}


LATER = {
    "customers": ({"id": 1, "source": "tok_visa"}, an_own_card),
    "products": ({"id": 1, "name": "A"}, an_own_price),
}


@pytest.mark.parametrize("action", LATER)
def test_a_parameter_of_updates_is_sent_by_an_update(action: str, sandbox: Sandbox, tmp_path: Path) -> None:
    record, make = LATER[action]
    send(sandbox, tmp_path, action, record)
    later = make(sandbox)
    [(name, value)] = later.items()

    runs = [send(sandbox, tmp_path, action, record | later) for _ in range(2)]

    assert [done.summary for done in runs] == ["1 records: 1 updated", "1 records: 1 unchanged"]
    assert posted(sandbox)[-1][name] == value
    [found] = sandbox.objects(action[:-1])
    assert found[name] == value
    assert warnings(runs[0], name) == []


@pytest.mark.parametrize(("action", "name"), [("customers", "default_source"), ("products", "default_price")])
def test_a_parameter_of_updates_is_left_out_of_new_objects_with_a_warning(
    action: str, name: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    records = [{"id": number, "name": "A", name: "x_1"} for number in range(3)]

    runs = [send(sandbox, tmp_path, action, *records, on_change=policy) for policy in ("reject", "update")]

    assert [done.summary for done in runs] == ["3 records: 3 created", "3 records: 3 unchanged"]
    assert not any(name in sent for sent in posted(sandbox))
    assert len(warnings(runs[0], name)) == 1
    assert "in an update only" in warnings(runs[0], name)[0]


@pytest.mark.parametrize("member", ["object", "OBJECT"])
@pytest.mark.parametrize(("action", "name"), [("customers", "default_source"), ("products", "default_price")])
def test_a_copy_does_not_name_the_objects_of_the_account_that_it_was_read_from(
    action: str, name: str, member: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    copies = [{"id": 1, member: action[:-1], "name": title, name: "x_1"} for title in ("A", "B", "B")]

    runs = [send(sandbox, tmp_path, action, copy) for copy in copies]

    assert [done.summary for done in runs] == [
        f"1 records: 1 {status}" for status in ("created", "updated", "unchanged")
    ]
    assert not any(name in sent for sent in posted(sandbox))


@pytest.mark.promise(
    "target 13",
    "A copy of a customer names no payment method or template of the account that it was read from",
)
@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("default_payment_method", {"default_payment_method": "pm_1", "footer": "Bye"}),
        ("template", {"rendering_options": {"template": "inrtem_1"}, "footer": "Bye"}),
    ],
)
def test_a_copy_does_not_name_what_its_invoice_settings_name_in_the_other_account(
    name: str, settings: dict[str, object], sandbox: Sandbox, tmp_path: Path
) -> None:
    copies = [{"id": 1, "object": "customer", "name": title, "invoice_settings": settings} for title in ("A", "B", "B")]

    runs = [send(sandbox, tmp_path, "customers", copy) for copy in copies]

    assert [done.summary for done in runs] == [
        f"1 records: 1 {status}" for status in ("created", "updated", "unchanged")
    ]
    assert "is left out of copies" in runs[0].log
    assert all(sent["invoice_settings[footer]"] == "Bye" for sent in posted(sandbox))
    assert not any(name in parameter for sent in posted(sandbox) for parameter in sent)


def test_a_value_of_updates_is_rejected_when_the_object_is_created(sandbox: Sandbox, tmp_path: Path) -> None:
    later = {"id": 1, "name": "A", "tax": {"validate_location": "auto"}}

    dry = send(sandbox, tmp_path, "customers", later, dry_run=True)
    refused = send(sandbox, tmp_path, "customers", later)
    send(sandbox, tmp_path, "customers", {"id": 1, "name": "A"})
    updated = send(sandbox, tmp_path, "customers", later)

    assert ["1 rejected" in done.log for done in (dry, refused)] == [True, True]
    [report] = rejects(tmp_path)
    assert report["field"] == "tax.validate_location"
    assert "must be one of deferred, immediately" in report["reason"]
    assert updated.summary == "1 records: 1 updated"
    assert [sent.get("tax[validate_location]") for sent in posted(sandbox)] == [None, "auto"]


def test_null_for_an_object_that_stripe_cannot_empty_is_null_for_its_members(sandbox: Sandbox, tmp_path: Path) -> None:
    settings = {"custom_fields": [{"name": "PO", "value": "7"}], "footer": "Thanks"}
    first = {"id": 1, "name": "A", "invoice_settings": settings, "tax": {"ip_address": "192.0.2.1"}}
    send(sandbox, tmp_path, "customers", first)

    done = send(sandbox, tmp_path, "customers", {"id": 1, "name": "A", "invoice_settings": None, "tax": None})

    assert done.summary == "1 records: 1 updated"
    sent = posted(sandbox)[-1]
    assert {name for name, value in sent.items() if value == ""} == {
        "invoice_settings[custom_fields]",
        "invoice_settings[rendering_options]",
        "tax[ip_address]",
    }
    [found] = sandbox.objects("customer")
    assert (found["invoice_settings"]["custom_fields"], found["invoice_settings"]["footer"]) == (None, "Thanks")
    [warning] = warnings(done, "invoice_settings.footer")
    assert "cannot empty" in warning


@pytest.mark.promise("target 9", "A warning names each null that cannot empty a parameter")
@pytest.mark.parametrize(
    ("action", "name", "before"),
    [
        ("customers", "preferred_locales", ["de"]),
        ("customers", "invoice_prefix", "ABC"),
        ("products", "statement_descriptor", "SHIRT"),
        ("products", "shippable", True),
    ],
)
def test_a_warning_names_a_null_that_stripe_cannot_empty(
    action: str, name: str, before: object, sandbox: Sandbox, tmp_path: Path
) -> None:
    records = [{"id": number, "name": "A"} for number in range(2)]
    prefixes = {name: before} if name != "invoice_prefix" else {}
    send(sandbox, tmp_path, action, *({**record, **prefixes, "description": "x"} for record in records))

    done = send(sandbox, tmp_path, action, *({**record, name: None, "description": None} for record in records))

    assert done.summary == "2 records: 2 updated"
    assert len(warnings(done, name)) == 1
    assert warnings(done, "description") == []
    assert all(name not in sent for sent in posted(sandbox)[2:])


@pytest.mark.promise("target 9", "If a release knows more parameters, records sent before stay `unchanged`")
@pytest.mark.parametrize("policy", ["reject", "update"])
def test_a_longer_list_of_parameters_changes_nothing_for_rows_stored_before(
    policy: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    """Fingerprints and accepted lists are those that version 0.1.0 wrote for the same records."""
    lines = [
        line for row in OLDER["rows"] for line in (a_schema(row["stream"]), a_record(row["stream"], **row["record"]))
    ]
    created = run_target(tmp_path, a_config(sandbox.url), lines)
    with closing(sqlite3.connect(tmp_path / "stripe-flow-journal.db")) as raw:
        lists = [(accepted, json.dumps(shape)) for accepted, shape in OLDER["accepted_lists"].items()]
        raw.executemany("INSERT OR REPLACE INTO accepted_lists VALUES (?, ?)", lists)
        for row in OLDER["rows"]:
            values = (row["fingerprint"], row["accepted"], row["stream"], json.dumps([str(row["record"]["id"])]))
            changed = raw.execute(
                "UPDATE attempts SET fingerprint = ?, accepted = ? WHERE action = ? AND source_key = ?", values
            )
            assert changed.rowcount == 1
        raw.commit()
    count = len(posted(sandbox))

    again = run_target(tmp_path, a_config(sandbox.url, on_change=policy), lines)

    assert created.summary == f"{len(OLDER['rows'])} records: {len(OLDER['rows'])} created"
    assert again.summary == f"{len(OLDER['rows'])} records: {len(OLDER['rows'])} unchanged"
    assert len(posted(sandbox)) == count


@pytest.mark.parametrize("action", ["customers", "products"])
def test_an_older_row_is_compared_by_all_parameters_after_its_next_update(
    action: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    """The new parameter of a row that an older release stored comes with the next change that its list knows."""
    record, make = LATER[action]
    record = record | {"description": "x"}
    send(sandbox, tmp_path, action, record)
    [older] = {row["accepted"] for row in OLDER["rows"] if row["stream"] == action}
    with closing(sqlite3.connect(tmp_path / "stripe-flow-journal.db")) as raw:
        raw.execute("INSERT INTO accepted_lists VALUES (?, ?)", (older, json.dumps(OLDER["accepted_lists"][older])))
        raw.execute("UPDATE attempts SET accepted = ?", (older,))
        raw.commit()
    later = make(sandbox)
    [(name, value)] = later.items()

    runs = [
        send(sandbox, tmp_path, action, record | changes).summary
        for changes in (later, later | {"description": "y"}, later | {"description": "y"})
    ]

    assert runs == [f"1 records: 1 {status}" for status in ("unchanged", "updated", "unchanged")]
    assert posted(sandbox)[-1][name] == value
