"""The kinds of objects that API calls create: the parameters that the sandbox creates one with by default."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from stripe_flow_sandbox.answers.codec import Object, mapping
from stripe_flow_sandbox.objects.resource import Resource
from stripe_flow_sandbox.objects.resources.balance import BALANCE
from stripe_flow_sandbox.objects.resources.charges import CHARGES
from stripe_flow_sandbox.objects.resources.clocks import TEST_CLOCK, TEST_CLOCKS
from stripe_flow_sandbox.objects.resources.customers import CUSTOMERS
from stripe_flow_sandbox.objects.resources.events import EVENTS
from stripe_flow_sandbox.objects.resources.payment_intents import PAYMENT_INTENTS
from stripe_flow_sandbox.objects.resources.payment_methods import PAYMENT_METHODS, attach
from stripe_flow_sandbox.objects.resources.prices import PRICES
from stripe_flow_sandbox.objects.resources.products import PRODUCTS
from stripe_flow_sandbox.objects.resources.refunds import REFUNDS
from stripe_flow_sandbox.state.space import Call

RESOURCES: Mapping[str, Resource] = {
    each.noun: each
    for each in (CHARGES, CUSTOMERS, EVENTS, PAYMENT_INTENTS, PAYMENT_METHODS, PRICES, PRODUCTS, REFUNDS, TEST_CLOCKS)
}

# Type → parameter → its value if it is not given, or the function that makes it.
_DEFAULTS: Mapping[str, Mapping[str, object]] = {
    "charge": {"amount": 1000, "currency": "usd", "source": "tok_visa"},
    "customer": {"email": "ada@example.com", "name": "Ada"},
    "payment_intent": {"amount": 1000, "currency": "usd", "allowed_payment_method_types": ["card"]},
    "payment_method": {"type": "card", "card": {"token": "tok_visa"}},
    "price": {"currency": "usd", "unit_amount": 1000, "product": lambda call: create(call, "product", {})["id"]},
    "product": {"name": "Chair"},
    "refund": {"charge": lambda call: create(call, "charge", {})["id"]},
    TEST_CLOCK: {"frozen_time": lambda call: call.now},
}
# Parameter → the one that replaces it.
_INSTEAD = {"charge": "payment_intent", "product": "product_data", "source": "customer"}


def create(call: Call, noun: str, values: Object) -> Object:
    """A new object of type `noun`; `values` are parameters of its call. Raises Refusal if the API would refuse them."""
    missing = {
        name: value(call) if callable(value) else value
        for name, value in _DEFAULTS.get(noun, {}).items()
        if values.keys().isdisjoint({name, _INSTEAD.get(name, name)})
    }
    return _CREATORS[noun](replace(call, params=missing | values))


def _create_method(call: Call) -> Object:
    """A payment method; the parameter `customer` attaches it."""
    customer = call.params.pop("customer", None)
    made = _creator(PAYMENT_METHODS)(call)
    return made if customer is None else attach(call, made, str(customer))


def _create_event(call: Call) -> Object:
    """An event about the balance: it changes nothing."""
    return call.new_event(mapping(BALANCE.run(call)), "balance.available")


def _creator(resource: Resource) -> Callable[[Call], Object]:
    if resource.create is None:
        raise KeyError(f"the sandbox cannot create an object of type {resource.noun}")
    return resource.create


_CREATORS: Mapping[str, Callable[[Call], Object]] = {
    **{noun: _creator(each) for noun, each in RESOURCES.items() if noun != "event"},
    "event": _create_event,
    "payment_method": _create_method,
}
