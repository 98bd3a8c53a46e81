"""What a refusal means: the status and the error object of an answer → the error to raise."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from stripe_flow.api.connection import Connection
from stripe_flow.api.errors import (
    AccountTrouble,
    Declined,
    KeyRefused,
    KeyReused,
    NotFound,
    OutcomeUnknown,
    Refusal,
    RequestRefused,
    RightMissing,
    StripeError,
)
from stripe_flow.api.transport import RawAnswer

# Stripe names the missing right in the message of a 403, and nowhere else.
_RIGHT = re.compile(r"'(rak_\w+)'")


def refused(raw: RawAnswer, method: str, path: str, connection: Connection) -> StripeError:
    """The error for an answer that is no success and must not be sent again.

    https://docs.stripe.com/error-low-level and https://docs.stripe.com/api/errors
    """
    refusal = read_refusal(raw)
    kind, happened, next_step = _meaning(refusal)
    account = f" for account {connection.account}" if connection.account else ""
    return kind(f"{method} {path}{account}: {happened} {refusal.words()}. {next_step}", refusal)


def read_refusal(raw: RawAnswer) -> Refusal:
    """The facts of the error object; a body that is none (a proxy's page) gives the status alone."""
    facts = _error_object(raw)
    names = ("type", "code", "decline_code", "param", "charge")
    intent = facts.get("payment_intent")
    right = _RIGHT.search(str(facts.get("message", "")))
    return Refusal(
        status=raw.status,
        request_id=raw.headers.get("Request-Id", ""),
        payment_intent=str(intent.get("id", "")) if isinstance(intent, dict) else "",
        right=right[1] if right else "",
        **{name: str(facts[name]) for name in names if isinstance(facts.get(name), str)},
    )


def is_stripes_word(raw: RawAnswer) -> bool:
    """Whether a refusal can be relied on: a proxy's page or a cut body must not close a payment's attempt."""
    return bool(_error_object(raw)) or raw.status in {401, 403} or raw.status < 400


def _error_object(raw: RawAnswer) -> Mapping[str, object]:
    try:
        error = msgspec.json.decode(raw.body, type=dict[str, object]).get("error")
    except ValueError:
        error = None
    return error if isinstance(error, dict) else {}


def _meaning(refusal: Refusal) -> tuple[type[StripeError], str, str]:
    """The error's class, what happened, and what to do next."""
    if refusal.type == "idempotency_error":
        return _KEY_REUSED
    by_class = {3: _ELSEWHERE, 4: _REFUSED}.get(refusal.status // 100, _INDETERMINATE)
    kind, happened, next_step = _MEANINGS.get(refusal.status, by_class)
    return kind, happened.format(right=refusal.right or "that this request needs"), next_step


_KEY_REUSED = (
    KeyReused,
    "the idempotency key was used before with other parameters",
    "The record has changed since it was first sent: send it under a new key, or as it was",
)
_ELSEWHERE = (
    AccountTrouble,
    "the address answered with a redirect, which Stripe never does",
    "Check the setting base_url and what stands between this machine and Stripe",
)
_REFUSED = (RequestRefused, "Stripe refused the request", "Mend what the code names and send it again")
_INDETERMINATE = (
    OutcomeUnknown,
    "Stripe failed, and whether anything happened is not known",
    "Look in the Stripe dashboard before it is sent again",
)
_MEANINGS: dict[int, tuple[type[StripeError], str, str]] = {
    401: (KeyRefused, "Stripe does not accept the key", "Check the setting api_key; the key is not shown here"),
    402: (Declined, "the card was declined", "This is final: a new attempt is a new decision"),
    403: (
        RightMissing,
        "the key lacks the right {right}",
        "Give the restricted key that right in the Stripe dashboard, or check that it may act for this account",
    ),
    404: (NotFound, "there is no such object", "Check the id, and whether it belongs to the mode of the key"),
}
