"""Paging through a list while objects are deleted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stripe_flow.api.errors import UnreadableAnswer
from stripe_flow.api.paging import PAGE_LIMIT
from stripe_flow.api.settings import open_client
from tap_stripe_flow.listing.pages import Listing
from tests.support.official import official
from tests.support.plugins import a_config, run_tap
from tests.support.sandbox import Sandbox
from tests.tap_stripe_flow.crowds import crowd


def there(sandbox: Sandbox) -> set[str]:
    return {each["id"] for each in sandbox.objects("customer") if not each.get("deleted")}


def delete(sandbox: Sandbox, ids: Sequence[str]) -> None:
    for object_id in ids:
        official(sandbox).v1.customers.delete(object_id)


def test_a_run_goes_on_behind_a_deleted_cursor(sandbox: Sandbox, tmp_path: Path) -> None:
    start = sandbox.clock() - 10_000
    for second in range(5):
        crowd(sandbox, "/v1/customers", "", 60, at=start + second)
    sandbox.set_clock(start + 5_000)
    newest_first = [each["id"] for each in official(sandbox).v1.customers.list({"limit": PAGE_LIMIT}).data]
    rule = {"name": "second page", "match": {"path": "/v1/customers"}, "skip": 1, "times": 1}
    sandbox.faults({**rule, "at": "before_read", "action": {"kind": "hold"}})
    settings = a_config(sandbox.url, customers_mode="list", start_date=datetime.fromtimestamp(start, UTC).isoformat())

    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(run_tap, tmp_path, settings)
        sandbox.wait_until_held("second page")
        delete(sandbox, newest_first[-1:])
        sandbox.release("second page")
        done = running.result(60)
    again = run_tap(tmp_path, settings, state=done.states[-1])

    ids = Counter(record["id"] for record in done.records("customers"))
    assert done.code == 0
    assert set(ids) == there(sandbox) | set(newest_first[-1:])
    assert set(ids.values()) == {1}
    assert again.records("customers") == []
    refused = [each for each in sandbox.requests() if each["status"] == 400]
    assert [each["path"] for each in refused] == ["/v1/customers"]


def test_an_object_without_created_fails_without_a_retry(sandbox: Sandbox) -> None:
    [review] = sandbox.make("review")
    sandbox.change("review", review, created=None)

    with pytest.raises(UnreadableAnswer, match=rf"/v1/reviews: .*created` \(object {review}\)"):
        Listing(client=open_client(a_config(sandbox.url)), path="/v1/reviews").page(0, None)
    assert len(sandbox.requests()) == 1
