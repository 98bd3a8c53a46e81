"""The balance of the account of the request; https://docs.stripe.com/api/balance."""

from __future__ import annotations

from collections import Counter

from stripe_flow_sandbox.answers.codec import Object, decode, integer
from stripe_flow_sandbox.objects.resource import Operation
from stripe_flow_sandbox.parameters.accepted import EXPAND
from stripe_flow_sandbox.parameters.shapes import fresh
from stripe_flow_sandbox.state.space import Call


def _retrieve(call: Call) -> Object:
    """What the charges brought that were made or changed since the start, all of it pending; there are no fees."""
    brought: Counter[str] = Counter({call.space.account.default_currency: 0})
    for body in call.space["charge"].stored_bodies():
        charge = decode(body)
        brought[str(charge["currency"])] += _kept(charge)
    shown = fresh("balance") | {"livemode": call.space.livemode}
    shown["available"] = [_amount(0, currency) for currency in sorted(brought)]
    shown["pending"] = [_amount(brought[currency], currency) for currency in sorted(brought)]
    return shown


def _kept(charge: Object) -> int:
    """What was captured and not given back; the refund of what was only authorised takes nothing away."""
    captured, refunded = integer(charge["amount_captured"]), integer(charge["amount_refunded"])
    return captured - max(0, refunded - (integer(charge["amount"]) - captured))


def _amount(amount: int, currency: str) -> Object:
    return {"amount": amount, "currency": currency, "source_types": {"card": amount}}


BALANCE = Operation(method="GET", path="/v1/balance", permission="balance", params=EXPAND, run=_retrieve)
