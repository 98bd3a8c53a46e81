"""Builds attempts: a test names the columns that matter, the others have usual values."""

from __future__ import annotations

import hashlib
from typing import Any

from target_stripe_flow.attempts.attempt import Attempt
from target_stripe_flow.attempts.lifecycle import State

NOW = 1_795_478_400


def a_digest(name: object) -> str:
    return hashlib.sha256(str(name).encode()).hexdigest()[:32]


def an_attempt(name: object = "7", **columns: Any) -> Attempt:  # Any: columns of the journal
    """An attempt to create the customer with this source key, by default an intent that was sent at `NOW`."""
    usual: dict[str, Any] = {
        "digest": a_digest(name),
        "attempt": 1,
        "account": "acct_1",
        "mode": "test",
        "action": "customers",
        "source_name": "default",
        "source_key": (str(name),),
        "state": State.INTENT,
        "path": "/v1/customers",
        "body": b"name=Ann",
        "first_sent_unix": NOW,
        "last_sent_unix": NOW,
    }
    return Attempt(**(usual | columns))
