"""What pays: a PaymentIntent has to be told its id and its kind, where a charge finds out by itself."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from stripe_flow.api.client import Client
from stripe_flow.api.errors import NotFound
from target_stripe_flow.actions.payment_intents import CARD
from target_stripe_flow.execution.references import MOST_KNOWN
from target_stripe_flow.results.outcome import Rejected

# Ids that tell their kind. https://docs.stripe.com/payments/payment-methods/transitioning
_KINDS = {"tok_": CARD, "card_": CARD, "src_": CARD, "ba_": "us_bank_account"}
_METHOD = "pm_"


@dataclass(frozen=True, kw_only=True)
class PaymentMethod:
    """The id of what pays, and its type in Stripe's words."""

    source: str
    kind: str


class DefaultPaymentMethods:
    """Asks Stripe once per customer and per payment method; safe to share between threads."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: OrderedDict[str, PaymentMethod] = OrderedDict()
        self._lock = threading.Lock()

    def payer(self, source: str) -> PaymentMethod:
        """Of what a record names. Raises Rejected where Stripe does not know it."""
        kind = next((kind for prefix, kind in _KINDS.items() if source.startswith(prefix)), None)
        if kind is not None:
            return PaymentMethod(source=source, kind=kind)
        return self._kept(source) or self._keep(source, self._method(source))

    def default_of(self, customer: str) -> PaymentMethod:
        """The default payment method, else the default source. Raises Rejected where there is nothing on file."""
        return self._kept(customer) or self._keep(customer, self._default(customer))

    def _method(self, source: str) -> PaymentMethod:
        if not source.startswith(_METHOD) or not source.replace("_", "").isalnum():
            raise Rejected("is neither a token nor a saved card, source or payment method of Stripe's", "source")
        try:
            found: dict[str, Any] = self._client.get(f"/v1/payment_methods/{source}").value  # Any: JSON
        except NotFound:
            raise Rejected("is no payment method that this key can see", "source") from None
        return PaymentMethod(source=source, kind=str(found.get("type", CARD)))

    def _default(self, customer: str) -> PaymentMethod:
        found: dict[str, Any] = self._client.get(f"/v1/customers/{customer}").value  # Any: JSON
        pays = (found.get("invoice_settings") or {}).get("default_payment_method") or found.get("default_source")
        if not isinstance(pays, str):
            raise Rejected(f"the customer {customer} has no default payment method, and no source is given", "source")
        return self.payer(pays)

    def _kept(self, name: str) -> PaymentMethod | None:
        with self._lock:
            return self._known.get(name)

    def _keep(self, name: str, payer: PaymentMethod) -> PaymentMethod:
        with self._lock:
            self._known[name] = payer
            if len(self._known) > MOST_KNOWN:
                self._known.popitem(last=False)
        return payer
