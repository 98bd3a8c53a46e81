"""Objects that are at Stripe already: matched by what a record says, or in the way of one."""

from __future__ import annotations

from urllib.parse import quote

from stripe_flow.api.client import Client
from stripe_flow.api.errors import NotFound
from target_stripe_flow.attempts.identity import MARKER
from target_stripe_flow.results.outcome import Rejected

# Of those that match too well, so many ids are told.
MOST_SHOWN = 5


def find_match(client: Client, path: str, name: str, value: str) -> str | None:
    """The id of the one object whose `name` is this value; None if there is none. Raises Rejected if there are several.

    https://docs.stripe.com/api/customers/list: exact, and case-sensitive.
    """
    found: object = client.get(path, {name: value, "limit": MOST_SHOWN}).value.get("data")
    ids = [str(each["id"]) for each in found] if isinstance(found, list) else []
    if len(ids) > 1:
        raise Rejected(f"matches several: {', '.join(ids)}; name the right one by stripe_id", name)
    return ids[0] if ids else None


def is_ours(client: Client, path: str, stripe_id: str, digest: str) -> bool:
    """Whether this object was made of the record with this identity."""
    try:
        metadata: object = client.get(f"{path}/{quote(stripe_id, safe='')}").value.get("metadata")
    except NotFound:
        return False
    return isinstance(metadata, dict) and str(metadata.get(MARKER, "")).split(":", 1)[0] == digest
