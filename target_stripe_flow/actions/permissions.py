"""What a key may do, found out without making anything."""

from __future__ import annotations

from collections.abc import Callable

from stripe_flow.api.client import Client
from stripe_flow.api.errors import PermissionMissing, RequestRefused
from stripe_flow.api.message import Request
from target_stripe_flow.actions.endpoint import Endpoint

# No id of Stripe's looks like it. An update of what is not there makes nothing, and this one says nothing to change.
NOBODY = "stripe_flow_doctor_asks_for_rights"


def missing_to_write(client: Client, way: Endpoint) -> PermissionMissing | None:
    """What Stripe says if the key lacks the right to create by this way; None: it has it. Raises StripeError.

    Asked by updating an object that does not exist: one right allows both, and it is checked before the object is
    looked for. https://docs.stripe.com/keys/restricted-api-keys
    """
    request = Request(method="POST", path=f"{way.path}/{NOBODY}", body=b"")
    return _missing(lambda: client.post(request, _leave))


def missing_to_read(client: Client, way: Endpoint) -> PermissionMissing | None:
    """The same of reading what it makes."""
    return _missing(lambda: client.get(way.path, {"limit": 1}))


def _missing(ask: Callable[[], object]) -> PermissionMissing | None:
    try:
        ask()
    except PermissionMissing as error:
        return error
    except RequestRefused:
        return None  # it may, and there is nothing
    return None


def _leave(_now_unix: int, _is_open: bool) -> None:  # noqa: FBT001  # as the client asks for it
    """Nothing can come of it, whatever becomes of the request."""
