"""Every event type of Stripe's about a stream's own kind is asked for, or left out by name with the reason."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
import stripe

from tap_stripe_flow.streams import STREAMS, StreamSpec

TYPES: Mapping[str, list[str]] = json.loads((Path(__file__).parents[2] / "data" / "event_types.json").read_text())

LISTED = "the list shows what is new"
WHOLE = "the stream reads all objects on every run"
ELSEWHERE = "Stripe sends it to the connected account, and the tap asks for the events of the account that it reads"
NOT_THERE = "the object does not exist yet: it has no id, or cannot be read"
LEFT_OUT: Mapping[str, str] = {
    "account.external_account.created": ELSEWHERE,
    "account.external_account.deleted": ELSEWHERE,
    "account.external_account.updated": ELSEWHERE,
    "account.updated": ELSEWHERE,
    "application_fee.created": LISTED,
    "charge.dispute.created": LISTED,
    "coupon.created": LISTED,
    "credit_note.created": LISTED,
    "customer.created": LISTED,
    "customer.subscription.created": LISTED,
    "invoice.created": LISTED,
    "invoice.upcoming": NOT_THERE,
    "invoiceitem.created": LISTED,
    "issuing_authorization.created": LISTED,
    "issuing_authorization.request": NOT_THERE,
    "issuing_card.created": LISTED,
    "issuing_cardholder.created": LISTED,
    "issuing_dispute.created": LISTED,
    "issuing_transaction.created": LISTED,
    "payment_intent.created": LISTED,
    "payment_link.created": WHOLE,
    "payment_link.updated": WHOLE,
    "payment_method.attached": WHOLE,
    "payment_method.automatically_updated": WHOLE,
    "payment_method.detached": WHOLE,
    "payment_method.updated": WHOLE,
    "payout.created": LISTED,
    "person.created": ELSEWHERE,
    "person.deleted": ELSEWHERE,
    "person.updated": ELSEWHERE,
    "plan.created": LISTED,
    "price.created": LISTED,
    "product.created": LISTED,
    "promotion_code.created": LISTED,
    "quote.accepted": WHOLE,
    "quote.canceled": WHOLE,
    "quote.created": WHOLE,
    "quote.finalized": WHOLE,
    "radar.early_fraud_warning.created": LISTED,
    "refund.created": LISTED,
    "review.opened": LISTED,
    "setup_intent.created": LISTED,
    "subscription_schedule.created": LISTED,
    "tax_rate.created": LISTED,
    "topup.created": LISTED,
    "transfer.created": LISTED,
}
KINDS = {kind for spec in STREAMS for kind in (spec.kind, *spec.other_kinds)}


def asked_for() -> set[str]:
    return {each for spec in STREAMS for each in (*spec.events, *spec.deleted_by)}


@pytest.mark.promise("tap 4", "Every event type about a stream's kind is asked for, or left out by name")
def test_every_event_type_about_a_kind_of_a_stream_is_asked_for_or_left_out_by_name() -> None:
    about = {event_type for event_type, kinds in TYPES.items() if KINDS & set(kinds)}

    assert about - asked_for() == set(LEFT_OUT)
    assert not asked_for() & set(LEFT_OUT)


def test_nothing_is_asked_for_that_is_about_no_stream() -> None:
    assert asked_for() <= {event_type for event_type, kinds in TYPES.items() if KINDS & set(kinds)}


def test_the_event_types_are_those_that_the_official_client_knows() -> None:
    known = set(get_args(get_type_hints(stripe.Event)["type"]))

    assert set(TYPES) <= known
    assert not {each for each in known - set(TYPES) if each.rpartition(".")[0] in KINDS}


@pytest.mark.parametrize(
    "spec", [spec for spec in STREAMS if spec.events or spec.deleted_by], ids=lambda spec: spec.name
)
def test_a_stream_asks_for_events_of_its_own_kind_only(spec: StreamSpec) -> None:
    kinds = {spec.kind, *spec.other_kinds}

    assert not [each for each in (*spec.events, *spec.deleted_by) if not kinds & set(TYPES[each])]


@pytest.mark.parametrize("event_type", [name for name, reason in LEFT_OUT.items() if reason == LISTED])
def test_only_creations_are_left_to_the_list(event_type: str) -> None:
    streams = [spec for spec in STREAMS if spec.child_of is None and spec.kind in TYPES[event_type]]

    assert event_type.rpartition(".")[2] in {"created", "opened"}
    assert all(spec.stamp is not None for spec in streams)


@pytest.mark.parametrize("event_type", [name for name, reason in LEFT_OUT.items() if reason == WHOLE])
def test_only_streams_without_a_bookmark_are_read_whole(event_type: str) -> None:
    assert all(spec.stamp is None for spec in STREAMS if spec.kind in TYPES[event_type])
