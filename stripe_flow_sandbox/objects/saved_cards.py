"""The saved cards of a customer, which Stripe calls its sources: what keeps one, and what removes it."""

from __future__ import annotations

from stripe_flow_sandbox.answers.codec import Object
from stripe_flow_sandbox.objects.methods import method_of
from stripe_flow_sandbox.objects.read_only import children_of
from stripe_flow_sandbox.objects.tokens import card_of, token_of
from stripe_flow_sandbox.state.child_lists import CHILD_LISTS
from stripe_flow_sandbox.state.collection import Collection
from stripe_flow_sandbox.state.space import Call, Space

SOURCES = next(spec for spec in CHILD_LISTS if spec.default_field == "default_source")


def cards_of(space: Space, customer: Object) -> Collection:
    """All saved cards of a customer."""
    return children_of(space, SOURCES, customer)


def new_card(call: Call, customer: Object, token_name: str) -> Object:
    """The card of a token for this customer, not stored yet. Raises Refusal (402) if its bank declines saving it."""
    token = token_of(token_name)
    if token.decline and not token.fails_later:
        raise token.decline.refusal()
    return card_of(call, token, customer=str(customer["id"]))


def keep_card(call: Call, customer: Object, card: Object) -> None:
    """Store a new card of the customer, also as a payment method: a saved card is both."""
    call.space.save_card(card)
    cards_of(call.space, customer).insert(card, at=call.now)
    call.add(method_of(card) | {"created": call.now, "livemode": call.space.livemode})
    call.emit(card, SOURCES.created or "")


def forget_card(call: Call, customer: Object, card: Object) -> Object:
    """Take a card from its customer, who keeps it as no default; returns what is left of it."""
    card_id = str(card["id"])
    cards = cards_of(call.space, customer)
    remains = {"id": card_id, "object": card["object"], "deleted": True}
    if cards.place(card_id) is not None:
        cards.remove(card_id, remains)
    call.space.save_card({**card, "customer": None})
    call.emit(card, SOURCES.deleted or "")
    if customer["default_source"] == card_id:
        customer["default_source"] = _newest(call.space, customer)
    return remains


def _newest(space: Space, customer: Object) -> object:
    """The id of the card that was saved last; None if there is none."""
    cards = space.children(str(customer["id"]), SOURCES.path)
    places = list(cards.order.between(0, len(cards.order), newest_first=True))
    return cards.id_at(places[0]) if places else None
