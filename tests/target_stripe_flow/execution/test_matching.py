"""Matching with objects that exist: an answer that does not show them all never means that there is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.official import official
from tests.support.plugins import Ended, a_config, a_record, a_schema, run_target
from tests.support.sandbox import Sandbox
from tests.support.wire import Cut, Peer, Turn, answer

EMAIL = "ann@example.com"
SHOWN = {"id": "cus_1", "object": "customer", "created": 1_700_000_000}


def match(url: str, folder: Path, *records: dict[str, Any], **settings: object) -> Ended:
    lines = [a_schema("customers"), *(a_record("customers", **record) for record in records)]
    return run_target(folder, a_config(url, match_customers_by="email", **settings), lines)


def a_list(*data: object, has_more: object = False) -> bytes:
    return answer(200, json.dumps({"object": "list", "data": data, "has_more": has_more}))


def reports(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "stripe-flow-rejects.jsonl").read_text().splitlines()
    return [json.loads(line)["stripe_flow"] for line in lines if '"RECORD"' in line]


def reasons(folder: Path) -> list[str]:
    return [each["reason"] for each in reports(folder)]


def refused(status: int, **error: str) -> bytes:
    return answer(status, json.dumps({"error": {"type": "invalid_request_error", **error}}))


@pytest.mark.promise("target 13", "If Stripe refuses a search for an e-mail address, no customer is created")
@pytest.mark.parametrize(
    "turns",
    [
        pytest.param([a_list(has_more=True)], id="empty, and more follows"),
        pytest.param([a_list({"object": "customer"})], id="no id"),
        pytest.param([a_list({"id": "", "object": "customer"})], id="empty id"),
        pytest.param([a_list({"id": 7, "object": "customer"})], id="id is a number"),
        pytest.param([a_list("cus_1")], id="no object"),
        pytest.param([a_list(None)], id="null"),
        pytest.param([a_list(SHOWN, has_more=True)], id="the same page for ever"),
        pytest.param([a_list(SHOWN, has_more=True), a_list(), a_list(has_more=True)], id="nothing behind the page"),
        pytest.param([a_list(SHOWN, {"object": "customer"})], id="one of two without an id"),
        pytest.param([a_list(SHOWN | {"object": "charge"})], id="another type"),
        pytest.param([a_list(SHOWN | {"object": 7})], id="a type that is no text"),
        pytest.param([refused(400, param="email")], id="refused by the value"),
        pytest.param([refused(400)], id="refused"),
        pytest.param([refused(402)], id="refused as a payment"),
        pytest.param([refused(404, code="resource_missing")], id="no such list"),
    ],
)
def test_an_answer_that_may_hide_a_match_rejects_the_record(turns: list[bytes], tmp_path: Path) -> None:
    with Peer(turns, check=answer(200, '{"id": "acct_1"}')) as peer:
        done = match(peer.url, tmp_path, {"id": 1, "email": EMAIL})

    assert done.summary.startswith("1 records: 1 rejected")
    assert not [request for request in peer.heard if request.startswith(b"POST")]
    assert reasons(tmp_path)[0].startswith("nothing is created, as ")
    assert [each["field"] for each in reports(tmp_path)] == ["email"]
    assert EMAIL not in done.log


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("{}", id="an object"),
        pytest.param('{"object": "list", "has_more": false}', id="no data"),
        pytest.param('{"object": "list", "data": {}, "has_more": false}', id="data is no list"),
        pytest.param('{"object": "list", "data": null, "has_more": false}', id="data is null"),
        pytest.param('{"object": "list", "data": []}', id="no has_more"),
        pytest.param('{"object": "list", "data": [], "has_more": 0}', id="has_more is a number"),
        pytest.param("[]", id="an array"),
        pytest.param('"x"', id="a text"),
    ],
)
def test_an_answer_that_is_no_list_stops_the_run(body: str, tmp_path: Path) -> None:
    with Peer([answer(200, body)], check=answer(200, '{"id": "acct_1"}')) as peer:
        done = match(peer.url, tmp_path, {"id": 1, "email": EMAIL}, give_up_after_s=1)

    assert done.code == 4
    assert not [request for request in peer.heard if request.startswith(b"POST")]


def test_a_match_behind_an_empty_page_is_found(tmp_path: Path) -> None:
    deleted = {"id": "cus_0", "object": "customer", "deleted": True}
    turns: list[Turn] = [a_list(deleted, has_more=True), a_list(), a_list(deleted, SHOWN), Cut()]
    with Peer(turns, check=answer(200, '{"id": "acct_1"}')) as peer:
        done = match(peer.url, tmp_path, {"id": 1, "email": EMAIL})

    assert done.summary == "1 records: 1 found"


def test_a_second_match_on_a_later_page_is_a_reject(tmp_path: Path) -> None:
    turns = [a_list(SHOWN, has_more=True), a_list(SHOWN | {"id": "cus_2"})]
    with Peer(turns, check=answer(200, '{"id": "acct_1"}')) as peer:
        done = match(peer.url, tmp_path, {"id": 1, "email": EMAIL})

    assert done.summary.startswith("1 records: 1 rejected")
    assert "matches several objects, cus_1, cus_2" in reasons(tmp_path)[0]


def test_a_record_on_a_test_clock_matches_the_customers_of_that_clock_only(sandbox: Sandbox, tmp_path: Path) -> None:
    client = official(sandbox).v1
    one, other = (str(client.test_helpers.test_clocks.create({"frozen_time": 1_600_000_000}).id) for _ in range(2))
    known = [str(client.customers.create({"email": EMAIL, **on}).id) for on in ({}, {"test_clock": one})]

    found = match(sandbox.url, tmp_path, {"id": 1, "email": EMAIL}, {"id": 2, "email": EMAIL, "test_clock": one})
    new = match(sandbox.url, tmp_path, {"id": 3, "email": EMAIL, "test_clock": other})

    assert found.summary == "2 records: 2 found"
    assert new.summary == "1 records: 1 created"
    assert [each["id"] for each in sandbox.objects("customer") if each["test_clock"] != other] == known[::-1]


# Another spelling of EMAIL, or none that a list can be filtered by.
MISSPELLED = [
    "",
    " ",
    f" {EMAIL}",
    f"{EMAIL} ",
    f"{EMAIL}\n",
    f"\ufeff{EMAIL}",
    f"{EMAIL}\u200b",
    f"{EMAIL}\u00a0",
    f"{EMAIL}\0",
    "ann@exam\u200bple.com",
    "ann @example.com",
    "ann@example.com\u3164",
    "\u2060ann@example.com",
    f"Ann <{EMAIL}>",
    "\u202eann@example.com",
    "\U0001f600" * 500,
]


@pytest.mark.promise("target 13", "An e-mail address with white space or invisible characters rejects its record")
@pytest.mark.parametrize("is_dry", [False, True])
def test_an_address_that_looks_like_another_is_rejected_by_email(
    *, is_dry: bool, sandbox: Sandbox, tmp_path: Path
) -> None:
    known = official(sandbox).v1.customers.create({"email": EMAIL}).id
    records = [{"id": number, "email": email} for number, email in enumerate(MISSPELLED)]

    done = match(sandbox.url, tmp_path, *records, {"id": "good", "email": EMAIL}, dry_run=is_dry)

    assert f": 1 found, {len(MISSPELLED)} rejected" in done.summary
    assert done.code == 0
    assert [each["id"] for each in sandbox.objects("customer")] == [known]
    assert EMAIL not in done.log
    if not is_dry:
        assert {each["field"] for each in reports(tmp_path)} == {"email"}


def test_an_empty_address_is_never_the_only_customer_of_the_account(sandbox: Sandbox, tmp_path: Path) -> None:
    official(sandbox).v1.customers.create({"name": "A stranger"})

    done = match(sandbox.url, tmp_path, {"id": 1, "email": ""}, {"id": 2, "email": EMAIL, "test_clock": ""})

    assert done.summary.startswith("2 records: 2 rejected")
    assert {each["field"] for each in reports(tmp_path)} == {"email", "test_clock"}


@pytest.mark.parametrize("concurrency", [1, 16])
def test_changes_of_one_customer_in_a_row_are_both_made(concurrency: int, sandbox: Sandbox, tmp_path: Path) -> None:
    match(sandbox.url, tmp_path, {"id": 1, "email": EMAIL})
    changes = [{"id": 1, "email": f"{letter}{EMAIL}"} for letter in "bc"]

    done = match(
        sandbox.url, tmp_path, *changes, {"id": 2, "email": EMAIL}, on_change="update", concurrency=concurrency
    )

    assert done.summary == "3 records: 1 created, 2 updated"
    assert {each["email"] for each in sandbox.objects("customer")} == {EMAIL, f"c{EMAIL}"}


def test_an_address_counts_as_written_where_nothing_is_matched_by_it(sandbox: Sandbox, tmp_path: Path) -> None:
    padded = {"id": 1, "email": f"\u200b{EMAIL}"}
    lines = [a_schema("customers"), a_record("customers", **padded)]
    done = run_target(tmp_path, a_config(sandbox.url), lines)

    again = match(sandbox.url, tmp_path, padded)

    assert (done.summary, again.summary) == ("1 records: 1 created", "1 records: 1 unchanged")


def test_an_update_may_not_give_an_object_an_address_that_looks_like_another(sandbox: Sandbox, tmp_path: Path) -> None:
    match(sandbox.url, tmp_path, {"id": 1, "email": EMAIL})

    done = match(sandbox.url, tmp_path, {"id": 1, "email": f"{EMAIL} "}, on_change="update")

    assert done.summary.startswith("1 records: 1 rejected")
    assert [each["email"] for each in sandbox.objects("customer")] == [EMAIL]
