"""The cut lists of a page's objects are read at once, and what comes out does not depend on who answers first."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typing_extensions import override

from stripe_flow.api.client import Client
from stripe_flow.api.errors import StripeError
from stripe_flow.api.settings import open_client
from tap_stripe_flow.listing.nested import complete
from tap_stripe_flow.listing.nested_reads import NestedReads
from tap_stripe_flow.listing.prefetch import PrefetchPool
from tests.support.plugins import a_config
from tests.support.scenes import MISSING, REFUSED, Asked, Json, Said, Scenes
from tests.tap_stripe_flow.joined_pool import JoinedPool

NOW = 1_790_000_000
SHOWN = 2  # so many entries of a list inside an object are shown
LACKING: Json = {"error": {"type": "invalid_request_error", "message": "It needs the permission 'rak_x_read'."}}
# What may happen to a list: nothing, or it cannot be read. The last two fail the whole stream.
FATES: Mapping[str, Said | None] = {
    "fine": None,
    "refused": (400, REFUSED),
    "gone": (404, MISSING),
    "odd": (200, {"data": None}),
    "no permission": (403, LACKING),
    "key": (401, REFUSED),
}

Tree = list[Any]  # Any: a fate, and a tree for each entry of the object's list
fates = st.sampled_from([*["fine"] * 12, *["refused", "gone", "odd"] * 2, "no permission", "key"])
leaves = fates.map(lambda fate: [fate, []])
trees: st.SearchStrategy[Tree] = st.recursive(
    leaves, lambda inner: st.tuples(fates, st.lists(inner, max_size=6)).map(list), max_leaves=25
)


class Forest(Scenes):
    """Each object has a list of parts, whose entries have lists of their own; `trees` are the objects of the page."""

    trees: Sequence[Tree] = ()

    def page_of(self) -> bytes:
        data = [self.shown(f"in_{number}") for number in range(len(self.trees))]
        return json.dumps({"object": "list", "has_more": False, "data": data}, separators=(",", ":")).encode()

    def shown(self, name: str) -> Json:
        count = len(self.at(name)[1])
        data = [self.shown(f"{name}_{number}") for number in range(min(count, SHOWN))]
        parts = {"object": "list", "data": data, "has_more": count > SHOWN, "url": f"/v1/parts/{name}"}
        return {"id": name, "object": "part", "parts": parts}

    def at(self, name: str) -> Tree:
        first, *rest = map(int, name.removeprefix("in_").split("_"))
        tree = self.trees[first]
        for number in rest:
            tree = tree[1][number]
        return tree

    @override
    def answer(self, asked: Asked) -> Said:
        name = asked.path.rpartition("/")[2]
        fate, children = self.at(name)
        instead = FATES[fate]
        if instead is not None:
            return instead
        first = int(asked.query["starting_after"].rpartition("_")[2]) + 1 if "starting_after" in asked.query else 0
        data = [self.shown(f"{name}_{number}") for number in range(first, min(first + 2, len(children)))]
        return 200, {"object": "list", "data": data, "has_more": first + 2 < len(children), "url": asked.path}


@pytest.fixture(scope="module")
def forest() -> Iterator[Forest]:
    with Forest(now=NOW) as running:
        yield running


def client_of(stripe: Scenes) -> Client:
    return open_client(a_config(stripe.url))


def outcome(stripe: Forest, reads: NestedReads, *, keeps_refused: bool) -> tuple[object, object]:
    """The page, or the text of the error, and the errors of objects of which a list was left out."""
    left_out: dict[str, StripeError] = {}
    kept = left_out if keeps_refused else None
    try:
        whole = complete(stripe.page_of(), client_of(stripe), "/v1/wholes", left_out=kept, reads=reads)
    except StripeError as error:
        return said(error), None
    return json.loads(whole), {object_id: said(error) for object_id, error in left_out.items()}


def said(error: StripeError) -> str:
    return re.sub("req_[0-9]+", "", str(error))


@pytest.mark.promise("tap 6", "Lists inside objects that are read at once give what they give one after the other")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    page=st.lists(trees, min_size=1, max_size=4),
    threads=st.sampled_from([(1, 1), (2, 2), (4, 64)]),
    keeps_refused=st.booleans(),
)
def test_lists_that_are_read_at_once_give_what_they_give_in_turn(
    forest: Forest, page: list[Tree], threads: tuple[int, int], *, keeps_refused: bool
) -> None:
    forest.trees = page

    in_turn = outcome(forest, NestedReads(), keeps_refused=keeps_refused)
    with JoinedPool(*threads) as pool:
        at_once = outcome(forest, NestedReads(prefetch=pool), keeps_refused=keeps_refused)

    assert at_once == in_turn


class Meeting(Forest):
    """Answers once so many requests wait for an answer."""

    together: threading.Barrier

    @override
    def say(self, asked: Asked) -> tuple[int, bytes, int]:
        self.together.wait(20)
        return super().say(asked)


def a_tree(*children: Tree) -> Tree:
    return ["fine", list(children)]


LEAVES = [a_tree()] * 3
OBJECTS = 3


@pytest.mark.promise("tap 6", "The cut lists of all objects of a page are requested at once, at every depth")
def test_the_lists_of_a_page_are_requested_at_once() -> None:
    """Each object has a cut list, and each of the two entries that it shows has one: three lists of each object."""
    with Meeting(now=NOW) as stripe:
        stripe.trees = [a_tree(a_tree(*LEAVES), a_tree(*LEAVES), a_tree()) for _ in range(OBJECTS)]
        stripe.together = threading.Barrier(3 * OBJECTS)

        whole, left_out = outcome(stripe, NestedReads(prefetch=PrefetchPool(8, 64)), keeps_refused=True)

    assert left_out == {}
    assert isinstance(whole, dict)
    assert [len(each["parts"]["data"]) for each in whole["data"]] == [3] * OBJECTS
    assert [len(each["parts"]["data"][1]["parts"]["data"]) for each in whole["data"]] == [3] * OBJECTS


def test_the_lists_inside_a_later_page_of_a_list_are_requested_at_once() -> None:
    with Meeting(now=NOW) as stripe:
        stripe.trees = [a_tree(a_tree(), a_tree(), *[a_tree(*LEAVES)] * 4)]
        waits = iter([1, 1, 4, 4, 4, 4])
        barriers = {1: threading.Barrier(1), 4: threading.Barrier(4)}
        stripe.together = _Turns(waits, barriers)  # type: ignore[assignment]  # has its `wait`

        whole, _ = outcome(stripe, NestedReads(prefetch=PrefetchPool(4, 64)), keeps_refused=True)

    assert isinstance(whole, dict)
    assert [len(each["parts"]["data"]) for each in whole["data"][0]["parts"]["data"]] == [0, 0, 3, 3, 3, 3]


class _Turns:
    """The barriers of the requests in their order."""

    def __init__(self, waits: Iterator[int], barriers: Mapping[int, threading.Barrier]) -> None:
        self._waits, self._barriers, self._lock = waits, barriers, threading.Lock()

    def wait(self, timeout_s: float) -> None:
        with self._lock:
            parties = next(self._waits)
        self._barriers[parties].wait(timeout_s)
