"""Child objects in a list that Stripe cuts: read to its end, and a list that cannot be read fails its parent alone."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tap_stripe_flow.accounts import Account
from tap_stripe_flow.reading import Log
from tap_stripe_flow.source import Source
from tap_stripe_flow.streams import STREAMS, StreamSpec
from tests.lists.tap import a_reading, a_run
from tests.support.plugins import Message, a_config, run_tap
from tests.support.scenes import MISSING, NO_CURSOR, REFUSED, Answer, Scenes
from tests.tap_stripe_flow.furnishing import with_selected

NOW = 1_790_000_000
INSIDE = [spec for spec in STREAMS if spec.child_of is not None and spec.child_of.list_member is not None]
COUNT = 12
# What Stripe answers to requests for more of the list of one parent.
REFUSALS: Mapping[str, tuple[int, object]] = {
    "400": (400, REFUSED),
    "403": (403, REFUSED),
    "404, though the parent is there": (404, MISSING),
    "every cursor is lost": (400, NO_CURSOR),
    "no list": (200, {"object": "list", "has_more": False, "data": None}),
    "an entry without an id": (200, {"object": "list", "has_more": False, "data": [{"object": "x"}]}),
    "nothing, but more": (200, {"object": "list", "has_more": True, "data": []}),
}


@pytest.fixture(scope="module")
def stripe() -> Iterator[Scenes]:
    with Scenes(now=NOW) as running:
        yield running


def child_ids(parent: str) -> list[str]:
    return [f"{parent}_{number}" for number in range(COUNT)]


def furnish(stripe: Scenes, spec: StreamSpec, *answers: Answer) -> None:
    """Two parents, each with a list of which Stripe shows ten entries."""
    assert spec.child_of is not None
    lists: dict[str, list[Message]] = {spec.child_of.parent.path: []}
    for parent in ("in_a", "in_b"):
        url = f"/v1/parts/{parent}"
        lists[url] = [{"id": each, "object": spec.kind} for each in child_ids(parent)]
        cut = {"object": "list", "data": lists[url][:10], "has_more": True, "url": url}
        shown = {"id": parent, "created": NOW - 5_000, "object": "parent", str(spec.child_of.list_member): cut}
        lists[spec.child_of.parent.path].append(shown)
    stripe.set(now=NOW, lists=lists, answers=answers)


def read(stripe: Scenes, spec: StreamSpec, state: Mapping[str, object]) -> tuple[list[str], Mapping[str, object]]:
    """The ids that the stream reads from `state` on, and the ids of refused parents as `refused`; the new state."""
    run, config = a_run(a_config(stripe.url))
    ids: list[str] = []
    log = Log(
        warn=logging.getLogger(__name__).warning,
        missing=lambda error: ids.append(str(error)),
        refused=lambda parent_id, _: ids.append(f"refused: {parent_id}"),
    )
    for batch in Source(spec, config).batches(run, a_reading(run, Account(), state, log)):
        ids += [each.id for each in batch.records]
        state = state if batch.state is None else batch.state
    return ids, state


def check(stripe: Scenes, spec: StreamSpec, refusal: tuple[int, object]) -> None:
    status, body = refusal
    furnish(stripe, spec, Answer(path="/v1/parts/in_a", status=status, body=body))

    ids, state = read(stripe, spec, {})
    furnish(stripe, spec)
    later, _ = read(stripe, spec, state)

    assert sorted(ids) == sorted([*child_ids("in_b"), "refused: in_a"])
    assert later == child_ids("in_a")


@pytest.mark.promise("tap 8", "If a list of child objects cannot be read to its end, only its parent fails")
@pytest.mark.parametrize("spec", INSIDE, ids=lambda spec: spec.name)
def test_a_cut_list_that_is_refused_fails_its_parent_alone(stripe: Scenes, spec: StreamSpec) -> None:
    check(stripe, spec, REFUSALS["400"])


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_whatever_stripe_answers_a_cut_list_fails_its_parent_alone(stripe: Scenes, refusal: tuple[int, object]) -> None:
    check(stripe, INSIDE[0], refusal)


def test_a_lost_cursor_of_one_list_loses_no_child(stripe: Scenes, catalog: Message, tmp_path: Path) -> None:
    selected = with_selected(catalog, "invoices", "invoice_line_items")
    spec = next(each for each in INSIDE if each.name == "invoice_line_items")
    furnish(stripe, spec, Answer(path="/v1/parts/*", status=400, body=NO_CURSOR, times=2, has=["starting_after"]))

    done = run_tap(tmp_path, a_config(stripe.url), catalog=selected)

    assert done.code == 0
    assert sorted(record["id"] for record in done.records(spec.name)) == sorted(child_ids("in_a") + child_ids("in_b"))
    lines = {record["id"]: record["lines"] for record in done.records("invoices")}
    assert {name: [each["id"] for each in found["data"]] for name, found in lines.items()} == {
        name: child_ids(name) for name in ("in_a", "in_b")
    }
    assert {found["has_more"] for found in lines.values()} == {False}


def test_a_parent_that_was_deleted_meanwhile_has_no_children(stripe: Scenes, catalog: Message, tmp_path: Path) -> None:
    gone = [Answer(path=f"/v1/{path}", status=404, body=MISSING) for path in ("parts/in_a", "invoices/in_a")]
    furnish(stripe, next(each for each in INSIDE if each.name == "invoice_line_items"), *gone)
    selected = with_selected(catalog, "invoices", "invoice_line_items")

    done = run_tap(tmp_path, a_config(stripe.url), catalog=selected)

    assert done.code == 0
    assert [record["id"] for record in done.records("invoice_line_items")] == child_ids("in_b")
    assert {record["id"]: "lines" in record for record in done.records("invoices")} == {"in_a": False, "in_b": True}
