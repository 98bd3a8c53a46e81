"""Lists inside objects, which Stripe cuts after ten entries."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from stripe_flow.api.settings import open_client
from tap_stripe_flow.listing.nested import complete
from tests.support.official import everything, official
from tests.support.plugins import Ended, a_config, run_tap
from tests.support.sandbox import CONNECTED, Sandbox
from tests.tap_stripe_flow.crowds import post

REFUNDS = (0, 1, 9, 10, 11, 25, 215)
# A text that looks like a list that was cut.
TRAP = '"has_more":true, {"object":"list","has_more":true,"data":[{"id":"x"}]} \\"has_more\\":true'


@pytest.fixture(scope="module")
def refunded() -> Iterator[Sandbox]:
    """One charge for each number of refunds. Tests only read it."""
    with Sandbox() as running:
        made_refunds(running)
        yield running


def made_refunds(sandbox: Sandbox, account: str | None = None) -> None:
    client = official(sandbox, account).v1
    for count in REFUNDS:
        charge = client.charges.create(
            {"amount": 50_000, "currency": "usd", "source": "tok_visa", "description": TRAP, "metadata": {"n": count}}
        )
        post(sandbox, [("/v1/refunds", f"charge={charge.id}&amount=100")] * count, account=account)
    sandbox.advance(3_000)


def refunds_by_charge(sandbox: Sandbox, account: str | None = None) -> Mapping[str, list[dict[str, Any]]]:
    """The refunds of each charge by the official client, newest first."""
    client = official(sandbox, account).v1
    return {each["id"]: everything(client.refunds, charge=each["id"]) for each in everything(client.charges)}


def assert_whole(done: Ended, sandbox: Sandbox, account: str | None = None) -> None:
    charges = done.records("charges")
    assert done.code == 0
    assert {each["id"]: each["refunds"]["data"] for each in charges} == refunds_by_charge(sandbox, account)
    assert sorted(len(each["refunds"]["data"]) for each in charges) == sorted(REFUNDS)
    assert {each["refunds"]["has_more"] for each in charges} == {False}
    assert {each["description"] for each in charges} == {TRAP}


@pytest.mark.promise("tap 5", "A list inside an object is complete, whatever is deleted meanwhile")
def test_a_nested_list_is_complete(refunded: Sandbox, tmp_path: Path) -> None:
    done = run_tap(tmp_path, a_config(refunded.url, expand=["refunds"]))

    assert_whole(done, refunded)


def test_a_nested_list_is_read_in_pages_of_a_hundred(tmp_path: Path, refunded: Sandbox) -> None:
    before = len(refunded.requests())

    run_tap(tmp_path, a_config(refunded.url, expand=["refunds"]))

    asked = [each["path"] for each in refunded.requests()[before:]]
    nested = [path for path in asked if path.startswith("/v1/charges/")]
    assert len(nested) == sum(-(-(count - 10) // 100) for count in REFUNDS if count > 10)


def test_a_nested_list_whose_url_has_a_filter_is_complete(refunded: Sandbox) -> None:
    """For example the items of a subscription."""
    charge = everything(official(refunded).v1.charges)[0]["id"]
    theirs = everything(official(refunded).v1.refunds, charge=charge)
    cut = {"object": "list", "has_more": True, "data": theirs[:10], "url": f"/v1/refunds?charge={charge}&limit=1"}

    whole = complete(json.dumps({"refunds": cut}).encode(), open_client(a_config(refunded.url)), "/v1/charges")

    assert json.loads(whole)["refunds"]["data"] == theirs
    assert len(theirs) == REFUNDS[-1]


def test_a_nested_list_is_absent_unless_it_is_asked_for(refunded: Sandbox, tmp_path: Path) -> None:
    done = run_tap(tmp_path, a_config(refunded.url))

    assert len(done.records("charges")) == len(REFUNDS)
    assert [each for each in done.records("charges") if "refunds" in each] == []


def test_a_nested_list_is_complete_in_mapped_records(refunded: Sandbox, tmp_path: Path) -> None:
    maps = {"charges": {"n": "int(metadata['n'])"}}

    done = run_tap(tmp_path, a_config(refunded.url, expand=["refunds"], stream_maps=maps))

    assert_whole(done, refunded)
    assert all(each["n"] == len(each["refunds"]["data"]) for each in done.records("charges"))


def test_a_nested_list_of_a_connected_account_is_complete(sandbox: Sandbox, tmp_path: Path) -> None:
    made_refunds(sandbox, CONNECTED)

    done = run_tap(tmp_path, a_config(sandbox.url, expand=["refunds"], account_ids=[CONNECTED]))

    assert_whole(done, sandbox, CONNECTED)
    nested = [
        each for each in sandbox.requests() if each["path"].startswith("/v1/charges/") and each["method"] == "GET"
    ]
    assert {each["account"] for each in nested} == {CONNECTED}


def test_the_nested_list_of_a_changed_object_is_complete(sandbox: Sandbox, tmp_path: Path) -> None:
    settings = a_config(sandbox.url, expand=["refunds"], capture="changes")
    made_refunds(sandbox)
    state = run_tap(tmp_path, settings).states[-1]
    changed = [each for each in everything(official(sandbox).v1.charges) if each["metadata"]["n"] in {"25", "215"}]
    for each in changed[:2]:
        official(sandbox).v1.refunds.create({"charge": each["id"], "amount": 100})

    done = run_tap(tmp_path, settings, state=state)

    found = {each["id"]: each["refunds"] for each in done.records("charges")}
    assert sorted(len(each["data"]) for each in found.values()) == [26, 216]
    assert {each["has_more"] for each in found.values()} == {False}
    assert {name: each["data"] for name, each in found.items()} == {
        each["id"]: everything(official(sandbox).v1.refunds, charge=each["id"]) for each in changed
    }
