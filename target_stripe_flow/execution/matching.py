"""Finds objects that exist in Stripe already: by the value of a parameter, or by the id that a record would get."""

from __future__ import annotations

from urllib.parse import quote

from stripe_flow.api.client import Client
from stripe_flow.api.errors import ListUnfinished, NotFound, RequestRefused
from target_stripe_flow.actions.endpoint import Endpoint, Parameters
from target_stripe_flow.attempts.identity import MARKER
from target_stripe_flow.execution.object_lists import View, list_objects
from target_stripe_flow.results.outcome import Rejected

# A message about several matches names at most this many ids.
MOST_SHOWN = 5


def find_match(client: Client, endpoint: Endpoint, name: str, parameters: Parameters) -> str | None:
    """The id of the one object whose parameter `name` has the value in `parameters`; None if there is none.

    A record that names a test clock matches the objects on that clock only, which no other list shows. Stripe compares
    exactly, and case matters: https://docs.stripe.com/api/customers/list

    Raises Rejected if there are several, if Stripe refuses the search, or if its list is unfinished.
    """
    ids: list[str] = []
    try:
        for item in list_objects(client, endpoint, View(filters=search_of(endpoint, name, parameters)), None):
            if not item.deleted:
                ids.append(item.id)
            if len(ids) == MOST_SHOWN:
                break
    except (RequestRefused, ListUnfinished) as error:
        raise Rejected(f"nothing is created, as an object with this value may exist already: {error}", name) from None
    if len(ids) > 1:
        raise Rejected(f"matches several objects, {', '.join(ids)}: set stripe_id to the right one", name)
    return ids[0] if ids else None


def search_of(endpoint: Endpoint, name: str, parameters: Parameters) -> dict[str, object]:
    """The filters of the list that shows the objects with the value of parameter `name`."""
    names = [name, str(endpoint.clock_parameter)]
    return {each: parameters[each] for each in names if parameters.get(each)}


def is_ours(client: Client, path: str, stripe_id: str, digest: str) -> bool:
    """Whether the marker of this object is of the identity with this digest."""
    try:
        metadata: object = client.get(f"{path}/{quote(stripe_id, safe='')}").value.get("metadata")
    except NotFound:
        return False
    return isinstance(metadata, dict) and str(metadata.get(MARKER, "")).split(":", 1)[0] == digest
