"""From the HTTP status and the error object of a refusal to the error to raise."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

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
from stripe_flow.api.message import read_object
from stripe_flow.api.retry import TOO_MANY_REQUESTS, UNDECIDED
from stripe_flow.api.stripe_ids import shown_code, shown_param, shown_path
from stripe_flow.api.transport import RawAnswer

_SHOWN: Mapping[str, Callable[[Any], str]] = {  # Any: JSON, of which only texts are read
    **dict.fromkeys(("type", "code", "decline_code", "charge"), shown_code),
    "param": shown_param,
}
# Stripe names the missing permission only in the message of a 403.
_PERMISSION = re.compile(r"'(rak_\w+)'", re.ASCII)


def to_error(raw: RawAnswer, method: str, path: str, connection: Connection, *, may_be_executed: bool) -> StripeError:
    """The error for an answer that is not a success and must not be sent again.

    `may_be_executed`: an earlier send of this call may have been executed, so a final 429 does not mean "not executed".
    https://docs.stripe.com/error-low-level and https://docs.stripe.com/api/errors
    """
    refusal = read_refusal(raw)
    kind, happened, next_step = _classify(refusal, is_read=method == "GET", may_be_executed=may_be_executed)
    account = f" for account {connection.account}" if connection.account else ""
    return kind(f"{method} {shown_path(path)}{account}: {happened} {refusal.words()}. {next_step}", refusal)


def read_refusal(raw: RawAnswer) -> Refusal:
    """The facts of the error object; only the HTTP status and headers if the body is not one (a proxy's page).

    What they quote of the request, such as a name in metadata that is no plain word, becomes `…`.
    """
    facts = _error_object(raw)
    intent = facts.get("payment_intent")
    permission = _PERMISSION.search(str(facts.get("message", "")))
    texts = {name: value.replace("\0", "") for name, value in facts.items() if isinstance(value, str)}
    return Refusal(
        http_status=raw.http_status,
        date_unix=parse_date(raw.headers.get("Date")),
        request_id=raw.headers.get("Request-Id", ""),
        payment_intent=str(intent.get("id", "")) if isinstance(intent, dict) else "",
        permission=permission[1] if permission else "",
        message=texts.get("message", ""),
        **{name: show(texts[name]) for name, show in _SHOWN.items() if name in texts},
    )


def is_reliable(raw: RawAnswer) -> bool:
    """Whether a refusal may decide an attempt: a proxy's page or a body that was cut off may not.

    A status that says everything by itself needs no body.
    """
    return bool(_error_object(raw)) or raw.http_status in {401, 403} | UNDECIDED or raw.http_status < 400


def _error_object(raw: RawAnswer) -> Mapping[str, object]:
    try:
        error = read_object(raw.body).get("error")
    except ValueError:
        error = None
    return error if isinstance(error, dict) else {}


_Meaning = tuple[type[StripeError], str, str]


def _classify(refusal: Refusal, *, is_read: bool, may_be_executed: bool) -> _Meaning:
    """The error's class, what happened, and what to do next."""
    if refusal.http_status in UNDECIDED or refusal.http_status >= 500:
        return _READ_REFUSED if is_read else _classify_undecided(refusal, may_be_executed=may_be_executed)
    if refusal.type == "idempotency_error":
        return _KEY_REUSED
    if refusal.http_status in {401, 403} and not (refusal.type or refusal.code or refusal.request_id):
        return _NOT_FROM_STRIPE
    if refusal.code == "account_invalid":
        return _NO_ACCOUNT
    kind, happened, next_step = _MEANINGS.get(
        refusal.http_status, _REDIRECTED if refusal.http_status < 400 else _REFUSED
    )
    return kind, happened.format(permission=refusal.permission or "that this request needs"), next_step


def _classify_undecided(refusal: Refusal, *, may_be_executed: bool) -> _Meaning:
    if refusal.http_status == TOO_MANY_REQUESTS and not may_be_executed:
        return _NOT_SENT
    return _INDETERMINATE if refusal.http_status >= 500 else _NOT_DECIDED


_KEY_REUSED = (
    KeyReused,
    "the idempotency key was used before with other parameters",
    "The record has changed since it was first sent: send it with its first values, or under a new source key",
)
_REDIRECTED = (
    AccountTrouble,
    "the address answered with a redirect, which Stripe never does",
    "Check the setting base_url and the proxies between this machine and Stripe",
)
_NOT_FROM_STRIPE = (
    AccountTrouble,
    "the address refused the request, and the answer is not Stripe's",
    "Check the proxy and the setting base_url; if they are correct, check the setting api_key",
)
_NO_ACCOUNT = (
    AccountHidden,
    "there is no such account, or the key has no access to it",
    "Check the account's id in the settings, that it is connected to the key's own account, and the key's mode",
)
_REFUSED = (RequestRefused, "Stripe refused the request", "Fix what the code names and send it again")
_INDETERMINATE = (
    OutcomeUnknown,
    "Stripe failed, and whether it executed the request is unknown",
    "Check the Stripe dashboard before you send it again",
)
_NOT_DECIDED = (
    OutcomeUnknown,
    "Stripe has not decided the request and says not to send it again now",
    "Check the Stripe dashboard before you send it again",
)
_NOT_SENT = (
    NotSent,
    "Stripe accepts no more requests for now, and nothing was executed",
    "Run again later, or lower the setting max_requests_per_second",
)
_READ_REFUSED = (
    StripeUnreachable,
    "Stripe refused the read and says not to send it again now",
    "Run again later: nothing was changed and nothing is lost",
)
_MEANINGS: dict[int, _Meaning] = {
    401: (KeyRefused, "Stripe does not accept the key", "Check the setting api_key; the key is not shown here"),
    402: (Declined, "the card was declined", "This is final; `stripe-flow journal retry KEY` orders another attempt"),
    403: (
        PermissionMissing,
        "the key lacks the permission {permission}",
        "Give the restricted key that permission in the Stripe dashboard, or check its access to this account",
    ),
    404: (NotFound, "there is no such object", "Check the id, and that the object has the mode of the key"),
}
