"""The permissions of each action in docs/security.md are enough, and each of them is needed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from target_stripe_flow.actions.table import ACTIONS
from tests.support.official import official
from tests.support.plugins import ROOT, Ended, a_config, a_record, a_schema, run_target
from tests.support.sandbox import PLATFORM, Sandbox

ROW = re.compile(r"^\| `(\w+)`(?:, `charge_with: (\w+)`)? \| `(rak_\w+_write)` \| (.*) \|$", re.MULTILINE)
ROWS = ROW.findall((ROOT / "docs" / "security.md").read_text(encoding="utf-8"))
ALL = "sk_test_all"

# For each action and endpoint a record that needs every request of the action; `{…}` are ids in the sandbox.
RECORDS: dict[tuple[str, str], dict[str, Any]] = {
    ("customers", ""): {"name": "Ann", "email": "ann@example.com"},
    ("products", ""): {"name": "Cup"},
    ("prices", ""): {"currency": "usd", "unit_amount": 100, "product": "{product}"},
    ("charges", "charges"): {"amount": 100, "currency": "usd", "customer": "{customer}"},
    ("charges", "payment_intents"): {"amount": 100, "currency": "usd", "customer": "{payer}"},
    ("refunds", ""): {"charge": "{charge}", "amount": 50},
}


def granted(row: tuple[str, str, str, str]) -> list[str]:
    """The permissions of a row, the one to write first."""
    _, _, write, reads = row
    return [write, *dict.fromkeys(re.findall(r"`(rak_\w+_read)`", reads))]


def without(permissions: list[str], lacking: str) -> list[str]:
    """The permissions without that one; a missing write leaves the read."""
    return [
        each.replace("_write", "_read") if each == lacking else each
        for each in permissions
        if each != lacking or "_write" in each
    ]


def levels(permissions: list[str]) -> dict[str, str]:
    """The permissions as the key file of the sandbox has them."""
    named = [re.fullmatch(r"rak_(\w+)_(read|write)", each) for each in permissions]
    return {found[1]: found[2] for found in named if found}


def key_of(row: tuple[str, str, str, str], lacking: str = "") -> str:
    return "rk_test_" + "_".join([row[0], row[1], f"no_{lacking}" if lacking else "all"])


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A key for each row, and one without each of its permissions."""
    keys: dict[str, object] = {ALL: {"account": PLATFORM}}
    for row in ROWS:
        for lacking in ("", *granted(row)):
            keys[key_of(row, lacking)] = {"account": PLATFORM, "rights": levels(without(granted(row), lacking))}
    path = tmp_path_factory.mktemp("rights") / "keys.json"
    path.write_text(json.dumps({"accounts": {PLATFORM: {}}, "keys": keys}))
    with Sandbox("--keys", str(path)) as running:
        running.key = ALL
        yield running


@pytest.fixture(scope="module")
def ids(keyed: Sandbox) -> dict[str, str]:
    client = official(keyed).v1
    customer = client.customers.create({"source": "tok_visa"})
    payer = client.customers.create({})
    client.payment_methods.attach("pm_card_visa", {"customer": payer.id})
    method = client.payment_methods.list({"customer": payer.id}).data[0].id
    client.customers.update(payer.id, {"invoice_settings": {"default_payment_method": method}})
    charge = client.charges.create({"amount": 100, "currency": "usd", "source": "tok_visa"})
    product = client.products.create({"name": "Shirt"})
    return {"customer": customer.id, "payer": payer.id, "charge": charge.id, "product": product.id}


def write(keyed: Sandbox, ids: dict[str, str], folder: Path, row: tuple[str, str, str, str], key: str) -> Ended:
    action, way, *_ = row
    fields = {
        name: value.format(**ids) if isinstance(value, str) else value for name, value in RECORDS[action, way].items()
    }
    settings = a_config(keyed.url, api_key=key, account_id=PLATFORM, source_name=key, give_up_after_s=1)
    settings |= {"charge_with": way} if way else {}
    return run_target(folder, settings, [a_schema(action), a_record(action, id=1, **fields)])


def test_the_page_has_every_action_and_endpoint() -> None:
    assert {(action, way) for action, way, *_ in ROWS} == set(RECORDS)
    assert {action for action, _ in RECORDS} == set(ACTIONS)


@pytest.mark.promise("stripe", "An action needs the permissions that docs/security.md lists and no others")
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]} {row[1]}")
def test_an_action_needs_the_permissions_in_the_docs_and_no_more(
    keyed: Sandbox, ids: dict[str, str], tmp_path: Path, row: tuple[str, str, str, str]
) -> None:
    done = write(keyed, ids, tmp_path, row, key_of(row))

    assert done.summary == "1 records: 1 created", done.log


# A refund names a customer only if it is paid from that customer's balance, which the sandbox does not have.
UNUSED = {("refunds", "rak_customer_read")}
LACKING = [(row, permission) for row in ROWS for permission in granted(row) if (row[0], permission) not in UNUSED]


@pytest.mark.parametrize(("row", "permission"), LACKING, ids=lambda each: each if isinstance(each, str) else each[0])
def test_each_of_these_permissions_is_needed(
    keyed: Sandbox, ids: dict[str, str], tmp_path: Path, row: tuple[str, str, str, str], permission: str
) -> None:
    done = write(keyed, ids, tmp_path, row, key_of(row, permission))

    assert done.code == 4
    assert permission in done.log
