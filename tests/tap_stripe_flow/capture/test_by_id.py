"""Reading by id: the stream customers reads exactly the customers of a setting, on every run."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tap_stripe_flow.streams import STREAMS
from tests.support.official import official
from tests.support.plugins import Ended, Message, a_config, run_tap
from tests.support.sandbox import CONNECTED, PLATFORM, Sandbox
from tests.tap_stripe_flow.furnishing import with_selected


@dataclass(frozen=True, kw_only=True)
class World:
    """Customers of two accounts; `deleted_id` is the id of a deleted one."""

    sandbox: Sandbox
    ada: str
    emmy: str
    deleted_id: str
    far: str

    def read(self, folder: Path, *ids: str, **settings: object) -> Ended:
        return run_tap(folder, a_config(self.sandbox.url, customer_ids=list(ids), **settings))

    def retrieved(self, *ids: str, account: str | None = None) -> list[Message]:
        """The customers as the official client reads them."""
        return [dict(official(self.sandbox, account).v1.customers.retrieve(each).to_dict()) for each in ids]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with Sandbox() as running:
        own, other = (official(running, account).v1.customers for account in (None, CONNECTED))
        names = [own.create({"name": name, "source": "tok_visa"}).id for name in ("Ada", "Emmy", "Gone")]
        own.delete(names[2])
        yield World(
            sandbox=running, ada=names[0], emmy=names[1], deleted_id=names[2], far=other.create({"name": "Far"}).id
        )


def ids(done: Ended) -> list[str]:
    return [record["id"] for record in done.records("customers")]


def test_customers_are_emitted_in_the_order_of_their_ids(world: World, tmp_path: Path) -> None:
    done = world.read(tmp_path, world.emmy, world.ada)

    assert done.code == 0
    assert done.records("customers") == world.retrieved(world.emmy, world.ada)


def test_an_id_named_twice_is_emitted_once(world: World, tmp_path: Path) -> None:
    done = world.read(tmp_path, world.ada, f" {world.emmy} ", world.ada)

    assert ids(done) == [world.ada, world.emmy]


def test_a_deleted_customer_is_emitted_as_deleted(world: World, tmp_path: Path) -> None:
    done = world.read(tmp_path, world.deleted_id, world.ada)

    assert done.code == 0
    assert done.records("customers")[0] == {"id": world.deleted_id, "object": "customer", "deleted": True}
    assert ids(done) == [world.deleted_id, world.ada]


@pytest.mark.promise("tap 8", "An unknown customer id is named, and the others are emitted")
def test_an_unknown_id_is_named_and_the_others_are_read(world: World, tmp_path: Path) -> None:
    done = world.read(tmp_path, "cus_unknown", world.ada, "cus_x?y#z", world.emmy)

    assert done.code == 2
    assert ids(done) == [world.ada, world.emmy]
    assert ["cus_unknown" in line for line in done.errors] == [True, False]
    assert len(done.errors) == 2
    assert "charges" in done.states[-1]["bookmarks"]  # the other streams go on


def test_every_run_emits_them_again(world: World, tmp_path: Path) -> None:
    first = world.read(tmp_path, world.ada)
    second = run_tap(tmp_path, a_config(world.sandbox.url, customer_ids=[world.ada]), state=first.states[-1])

    assert second.records("customers") == first.records("customers") == world.retrieved(world.ada)


def test_a_customer_of_another_account_has_the_account_id(world: World, tmp_path: Path) -> None:
    done = world.read(tmp_path, f"{CONNECTED}/{world.far}", world.ada)

    assert done.code == 0
    assert sorted(done.records("customers"), key=lambda each: each["id"] == world.ada) == [
        *[{**each, "_stripe_account": CONNECTED} for each in world.retrieved(world.far, account=CONNECTED)],
        *[{**each, "_stripe_account": PLATFORM} for each in world.retrieved(world.ada)],
    ]
    schema = next(each for each in done.messages if each["type"] == "SCHEMA" and each["stream"] == "customers")
    assert schema["key_properties"] == ["id", "_stripe_account"]
    assert schema["schema"]["properties"]["_stripe_account"] == {"type": "string"}
    charges = next(each for each in done.messages if each["type"] == "SCHEMA" and each["stream"] == "charges")
    assert charges["key_properties"] == ["id"]


def test_the_own_account_may_be_named_or_not(world: World, tmp_path: Path) -> None:
    done = world.read(
        tmp_path, world.ada, f"{CONNECTED}/{world.far}", f"{PLATFORM}/{world.emmy}", f"{PLATFORM}/{world.ada}"
    )

    assert done.code == 0
    assert Counter((each["_stripe_account"], each["id"]) for each in done.records("customers")) == {
        (PLATFORM, world.ada): 1,
        (PLATFORM, world.emmy): 1,
        (CONNECTED, world.far): 1,
    }


def test_an_id_of_the_wrong_account_is_unknown_there(world: World, tmp_path: Path) -> None:
    done = world.read(tmp_path, f"{CONNECTED}/{world.ada}", world.emmy)

    assert done.code == 2
    assert ids(done) == [world.emmy]
    assert world.ada in done.errors[0]
    assert CONNECTED in done.errors[0]


def test_without_ids_the_stream_is_left_out(world: World, tmp_path: Path) -> None:
    catalog = json.loads(run_tap(tmp_path, a_config(world.sandbox.url), "--discover").output)
    done = run_tap(tmp_path, a_config(world.sandbox.url))

    selected = {
        stream["tap_stream_id"]: next(m for m in stream["metadata"] if m["breadcrumb"] == [])["metadata"]["selected"]
        for stream in catalog["streams"]
    }
    assert {name for name, is_selected in selected.items() if is_selected} == {"charges", "refunds"}
    assert "customers" in selected
    assert done.code == 0
    assert {each["stream"] for each in done.messages if each["type"] == "SCHEMA"} == {"charges", "refunds"}


OF_CUSTOMERS = sorted(spec.name for spec in STREAMS if spec.listed.name == "customers")


@pytest.mark.parametrize("settings", [{}, {"account_ids": ["self"]}], ids=["one account", "account_ids"])
def test_streams_of_customers_fail_alone_without_ids(world: World, tmp_path: Path, settings: dict[str, object]) -> None:
    config = a_config(world.sandbox.url, **settings)
    catalog = json.loads(run_tap(tmp_path, config, "--discover").output)

    done = run_tap(tmp_path, config, catalog=with_selected(catalog, "refunds", *OF_CUSTOMERS))
    tested = run_tap(tmp_path, config, "--test", catalog=with_selected(catalog, "refunds", *OF_CUSTOMERS))
    only = run_tap(tmp_path, config, catalog=with_selected(catalog, "customer_tax_ids"))

    assert [each.code for each in (done, tested, only)] == [2, 2, 1]
    assert {each["stream"] for each in done.messages if each["type"] == "SCHEMA"} == {"refunds"}
    assert [error.split()[1] for error in done.errors] == OF_CUSTOMERS
    assert all("setting customer_ids is empty" in error and "customers_mode" in error for error in done.errors)
    assert done.log.count("failed: stream misconfigured") == 2 * len(OF_CUSTOMERS)  # when it fails, and in the table


def test_only_the_named_customers_are_requested(world: World, tmp_path: Path) -> None:
    before = len(world.sandbox.requests())

    world.read(tmp_path, world.ada, world.emmy, customers_mode="find")

    asked = {each["path"] for each in world.sandbox.requests()[before:]}
    assert asked == {"/v1/charges", "/v1/refunds", f"/v1/customers/{world.ada}", f"/v1/customers/{world.emmy}"}


def test_a_list_of_customers_keeps_its_bookmark_while_ids_are_read(world: World, tmp_path: Path) -> None:
    listed = run_tap(tmp_path, a_config(world.sandbox.url, customers_mode="list"))

    found = run_tap(tmp_path, a_config(world.sandbox.url, customer_ids=[world.ada]), state=listed.states[-1])

    assert ids(found) == [world.ada]
    assert found.states[-1]["bookmarks"]["customers"] == listed.states[-1]["bookmarks"]["customers"]


@pytest.mark.parametrize("wrong", ["", "/cus_1", "acct_1/", "cus_1/cus_2", "a b/cus_1"])
def test_an_invalid_customer_id_is_refused(world: World, tmp_path: Path, wrong: str) -> None:
    done = world.read(tmp_path, world.ada, wrong)

    assert done.code == 1
    assert done.messages == []
    assert len(done.errors) == 1


def test_a_hundred_customers_are_emitted_in_order(sandbox: Sandbox, tmp_path: Path) -> None:
    made = [official(sandbox).v1.customers.create({"name": str(number)}).id for number in range(100)]

    done = run_tap(tmp_path, a_config(sandbox.url, customer_ids=made[::-1], concurrency=5))

    assert ids(done) == made[::-1]


def test_a_missing_permission_fails_only_its_stream(sandbox: Sandbox, tmp_path: Path) -> None:
    rule = {"name": "forbidden", "match": {"path": "/v1/customers/*"}, "at": "before_read"}
    error = {"type": "invalid_request_error", "message": "needs the 'rak_customer_read' permission"}
    sandbox.faults({**rule, "action": {"kind": "answer", "status": 403, "error": error}})

    done = run_tap(tmp_path, a_config(sandbox.url, customer_ids=["cus_1", "cus_2"]))

    assert done.code == 2
    assert len(done.errors) == 1
    assert all(word in done.errors[0] for word in ("stream customers", "/v1/customers/cus_1", "rak_customer_read"))
    assert set(done.states[-1]["bookmarks"]) >= {"charges", "refunds"}
