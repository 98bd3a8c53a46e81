"""A client as the plugins open it, with defaults for the settings that a test does not set."""

from __future__ import annotations

from stripe_flow.api.client import Client
from stripe_flow.api.settings import open_client

KEY = "sk_test_sandbox"


def a_client(url: str, **settings: object) -> Client:
    defaults = {"api_key": KEY, "base_url": url, "max_requests_per_second": 0, "max_requests_per_second_total": 0}
    return open_client(defaults | {"give_up_after_s": 5} | settings)


def allow_send(_now_unix: int, _may_be_executed: bool) -> None:  # noqa: FBT001  # the client calls it so
    """Allow every send."""
