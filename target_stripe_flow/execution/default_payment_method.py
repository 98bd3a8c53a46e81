"""Payment methods for PaymentIntents, which need an id and a type; a charge uses the customer's default by itself."""

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

# The type of a payment method by the prefix of its id. https://docs.stripe.com/payments/payment-methods/transitioning
_KINDS = {"tok_": CARD, "card_": CARD, "src_": CARD, "ba_": "us_bank_account"}
_METHOD = "pm_"


@dataclass(frozen=True, kw_only=True)
class PaymentMethod:
    """`source` is the id of a token, card, source or payment method; `kind` is its type as Stripe names it."""

    source: str
    kind: str


class DefaultPaymentMethods:
    """Reads each customer and payment method once from Stripe, a customer that this run changed again.

    Safe to share between threads.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: OrderedDict[str, PaymentMethod] = OrderedDict()
        self._lock = threading.Lock()

    def resolve(self, source: str) -> PaymentMethod:
        """The payment method for a record's `source`. Raises Rejected if Stripe has none with this id."""
        kind = next((kind for prefix, kind in _KINDS.items() if source.startswith(prefix)), None)
        if kind is not None:
            return PaymentMethod(source=source, kind=kind)
        return self._cached(source) or self._cache(source, self._read_method(source))

    def default_of(self, customer: str) -> PaymentMethod:
        """The customer's default payment method, else the default source. Raises Rejected if there is neither."""
        return self._cached(customer) or self._cache(customer, self._read_default(customer))

    def forget(self, customer: str | None) -> None:
        """The customer was changed, so its default is read again when it is needed."""
        with self._lock:
            self._known.pop(customer or "", None)

    def _read_method(self, source: str) -> PaymentMethod:
        if not source.startswith(_METHOD) or not source.replace("_", "").isalnum():
            raise Rejected("is not the id of a token, a saved card, a source or a payment method", "source")
        try:
            found: dict[str, Any] = self._client.get(f"/v1/payment_methods/{source}").value  # Any: JSON
        except NotFound:
            raise Rejected("is not a payment method that this API key can read", "source") from None
        return PaymentMethod(source=source, kind=str(found.get("type", CARD)))

    def _read_default(self, customer: str) -> PaymentMethod:
        found: dict[str, Any] = self._client.get(f"/v1/customers/{customer}").value  # Any: JSON
        default = (found.get("invoice_settings") or {}).get("default_payment_method") or found.get("default_source")
        if not isinstance(default, str):
            raise Rejected(f"the customer {customer} has no default payment method: set source in the record", "source")
        return self.resolve(default)

    def _cached(self, name: str) -> PaymentMethod | None:
        with self._lock:
            return self._known.get(name)

    def _cache(self, name: str, method: PaymentMethod) -> PaymentMethod:
        with self._lock:
            self._known[name] = method
            if len(self._known) > MOST_KNOWN:
                self._known.popitem(last=False)
        return method
