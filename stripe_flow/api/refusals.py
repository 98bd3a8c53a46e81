"""What a refusal means: the status and the error object of an answer → the error to raise."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from stripe_flow.api.clock import parse_date
from stripe_flow.api.connection import Connection
from stripe_flow.api.errors import (
    AccountHidden,
    AccountTrouble,
    Declined,
    KeyRefused,
    KeyReused,
    NotFound,
    NotSent,
    OutcomeUnknown,
    PermissionMissing,
    Refusal,
    RequestRefused,
    StripeError,
    StripeUnreachable,
)
from stripe_flow.api.retry import TOO_MANY, UNDECIDED
from stripe_flow.api.transport import RawAnswer

# Stripe names the missing permission in the message of a 403, and nowhere else.
_PERMISSION = re.compile(r"'(rak_\w+)'", re.ASCII)


def refused(raw: RawAnswer, method: str, path: str, connection: Connection, *, is_open: bool) -> StripeError:
    """The error for an answer that is no success and must not be sent again.

    `is_open`: an earlier send of this call may have been executed, so a 429 to the last one proves nothing.
    https://docs.stripe.com/error-low-level and https://docs.stripe.com/api/errors
    """
    refusal = read_refusal(raw)
    kind, happened, next_step = _meaning(refusal, is_read=method == "GET", is_open=is_open)
    account = f" for account {connection.account}" if connection.account else ""
    return kind(f"{method} {path}{account}: {happened} {refusal.words()}. {next_step}", refusal)


def read_refusal(raw: RawAnswer) -> Refusal:
    """The facts of the error object; a body that is none (a proxy's page) gives the status alone."""
    facts = _error_object(raw)
    names = ("type", "code", "decline_code", "param", "charge")
    intent = facts.get("payment_intent")
    permission = _PERMISSION.search(str(facts.get("message", "")))
    return Refusal(
        http_status=raw.http_status,
        date_unix=parse_date(raw.headers.get("Date")),
        request_id=raw.headers.get("Request-Id", ""),
        payment_intent=str(intent.get("id", "")) if isinstance(intent, dict) else "",
        permission=permission[1] if permission else "",
        **{name: str(facts[name]) for name in names if isinstance(facts.get(name), str)},
    )


def is_stripes_word(raw: RawAnswer) -> bool:
    """Whether a refusal can be relied on: a proxy's page or a cut body must not close a payment's attempt.

    Where the status alone says all there is to know, the body is not needed.
    """
    return bool(_error_object(raw)) or raw.http_status in {401, 403} | UNDECIDED or raw.http_status < 400


def _error_object(raw: RawAnswer) -> Mapping[str, object]:
    try:
        error = msgspec.json.decode(raw.body, type=dict[str, object]).get("error")
    except ValueError:
        error = None
    return error if isinstance(error, dict) else {}


_Meaning = tuple[type[StripeError], str, str]


def _meaning(refusal: Refusal, *, is_read: bool, is_open: bool) -> _Meaning:
    """The error's class, what happened, and what to do next."""
    if refusal.http_status in UNDECIDED or refusal.http_status >= 500:
        return _FOR_NOW if is_read else _undecided(refusal, is_open=is_open)
    if refusal.type == "idempotency_error":
        return _KEY_REUSED
    if refusal.http_status in {401, 403} and not (refusal.type or refusal.code or refusal.request_id):
        return _NOBODYS
    if refusal.code == "account_invalid":
        return _NO_ACCOUNT
    kind, happened, next_step = _MEANINGS.get(
        refusal.http_status, _ELSEWHERE if refusal.http_status < 400 else _REFUSED
    )
    return kind, happened.format(permission=refusal.permission or "that this request needs"), next_step


def _undecided(refusal: Refusal, *, is_open: bool) -> _Meaning:
    if refusal.http_status == TOO_MANY and not is_open:
        return _NOT_SENT
    return _INDETERMINATE if refusal.http_status >= 500 else _NOT_DECIDED


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
_NOBODYS = (
    AccountTrouble,
    "the address refused, and not in Stripe's words",
    "Check the proxy and the setting base_url; if they are right, the setting api_key",
)
_NO_ACCOUNT = (
    AccountHidden,
    "there is no such account, or the key may not act for it",
    "Check the account's id in the settings, that it is connected to the key's own account, and the key's mode",
)
_REFUSED = (RequestRefused, "Stripe refused the request", "Mend what the code names and send it again")
_INDETERMINATE = (
    OutcomeUnknown,
    "Stripe failed, and whether anything happened is not known",
    "Look in the Stripe dashboard before it is sent again",
)
_NOT_DECIDED = (
    OutcomeUnknown,
    "Stripe has not decided it and says not to send it again now",
    "Look in the Stripe dashboard before it is sent again",
)
_NOT_SENT = (
    NotSent,
    "Stripe takes no more requests for now, and nothing was executed",
    "Run again later; a lower max_requests_per_second leaves room for others",
)
_FOR_NOW = (
    StripeUnreachable,
    "Stripe refused to answer for now and says not to ask again at once",
    "Run again later: nothing was changed and nothing is lost",
)
_MEANINGS: dict[int, tuple[type[StripeError], str, str]] = {
    401: (KeyRefused, "Stripe does not accept the key", "Check the setting api_key; the key is not shown here"),
    402: (Declined, "the card was declined", "This is final: a new attempt is a new decision"),
    403: (
        PermissionMissing,
        "the key lacks the permission {permission}",
        "Give the restricted key that permission in the Stripe dashboard, or check that it may act for this account",
    ),
    404: (NotFound, "there is no such object", "Check the id, and whether it belongs to the mode of the key"),
}
