"""The balance of the account of the request; https://docs.stripe.com/api/balance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import msgspec

from stripe_flow_sandbox.answers.codec import Object
from stripe_flow_sandbox.objects.resource import Operation
from stripe_flow_sandbox.parameters.accepted import EXPAND
from stripe_flow_sandbox.parameters.shapes import fresh
from stripe_flow_sandbox.state.space import Call


class _Moved(msgspec.Struct):
    """What a balance takes from a balance transaction, nothing of a deleted one: decoding only that is faster."""

    currency: str = ""
    net: int = 0
    status: str = ""
    balance_type: str | None = None


_decoder = msgspec.json.Decoder(_Moved)


def _retrieve(call: Call) -> Object:
    """The sums of all balance transactions; those of Issuing have a balance of their own."""
    default = call.space.account.default_currency
    sums: Mapping[str, Counter[str]] = {"available": Counter({default: 0}), "pending": Counter({default: 0})}
    for body in call.space["balance_transaction"].stored_bodies():
        moved = _decoder.decode(body)
        if moved.balance_type == "payments" and moved.status in sums:
            sums[moved.status][moved.currency] += moved.net
    shown = fresh("balance") | {"livemode": call.space.livemode}
    currencies = sorted({currency for each in sums.values() for currency in each})
    return shown | {name: [_amount(each[currency], currency) for currency in currencies] for name, each in sums.items()}


def _amount(amount: int, currency: str) -> Object:
    return {"amount": amount, "currency": currency, "source_types": {"card": amount}}


BALANCE = Operation(method="GET", path="/v1/balance", permission="balance", params=EXPAND, run=_retrieve)
