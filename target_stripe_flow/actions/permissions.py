"""Checks the permissions of an API key without creating anything."""

from __future__ import annotations

from collections.abc import Callable

from stripe_flow.api.client import Client
from stripe_flow.api.errors import PermissionMissing, RequestRefused
from stripe_flow.api.message import Request
from target_stripe_flow.actions.endpoint import Endpoint

# No Stripe id looks like this. An update of an object that does not exist creates nothing, and this one has no changes.
ABSENT_ID = "stripe_flow_doctor_asks_for_rights"


def missing_to_write(client: Client, endpoint: Endpoint) -> PermissionMissing | None:
    """Stripe's refusal if the key may not create at this endpoint; None if it may. Raises StripeError.

    It updates an object that does not exist: the same permission allows both, and Stripe checks it before it reads the
    object. https://docs.stripe.com/keys/restricted-api-keys
    """
    request = Request(method="POST", path=f"{endpoint.path}/{ABSENT_ID}", body=b"")
    return _missing(lambda: client.post(request, _always))


def missing_to_read(client: Client, endpoint: Endpoint) -> PermissionMissing | None:
    """Stripe's refusal if the key may not list the objects of this endpoint; None if it may. Raises StripeError."""
    return _missing(lambda: client.get(endpoint.path, {"limit": 1}))


def _missing(ask: Callable[[], object]) -> PermissionMissing | None:
    try:
        ask()
    except PermissionMissing as error:
        return error
    except RequestRefused:
        return None  # the key may, and the object does not exist
    return None


def _always(_now_unix: int, _is_open: bool) -> None:  # noqa: FBT001  # the client's signature
    """Permits every send: the request has no effect."""
