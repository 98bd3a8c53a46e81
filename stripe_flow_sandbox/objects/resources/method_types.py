"""The types of payment methods that can pay a PaymentIntent.

https://docs.stripe.com/payments/payment-methods/dynamic-payment-methods
"""

from __future__ import annotations

from collections.abc import Iterable

from stripe_flow_sandbox.answers.codec import Object
from stripe_flow_sandbox.answers.errors import invalid, refuse
from stripe_flow_sandbox.objects.debits import DEBITS
from stripe_flow_sandbox.state.space import Call

# https://docs.stripe.com/changelog/endive/2026-09-30/removes-the-payment-method-types-parameter-from-payment-intents-and-setup-intents
FIXED_UNTIL = "2026-09-30"
# https://docs.stripe.com/changelog/2023-08-16/automatic-payment-methods
CARD_ONLY_UNTIL = "2023-08-16"

# https://docs.stripe.com/changelog/dahlia/2026-07-29/allowed-payment-method-types-parameter: they exclude each other
FIXED, ALLOWED = "payment_method_types", "allowed_payment_method_types"
AUTOMATIC, EXCLUDED = "automatic_payment_methods", "excluded_payment_method_types"
CHOICES = (FIXED, ALLOWED, AUTOMATIC, EXCLUDED)


def choose_types(call: Call, intent: Object) -> None:
    """Write the types that the call selects into a PaymentIntent, which must have its currency already."""
    params = call.params
    if FIXED in params and call.version >= FIXED_UNTIL:
        raise refuse("payment_method_types_no_longer_supported", param=FIXED)
    _check_alone(call, (FIXED, ALLOWED, AUTOMATIC))
    _check_alone(call, (FIXED, ALLOWED, EXCLUDED))
    automatic = params.get(AUTOMATIC)
    is_off = isinstance(automatic, dict) and automatic["enabled"] is False
    if FIXED in params:
        types = _names(params[FIXED])
    elif is_off or (call.version < CARD_ONLY_UNTIL and automatic is None):
        types = ["card"]
    else:
        types = _compatible(call, intent)
    if not types:
        raise invalid("None of these types of payment method can pay this PaymentIntent.", param=ALLOWED)
    intent |= {FIXED: types, ALLOWED: params.get(ALLOWED), EXCLUDED: params.get(EXCLUDED), AUTOMATIC: None}
    if FIXED not in params and ALLOWED not in params and not is_off and call.version >= CARD_ONLY_UNTIL:
        redirects = automatic.get("allow_redirects", "always") if isinstance(automatic, dict) else "always"
        intent[AUTOMATIC] = {"allow_redirects": redirects, "enabled": True}


def choose_types_again(call: Call, intent: Object) -> None:
    """The same for a later call; without a parameter about types the PaymentIntent keeps its types."""
    if any(name in call.params for name in CHOICES):
        choose_types(call, intent)


def _compatible(call: Call, intent: Object) -> list[str]:
    """The account's types for the currency that the call allows and does not exclude."""
    types = ["card", *(kind for kind, debit in DEBITS.items() if debit.currency == intent["currency"])]
    allowed, excluded = call.params.get(ALLOWED), _names(call.params.get(EXCLUDED))
    return [kind for kind in types if kind not in excluded and (allowed is None or kind in _names(allowed))]


def _check_alone(call: Call, names: Iterable[str]) -> None:
    sent = [name for name in names if name in call.params]
    if len(sent) > 1:
        raise refuse("parameters_exclusive", param=sent[0], params=", ".join(sent))


def _names(value: object) -> list[str]:
    return [str(name) for name in value] if isinstance(value, list) else []
