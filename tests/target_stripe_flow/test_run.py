"""The target as a process. Objects are counted in the sandbox, not by the target's summary."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from target_stripe_flow.actions.table import ACTIONS, ActionSpec
from target_stripe_flow.journal.opening import open_journal
from tests.kills.target.rows import TYPES, fields_of
from tests.support.official import official
from tests.support.plugins import Ended, Message, a_config, a_record, a_schema, a_state, run_target
from tests.support.sandbox import CONNECTED, PLATFORM, Sandbox
from tests.target_stripe_flow.sharing import run_cli

EVERY_ACTION = pytest.mark.parametrize("spec", ACTIONS.values(), ids=ACTIONS)
SIZE = dict.fromkeys(("height", "length", "weight", "width"), 1.5)
SHIPPING = {"name": "Ann", "address": {"line1": "1 Main St"}}
GOOD: dict[str, dict[str, Any]] = {
    "customers": {"name": "Ann Lee", "email": "ann@example.com", "metadata": {"plan": "a b&c"}, "source": "tok_visa"},
    "products": {"name": "Shirt", "images": ["https://example.com/a.png"], "package_dimensions": SIZE},
    "prices": {"currency": "usd", "unit_amount": 500, "nickname": "small", "product_data": {"name": "Shirt"}},
    "charges": {"amount": 1250, "currency": "usd", "source": "tok_visa", "capture": False, "shipping": SHIPPING},
}


def run(sandbox: Sandbox, folder: Path, *lines: Message | bytes, **settings: object) -> Ended:
    return run_target(folder, a_config(sandbox.url, **settings), lines)


def rejects(folder: Path) -> list[dict[str, Any]]:
    messages = [json.loads(line) for line in (folder / "stripe-flow-rejects.jsonl").read_text().splitlines()]
    return [message for message in messages if message["type"] == "RECORD"]


def good(sandbox: Sandbox, spec: ActionSpec) -> dict[str, Any]:
    """The fields of a valid record. A refund refers to a charge that another program has created."""
    return GOOD.get(spec.name) or fields_of(sandbox, spec.name)


def made(sandbox: Sandbox, spec: ActionSpec) -> list[dict[str, Any]]:
    """The objects that the target has created."""
    return [each for each in sandbox.objects(TYPES[spec.name]) if "stripe_flow" in each["metadata"]]


@pytest.mark.promise("target 1", "A row becomes one object, however often it is sent")
@EVERY_ACTION
def test_a_row_becomes_one_object_however_often_it_is_sent(spec: ActionSpec, sandbox: Sandbox, tmp_path: Path) -> None:
    lines = [a_schema(spec.name), a_record(spec.name, id="k-1", **good(sandbox, spec))]

    first, second = run(sandbox, tmp_path, *lines), run(sandbox, tmp_path, *lines)
    twice_in_one = run(sandbox, tmp_path, *lines, lines[1])

    assert (first.code, second.code, twice_in_one.code) == (0, 0, 0)
    assert len(made(sandbox, spec)) == 1
    assert first.summary == "1 records: 1 created"
    assert second.summary == "1 records: 1 unchanged"
    assert twice_in_one.summary == "2 records: 2 unchanged"


@pytest.mark.promise("stripe", "Requests equal those of the official client, byte for byte")
@EVERY_ACTION
def test_requests_are_those_of_the_official_client(spec: ActionSpec, sandbox: Sandbox, tmp_path: Path) -> None:
    fields = good(sandbox, spec)
    run(sandbox, tmp_path, a_schema(spec.name), a_record(spec.name, id="k-1", **fields))
    ours = [each for each in sandbox.requests() if each["method"] == "POST"][-1]
    marker = made(sandbox, spec)[0]["metadata"]["stripe_flow"]

    parameters = in_schema_order(spec, fields)
    parameters["metadata"] = parameters.get("metadata", {}) | {"stripe_flow": marker}
    getattr(official(sandbox).v1, spec.name).create(parameters)

    theirs = [each for each in sandbox.requests() if each["method"] == "POST"][-1]
    assert (ours["path"], ours["body"]) == (theirs["path"], theirs["body"])
    assert header(ours, "stripe-version") == header(theirs, "stripe-version")
    assert header(ours, "content-type") == header(theirs, "content-type")
    assert header(ours, "idempotency-key") == f"stripe-flow:{marker}"


@EVERY_ACTION
def test_equal_keys_of_two_sources_are_two_objects(spec: ActionSpec, sandbox: Sandbox, tmp_path: Path) -> None:
    lines = [a_schema(spec.name), a_record(spec.name, id="k-1", **good(sandbox, spec))]

    run(sandbox, tmp_path, *lines)
    run_cli(tmp_path, "source", "add", "other", "--action", spec.name)
    run(sandbox, tmp_path, *lines, source_name="other")

    assert len(made(sandbox, spec)) == 2


@pytest.mark.promise("target 1", "A rotated API key is the same account")
def test_a_rotated_key_is_the_same_account(sandbox: Sandbox, tmp_path: Path) -> None:
    lines = [a_schema("customers"), a_record("customers", id=1, name="Ann")]

    run(sandbox, tmp_path, *lines)
    run(sandbox, tmp_path, *lines, api_key="rk_test_sandbox")

    assert len(sandbox.objects("customer")) == 1


def test_a_charge_finds_the_customer_of_an_earlier_row(sandbox: Sandbox, tmp_path: Path) -> None:
    done = run(
        sandbox,
        tmp_path,
        a_schema("customers"),
        a_record("customers", id=7, name="Ann", source="tok_visa"),
        a_schema("charges"),
        *[
            a_record("charges", id=f"o-{number}", amount=100 + number, currency="eur", customer="7")
            for number in range(20)
        ],
    )

    [customer] = sandbox.objects("customer")
    assert done.summary == "21 records: 21 created"
    assert {each["customer"] for each in sandbox.objects("charge")} == {customer["id"]}
    charged = [each["body"] for each in sandbox.requests() if each["path"] == "/v1/charges"]
    assert [f"amount={100 + number}&" in body for number, body in enumerate(charged)] == [True] * 20


def test_a_customer_with_stripe_id_is_found_and_not_created(sandbox: Sandbox, tmp_path: Path) -> None:
    known = official(sandbox).v1.customers.create({"name": "Ann", "source": "tok_visa"}).id

    done = run(
        sandbox,
        tmp_path,
        a_schema("customers"),
        a_record("customers", id="c-1", stripe_id=known),
        a_record("customers", id="c-2", stripe_id="cus_unknown"),
        a_schema("charges"),
        a_record("charges", id="o-1", amount=100, currency="usd", customer="c-1"),
    )

    assert done.summary.startswith("3 records: 1 created, 1 found, 1 rejected")
    assert len(sandbox.objects("customer")) == 1
    assert sandbox.objects("charge")[0]["customer"] == known
    assert rejects(tmp_path)[0]["stripe_flow"]["field"] == "stripe_id"


@pytest.mark.promise("target 3", "Every record ends with one status")
def test_every_record_has_one_status_and_rejects_stop_no_other(sandbox: Sandbox, tmp_path: Path) -> None:
    done = run(
        sandbox,
        tmp_path,
        a_schema("charges"),
        a_record("charges", id=1, amount=100, currency="usd", source="tok_visa"),
        a_record("charges", id=2, amount=100, currency="usd", source="tok_chargeDeclinedInsufficientFunds"),
        a_record("charges", id=3, amount=1.5, currency="usd", source="tok_visa"),
        a_record("charges", id=None, amount=100, currency="usd", source="tok_visa"),
        a_record("charges", id=5, amount=100, currency="xxx", source="tok_visa"),
        b'{"type":"RECORD","stream":"charges","record":{"id":6,"amount":NaN,"currency":"usd","source":"tok_visa"}}\n',
        b'{"type":"RECORD","stream":"charges","record":{"id":7,"amount":1e999,"currency":"usd","source":"tok_visa"}}\n',
        b'{"type":"RECORD","stream":"charges","record":{"id":8,"amount":100,"currency":"usd","source":"\\ud800"}}\n',
        {"type": "RECORD", "stream": "charges", "record": None},
        a_state(done=9),
    )

    assert done.code == 0
    assert done.summary.startswith("9 records: 1 created, 1 ignored, 1 declined, 6 rejected (see ")
    assert json.loads(done.output) == {"done": 9}
    reported = {each["stripe_flow"]["line"]: each["stripe_flow"] for each in rejects(tmp_path)}
    assert reported[3]["decline_code"] == "insufficient_funds"
    assert [reported[line]["field"] for line in (4, 5, 6, 7, 8, 9)] == [
        "amount",
        "id",
        "currency",
        "amount",
        "amount",
        "source",
    ]
    assert [each["status"] for each in sandbox.objects("charge")].count("succeeded") == 1


def test_a_charge_read_from_stripe_is_rejected(sandbox: Sandbox, tmp_path: Path) -> None:
    made = official(sandbox).v1.charges.create({"amount": 100, "currency": "usd", "source": "tok_visa"})

    done = run(sandbox, tmp_path, a_schema("charges"), a_record("charges", **made.to_dict()))

    assert done.summary.startswith("1 records: 1 rejected")
    assert len(sandbox.objects("charge")) == 1


def test_unknown_fields_are_named_once_and_never_sent(sandbox: Sandbox, tmp_path: Path) -> None:
    records = [a_record("customers", id=number, name="Ann", shoe_size=43) for number in range(3)]

    done = run(sandbox, tmp_path, a_schema("customers"), *records)

    assert done.log.count("shoe_size") == 1
    assert not any("shoe_size" in each["body"] for each in sandbox.requests())


def test_filtered_records_are_counted(sandbox: Sandbox, tmp_path: Path) -> None:
    records = [a_record("users", id=number, name="Ann") for number in range(4)]
    maps = {"users": {"__alias__": "customers", "__filter__": "id > 1"}}

    schema = a_schema("users") | {"schema": {"properties": {"id": {"type": "integer"}, "name": {"type": "string"}}}}

    done = run(sandbox, tmp_path, schema, *records, stream_maps=maps)

    assert done.summary == "4 records: 2 created, 2 ignored"


def test_account_id_creates_objects_in_that_account(sandbox: Sandbox, tmp_path: Path) -> None:
    run(sandbox, tmp_path, a_schema("customers"), a_record("customers", id=1, name="Ann"), account_id=CONNECTED)

    assert len(sandbox.objects("customer", CONNECTED)) == 1
    assert sandbox.objects("customer") == []


@pytest.mark.promise("target 10", "A live key needs `allow_live: true`")
def test_a_live_key_needs_allow_live(tmp_path: Path) -> None:
    lines = [a_schema("customers"), a_record("customers", id=1, name="Ann")]
    with open_journal(tmp_path / "stripe-flow-journal.db"):
        pass
    with Sandbox("--live") as live:
        refused = run(live, tmp_path, *lines, api_key="sk_live_sandbox")
        requests = live.requests()
        allowed = run(live, tmp_path, *lines, api_key="sk_live_sandbox", allow_live=True)

    assert (refused.code, requests) == (1, [])
    assert "allow_live" in refused.errors[0]
    assert allowed.summary == "1 records: 1 created"


def test_an_account_that_may_not_charge_stops_the_run(tmp_path: Path) -> None:
    described = {"accounts": {PLATFORM: {"can_create_charges": False}}, "keys": {"sk_test_mine": {"account": PLATFORM}}}
    (tmp_path / "keys.json").write_text(json.dumps(described))
    charges = [a_record("charges", id=number, amount=100, currency="usd", source="tok_visa") for number in range(100)]
    lines = [a_schema("customers"), a_record("customers", id=1, name="Ann"), a_schema("charges"), *charges]

    with Sandbox("--keys", str(tmp_path / "keys.json")) as closed:
        done = run(closed, tmp_path, *lines, a_state(done=1), api_key="sk_test_mine", concurrency=1)
        charged = [each for each in closed.requests() if each["path"] == "/v1/charges"]

    assert done.code == 4
    assert "this account may not create charges" in done.errors[0]
    assert len(charged) == 5
    assert done.output == ""


def test_changed_charges_are_conflicts_and_do_not_stop_the_run(sandbox: Sandbox, tmp_path: Path) -> None:
    charges = [{"id": number, "amount": 100, "currency": "usd", "source": "tok_visa"} for number in range(8)]
    run(sandbox, tmp_path, a_schema("charges"), *[a_record("charges", **charge) for charge in charges])

    changed = [a_record("charges", **charge, description="changed") for charge in charges]
    done = run(sandbox, tmp_path, a_schema("charges"), *changed)

    assert done.code == 2
    assert done.summary.startswith("8 records: 8 rejected")
    assert "differs in description from what was sent under the same" in rejects(tmp_path)[0]["stripe_flow"]["reason"]
    assert len(sandbox.objects("charge")) == 8


def test_on_reject_fail_counts_declines_too(sandbox: Sandbox, tmp_path: Path) -> None:
    declined = a_record("charges", id=1, amount=100, currency="usd", source="tok_chargeDeclined")

    done = run(sandbox, tmp_path, a_schema("charges"), declined, on_reject="fail")

    assert done.code == 2
    assert done.errors[0].startswith(
        "stopped at line 2: the record: the card was declined (generic_decline): no reason"
    )


def test_meltanos_connection_test_creates_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    done = run(sandbox, tmp_path, a_schema("meltano_test_stream"), a_record("meltano_test_stream", id=1))

    assert done.code == 0
    assert done.summary == "0 records: nothing to do"
    assert {each["method"] for each in sandbox.requests()} == {"GET"}


def test_the_rate_may_be_a_fraction(sandbox: Sandbox, tmp_path: Path) -> None:
    lines = [a_schema("products"), *[a_record("products", id=number, name="Shirt") for number in range(4)]]

    done = run(sandbox, tmp_path, *lines, max_requests_per_second=2.5, timeout_s=20.5, give_up_after_s=9.5)

    assert done.summary == "4 records: 4 created"
    times = [each["time"] for each in sandbox.requests() if each["method"] == "POST"]
    assert times[-1] - times[0] >= 1  # three waits of 0.4 s


def test_an_empty_input_is_no_error(sandbox: Sandbox, tmp_path: Path) -> None:
    assert run(sandbox, tmp_path).summary == "0 records: nothing to do"


def in_schema_order(spec: ActionSpec, record: dict[str, Any]) -> dict[str, Any]:
    """The parameters in the order of the schema, at each level, as the target sends them. The client keeps an order."""
    schema: Any = spec.schema()  # Any: JSON

    def ordered(value: Any, known: dict[str, Any]) -> Any:  # Any: JSON
        if isinstance(value, dict) and "properties" in known:
            return {name: ordered(value[name], part) for name, part in known["properties"].items() if name in value}
        return value

    picked: dict[str, Any] = ordered(record, schema)
    return picked


def header(request: dict[str, Any], name: str) -> str | None:
    found = {key.lower(): value for key, value in request["headers"].items()}
    return found.get(name)


def test_a_fixed_reject_can_be_piped_back_through_the_same_maps(sandbox: Sandbox, tmp_path: Path) -> None:
    """The file has the record as it was read. If it had the mapped one, 7 dollars would become 700 dollars."""
    maps = {"orders": {"__alias__": "charges", "amount": "amount * 100"}}
    schema = a_schema("orders") | {"schema": {"properties": {name: {"type": kind} for name, kind in ORDER.items()}}}
    bad = a_record("orders", id="o-1", amount=7, source="tok_visa", currency="dollars")
    refused = run(sandbox, tmp_path, schema, bad, stream_maps=maps)
    fixed = (tmp_path / "stripe-flow-rejects.jsonl").read_text().replace("dollars", "usd")

    done = run(sandbox, tmp_path, fixed.encode(), stream_maps=maps)

    assert refused.summary.startswith("1 records: 1 rejected")
    assert done.summary == "1 records: 1 created"
    assert [each["amount"] for each in sandbox.objects("charge")] == [700]


ORDER = {"id": "string", "amount": "integer", "currency": "string", "source": "string"}


ANN = [a_schema("customers"), a_record("customers", id=1, name="Ann")]


@pytest.fixture
def two_keys(tmp_path: Path) -> Iterator[Sandbox]:
    """Two keys of one account: `rk_test_blind` may not read the account, `rk_test_seeing` may."""
    blind = {"account": PLATFORM, "rights": {"customer": "write"}}
    described = {"keys": {"rk_test_blind": blind, "rk_test_seeing": {"account": PLATFORM}}}
    (tmp_path / "keys.json").write_text(json.dumps(described))
    with Sandbox("--keys", str(tmp_path / "keys.json")) as running:
        yield running


def test_a_label_stays_when_a_later_key_may_read_the_account(two_keys: Sandbox, tmp_path: Path) -> None:
    blind = run(two_keys, tmp_path, *ANN, api_key="rk_test_blind", account_label="shop")
    seeing = run(two_keys, tmp_path, *ANN, api_key="rk_test_seeing", account_label="shop")

    assert (blind.summary, seeing.summary) == ("1 records: 1 created", "1 records: 1 unchanged")
    assert len(two_keys.objects("customer")) == 1


def test_a_label_for_an_account_that_the_journal_knows_by_its_id_stops_the_run(
    two_keys: Sandbox, tmp_path: Path
) -> None:
    run(two_keys, tmp_path, *ANN, api_key="rk_test_seeing")
    blind = run(two_keys, tmp_path, *ANN, api_key="rk_test_blind", account_label="shop")

    assert (blind.code, len(two_keys.objects("customer"))) == (1, 1)
    assert PLATFORM in blind.errors[0]


def test_on_reject_fail_stops_at_a_charge_that_stripe_refuses_without_a_parameter(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    error = {"type": "invalid_request_error", "code": "charge_not_allowed"}
    refuse = {"kind": "answer", "status": 400, "error": error}
    sandbox.faults({"match": {"method": "POST", "path": "/v1/charges"}, "action": refuse})
    customers = [a_record("customers", id=number, name="Ann") for number in range(300)]
    charge = a_record("charges", id=1, amount=100, currency="usd", source="tok_visa")

    done = run(
        sandbox,
        tmp_path,
        a_schema("charges"),
        charge,
        a_schema("customers"),
        *customers,
        on_reject="fail",
        concurrency=1,
    )

    assert done.code == 2
    assert len(sandbox.objects("customer")) < 100


def test_no_log_shows_a_person_or_a_card_number_used_as_a_name(sandbox: Sandbox, tmp_path: Path) -> None:
    leave_a_customer_unknown(sandbox, tmp_path)
    sandbox.faults()
    lines = [
        a_schema("charges"),
        a_record("charges", id=1, amount=100, currency="usd", customer="ann@example.com", **{"4242424242424242": 1}),
        a_record("charges", id=2, amount=100, currency="usd", metadata={"4242 4242 4242 4242": 1}, source="tok_visa"),
    ]

    logs = [run(sandbox, tmp_path, *lines, dry_run=is_dry, max_rejects=1).log for is_dry in (True, False)]

    for log in logs:
        assert "ann@example.com" not in log
        assert "4242" not in log


def leave_a_customer_unknown(sandbox: Sandbox, folder: Path) -> None:
    failing = {"kind": "answer", "status": 500, "stored": "fault"}
    sandbox.faults({"match": {"method": "POST"}, "at": "after_execute", "action": failing})
    unknown = run(sandbox, folder, a_schema("customers"), a_record("customers", id="ann@example.com", name="Ann"))
    assert unknown.summary == "1 records: 1 unknown"
