"""Child streams with a request for each parent: how many of these are under way."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from stripe_flow.api.settings import open_client
from tap_stripe_flow.capture.children import PARENTS_PER_BATCH, ChildReader
from tap_stripe_flow.listing.pages import Listing
from tap_stripe_flow.listing.prefetch import PrefetchPool
from tap_stripe_flow.windows.batch import Batch
from tests.lists.tap import SPECS
from tests.support.plugins import a_config
from tests.support.sandbox import Sandbox
from tests.support.scenes import Scenes
from tests.tap_stripe_flow.capture.replica import Replica

NOW = 1_790_000_000
STREAM, CONCURRENCY, PARENTS = "customer_balance_transactions", 4, PARENTS_PER_BATCH + 50
CHILDREN_OF = "/v1/customers/{}/balance_transactions"
_LONGEST_S = 30


def requests_for_children(sandbox: Sandbox) -> int:
    return sum(each["path"].endswith("/balance_transactions") for each in sandbox.requests())


@contextmanager
def reading(sandbox: Sandbox) -> Iterator[None]:
    """The children of a window of parents are read inside the block; at its end, each parent was asked for once."""
    client, spec = open_client(a_config(sandbox.url, concurrency=CONCURRENCY)), SPECS[STREAM]
    assert spec.child_of is not None
    parents = Listing(client=client, path=spec.child_of.parent.path)
    children = Listing(client=client, path=spec.path, stamp=None)
    pool = PrefetchPool(CONCURRENCY)
    read = ChildReader(child_of=spec.child_of, listing=children, parents=parents, prefetch=pool)
    records = [each for page in parents.every_page() for each in page.records()]
    batch = Batch(records=records[::-1])
    reader = threading.Thread(target=lambda: list(read.batches(iter([batch]))), daemon=True)
    reader.start()
    try:
        yield
    finally:
        sandbox.release(*(each["name"] for each in sandbox.fault_states()))
        reader.join(_LONGEST_S)
    assert not reader.is_alive()
    assert requests_for_children(sandbox) == PARENTS


@pytest.mark.promise("tap 6", "A child stream keeps as many requests under way as `concurrency`, across its batches")
def test_the_requests_for_children_do_not_wait_for_the_end_of_a_batch(sandbox: Sandbox) -> None:
    customers = sandbox.make("customer", PARENTS, every_s=60)
    last_of_batch = CHILDREN_OF.format(customers[PARENTS_PER_BATCH - 1])
    sandbox.faults(
        {"name": "last", "match": {"path": last_of_batch}, "at": "before_execute", "action": {"kind": "hold"}}
    )

    with reading(sandbox):
        sandbox.wait_until_held("last")
        deadline_s = time.monotonic() + _LONGEST_S
        while requests_for_children(sandbox) < PARENTS_PER_BATCH + CONCURRENCY and time.monotonic() < deadline_s:
            time.sleep(0.01)
        assert requests_for_children(sandbox) >= PARENTS_PER_BATCH + CONCURRENCY


def test_as_many_requests_for_children_are_under_way_as_may_be(sandbox: Sandbox) -> None:
    sandbox.make("customer", PARENTS, every_s=60)
    sandbox.faults(
        {"name": "all", "match": {"path": CHILDREN_OF.format("*")}, "at": "before_execute", "action": {"kind": "hold"}}
    )

    with reading(sandbox):
        sandbox.wait_until_held("all", CONCURRENCY)


def test_each_refused_parent_of_earlier_runs_is_asked_for_once() -> None:
    """More of them than a batch holds; those that are accepted leave the list of the others meanwhile."""
    many = [f"cus_{number}" for number in range(2 * PARENTS_PER_BATCH + 50)]
    customers = [{"id": each, "object": "customer", "created": NOW - 9_000} for each in many]
    lists = {CHILDREN_OF.format(each): [{"id": f"cbtxn_{each}"}] for each in many} | {"/v1/customers": customers}
    with Scenes(now=NOW, lists=lists) as stripe:
        replica = Replica(stream=STREAM, url=stripe.url, settings={"capture": "new"})
        replica.run()
        replica.state = {**replica.state, "refused_parents": many}
        emitted = replica.run()

    assert sorted(each["id"] for each in emitted) == sorted(f"cbtxn_{each}" for each in many)
    assert not replica.state.get("refused_parents")
