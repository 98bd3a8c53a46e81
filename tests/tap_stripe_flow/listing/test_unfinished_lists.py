"""Lists that promise more than they show, or come in an odd order: nothing is lost, and no state passes the gap."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from typing_extensions import override

from stripe_flow.api.errors import ListUnfinished
from stripe_flow.api.settings import open_client
from tap_stripe_flow.listing.pages import Listing
from tap_stripe_flow.listing.prefetch import PrefetchPool
from tap_stripe_flow.windows.reader import WindowReader
from tests.support.plugins import Ended, Message, a_config, run_tap
from tests.support.sandbox import Sandbox
from tests.support.scenes import Answer, Asked, Json, Said, Scenes
from tests.tap_stripe_flow.furnishing import with_selected

NOW = 1_790_000_000
COUNT = 250
# A list that Stripe documents as newest first, one of which it says nothing, and one without the filter `created`.
KINDS = {"payouts": "payout", "disputes": "dispute", "payment_links": "payment_link"}


@pytest.fixture(scope="module")
def full() -> Iterator[Sandbox]:
    """Objects of each kind, all of one second. Tests only read them."""
    with Sandbox("--charges", "5") as running:
        for kind in KINDS.values():
            running.make(kind, COUNT)
        running.advance(3_000)
        yield running


def ids(*runs: Ended, stream: str) -> Counter[str]:
    return Counter(record["id"] for done in runs for record in done.records(stream))


@pytest.mark.promise("tap 5", "After an empty page in the middle of a list the later pages are read")
@pytest.mark.parametrize("has_more", [False, True])
@pytest.mark.parametrize("stream", KINDS)
def test_an_empty_page_once_hides_nothing(
    full: Sandbox, catalog: Message, tmp_path: Path, stream: str, *, has_more: bool
) -> None:
    empty = {"kind": "empty_page", "has_more": has_more}
    full.faults({"name": "empty", "match": {"path": f"/v1/{stream}"}, "times": 1, "action": empty})

    done = run_tap(tmp_path, a_config(full.url), catalog=with_selected(catalog, stream))

    assert full.fault_state("empty")["struck"] == 1
    assert done.code == 0
    assert ids(done, stream=stream) == Counter(each["id"] for each in full.objects(KINDS[stream]))


@pytest.mark.promise("tap 5", "A list that says `has_more` and never shows more fails alone, and a later run reads it")
@pytest.mark.parametrize("has_more", [False, True])
@pytest.mark.parametrize("stream", KINDS)
def test_a_list_that_keeps_its_promise_back_fails_alone_and_is_read_later(
    full: Sandbox, catalog: Message, tmp_path: Path, stream: str, *, has_more: bool
) -> None:
    selected, empty = with_selected(catalog, "charges", stream), {"kind": "empty_page", "has_more": has_more}
    full.faults({"match": {"path": f"/v1/{stream}"}, "action": empty})
    before = len(full.requests())

    first = run_tap(tmp_path, a_config(full.url), catalog=selected)
    asked = full.requests()[before:]
    full.faults()
    second = run_tap(tmp_path, a_config(full.url), catalog=selected, state=first.states[-1])

    (error,) = first.errors
    assert (first.code, second.code) == (2, 0)
    assert error.startswith(f"stream {stream} failed, its state is ")
    assert f"GET /v1/{stream}: Stripe's list says that it has more and does not show it" in error
    bookmark = first.states[-1]["bookmarks"].get(stream, {}).get("replication_key_value", 0)
    assert bookmark <= min(record.get("created", 0) for record in second.records(stream))
    assert len([each for each in asked if each["path"] == f"/v1/{stream}"]) < 20
    assert sum(ids(first, stream="charges").values()) == 5
    found = ids(first, second, stream=stream)
    assert set(found) == {each["id"] for each in full.objects(KINDS[stream])}
    assert stream == "payment_links" or set(found.values()) == {1}


class Shuffled(Scenes):
    """A list in any order, though pages follow each other as they should."""

    @override
    def page(self, asked: Asked, entries: list[Json]) -> Said:  # type: ignore[override]  # a list
        low, high = (int(asked.query.get(f"created[{name}]", end)) for name, end in (("gte", "0"), ("lte", str(NOW))))
        shown = [each for each in entries if low <= each["created"] <= high]
        after = asked.query.get("starting_after")
        rest = shown if after is None else shown[1 + [each["id"] for each in shown].index(after) :]
        return 200, {"object": "list", "url": asked.path, "has_more": len(rest) > 100, "data": rest[:100]}


@pytest.mark.promise("tap 5", "A list that is not newest first is read to its end")
@pytest.mark.parametrize("first_ordered", [0, 150])
def test_a_list_that_is_not_newest_first_is_read_whole(first_ordered: int) -> None:
    entries = [{"id": f"x_{number}", "created": NOW - 1_000_000 + number} for number in range(1_500)][::-1]
    rest = entries[first_ordered:]
    random.Random(1).shuffle(rest)
    with Shuffled(now=NOW, lists={"/v1/x": [*entries[:first_ordered], *rest]}) as stripe:
        listing = Listing(client=open_client(a_config(stripe.url)), path="/v1/x")

        windows = list(WindowReader(listing, PrefetchPool(2), NOW - 2_000_000, NOW).windows())

    found = Counter(record.id for window in windows for record in window.records)
    assert found == Counter(each["id"] for each in entries)


@pytest.mark.promise("tap 5", "An object is read at whatever position a list without documented order has it")
@pytest.mark.parametrize(("made", "shown"), [(5, 450), (5, 1_499), (150, 900), (800, 1_200), (450, 5)])
def test_an_object_is_read_wherever_a_list_without_documented_order_shows_it(made: int, shown: int) -> None:
    """The pages before it come newest first, and seem to have passed its time."""
    entries = [{"id": f"x_{number}", "created": NOW - 1 - 100 * number} for number in range(1_500)]
    listed = list(entries)
    listed.insert(shown, listed.pop(made))
    with Shuffled(now=NOW, lists={"/v1/x": listed}) as stripe:
        listing = Listing(client=open_client(a_config(stripe.url)), path="/v1/x")

        windows = list(WindowReader(listing, PrefetchPool(2), NOW - 2_000_000, NOW).windows())

    found = Counter(record.id for window in windows for record in window.records)
    assert found == Counter(each["id"] for each in entries)


@pytest.mark.parametrize("empty", [1, 2])
def test_the_newest_page_is_asked_for_again_if_it_is_empty_and_promises_more(empty: int) -> None:
    """It is what the planner of slices counts by, and what re-reads changed objects."""
    nothing = {"object": "list", "url": "/v1/x", "has_more": True, "data": []}
    answers = [Answer(path="/v1/x", status=200, body=nothing, times=empty)]
    with Scenes(now=NOW, lists={"/v1/x": [{"id": "x_1", "created": NOW - 5}]}, answers=answers) as stripe:
        listing = Listing(client=open_client(a_config(stripe.url)), path="/v1/x")

        if empty == 1:
            page = listing.page(0, NOW)
            assert ([each.id for each in page.records()], page.has_more) == (["x_1"], False)
        else:
            with pytest.raises(ListUnfinished):
                listing.page(0, NOW)
