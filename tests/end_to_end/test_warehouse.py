"""All streams in DuckDB and PostgreSQL, through real Meltano: every value is the one that the official client reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tap_stripe_flow.streams import STREAMS, StreamSpec
from tests.end_to_end.official_copy import Json, OfficialCopy
from tests.end_to_end.warehouses import DUCKDB, POSTGRES, Warehouse
from tests.support.official import official
from tests.support.postgres import Postgres
from tests.support.sandbox import CONNECTED, PLATFORM, Sandbox

pytestmark = pytest.mark.volume

ACCOUNTS = (PLATFORM, CONNECTED)
SETTINGS = {"capture": "changes", "customers_mode": "list", "account_ids": ["self", CONNECTED]}
# More and less than `overlap_s`.
LATER_S, SOON_S = 1_800, 300
MOST_SHOWN = 50
ABSENT = object()

# Texts that a file between the tap and the database could change, and numbers that it could round.
ODD_TEXTS = [
    "",
    " ",
    "null",
    "NULL",
    "\\N",
    "\\",
    "{}",
    "it's",
    'a "quoted" one',
    "a,b;c\t|",
    "line\nline\r\n",
    "Ünï 😀 \u2028",
]
ODD_NUMBERS: Json = {"amount_off": 2**53 + 1, "percent_off": 33.33, "redeem_by": 9_999_999_999}
# Changes of objects without metadata; all others change their metadata.
CHANGES: dict[str, Json] = {
    "application_fee": {"amount_refunded": 5},
    "radar.early_fraud_warning": {"actionable": False},
    "invoice_payment": {"amount_paid": 7},
    "tax_id": {"value": "DE2"},
    "review": {"open": False, "closed_reason": "refunded"},  # which hides it from the list
}
# Stripe has no event of a change of a PaymentIntent's metadata, or of such a transaction; the sandbox none of a price's
# deletion.
UNCHANGED = ("payment_intent", "customer_cash_balance_transaction", "price")
# Streams that each run reads whole.
READ_WHOLE = {spec.name for spec in STREAMS if spec.listed.stamp is None}
CHILDREN = [spec for spec in STREAMS if spec.child_of is not None]
TOPS = [spec for spec in STREAMS if spec.child_of is None]
# With the one that it has, more than Stripe shows inside an object.
MORE_CHILDREN = 11


@pytest.mark.promise(
    "meltano",
    "All streams of two accounts are in DuckDB and PostgreSQL value for value, also after changes and deletions",
)
def test_every_value_is_the_one_that_the_official_client_reads(
    warehouses: tuple[Warehouse, ...], sandbox: Sandbox
) -> None:
    stripe = OfficialCopy(sandbox, ACCOUNTS)
    for warehouse in warehouses:
        warehouse.create(sandbox.url, ["*.*"], **SETTINGS)

    for emitted in load(warehouses):
        assert len(emitted) == len(STREAMS) * len(ACCOUNTS)
        assert all(emitted.values())
    stripe.read()
    compare(stripe, warehouses)

    change(sandbox, stripe)
    for emitted in load(warehouses):
        # Connected accounts have no events, so new child objects of an old one do not come.
        assert {stream for (stream, _), records in emitted.items() if not records} == {"persons", "external_accounts"}
    stripe.read()
    compare(stripe, warehouses)

    [emitted] = load(warehouses[:1])
    assert {stream for (stream, _), records in emitted.items() if records} <= READ_WHOLE
    compare(stripe, warehouses)


def load(warehouses: tuple[Warehouse, ...]) -> list[Mapping[tuple[str, str], int]]:
    """A run into each warehouse, at the same time."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(Warehouse.load, warehouses))


@pytest.fixture
def warehouses(tmp_path: Path) -> Iterator[tuple[Warehouse, ...]]:
    with Postgres() as server:
        url = server.on_loopback("warehouse")
        yield tuple(Warehouse(loader=each, folder=tmp_path / each.name, url=url) for each in (DUCKDB, POSTGRES))


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Objects of every stream in both accounts; in the first one more charges and child objects than a page shows."""
    with Sandbox("--furnish", "3", "--seed", "1", "--charges", "120", "--days", "20") as running:
        for spec in CHILDREN:
            running.make(spec.name, MORE_CHILDREN, of=running.objects(spec.listed.kind)[0]["id"])
        with_odd_values(running)
        running.advance(LATER_S)
        yield running


def with_odd_values(sandbox: Sandbox) -> None:
    """Coupons with each text in a column and in an object, a list of all texts, and a product for `change`."""
    for text, coupon in zip(ODD_TEXTS, sandbox.make("coupon", len(ODD_TEXTS)), strict=True):
        sandbox.change("coupon", coupon, name=text, metadata={text or "-": text, "N": "1", "n": "2"}, **ODD_NUMBERS)
    sandbox.change("webhook_endpoint", *sandbox.make("webhook_endpoint"), enabled_events=ODD_TEXTS)
    for account in ACCOUNTS:
        client = official(sandbox, account).v1
        client.products.create({"id": "again", "name": "Chair"})
        client.payment_intents.create({"amount": 500, "currency": "usd"})


def change(sandbox: Sandbox, stripe: OfficialCopy) -> None:
    """In each account new, changed and deleted objects of every stream that has events of them."""
    for account in ACCOUNTS:
        change_by_api(official(sandbox, account).v1)
        for spec in (*CHILDREN, *TOPS):  # children first: the parent's change brings those without events
            if spec.listed.events or spec.child_of is None:
                change_objects(sandbox, spec, account, stripe.objects(spec.name, account))
        [closed] = sandbox.make("review", account=account)
        sandbox.change("review", closed, account=account, **CHANGES["review"])
        stripe.note("reviews", account, closed)
    sandbox.advance(SOON_S)


def change_by_api(client: Any) -> None:  # Any: see official
    client.products.delete("again")
    client.products.create({"id": "again", "name": "Table"})
    client.customers.create({"name": "Ada", "source": "tok_visa"})
    client.payment_intents.cancel(client.payment_intents.list().data[0].id)
    client.refunds.create({"charge": client.charges.list().data[0].id, "amount": 10})


def change_objects(sandbox: Sandbox, spec: StreamSpec, account: str, objects: list[Json]) -> None:
    """One object changed, one deleted, one new; `objects` are those of the stream, oldest first."""
    first, second, third, *_ = objects
    if spec.events and spec.kind not in UNCHANGED:
        values = CHANGES.get(spec.kind, {"metadata": {"tick": "2"}})
        sandbox.change(spec.name, first["id"], of=first.get("_stripe_parent"), account=account, **values)
    if spec.deleted_by and spec.kind not in UNCHANGED:
        left = third if spec.child_of else second  # not a child of the parent that is deleted
        sandbox.delete(spec.name, left["id"], of=left.get("_stripe_parent"), account=account)
    sandbox.make(spec.name, of=first.get("_stripe_parent"), account=account)


def compare(stripe: OfficialCopy, warehouses: tuple[Warehouse, ...]) -> None:
    found = [f"{each.loader.name}: {difference}" for each in warehouses for difference in differences(stripe, each)]
    if found:
        pytest.fail("\n".join([f"{len(found)} differences:", *found[:MOST_SHOWN]]), pytrace=False)


def differences(stripe: OfficialCopy, warehouse: Warehouse) -> Iterator[str]:
    """Each value in a table that is not the one of `stripe`, and each table and row too few or too many."""
    tables, turns = warehouse.rows(), warehouse.loader.turns
    yield from unequal("table", tables.keys(), stripe.tables.keys())
    for name in sorted(tables.keys() & stripe.tables.keys()):
        expected, rows = stripe.tables[name], {(row["_stripe_account"], row["id"]): row for row in tables[name]}
        if len(rows) != len(tables[name]):
            yield f"{name}: a key twice"
        yield from unequal(f"{name}: row", rows.keys(), expected.keys())
        for key in sorted(rows.keys() & expected.keys()):
            for column in sorted(rows[key].keys() | expected[key].keys()):
                # A member that is absent is NULL, as one that is null.
                ours, theirs = rows[key].get(column), expected[key].get(column)
                theirs = turns.get(theirs, theirs) if isinstance(theirs, str) else theirs
                yield from (f"{name}: {key}: {each}" for each in different(ours, theirs, column))


def unequal(what: str, ours: Iterable[object], theirs: Iterable[object]) -> Iterator[str]:
    yield from (f"{what} {each} is missing" for each in {*theirs} - {*ours})
    yield from (f"{what} {each} is not Stripe's" for each in {*ours} - {*theirs})


def different(ours: object, theirs: object, path: str) -> Iterator[str]:
    """Where two values of a column differ, at any depth. 1 is 1.0, but not true."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name in ours.keys() | theirs.keys():
            yield from different(ours.get(name, ABSENT), theirs.get(name, ABSENT), f"{path}.{name}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for number, (our, their) in enumerate(zip(ours, theirs, strict=True)):
            yield from different(our, their, f"{path}[{number}]")
    elif isinstance(ours, bool) != isinstance(theirs, bool) or ours != theirs:
        yield f"{path} is {ours!r:.100}, not {theirs!r:.100}"
