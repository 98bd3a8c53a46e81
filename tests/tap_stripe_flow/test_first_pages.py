"""In which order the lists of a run are asked, and how many requests lists of a few pages take."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from tap_stripe_flow.listing.prefetch import PrefetchPool
from tap_stripe_flow.streams import STREAMS
from tap_stripe_flow.windows.plan import DAY_S, OLDEST
from tests.support.plugins import Message, a_config, run_tap
from tests.support.sandbox import Sandbox
from tests.tap_stripe_flow.furnishing import with_selected

# Eight lists of two pages, each with a bookmark and without child objects.
EIGHT = ("coupons", "disputes", "invoice_items", "payouts", "plans", "products", "tax_rates", "top_ups")
PATHS = {spec.name: spec.path for spec in STREAMS}


@pytest.fixture(scope="module")
def shop() -> Iterator[Sandbox]:
    with Sandbox("--furnish", "105") as sandbox:
        yield sandbox


@pytest.fixture
def catalog(shop: Sandbox, tmp_path: Path) -> Message:
    catalog: Message = json.loads(run_tap(tmp_path, a_config(shop.url), "--discover").output)
    return with_selected(catalog, *EIGHT)


def asked(sandbox: Sandbox, before: int) -> list[str]:
    return [each["path"] for each in sandbox.requests()[before:]]


def test_every_list_is_asked_before_a_long_one_goes_on(shop: Sandbox, catalog: Message, tmp_path: Path) -> None:
    before = len(shop.requests())

    done = run_tap(tmp_path, a_config(shop.url, streams_at_once=1), catalog=catalog)

    assert done.code == 0
    assert asked(shop, before)[: len(EIGHT)] == [PATHS[name] for name in EIGHT]
    assert {name: len(done.records(name)) for name in EIGHT} == dict.fromkeys(EIGHT, 105)


def test_where_lists_share_the_threads_a_list_of_two_pages_takes_two_requests(
    shop: Sandbox, catalog: Message, tmp_path: Path
) -> None:
    """Windows before the first object, which are empty, would use the rate that the other lists need."""
    before = len(shop.requests())

    done = run_tap(tmp_path, a_config(shop.url, concurrency=3), catalog=catalog)

    assert done.code == 0
    assert Counter(asked(shop, before)) == dict.fromkeys((PATHS[name] for name in EIGHT), 2)


def test_the_threads_are_busy_once_each_list_has_at_most_three_to_itself() -> None:
    pool, found = PrefetchPool(16), list[bool]()

    with ExitStack() as reading:
        for _ in range(7):
            found.append(pool.is_busy)
            reading.enter_context(pool.counted_reader())

    assert found == [False] * 6 + [True]
    assert not pool.is_busy


def test_events_older_than_stripe_keeps_them_are_not_asked_for(shop: Sandbox, catalog: Message, tmp_path: Path) -> None:
    before = len(shop.requests())

    selected = with_selected(catalog, "events")
    done = run_tap(tmp_path, a_config(shop.url), catalog=selected)
    ranges = [within(each) for each in shop.requests()[before:]]
    again = run_tap(tmp_path, a_config(shop.url), catalog=selected, state=done.states[-1])

    assert not again.records("events")
    assert within(shop.requests()[-1])[0] >= shop.clock() - DAY_S, "its bookmark is behind all that was read"
    assert len(done.records("events")) == len(shop.objects("event")) > 1_000
    since, until = zip(*ranges, strict=True)
    assert since[0] == OLDEST, "the first answer shows Stripe's time"
    assert min(since[1:]) >= shop.clock() - 32 * DAY_S
    assert any(until)


def within(request: Message) -> tuple[int, int]:
    """The range of a request for a list: from its first second to its last, 0 if it has none."""
    query = parse_qs(request["query"])
    return int(query["created[gte]"][0]), int(query.get("created[lte]", ["0"])[0])
