"""Finds objects that exist in Stripe already: by the value of a parameter, or by the id that a record would get."""

from __future__ import annotations

from urllib.parse import quote

from stripe_flow.api.client import Client
from stripe_flow.api.errors import NotFound
from target_stripe_flow.attempts.identity import MARKER
from target_stripe_flow.results.outcome import Rejected

# A message about several matches names at most this many ids.
MOST_SHOWN = 5


def find_match(client: Client, path: str, name: str, value: str) -> str | None:
    """The id of the one object whose parameter `name` has this value; None if there is none.

    Raises Rejected if there are several. Stripe compares exactly, and case matters:
    https://docs.stripe.com/api/customers/list
    """
    found: object = client.get(path, {name: value, "limit": MOST_SHOWN}).value.get("data")
    ids = [str(each["id"]) for each in found] if isinstance(found, list) else []
    if len(ids) > 1:
        raise Rejected(f"matches several objects, {', '.join(ids)}: set stripe_id to the right one", name)
    return ids[0] if ids else None


def is_ours(client: Client, path: str, stripe_id: str, digest: str) -> bool:
    """Whether the marker of this object is of the identity with this digest."""
    try:
        metadata: object = client.get(f"{path}/{quote(stripe_id, safe='')}").value.get("metadata")
    except NotFound:
        return False
    return isinstance(metadata, dict) and str(metadata.get(MARKER, "")).split(":", 1)[0] == digest
