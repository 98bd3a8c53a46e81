"""An account label is one account: no key of another account sends its requests, and no other name its records."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from target_stripe_flow.journal.location import location_of
from tests.kills.target.rows import WAYS, fields_of
from tests.support.forking import started
from tests.support.plugins import Ended, a_config, a_record, a_schema, clean_env, command, run_target
from tests.support.sandbox import Sandbox
from tests.target_stripe_flow.sharing import (
    HELD,
    TIMEOUT_S,
    UNDO_TO_RELEASE_BEFORE,
    a_target,
    execute,
    posts,
    query,
    run_cli,
    wait_for,
)

# Each case is several runs, with several keys.
pytestmark = pytest.mark.volume(cases=1)

A, B = "acct_A", "acct_B"
BLIND = {"charge": "write", "customer": "write"}
KEYS: dict[str, dict[str, Any]] = {
    "sk_test_A": {"account": A},
    "sk_test_B": {"account": B},
    "sk_live_B": {"account": B},
    "rk_test_blind_A": {"account": A, "rights": BLIND},
    "rk_test_blind_B": {"account": B, "rights": BLIND},
    "rk_test_seeing_B": {"account": B, "rights": BLIND | {"accounts_kyc_basic": "read"}},
    "rk_test_products_A": {"account": A, "rights": {"product": "write"}},
    Sandbox.key: {"account": A},
}
# The permission to create by each way, and no other.
RIGHTS = {
    "customers": "customer",
    "products": "product",
    "prices": "plan",
    "charges": "charge",
    "payment_intents": "payment_intent",
    "refunds": "charge",
}
KEYS |= {
    f"rk_test_{way}_of_{account}": {"account": account, "rights": {right: "write"}}
    for way, right in RIGHTS.items()
    for account in (A, B)
}
CHARGE = [a_schema("charges"), a_record("charges", id=1, amount=500, currency="usd", source="tok_visa")]
PRODUCT = [a_schema("products"), a_record("products", id="basic", name="Basic")]
BLIND_A = {"api_key": "rk_test_blind_A", "account_label": "main"}
SEEING_A = {"api_key": "sk_test_A", "account_label": "main"}
# Of another account, or under another name.
OTHERS = {
    "the label is gone": {"api_key": "sk_test_A"},
    "the label is replaced by account_id": {"api_key": "sk_test_A", "account_id": A},
    "the label is renamed": {"api_key": "sk_test_A", "account_label": "shop"},
    "the label is renamed, the id is not readable": {"api_key": "rk_test_blind_A", "account_label": "shop"},
}
STRANGERS = {
    "another account": {"api_key": "sk_test_B", "account_label": "main"},
    "another account, restricted": {"api_key": "rk_test_seeing_B", "account_label": "main"},
    "another account that cannot be read": {"api_key": "rk_test_blind_B", "account_label": "main"},
    "another account without the label": {"api_key": "sk_test_B"},
    "another account_id": {"api_key": "sk_test_B", "account_id": B, "account_label": "main"},
}
ALL = OTHERS | STRANGERS


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "keys.json"
    path.write_text(json.dumps({"accounts": {A: {}, B: {}}, "keys": KEYS}))
    return path


@pytest.fixture
def accounts(keys: Path) -> Iterator[Sandbox]:
    """A sandbox with two accounts."""
    with Sandbox("--keys", str(keys)) as running:
        yield running


class World:
    """One journal, and runs with several keys."""

    def __init__(self, sandbox: Sandbox, folder: Path, url: str) -> None:
        self.sandbox, self.folder, self.url = sandbox, folder, url

    def config(self, settings: dict[str, Any]) -> dict[str, object]:
        return a_config(self.sandbox.url, journal_url=self.url, **settings)

    def run(self, settings: dict[str, Any], lines: list[dict[str, Any]] = CHARGE, **more: object) -> Ended:
        return run_target(self.folder, self.config(settings | more), lines)

    def charges(self) -> list[int]:
        return [len(self.sandbox.objects("charge", account)) for account in (A, B)]

    def bound(self) -> list[tuple[Any, ...]]:
        return query(self.url, "SELECT label, mode, account, said_by FROM account_labels ORDER BY label, mode")

    def say(self, account: str) -> Ended:
        return run_cli(self.folder, "source", "label", "main", "--is", account)

    def assert_stops(self, settings: dict[str, Any], *, made: list[int], dry_run: bool = False) -> None:
        before = len(posts(self.sandbox))
        done = self.run(settings, dry_run=dry_run)

        assert (done.code, len(done.errors)) == (1, 1), done.log
        assert "account_label" in done.errors[0]
        assert len(posts(self.sandbox)) == before
        assert self.charges() == made


@pytest.fixture
def world(accounts: Sandbox, tmp_path: Path, journal_url: str) -> World:
    return World(accounts, tmp_path, journal_url)


@pytest.fixture
def file_world(accounts: Sandbox, tmp_path: Path) -> World:
    return World(accounts, tmp_path, f"sqlite:///{tmp_path / 'journal.db'}")


@pytest.mark.volume(cases=1)
@pytest.mark.promise("target 2", "An account label stays one account, whatever key a run has")
def test_rows_of_a_label_are_of_one_account_whatever_key_comes(world: World) -> None:
    assert world.run(BLIND_A).summary == "1 records: 1 created"
    for settings in ALL.values():
        world.assert_stops(settings, made=[1, 0])
        world.assert_stops(settings, made=[1, 0], dry_run=True)
    assert world.run(BLIND_A).summary == "1 records: 1 unchanged"
    assert world.bound() == []

    assert world.run(SEEING_A, dry_run=True).summary == "1 records: 1 unchanged"
    assert world.bound() == []
    assert world.run(SEEING_A).summary == "1 records: 1 unchanged"

    assert world.bound() == [("main", "test", A, "key")]
    for name in ("the label is gone", "the label is replaced by account_id", "the label is renamed"):
        assert world.run(OTHERS[name]).summary == "1 records: 1 unchanged", name
    assert world.run(BLIND_A).summary == "1 records: 1 unchanged"
    for settings in STRANGERS.values():
        world.assert_stops(settings, made=[1, 0])
    assert world.charges() == [1, 0]


def test_a_key_that_loses_the_permission_goes_on_with_the_same_rows(world: World) -> None:
    world.run(SEEING_A)
    assert world.bound() == [("main", "test", A, "key")]

    assert world.run(BLIND_A).summary == "1 records: 1 unchanged"
    for name in ("another account", "another account, restricted", "another account that cannot be read"):
        world.assert_stops(STRANGERS[name], made=[1, 0])


@pytest.mark.volume(cases=1)
@pytest.mark.promise("target 2", "A run with a key of another account does not resend what a crash left open")
@pytest.mark.parametrize("first", [BLIND_A, SEEING_A], ids=["blind", "seeing"])
@pytest.mark.parametrize("at", ["before_execute", "after_execute"])
def test_open_rows_are_not_resent_by_a_key_of_another_account(first: dict[str, str], at: str, world: World) -> None:
    kill_during_a_request(world, first, at)
    made = [0, 0]

    others = [STRANGERS[name] for name in STRANGERS if "without" not in name and "_id" not in name]
    for settings in others if first is SEEING_A else [*others, BLIND_A, SEEING_A]:
        world.assert_stops(settings, made=made)
    if first is BLIND_A:
        assert world.say(A).code == 0
        for settings in others[:2]:
            world.assert_stops(settings, made=made)

    done = world.run(first, [])
    assert done.code == 0
    assert [len(world.sandbox.objects("customer", account)) for account in (A, B)] == [1, 0]


@pytest.mark.parametrize("way", WAYS)
def test_a_key_with_one_permission_proves_its_account_by_each_way(way: str, file_world: World) -> None:
    action, chosen = WAYS[way]
    lines = [a_schema(action), a_record(action, id=1, **fields_of(file_world.sandbox, action))]
    ours, theirs = ({"api_key": f"rk_test_{way}_of_{each}", "account_label": "main", **chosen} for each in (A, B))

    assert file_world.run(ours, lines).summary == "1 records: 1 created"
    assert file_world.run(ours, lines).summary == "1 records: 1 unchanged"
    before = len(posts(file_world.sandbox))
    other = file_world.run(theirs, lines)

    assert (other.code, len(posts(file_world.sandbox))) == (1, before)
    assert "account_label main: Stripe does not know the objects" in other.errors[0]


def test_a_kill_between_binding_and_sending_leaves_a_good_label(world: World) -> None:
    folder, fifo = world.folder, world.folder / "input"
    os.mkfifo(fifo)
    writer = os.open(fifo, os.O_RDWR)  # the target waits for its first line
    line = command("target_stripe_flow", folder, world.config(SEEING_A))
    process = started(line, folder, clean_env(), given=fifo, output=folder / "output", log=folder / "log")
    try:
        wait_for(lambda: is_bound(world))
    finally:
        process.kill()
        process.wait(10)
        os.close(writer)

    world.assert_stops(STRANGERS["another account, restricted"], made=[0, 0])
    for settings in (BLIND_A, SEEING_A, OTHERS["the label is gone"]):
        assert world.run(settings).code == 0
    assert world.charges() == [1, 0]


def is_bound(world: World) -> bool:
    """Whether the journal knows the account of the label; it may not be there yet."""
    try:
        return world.bound() == [("main", "test", A, "key")]
    except (sqlite3.Error, psycopg.Error):
        return False


def test_a_run_that_ends_between_binding_and_sending_leaves_a_good_label(world: World) -> None:
    assert world.run(SEEING_A, []).code == 0
    assert world.bound() == [("main", "test", A, "key")]

    for settings in (BLIND_A, SEEING_A, OTHERS["the label is gone"], BLIND_A):
        assert world.run(settings).code == 0
    world.assert_stops(STRANGERS["another account, restricted"], made=[1, 0])
    assert world.charges() == [1, 0]


def test_test_and_live_mode_have_labels_of_their_own(file_world: World) -> None:
    file_world.run(SEEING_A)
    live = {"api_key": "sk_live_B", "account_label": "main", "allow_live": True}

    assert file_world.run(live).summary == "1 records: 1 created"
    assert file_world.run(live).summary == "1 records: 1 unchanged"
    assert file_world.bound() == [("main", "live", B, "key"), ("main", "test", A, "key")]


def test_rows_of_which_no_object_can_be_read_need_a_person_s_word(file_world: World) -> None:
    products = {"api_key": "rk_test_products_A", "account_label": "main"}
    file_world.run(BLIND_A)
    file_world.assert_stops(products, made=[1, 0])

    assert file_world.say("main").code == 1
    said = file_world.say(A)

    assert (said.code, said.output) == (0, f"account_label main is {A} (test mode)\n")
    assert file_world.run(products, PRODUCT).summary == "1 records: 1 created"
    file_world.assert_stops(STRANGERS["another account that cannot be read"], made=[1, 0])


def test_an_id_that_a_user_chose_proves_no_account(file_world: World) -> None:
    """A product `basic` may be in every account."""
    products = {"api_key": "rk_test_products_A", "account_label": "main", "product_id_from_key": True}
    file_world.run(products, PRODUCT)

    file_world.assert_stops(products, made=[0, 0])
    file_world.assert_stops(SEEING_A, made=[0, 0])
    file_world.say(A)

    assert file_world.run(products, PRODUCT).summary == "1 records: 1 unchanged"


def test_rows_without_effect_bind_nobody(file_world: World) -> None:
    bad = [CHARGE[0], a_record("charges", id=1, amount=500, currency="usd", customer="cus_none")]
    refused = [CHARGE[0], a_record("charges", id=1, amount=500, currency="usd", source="tok_none")]
    file_world.run(BLIND_A, [*bad, *refused[1:]])

    assert file_world.run(SEEING_A).summary == "1 records: 1 created"
    file_world.assert_stops(STRANGERS["another account"], made=[1, 0])


def test_both_names_of_an_account_stop_the_run(file_world: World) -> None:
    """As an older release left it, which took a label without a word."""
    second = {"id": 2, "amount": 500, "currency": "usd", "source": "tok_visa"}
    file_world.run({"api_key": "sk_test_A"}, [*CHARGE, a_record("charges", **second)])
    renamed = "UPDATE attempts SET account = 'main' WHERE source_key LIKE '%2%'"
    execute(location_of({"journal_url": file_world.url}), renamed, *UNDO_TO_RELEASE_BEFORE)

    for settings in (BLIND_A, SEEING_A, {"api_key": "sk_test_A"}):
        file_world.assert_stops(settings, made=[2, 0])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("none", "--is", A), "no rows under account_label none: it has rows of main .test."),
        (("main", "--is", "main"), "--is takes the id of an account, acct_"),
        (("main", "--is", A, "--mode", "live"), None),
    ],
)
def test_a_word_that_fits_nothing_is_refused(arguments: tuple[str, ...], said: str | None, file_world: World) -> None:
    file_world.run(BLIND_A)

    done = run_cli(file_world.folder, "source", "label", *arguments)

    if said is None:  # the mode is the key's
        assert (done.code, file_world.bound()) == (0, [("main", "test", A, "person")])
        return
    assert (done.code, file_world.bound()) == (1, [])
    assert all(part in done.log for part in said.split(".test."))


def kill_during_a_request(world: World, settings: dict[str, Any], at: str) -> None:
    """Kill a target while the server holds its first request, which it executes all the same."""
    world.sandbox.faults(HELD | {"at": at})
    with a_target(world.folder / "killed", world.config(settings) | {"timeout_s": TIMEOUT_S}) as process:
        world.sandbox.wait_until_held("hold")
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    world.sandbox.release("hold")
    world.sandbox.faults()
