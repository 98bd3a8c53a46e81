"""Payment methods for PaymentIntents, which need an id and a type; a charge uses the customer's default by itself."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from stripe_flow.api.client import Client
from target_stripe_flow.actions.payment_intents import CARD
from target_stripe_flow.execution.lookups import NotThere, read_object
from target_stripe_flow.execution.recent import Recent
from target_stripe_flow.results.outcome import Rejected

# The type of a payment method by the prefix of its id. https://docs.stripe.com/payments/payment-methods/transitioning
_KINDS = {"tok_": CARD, "card_": CARD, "src_": CARD, "ba_": "us_bank_account"}
_METHOD = "pm_"


@dataclass(frozen=True, kw_only=True)
class PaymentMethod:
    """`source` is the id of a token, card, source or payment method; `kind` is its type as Stripe names it."""

    source: str
    kind: str


class _Turns:
    """A fixed number of locks: equal names share one, as few others do."""

    def __init__(self, count: int = 64) -> None:
        self._locks = [threading.Lock() for _ in range(count)]

    def of(self, name: str) -> threading.Lock:
        return self._locks[hash(name) % len(self._locks)]


class DefaultPaymentMethods:
    """Reads each customer and payment method once from Stripe, a customer that this run changed again.

    What rejects a record is remembered as well. Safe to share between threads: what one of them reads, others wait for.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: Recent[str, PaymentMethod | Rejected] = Recent()
        self._lock = threading.Lock()
        # A customer's default is resolved while the customer is read: locks of their own, so that no two threads wait
        # for each other.
        self._customers, self._methods = _Turns(), _Turns()

    def resolve(self, source: str) -> PaymentMethod:
        """The payment method for a record's `source`. Raises Rejected if Stripe has none with this id."""
        kind = next((kind for prefix, kind in _KINDS.items() if source.startswith(prefix)), None)
        if kind is not None:
            return PaymentMethod(source=source, kind=kind)
        with self._methods.of(source):
            return self._once(source, self._read_method)

    def default_of(self, customer: str) -> PaymentMethod:
        """The customer's default payment method, else the default source. Raises Rejected if there is neither."""
        with self._customers.of(customer):
            return self._once(customer, self._read_default)

    def forget(self, customer: str | None) -> None:
        """The customer is found, created or changed, so its default is read again when it is needed."""
        with self._lock:
            self._known.forget(customer or "")

    def _read_method(self, source: str) -> PaymentMethod:
        if not source.startswith(_METHOD) or not (source.isascii() and source.replace("_", "").isalnum()):
            raise Rejected("is not the id of a token, a saved card, a source or a payment method", "source")
        try:
            found = read_object(self._client, "/v1/payment_methods", source, "source")
        except NotThere:
            raise Rejected("is not a payment method that this API key can read", "source") from None
        kind = found.get("type")
        return PaymentMethod(source=source, kind=kind if isinstance(kind, str) else CARD)

    def _read_default(self, customer: str) -> PaymentMethod:
        found = read_object(self._client, "/v1/customers", customer, "customer")
        settings = found.get("invoice_settings")
        default = settings.get("default_payment_method") if isinstance(settings, dict) else None
        default = default or found.get("default_source")
        if not isinstance(default, str):
            raise Rejected(f"the customer {customer} has no default payment method: set source in the record", "source")
        return self.resolve(default)

    def _once(self, name: str, read: Callable[[str], PaymentMethod]) -> PaymentMethod:
        with self._lock:
            known = self._known.get(name)
        if known is None:
            known = _read_or_rejected(read, name)
            with self._lock:
                self._known.put(name, known)
        if isinstance(known, Rejected):
            raise Rejected(str(known), known.field)
        return known


def _read_or_rejected(read: Callable[[str], PaymentMethod], name: str) -> PaymentMethod | Rejected:
    try:
        return read(name)
    except Rejected as rejected:
        return rejected
