"""What the sandbox only shows, judged by the official client: lists, parts, changes and deletions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import stripe

from stripe_flow_sandbox.state.read_only_lists import READ_ONLY_LISTS, ReadOnlyList
from tests.support.official import everything, official
from tests.support.official_lists import official_lists
from tests.support.sandbox import Sandbox

EVERY_SHELF = pytest.mark.parametrize("shelf", READ_ONLY_LISTS, ids=lambda shelf: shelf.noun)


@pytest.fixture(scope="module")
def shop() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@EVERY_SHELF
def test_a_list_is_newest_first_and_told_page_by_page(shelf: ReadOnlyList, shop: Sandbox) -> None:
    made = shop.make(shelf.noun, 103, every_s=60)
    service = official_lists()[shelf.path].of(official(shop).v1)

    shown = everything(service)
    assert [each["id"] for each in shown] == made[::-1]
    if shelf.time is not None:
        since = {"created": {"gte": shown[1][shelf.time]}}
        assert [each["id"] for each in everything(service, **since)] == made[:-3:-1]
    else:
        with pytest.raises(stripe.InvalidRequestError, match="created"):
            everything(service, created={"gte": 1})


def test_an_object_shows_ten_parts_and_lists_all(sandbox: Sandbox) -> None:
    [invoice] = sandbox.make("invoice")
    made = sandbox.make("line_item", 12, of=invoice)
    client = official(sandbox).v1

    shown = client.invoices.retrieve(invoice).lines

    assert [each.id for each in shown.data] == made[:1:-1]
    assert (shown.has_more, shown.url) == (True, f"/v1/invoices/{invoice}/lines")
    assert [each.id for each in shown.auto_paging_iter()] == made[::-1]
    assert {each.invoice for each in client.invoices.line_items.list(invoice).data} == {invoice}


def test_some_parts_are_hidden_until_they_are_expanded(sandbox: Sandbox) -> None:
    [session] = sandbox.make("checkout.session")
    made = sandbox.make("item", 3, of=session)
    client = official(sandbox).v1.checkout.sessions

    assert "line_items" not in client.list().data[0]
    [shown] = client.list({"expand": ["data.line_items"]}).data
    assert [each.id for each in shown.line_items.data] == made[::-1]


def test_what_was_canceled_is_left_out_until_it_is_asked_for(sandbox: Sandbox) -> None:
    canceled, alive = sandbox.make("subscription", 2, every_s=1)
    sandbox.change("subscription", canceled, status="canceled")
    client = official(sandbox).v1

    assert [each.id for each in client.subscriptions.list().data] == [alive]
    assert [each.id for each in client.subscriptions.list({"status": "all"}).data] == [alive, canceled]
    assert [each.type for each in client.events.list().data] == ["customer.subscription.updated"]


def test_what_is_deleted_leaves_its_list_and_an_event(sandbox: Sandbox) -> None:
    gone, left = sandbox.make("coupon", 2)
    sandbox.delete("coupon", gone)
    client = official(sandbox).v1

    assert [each.id for each in client.coupons.list().data] == [left]
    [event] = client.events.list().data
    assert (event.type, event.data.object["id"]) == ("coupon.deleted", gone)


@pytest.mark.parametrize(
    ("order", "said"), [({"type": "unicorn"}, "unicorn"), ({"type": "line_item", "of": "in_1"}, "in_1")]
)
def test_a_control_that_makes_no_sense_is_refused(order: dict[str, str], said: str, sandbox: Sandbox) -> None:
    kind, owner = order["type"], order.get("of")

    with pytest.raises(ValueError, match=said):
        sandbox.make(kind, of=owner)
