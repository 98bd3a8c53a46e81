"""No message quotes a record: runs and commands over records whose every text is a canary, and all output searched."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.plugins import Ended, Message, a_config, a_record, a_schema, command, run, run_target
from tests.support.sandbox import Sandbox

NAME, MAIL, PHONE = "Canary Jones", "canary.jones@example.com", "+49 171 5550142"
CARD = "4242 4242 4242 4242"
CANARIES = ("anary", "example.com", "5550142", "4242")
ERROR = {
    "message": f"No such customer: {MAIL}, card {CARD}, phone {PHONE}",
    "code": f"no_such_customer: {NAME}",
    "param": f"metadata[{NAME}]",
}
TEXTS = {"description": f"for {NAME}", "metadata": {"who": NAME, NAME: MAIL}}
CHARGE = {"amount": 100, "currency": "usd", "receipt_email": MAIL} | TEXTS
ADDRESS = {"line1": f"{NAME} Street", "city": NAME, "postal_code": NAME}


def records(action: str) -> list[Message]:
    """Records of one action that end in many ways; the keys are canaries, too."""
    base: Mapping[str, Mapping[str, Any]] = {
        "customers": {"name": NAME, "email": MAIL, "phone": PHONE, "address": ADDRESS} | TEXTS,
        "products": {"name": NAME} | TEXTS,
        "prices": {"currency": "usd", "unit_amount": 5, "nickname": NAME, "product_data": {"name": NAME}},
        "charges": CHARGE | {"source": "tok_visa"},
        "refunds": {"charge": "ch_missing", "amount": 1, "metadata": {"who": NAME}},
    }
    good = base[action]
    wrong: list[Mapping[str, Any]] = [
        {"object": f"{MAIL} {CARD}", "deleted": True},
        {"object": {"who": NAME}, "deleted": MAIL},
        {"metadata": {"who": CARD}},
        {"metadata": {CARD: "x"}},
        {"metadata": {NAME: [MAIL]}},
        {"metadata": NAME},
        {"Meta-Data": {"who": NAME}, NAME: MAIL},
        {name: {"who": NAME} for name in good},
        {name: [MAIL] for name in good},
        dict.fromkeys(good, f"{CARD} {MAIL}"),
        dict.fromkeys(good, 4242424242424242),
        {"stripe_id": f"cus_{NAME}", "customer": MAIL, "product": NAME, "charge": NAME},
        {"customer": "CanaryJones", "product": "CanaryJones", "charge": "CanaryJones"},
        {"customer": CARD, "source": CARD},
        {"source": "tok_chargeDeclined"},
        {"amount": None, "unit_amount": "x", "name": None, "email": ""},
    ]
    keys = [NAME, MAIL, PHONE, CARD, f"{NAME} 1990"]
    rows: list[dict[str, Any]] = [{"id": key, **good} for key in keys]
    rows += [{"id": f"{NAME} {number}", **good, **each} for number, each in enumerate(wrong)]
    rows += [{"id": key, **good, "description": "other", "name": f"Other {NAME}"} for key in keys]
    rows += [{"id": key, **good} for key in (None, f" {NAME}", [NAME])]
    return [a_record(action, **row) for row in rows]


ALL = [
    line
    for action in ("customers", "products", "prices", "charges", "refunds")
    for line in (a_schema(action), *records(action))
]
WAYS: Mapping[str, dict[str, object]] = {
    "as usual": {},
    "with updates": {"on_change": "update", "product_id_from_key": True, "match_customers_by": "email"},
    "through intents": {"charge_with": "payment_intents"},
    "with the key in metadata": {"metadata_source_key": True},
    "a dry run": {"dry_run": True, "match_customers_by": "email"},
    "a stop at the first reject": {"on_reject": "fail"},
    "a stream map that fails": {"stream_maps": {"charges": {"amount": "int(record['description'])"}}},
}
REFUSED: Message = {"kind": "answer", "status": 400, "error": ERROR}
DECLINED, FAILED = REFUSED | {"status": 402}, REFUSED | {"status": 500, "stored": "fault"}
FAULTS: Mapping[str, list[Message]] = {
    "none": [],
    "refusals": [{"match": {"method": "POST"}, "times": 12, "action": REFUSED}],
    "refused reads": [{"match": {"method": "GET", "path": "/v1/customers"}, "action": REFUSED}],
    "declines": [{"match": {"path": "/v1/charges"}, "action": DECLINED}],
    "doubt": [{"match": {"method": "POST"}, "action": FAILED}],
}
COMMANDS = (
    *(["list"], ["list", "--json"], ["report", "--json"], ["report", "--output", "-"], ["source", "list"]),
    *(["retry", f"charges:{NAME}"], ["settle", f"charges:{MAIL}", "--as", "not-created"]),
    *(["forget", "--yes", "charges:x"], ["show", f"customers:{MAIL}"], ["show", "charges:nobody"]),
    ["show", f"products:{NAME}", "--json"],
)


def leaks(done: Ended) -> list[str]:
    text = (done.output + done.log).splitlines()
    return [line for line in text if any(canary in line for canary in CANARIES)]


@pytest.mark.promise("target 14", "No message quotes a value of a record")
@pytest.mark.parametrize(
    ("way", "fault"), sorted({*((way, "none") for way in WAYS), *(("with updates", fault) for fault in FAULTS)})
)
def test_no_output_quotes_a_record(way: str, fault: str, sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.faults(*FAULTS[fault])
    config = a_config(sandbox.url, **WAYS[way])

    done = run_target(tmp_path, config, ALL)
    sandbox.faults()
    path = command("target_stripe_flow", tmp_path, config)[-1]
    every = [[sys.executable, "-m", "stripe_flow_cli", "journal", *each, "--config", path] for each in COMMANDS]
    later = [run(line, tmp_path) for line in every] if way in {"as usual", "with updates"} else []

    assert "Traceback" not in done.log
    assert [leaks(each) for each in (done, *later)] == [[]] * (1 + len(later))
    rejects = tmp_path / "stripe-flow-rejects.jsonl"
    text = rejects.read_text() if rejects.exists() else ""
    assert [line for line in text.splitlines() if "4242 4242" in line or "4242424242" in line] == []
    reports = [each["stripe_flow"] for each in map(json.loads, text.splitlines()) if "stripe_flow" in each]
    assert [each["reason"] for each in reports if any(canary in each["reason"] for canary in CANARIES)] == []
    made = [each for kind in ("customer", "product", "price", "charge") for each in sandbox.objects(kind)]
    assert [each for each in made if "4242 4242" in json.dumps(each)] == []
