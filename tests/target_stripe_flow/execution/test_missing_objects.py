"""An object that Stripe does not have is asked for once in a run, unless a record of the run may have created it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from target_stripe_flow.actions.table import ACTIONS
from target_stripe_flow.execution import recent
from target_stripe_flow.execution.recent import Recent
from tests.kills.target.rows import WAYS, fields_of
from tests.support.official import official
from tests.support.plugins import Ended, Message, a_config, a_record, a_schema, run_target
from tests.support.sandbox import Sandbox
from tests.target_stripe_flow.execution.test_lookups import MAKE

REFERENCES = [
    (way, name, referenced)
    for way, (action, _) in WAYS.items()
    for name, referenced in ACTIONS[action].references.items()
]
DELETE: dict[str, Callable[[Any, str], object]] = {  # Any: the official client
    "customers": lambda client, stripe_id: client.customers.delete(stripe_id),
    "products": lambda client, stripe_id: client.products.delete(stripe_id),
}


def run(folder: Path, sandbox: Sandbox, lines: list[Message], **settings: object) -> Ended:
    return run_target(folder, a_config(sandbox.url, **settings), lines)


def asked(sandbox: Sandbox, stripe_id: str) -> int:
    """How often this object was read."""
    paths = [unquote(each["path"]) for each in sandbox.requests() if each["method"] == "GET"]
    return sum(path.endswith(f"/{stripe_id}") for path in paths)


@pytest.mark.promise("target 13", "An object that Stripe does not have is asked for once in a run")
@pytest.mark.parametrize(
    ("way", "name", "referenced", "is_deleted"),
    [
        (*each, is_deleted)
        for each in REFERENCES
        for is_deleted in (False, True)
        if not is_deleted or each[-1] in DELETE  # nobody deletes a charge
    ],
)
def test_a_reference_to_a_missing_object_is_asked_for_once(
    *, way: str, name: str, referenced: str, is_deleted: bool, sandbox: Sandbox, tmp_path: Path
) -> None:
    action, chosen = WAYS[way]
    stripe_id, client = "nobody", official(sandbox).v1
    if is_deleted:
        stripe_id = str(getattr(client, referenced).create(MAKE[referenced]).id)
        DELETE[referenced](client, stripe_id)
    own = {key: value for key, value in fields_of(sandbox, action).items() if key != "product_data"}
    records = [a_record(action, id=number, **own | {name: stripe_id}) for number in range(5)]
    others = [a_schema("products"), *(a_record("products", id=number, name="P") for number in range(3))]

    done = run(tmp_path, sandbox, [a_schema(action), *records, *others, *records], **chosen)

    assert done.summary.startswith("13 records: 3 created, 10 rejected")
    assert asked(sandbox, stripe_id) == 1


def test_a_customer_that_several_records_name_is_asked_for_once(sandbox: Sandbox, tmp_path: Path) -> None:
    finds = [a_schema("customers"), *(a_record("customers", id=n, stripe_id="cus_nobody") for n in range(3))]
    charge = a_record("charges", id=1, amount=100, currency="usd", customer="cus_nobody")

    done = run(tmp_path, sandbox, [*finds, a_schema("charges"), charge])

    assert done.summary.startswith("4 records: 4 rejected")
    assert asked(sandbox, "cus_nobody") == 1


def test_a_payment_method_and_a_customer_that_is_gone_are_asked_for_once(sandbox: Sandbox, tmp_path: Path) -> None:
    chosen = {"charge_with": "payment_intents"}
    run(tmp_path, sandbox, [a_schema("customers"), a_record("customers", id="c", source="tok_visa")])
    [customer] = sandbox.objects("customer")
    official(sandbox).v1.customers.delete(customer["id"])
    fields = {"amount": 100, "currency": "usd"}
    records = [
        *(a_record("charges", id=f"m{n}", source="pm_nobody", **fields) for n in range(3)),
        *(a_record("charges", id=f"c{n}", customer="c", **fields) for n in range(3)),
    ]

    done = run(tmp_path, sandbox, [a_schema("charges"), *records], **chosen)

    assert done.summary.startswith("6 records: 6 rejected")
    assert (asked(sandbox, "pm_nobody"), asked(sandbox, customer["id"])) == (1, 1)


def price(number: object, product: str) -> Message:
    return a_record("prices", id=number, currency="usd", unit_amount=100, product=product)


def test_a_product_that_a_record_of_the_run_creates_is_found(sandbox: Sandbox, tmp_path: Path) -> None:
    """The prices name it before it exists: by the id that a product gets from its key, or that a price gives it."""
    inline = {"currency": "usd", "unit_amount": 100, "product_data": {"name": "P", "id": "inline"}}
    lines = [
        a_schema("prices"),
        price(1, "inline"),
        price(2, "keyed"),
        price(3, "nobody"),
        a_record("prices", id=4, **inline),
        price(5, "inline"),
        a_schema("products"),
        a_record("products", id="keyed", name="P"),
        a_schema("prices"),
        price(6, "keyed"),
        price(7, "nobody"),
    ]

    done = run(tmp_path, sandbox, lines, product_id_from_key=True)

    assert done.summary.startswith("8 records: 6 created, 2 rejected")
    assert {each["id"] for each in sandbox.objects("product")} == {"inline", "keyed"}
    assert asked(sandbox, "nobody") == 1


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent, "MOST_KNOWN", 3)
    cache: Recent[str, int] = Recent()

    for number in range(10):
        cache.put(str(number), number)
        cache.get("0")

    assert [cache.get(str(number)) for number in range(10)] == [0, *[None] * 7, 8, 9]
    cache.forget("0")
    assert cache.get("0") is None
