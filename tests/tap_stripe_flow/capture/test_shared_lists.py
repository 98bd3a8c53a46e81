"""A stream and its child stream, read side by side, request each page of the lists that both read once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tap_stripe_flow.accounts import Account
from tap_stripe_flow.reading import Log
from tap_stripe_flow.shared_lists import shared_lists
from tap_stripe_flow.source import Source
from tap_stripe_flow.streams import STREAMS, StreamSpec
from tests.lists.tap import a_reading, a_run
from tests.support.plugins import Message, a_config
from tests.support.sandbox import Sandbox
from tests.support.scenes import Scenes

NOW = 1_790_000_000
INSIDE = [spec for spec in STREAMS if spec.child_of is not None and spec.child_of.list_member is not None]
every_pair = pytest.mark.parametrize("spec", INSIDE, ids=lambda spec: spec.name)
PARENTS, CHILDREN = 8, 12


def sources(child: StreamSpec, settings: Mapping[str, Any]) -> list[Source]:  # Any: JSON
    assert child.child_of is not None
    return [Source(child.child_of.parent, settings), Source(child, settings)]


def expand(child: StreamSpec) -> list[str]:
    return [str(child.child_of.list_member)] if child.child_of and child.child_of.needs_expand else []


def read_side_by_side(
    url: str, child: StreamSpec, states: Sequence[Mapping[str, object]] = ({}, {}), **settings: object
) -> tuple[list[list[Message]], list[Mapping[str, object]]]:
    """The records of the parent stream and of the child stream, in two threads, and their states."""
    config = {"expand": expand(child), "concurrency": 4, "capture": "new", **settings}
    run, whole = a_run(a_config(url, **config))
    pair = sources(child, whole)
    run.shared_lists = shared_lists(pair)
    together = threading.Barrier(2)

    def read(source: Source, state: Mapping[str, object]) -> tuple[list[Message], Mapping[str, object]]:
        log = Log(warn=lambda _: None, missing=_raise, refused=lambda _, error: _raise(error))
        records: list[Message] = []
        together.wait(20)
        for batch in source.batches(run, a_reading(run, Account(), state, log)):
            records += [each.as_record() for each in batch.records]
            state = state if batch.state is None else batch.state
        return records, state

    with ThreadPoolExecutor(2) as threads:
        done = list(threads.map(read, pair, states))
    return [records for records, _ in done], [state for _, state in done]


def _raise(error: Exception) -> None:
    raise error


def a_parent(child: StreamSpec, number: int) -> tuple[Message, list[Message], str]:
    """A parent whose list is cut after ten entries, all its children, and the path of the list."""
    assert child.child_of is not None
    parent_id = f"in_{number}"
    url = f"/v1/parts/{parent_id}"
    whole: list[Message] = [{"id": f"{parent_id}_{each}", "object": child.kind} for each in range(CHILDREN)]
    nested = {"object": "list", "data": whole[:10], "has_more": True, "url": url}
    stamp = str(child.child_of.parent.stamp)
    parent = {"id": parent_id, "object": child.child_of.parent.kind, stamp: NOW - 5_000 + number}
    return parent | {str(child.child_of.list_member): nested}, whole, url


@pytest.fixture(scope="module")
def stripe() -> Iterator[Scenes]:
    with Scenes(now=NOW) as running:
        yield running


@pytest.mark.promise("tap 6", "A list inside objects that a stream and its child stream both read is requested once")
@every_pair
def test_a_list_that_two_streams_read_is_requested_once(stripe: Scenes, spec: StreamSpec) -> None:
    assert spec.child_of is not None
    member = str(spec.child_of.list_member)
    parents = [a_parent(spec, number) for number in range(PARENTS)]
    lists = {url: whole for _, whole, url in parents}
    stripe.set(now=NOW, lists={spec.child_of.parent.path: [parent for parent, _, _ in parents], **lists})
    before = len(stripe.asked)

    (of_parent, of_child), _ = read_side_by_side(stripe.url, spec, customers_mode="list")

    asked = Counter(each.path for each in stripe.asked[before:] if each.path.startswith("/v1/parts/"))
    assert asked == dict.fromkeys(lists, 1)
    assert sorted(each["id"] for each in of_child) == sorted(each["id"] for _, whole, _ in parents for each in whole)
    assert [each[member]["data"] for each in of_parent] == [whole for _, whole, _ in parents]


def test_a_list_of_many_pages_is_requested_once_at_the_sandbox(sandbox: Sandbox) -> None:
    spec = next(each for each in INSIDE if each.name == "invoice_line_items")
    for invoice in sandbox.make("invoice", 5, every_s=60):
        sandbox.make("line_item", 230, of=invoice)

    (invoices, lines), _ = read_side_by_side(sandbox.url, spec)

    asked = Counter((each["path"], each["query"]) for each in sandbox.requests() if each["path"].endswith("/lines"))
    assert len(asked) >= 5 * 3
    assert set(asked.values()) == {1}
    inside = [line["id"] for each in invoices for line in each["lines"]["data"]]
    assert sorted(each["id"] for each in lines) == sorted(inside)
    assert len(inside) >= 5 * 230


def test_the_pages_of_a_changed_object_are_newer_than_its_event(stripe: Scenes) -> None:
    """A page that a stream requested before the other one read the events is not used for the objects that changed."""
    spec = next(each for each in INSIDE if each.name == "invoice_line_items")
    parent, whole, url = a_parent(spec, 0)
    stripe.set(now=NOW, lists={"/v1/invoices": [parent], url: whole, "/v1/events": []})
    _, states = read_side_by_side(stripe.url, spec, capture="changes")
    run, settings = a_run(a_config(stripe.url, capture="changes"))
    invoices, lines = sources(spec, settings)
    run.shared_lists = shared_lists([invoices, lines])
    changed = {"id": "evt_1", "object": "event", "type": "invoice.updated", "created": NOW + 600}
    stripe.set(now=NOW + 700, lists={"/v1/events": [changed | {"data": {"object": parent}}]})
    log = Log(warn=lambda _: None, missing=_raise, refused=lambda _, error: _raise(error))
    list(invoices.batches(run, a_reading(run, Account(), states[0], log)))
    stripe.set(now=NOW + 700, lists={url: [*whole, {"id": "in_0_new", "object": spec.kind}]})

    batches = list(lines.batches(run, a_reading(run, Account(), states[1], log)))

    assert "in_0_new" in [record.id for batch in batches for record in batch.records]


def test_only_lists_that_both_streams_read_are_shared() -> None:
    of = {spec.name: spec for spec in STREAMS}
    settings: dict[str, Any] = {"expand": ["sources"], "customers_mode": "list"}  # Any: JSON

    shared = shared_lists(Source(spec, settings) for spec in STREAMS)
    alone = shared_lists(Source(of[name], settings) for name in ("invoices", "payment_sources", "persons"))

    assert shared["invoices"] == shared["invoice_line_items"] == {"lines"}
    assert shared["customers"] == shared["payment_sources"] == {"sources"}
    assert not {"customer_tax_ids", "persons", "charges"} & set(shared)
    assert not alone
