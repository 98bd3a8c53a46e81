"""Which errors may be about one object alone, so that the others of its list can still be read."""

from __future__ import annotations

from stripe_flow.api.errors import (
    AccountHidden,
    ListUnfinished,
    NoUsableAnswer,
    PermissionMissing,
    RequestRefused,
    StripeError,
    UnreadableAnswer,
)

_OF_ONE_OBJECT = (RequestRefused, PermissionMissing, UnreadableAnswer, ListUnfinished, NoUsableAnswer)


def is_of_one_object(error: StripeError) -> bool:
    """Whether the error may be about one object alone, and not about the key, the account or the network."""
    return isinstance(error, _OF_ONE_OBJECT) and not isinstance(error, AccountHidden)


def names_permission(error: StripeError) -> bool:
    """Whether Stripe names the permission that the key lacks, so that every object is refused alike."""
    return isinstance(error, PermissionMissing) and error.refusal is not None and bool(error.refusal.permission)
