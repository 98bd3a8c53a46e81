"""Lists inside objects at every depth: whole, with the expansions of the request, or absent."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typing_extensions import override

from stripe_flow.api.client import Client
from stripe_flow.api.errors import ListUnfinished, PermissionMissing, StripeError, UnreadableAnswer
from stripe_flow.api.settings import open_client
from tap_stripe_flow.listing.nested import complete
from tap_stripe_flow.listing.nested_reads import NestedReads
from tap_stripe_flow.listing.pages import Listing
from tests.support.plugins import a_config
from tests.support.scenes import MISSING, NO_CURSOR, REFUSED, Answer, Asked, Json, Said, Scenes
from tests.tap_stripe_flow.joined_pool import JoinedPool

NOW = 1_790_000_000
PATH = "/v1/customers"
SHOWN = 2  # so many entries of a list inside an object are shown


def a_list(url: str | None, *entries: object, has_more: bool = False) -> Json:
    return {"object": "list", "data": list(entries), "has_more": has_more, "url": url}


def a_customer(**members: object) -> Json:
    return {"id": "cus_1", "object": "customer", "created": NOW - 100} | members


def entry(number: int, **members: object) -> Json:
    return {"id": f"sub_{number}", "object": "subscription", "created": NOW - number} | members


@pytest.fixture(scope="module")
def stripe() -> Iterator[Scenes]:
    with Scenes(now=NOW) as running:
        yield running


def client_of(stripe: Scenes) -> Client:
    return open_client(a_config(stripe.url))


def completed(
    stripe: Scenes, whole: object, *, expand: Sequence[str] = (), reads: NestedReads | None = None
) -> Any:  # Any: JSON
    raw = json.dumps(whole, separators=(",", ":")).encode()
    return json.loads(complete(raw, client_of(stripe), PATH, expand, reads=reads))


# --- expansions ---

EXPANDED = {
    "a list": (["subscriptions"], []),
    "a member of its entries": (["subscriptions.data.schedule"], ["data.schedule"]),
    "a list in its entries": (
        ["subscriptions", "subscriptions.data.items", "subscriptions.data.items.data.discounts"],
        ["data.items", "data.items.data.discounts"],
    ),
    "another list": (["sources", "sources.data.owner", "subscriptions"], []),
    "a name that begins alike": (["subscriptions_other.data.x", "subscriptions"], []),
}


@pytest.mark.parametrize(("expand", "asked"), EXPANDED.values(), ids=EXPANDED)
@pytest.mark.parametrize("reads_a_page", [True, False], ids=["page", "object"])
def test_later_pages_are_expanded_like_the_first(
    stripe: Scenes, expand: Sequence[str], asked: Sequence[str], *, reads_a_page: bool
) -> None:
    url = f"{PATH}/cus_1/subscriptions"
    customer = a_customer(subscriptions=a_list(url, entry(1), has_more=True))
    stripe.set(now=NOW, lists={PATH: [customer], url: [entry(1), entry(2)]})
    listing = Listing(client=client_of(stripe), path=PATH, expand=expand)
    before = len(stripe.asked)

    records = listing.page(0, None).records() if reads_a_page else [listing.retrieve("cus_1")]

    first, later = stripe.asked[before:]
    prefix = "data." if reads_a_page else ""
    assert [each["id"] for each in records[0].as_record()["subscriptions"]["data"]] == ["sub_1", "sub_2"]
    assert names_in(first) == [f"{prefix}{name}" for name in expand]
    assert (later.path, names_in(later)) == (url, list(asked))


def names_in(asked: Asked) -> list[str]:
    return [value for name, value in asked.query.items() if name.startswith("expand")]


def test_a_second_depth_is_expanded_by_what_is_below_it(stripe: Scenes) -> None:
    inner, outer = "/v1/subscription_items", f"{PATH}/cus_1/subscriptions"
    items = a_list(f"{inner}?subscription=sub_2", {"id": "si_1"}, has_more=True)
    customer = a_customer(subscriptions=a_list(outer, entry(1), has_more=True))
    stripe.set(now=NOW, lists={outer: [entry(1), entry(2, items=items)], inner: [{"id": "si_1"}, {"id": "si_2"}]})
    before = len(stripe.asked)
    expand = ["subscriptions.data.items", "subscriptions.data.items.data.price.product"]

    whole = completed(stripe, customer, expand=expand)

    assert [each["id"] for each in whole["subscriptions"]["data"][1]["items"]["data"]] == ["si_1", "si_2"]
    by_path = {each.path: names_in(each) for each in stripe.asked[before:]}
    assert by_path == {outer: ["data.items", "data.items.data.price.product"], inner: ["data.price.product"]}


# --- trees of lists ---

Tree = list[Any]  # Any: a tree again; each entry is the list inside an object
trees: st.SearchStrategy[Tree] = st.recursive(st.just([]), lambda inner: st.lists(inner, max_size=9), max_leaves=40)
troubles = st.lists(st.sampled_from(["", "", "", "empty", "empty, more", "lost", "deleted"]), max_size=12)


@dataclass
class Forest:
    """Objects by id, each with the ids of its list's entries."""

    children: dict[str, list[str]] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)

    def grow(self, tree: Tree, name: str) -> None:
        self.children[name] = [f"{name}_{number}" for number in range(len(tree))]
        for child, inner in zip(self.children[name], tree, strict=True):
            self.grow(inner, child)

    def shown(self, name: str) -> Json:
        """An object as Stripe shows it; the list is inside another object at some depth, or the only member."""
        ids = self.children[name]
        parts = a_list(f"/v1/parts?of={name}", *map(self.shown, ids[:SHOWN]), has_more=len(ids) > SHOWN)
        return {"id": name, "object": "part", "parts": parts if len(name) % 2 else {"in": [{"parts": parts}]}}


class ForestServer(Scenes):
    """Lists of three objects a page. `troubles` happen to the requests, one after the other."""

    forest: Forest
    troubles: Iterator[str]

    @override
    def answer(self, asked: Asked) -> Said:
        trouble, of, after = next(self.troubles, ""), asked.query["of"], asked.query.get("starting_after")
        ids = self.forest.children[of]
        if trouble == "deleted":
            self.forest.deleted.add(of)
        if of in self.forest.deleted:
            return 404, MISSING
        if trouble.startswith("empty"):
            return 200, a_list("/v1/parts", has_more=trouble == "empty, more")
        if trouble == "lost" and after is not None:
            ids.remove(after) if after in ids else None
        if after is not None and after not in ids:
            return 400, NO_CURSOR
        rest = ids[ids.index(after) + 1 :] if after else ids
        return 200, a_list("/v1/parts", *map(self.forest.shown, rest[:3]), has_more=len(rest) > 3)


@pytest.fixture(scope="module")
def forest_server() -> Iterator[ForestServer]:
    with ForestServer(now=NOW) as running:
        yield running


def lists_in(node: Any) -> Iterator[tuple[str, list[str]]]:  # Any: JSON
    """Each object with the ids in its list; nothing of an object whose list is absent."""
    inside = node.get("parts", {})
    inside = inside["in"][0].get("parts", {}) if "in" in inside else inside
    if inside:
        assert inside["has_more"] is False
        yield node["id"], [each["id"] for each in inside["data"]]
        for each in inside["data"]:
            yield from lists_in(each)


@pytest.mark.promise("tap 5", "A list inside an object is complete or absent, at every depth")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tree=trees, schedule=troubles, at_once=st.booleans())
def test_every_list_at_every_depth_is_whole_or_absent(
    forest_server: ForestServer, tree: Tree, schedule: list[str], *, at_once: bool
) -> None:
    forest_server.forest, forest_server.troubles = Forest(), iter(schedule)
    forest_server.forest.grow(tree, "top")
    before: Mapping[str, list[str]] = {name: list(ids) for name, ids in forest_server.forest.children.items()}
    top = forest_server.forest.shown("top")

    try:
        with JoinedPool(4) as pool:
            whole = completed(forest_server, top, reads=NestedReads(prefetch=pool if at_once else None))
    except ListUnfinished:
        assert {"empty", "empty, more"} & set(schedule)
        return

    after = forest_server.forest.children
    for name, ids in lists_in(whole):
        assert name not in forest_server.forest.deleted
        assert set(after[name]) <= set(ids) <= set(before[name])
        assert len(ids) == len(set(ids))


# --- lists that cannot be read to their end ---

UNREADABLE: Mapping[str, Json] = {
    "no URL": a_list(None, entry(1), has_more=True),
    "a URL elsewhere": a_list("https://example.com/v1/x", entry(1), has_more=True),
    "no entries": {"object": "list", "has_more": True, "url": "/v1/more"},
    "an entry without an id": a_list("/v1/more", {"object": "item"}, has_more=True),
    "an entry with a number as its id": a_list("/v1/more", {"id": 5}, has_more=True),
    "a text as its entry": a_list("/v1/more", "sub_1", has_more=True),
    "two objects with one id": a_list("/v1/more", entry(1), entry(1, status="x"), has_more=True),
    "an odd next page": a_list("/v1/odd", entry(1), has_more=True),
    "an entry without an id later": a_list("/v1/later", entry(1), has_more=True),
}


@pytest.mark.parametrize("nested", UNREADABLE.values(), ids=UNREADABLE)
@pytest.mark.parametrize("depth", [1, 2])
def test_a_cut_list_that_cannot_be_read_on_is_named_and_not_emitted(stripe: Scenes, nested: Json, depth: int) -> None:
    odd, later = a_list("/v1/odd") | {"data": None}, a_list("/v1/later", {"object": "item", "name": "Ann"})
    bodies = {"/v1/odd": odd, "/v1/later": later}
    stripe.set(now=NOW, answers=[Answer(path=path, status=200, body=body) for path, body in bodies.items()])
    inner = nested if depth == 1 else a_list("/v1/x", entry(7, items=nested))
    before = len(stripe.asked)

    with pytest.raises(UnreadableAnswer) as refused:
        completed(stripe, a_list(PATH, a_customer(name="Ann", subscriptions=inner)))

    assert str(refused.value).startswith("GET /v1/")
    assert "Ann" not in str(refused.value)
    assert len(stripe.asked) - before <= 1


@pytest.mark.parametrize("status", [400, 403])
def test_a_refusal_of_a_list_is_raised(stripe: Scenes, status: int) -> None:
    stripe.set(now=NOW, answers=[Answer(path="/v1/more", status=status, body=REFUSED)])

    with pytest.raises(StripeError) as refused:
        completed(stripe, a_customer(subscriptions=a_list("/v1/more", entry(1), has_more=True)))

    assert isinstance(refused.value, PermissionMissing) == (status == 403)


def test_an_empty_list_that_promises_more_is_read(stripe: Scenes) -> None:
    stripe.set(now=NOW, lists={"/v1/more": [entry(1), entry(2)]})

    whole = completed(stripe, a_customer(subscriptions=a_list("/v1/more", has_more=True)))

    assert [each["id"] for each in whole["subscriptions"]["data"]] == ["sub_1", "sub_2"]
    assert whole["subscriptions"]["has_more"] is False


def test_what_is_no_cut_list_stays_as_it_is(stripe: Scenes) -> None:
    """Old versions show arrays where newer ones show lists; other texts may look like a cut list."""
    trap = {"description": '"has_more":true', "free": {"has_more": True, "data": 5, "n": 1.10}}
    customer = a_customer(sources=[{"id": "card_1"}], whole=a_list("/v1/x", {"no": "id"}), **trap)
    before = len(stripe.asked)

    assert completed(stripe, a_list(PATH, customer, has_more=True)) == a_list(PATH, customer, has_more=True)
    assert len(stripe.asked) == before


def test_an_object_of_the_past_keeps_its_cut_lists(stripe: Scenes) -> None:
    event = {"id": "evt_1", "created": NOW, "data": {"object": a_customer(x=a_list(None, entry(1), has_more=True))}}
    stripe.set(now=NOW, lists={"/v1/events": [event]})
    listing = Listing(client=client_of(stripe), path="/v1/events", is_snapshot=True)

    assert [each.as_record() for each in listing.page(0, None).records()] == [event]
