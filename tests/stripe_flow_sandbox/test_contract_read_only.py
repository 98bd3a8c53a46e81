"""Read-only resources as the official client reads them: lists, child objects, changes and deletions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import stripe

from stripe_flow_sandbox.state.read_only_lists import READ_ONLY_LISTS, ReadOnlyList
from tests.support.official import everything, official
from tests.support.official_lists import official_lists
from tests.support.sandbox import Sandbox

EVERY_LIST = pytest.mark.parametrize("row", READ_ONLY_LISTS, ids=lambda row: row.noun)


@pytest.fixture(scope="module")
def shop() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@EVERY_LIST
def test_a_list_is_newest_first_and_read_page_by_page(row: ReadOnlyList, shop: Sandbox) -> None:
    made = shop.make(row.noun, 103, every_s=60)
    service = official_lists()[row.path].of(official(shop).v1)

    shown = everything(service)
    assert [each["id"] for each in shown] == made[::-1]
    if row.time is not None:
        since = {"created": {"gte": shown[1][row.time]}}
        assert [each["id"] for each in everything(service, **since)] == made[:-3:-1]
    else:
        with pytest.raises(stripe.InvalidRequestError, match="created"):
            everything(service, created={"gte": 1})


def test_a_parent_shows_ten_child_objects_and_lists_all(sandbox: Sandbox) -> None:
    [invoice] = sandbox.make("invoice")
    made = sandbox.make("line_item", 12, of=invoice)
    client = official(sandbox).v1

    shown = client.invoices.retrieve(invoice).lines

    assert [each.id for each in shown.data] == made[:1:-1]
    assert (shown.has_more, shown.url) == (True, f"/v1/invoices/{invoice}/lines")
    assert [each.id for each in shown.auto_paging_iter()] == made[::-1]
    assert {each.invoice for each in client.invoices.line_items.list(invoice).data} == {invoice}


def test_hidden_child_objects_are_shown_when_expanded(sandbox: Sandbox) -> None:
    [session] = sandbox.make("checkout.session")
    made = sandbox.make("item", 3, of=session)
    client = official(sandbox).v1.checkout.sessions

    assert "line_items" not in client.list().data[0]
    [shown] = client.list({"expand": ["data.line_items"]}).data
    assert [each.id for each in shown.line_items.data] == made[::-1]


def test_canceled_subscriptions_are_listed_only_on_request(sandbox: Sandbox) -> None:
    canceled, alive = sandbox.make("subscription", 2, every_s=1)
    sandbox.change("subscription", canceled, status="canceled")
    client = official(sandbox).v1

    assert [each.id for each in client.subscriptions.list().data] == [alive]
    assert [each.id for each in client.subscriptions.list({"status": "all"}).data] == [alive, canceled]
    assert [each.type for each in client.events.list().data] == ["customer.subscription.updated"]


def test_a_closed_review_is_not_listed_and_can_be_read(sandbox: Sandbox) -> None:
    closed, left = sandbox.make("review", 2, every_s=1)
    sandbox.change("review", closed, open=False, reason="approved", closed_reason="approved")
    client = official(sandbox).v1

    assert [each.id for each in client.reviews.list().data] == [left]
    assert not client.reviews.list({"starting_after": left}).data
    assert client.reviews.retrieve(closed).open is False
    assert [each.type for each in client.events.list().data] == ["review.closed"]


def test_a_deleted_object_is_not_listed_and_has_an_event(sandbox: Sandbox) -> None:
    deleted, left = sandbox.make("coupon", 2)
    sandbox.delete("coupon", deleted)
    client = official(sandbox).v1

    assert [each.id for each in client.coupons.list().data] == [left]
    [event] = client.events.list().data
    assert (event.type, event.data.object["id"]) == ("coupon.deleted", deleted)


@pytest.mark.parametrize(
    ("order", "message"), [({"type": "unicorn"}, "unicorn"), ({"type": "line_item", "of": "in_1"}, "in_1")]
)
def test_an_unknown_type_or_parent_is_refused(order: dict[str, str], message: str, sandbox: Sandbox) -> None:
    kind, owner = order["type"], order.get("of")

    with pytest.raises(ValueError, match=message):
        sandbox.make(kind, of=owner)
