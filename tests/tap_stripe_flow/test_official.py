"""The tap against the official client's own paging: thousands of objects, two accounts, busy and quiet times, ties."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from tests.support.official import everything, official
from tests.support.plugins import Ended, Message, a_config, run_tap
from tests.support.sandbox import CONNECTED, PLATFORM, Sandbox

STREAMS = ("charges", "customers", "refunds")
ACCOUNTS = {PLATFORM: {"charges": 2500, "days": 400}, CONNECTED: {"charges": 1500, "days": 3}}
YEAR_S = 365 * 86_400

Lists = dict[tuple[str, str], list[Message]]


@pytest.fixture(scope="module")
def two_accounts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sparse and a dense account; then an empty year, and a few minutes with some objects."""
    keys = tmp_path_factory.mktemp("keys") / "keys.json"
    keys.write_text(json.dumps({"accounts": ACCOUNTS, "keys": {Sandbox.key: {"account": PLATFORM}}}))
    with Sandbox("--seed", "9", "--keys", str(keys)) as running:
        running.advance(YEAR_S)
        for account in ACCOUNTS:
            live_a_little(running, account)
        yield running


def live_a_little(sandbox: Sandbox, account: str) -> None:
    client = official(sandbox, account).v1
    for _ in range(5):
        customer = client.customers.create({"email": "ada@example.com", "source": "tok_visa"})
        charge = client.charges.create({"amount": 1000, "currency": "usd", "customer": customer.id})
        client.refunds.create({"charge": charge.id})
        sandbox.advance(60)


@pytest.fixture(scope="module")
def theirs(two_accounts: Sandbox) -> Lists:
    """Each list of each account, read by the official client."""
    clients = {account: official(two_accounts, account).v1 for account in ACCOUNTS}
    return {(account, name): everything(getattr(clients[account], name)) for account in ACCOUNTS for name in STREAMS}


@pytest.fixture(scope="module")
def of_both(two_accounts: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """One run of the tap over all streams of both accounts."""
    folder = tmp_path_factory.mktemp("tap")
    config = a_config(two_accounts.url, account_ids=["self", CONNECTED], customers_mode="list")
    return run_tap(folder, config, catalog=selecting_all(folder, config))


def selecting_all(folder: Path, config: dict[str, object]) -> Message:
    """The discovered catalog with all streams selected."""
    catalog: Message = json.loads(run_tap(folder, config, "--discover").output)
    for stream in catalog["streams"]:
        next(each for each in stream["metadata"] if each["breadcrumb"] == [])["metadata"]["selected"] = True
    return catalog


@pytest.fixture(scope="module")
def of_one(two_accounts: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """A run with the default settings."""
    return run_tap(tmp_path_factory.mktemp("tap"), a_config(two_accounts.url))


@pytest.mark.volume(cases=1)
@pytest.mark.promise(
    "tap 9",
    "The tap emits what the official client reads, field for field, in two accounts, with ties and bursts",
)
@pytest.mark.parametrize("account", ACCOUNTS)
@pytest.mark.parametrize("stream", STREAMS)
def test_each_account_is_read_as_the_official_client_reads_it(
    of_both: Ended, theirs: Lists, stream: str, account: str
) -> None:
    ours = [record for record in of_both.records(stream) if record["_stripe_account"] == account]

    assert of_both.code == 0, of_both.errors
    assert len(ours) == len(theirs[account, stream]) > 50
    assert by_id(ours) == by_id([each | {"_stripe_account": account} for each in theirs[account, stream]])


def test_every_record_has_its_account_id(of_both: Ended) -> None:
    schemas = {each["stream"]: each for each in of_both.messages if each["type"] == "SCHEMA"}

    assert {record["_stripe_account"] for stream in STREAMS for record in of_both.records(stream)} == set(ACCOUNTS)
    assert all(set(schemas[stream]["key_properties"]) == {"id", "_stripe_account"} for stream in STREAMS)


@pytest.mark.parametrize("stream", ["charges", "refunds"])
def test_one_account_is_read_as_the_official_client_reads_it(of_one: Ended, theirs: Lists, stream: str) -> None:
    assert of_one.code == 0, of_one.errors
    assert len(of_one.records(stream)) == len(theirs[PLATFORM, stream])
    assert by_id(of_one.records(stream)) == by_id(theirs[PLATFORM, stream])


@pytest.mark.parametrize("account", ACCOUNTS)
def test_the_test_accounts_have_ties_and_uneven_density(two_accounts: Sandbox, account: str) -> None:
    """The tests above need this: more objects in one second than a page holds, and dense and sparse times."""
    stamps = sorted(each["created"] for each in two_accounts.objects("charge", account))
    gaps = sorted(late - early for early, late in pairwise(stamps))

    assert max(Counter(stamps).values()) > 100
    assert gaps[-1] > YEAR_S * 0.9
    assert gaps[len(gaps) * 9 // 10] > 20 * max(1, gaps[len(gaps) // 4])


def test_a_deleted_cursor_loses_no_object(sandbox: Sandbox, tmp_path: Path) -> None:
    """Stripe refuses a cursor whose object was deleted."""
    customers = official(sandbox).v1.customers
    for number in range(250):
        customers.create({"name": f"Customer {number} of a second or two"})
    config = a_config(sandbox.url, customers_mode="list")
    catalog = selecting_all(tmp_path, config)
    sandbox.faults(HELD)

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run_tap, tmp_path, config, catalog=catalog)
        try:
            cursor = cursor_in_use(sandbox, running)
            customers.delete(cursor)
        finally:
            sandbox.faults()
        done = running.result()

    alive = {each["id"] for each in sandbox.objects("customer") if not each.get("deleted")}
    assert done.code == 0, done.errors
    assert 400 in {each["status"] for each in sandbox.requests()}
    assert {each["id"] for each in done.records("customers")} - {cursor} == alive


HELD = {"match": {"method": "GET", "path": "/v1/customers"}, "action": {"kind": "hold"}}


def cursor_in_use(sandbox: Sandbox, running: Future[Ended]) -> str:
    """The cursor of a request that the sandbox holds; requests before it are released one after the other."""
    while not running.done():
        waiting = [each["query"] for each in sandbox.requests() if each["status"] is None]
        for query in waiting:
            if "starting_after" in query:
                return str(parse_qs(query)["starting_after"][0])
        sandbox.faults(HELD)
        time.sleep(0.02)
    raise AssertionError(f"the run went through without a cursor: {running.result().log}")


def by_id(objects: list[Message]) -> dict[str, Message]:
    return {each["id"]: each for each in objects}
