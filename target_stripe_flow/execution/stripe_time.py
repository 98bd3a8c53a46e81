"""Stripe's time, which all times of the journal are of: this machine's clock may be wrong."""

from __future__ import annotations

import contextlib
import time

from stripe_flow.api.client import CHECK_PATH, Client
from stripe_flow.api.errors import PermissionMissing, RequestRefused, StripeUnreachable


def stripe_now_unix(client: Client) -> float:
    """Stripe's time in Unix seconds. Sends a request if there was none yet. Raises AccountTrouble."""
    if client.clock.now_unix(time.monotonic()) is None:
        with contextlib.suppress(PermissionMissing, RequestRefused):  # the answer has a Date all the same
            client.get(CHECK_PATH)
    now_unix = client.clock.now_unix(time.monotonic())
    if now_unix is None:
        raise StripeUnreachable(
            f"Stripe at {client.connection.base_url} answers without a Date header, so its time is not known: check "
            "the setting base_url and the proxy"
        )
    return now_unix
