"""Refusals in Stripe's error shape; https://docs.stripe.com/api/errors.

Every refusal is a `Refusal`: a status and the members of the `error` object. `refuse(code)` makes an error with a code
of Stripe's list, `invalid` one without a code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stripe_flow_sandbox.answers.codec import Object

INVALID = "invalid_request_error"
DOC_URL = "https://docs.stripe.com/error-codes#{code}"


@dataclass(eq=False)
class Refusal(Exception):
    """Raised for an answer other than 200; `error` holds the members of Stripe's `error` object."""

    status: int
    error: Object
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Kind:
    status: int
    message: str
    type: str = INVALID


# https://docs.stripe.com/error-codes
_KINDS = {
    "account_invalid": _Kind(
        403,
        "The provided key '{key}' does not have access to account '{account}' (or that account does not exist). "
        "Application access may have been revoked.",
    ),
    "amount_too_large": _Kind(400, "Amount must be no more than {most} in minor units"),
    "amount_too_small": _Kind(400, "Amount must be at least {least} {currency} in minor units"),
    "charge_already_captured": _Kind(400, "Charge {id} has already been captured."),
    "charge_already_refunded": _Kind(400, "Charge {id} has already been refunded."),
    "email_invalid": _Kind(400, "Invalid email address: {value}"),
    "idempotency_key_in_use": _Kind(
        409,
        "There is currently another in-progress request using this Stripe-Account, idempotency key and API key. "
        "Try again later.",
    ),
    "missing": _Kind(400, "Customer {customer} does not have a linked source with ID {source}."),
    "parameter_invalid_empty": _Kind(
        400,
        "You passed an empty string for '{param}'. Empty values unset a parameter; '{param}' cannot be unset. "
        "Leave '{param}' out or give it a value.",
    ),
    "parameter_invalid_integer": _Kind(400, "Invalid integer: {value}"),
    "parameter_missing": _Kind(400, "Missing required param: {param}."),
    "parameter_unknown": _Kind(400, "Received unknown parameter: {param}"),
    "parameters_exclusive": _Kind(400, "You may only specify one of these parameters: {params}."),
    "payment_intent_incompatible_payment_method": _Kind(400, "{said}"),
    "payment_intent_unexpected_state": _Kind(400, "{said}"),
    "payment_method_types_no_longer_supported": _Kind(
        400,
        "The parameter `payment_method_types` is no longer supported. Use `allowed_payment_method_types`, "
        "`excluded_payment_method_types` or automatic payment methods instead.",
    ),
    "rate_limit": _Kind(
        429, "Request rate limit exceeded. Learn more about rate limits here https://docs.stripe.com/rate-limits."
    ),
    "resource_already_exists": _Kind(400, "{noun} already exists."),
    "resource_missing": _Kind(404, "No such {noun}: '{id}'{hint}"),
    "secret_key_required": _Kind(
        403, "This API call cannot be made with a publishable API key. Please use a secret API key."
    ),
}


def refuse(code: str, *, status: int | None = None, param: str | None = None, **facts: object) -> Refusal:
    """The error with this code of Stripe's list; `facts` fill its message."""
    kind = _KINDS[code]
    error: Object = {
        "code": code,
        "doc_url": DOC_URL.format(code=code.replace("_", "-")),
        "message": kind.message.format(param=param, **facts),
    }
    if param is not None:
        error["param"] = param
    error["type"] = kind.type
    return Refusal(status or kind.status, error)


def invalid(message: str, *, status: int = 400, param: str | None = None) -> Refusal:
    """An `invalid_request_error` that has a message and no code."""
    error: Object = {"message": message}
    if param is not None:
        error["param"] = param
    return Refusal(status, error | {"type": INVALID})


def mismatched_key(key: str, first: str, now: str) -> Refusal:
    """The 400 for an idempotency key that was used on path `first` and now on path `now`, or with other parameters."""
    if first != now:
        message = (
            f"Keys for idempotent requests can only be used for the same endpoint they were first used for "
            f"('{now}' vs '{first}'). Try using a key other than '{key}' if you meant to execute a different request."
        )
    else:
        message = (
            f"Keys for idempotent requests can only be used with the same parameters they were first used with. "
            f"Try using a key other than '{key}' if you meant to execute a different request."
        )
    return Refusal(400, {"message": message, "type": "idempotency_error"})
