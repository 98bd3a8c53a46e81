"""No request leaves the list that it is for, whatever the ids in the records and in Stripe's answers hold."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.kills.target.rows import WAYS, fields_of
from tests.support.between import Between
from tests.support.plugins import a_config, a_record, a_schema, run_target
from tests.support.sandbox import Sandbox

LEAVING = [".", "..", "a\0"]
ODD = [
    *("%2e", "%2e%2e", "%2E%2E%2F", "..%2f..", "...", "..;", "/", "//", "../customers", "../../v1/charges", "a/../.."),
    *("a/b", "a b", "?limit=1", "#1", "cus_1?expand[]=x", "\\..\\..", "\r\nX: y", "ü", "😀", "&", "+", "x" * 4_000),
]
PADDED = [each for each in ODD if each != each.strip()]  # looks like another key
LONG = ["y" * 4_001, "ü" * 2_000]


def paths(sandbox: Sandbox) -> set[str]:
    return {each["path"] for each in sandbox.requests()} - {"/v1/account"}


def test_a_product_is_created_and_changed_under_its_own_id_only(sandbox: Sandbox, tmp_path: Path) -> None:
    ids = [*LEAVING, *LONG, *ODD]
    settings = a_config(sandbox.url, product_id_from_key=True, on_change="update")

    runs = [
        run_target(
            tmp_path,
            settings,
            [a_schema("products"), *(a_record("products", id=each, name=name, metadata=given) for each in ids)],
        )
        for name, given in (("P", {"a": "b"}), ("Q", None))
    ]

    fine, refused = set(ODD) - set(PADDED), len(LEAVING) + len(LONG) + len(PADDED)
    for word, done in zip(("created", "updated"), runs, strict=True):
        assert f"{len(fine)} {word}, {refused} rejected" in done.summary
    assert {each["id"] for each in sandbox.objects("product")} == fine
    assert all(path.count("/") <= 3 and path.startswith("/v1/products") for path in paths(sandbox))
    assert {unquote(path.removeprefix("/v1/products").removeprefix("/")) for path in paths(sandbox)} == {"", *fine}


@pytest.mark.parametrize("way", ["charges", "payment_intents", "prices", "refunds", "customers"])
def test_what_a_record_names_is_asked_for_in_its_list_only(way: str, sandbox: Sandbox, tmp_path: Path) -> None:
    action, chosen = WAYS[way]
    named = {"prices": ["product"], "refunds": ["charge", "customer"], "customers": ["stripe_id"]}
    fields = named.get(action, ["customer", "source"])
    own = {name: value for name, value in fields_of(sandbox, action).items() if name != "product_data"}
    odd = [*LEAVING, *LONG, *ODD, *(f"pm_{each}" for each in [*LEAVING, *ODD]), "pm_", "pm_ü", "pm_" + "x" * 5_000]
    records = [
        a_record(action, id=f"{name}{number}", **own | {name: each})
        for name in fields
        for number, each in enumerate(odd)
    ]
    before = len(sandbox.requests())

    done = run_target(tmp_path, a_config(sandbox.url, **chosen), [a_schema(action), *records])

    heard = [each for each in sandbox.requests()[before:] if each["path"] != "/v1/account"]
    lists = {"/v1/customers", "/v1/products", "/v1/charges", "/v1/payment_methods"}
    assert {each["path"].rpartition("/")[0] for each in heard if each["method"] == "GET"} <= lists
    assert f"{len(records)} records: " in done.summary
    assert not done.errors


@pytest.mark.parametrize("stripe_id", ["..", ".", "", "../charges", "a\0"])
def test_an_id_in_an_answer_leaves_no_list(stripe_id: str, sandbox: Sandbox, tmp_path: Path) -> None:
    """The id of a created object, and of a customer's default, come from answers."""
    lines = [a_schema("customers"), a_record("customers", id=1, source="tok_visa")]
    changed = [a_schema("customers"), a_record("customers", id=1, source="tok_visa", name="New", metadata=None)]
    charge = [a_schema("charges"), a_record("charges", id=1, amount=100, currency="usd", customer="1")]
    settings = {"on_change": "update", "charge_with": "payment_intents"}
    with Between(sandbox.url, changes={"/v1/customers": {"id": stripe_id}}) as peer:
        done = run_target(tmp_path, a_config(peer.url, **settings), [*lines, *changed, *charge])

    assert all(path.startswith("/v1/customers") and path.count("/") <= 3 for path in paths(sandbox))
    assert not paths(sandbox) & {"/v1/customers/", "/v1/customers/.", "/v1/customers/.."}
    assert sandbox.objects("charge") == []
    assert not done.errors
