"""Finds objects that exist in Stripe already: by the value of a parameter, or by the id that a record would get."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from stripe_flow.api import forms
from stripe_flow.api.client import Client
from stripe_flow.api.paths import MOST_BYTES
from target_stripe_flow.actions.endpoint import Endpoint, Parameters
from target_stripe_flow.attempts.identity import MARKER
from target_stripe_flow.attempts.spelling import invisible_in
from target_stripe_flow.execution.lookups import NotThere, asking, read_object
from target_stripe_flow.execution.object_lists import ListedObject, View, list_objects
from target_stripe_flow.results.outcome import Rejected

# A message about several matches names at most this many ids.
MOST_SHOWN = 5


def find_match(
    client: Client,
    endpoint: Endpoint,
    name: str,
    parameters: Parameters,
    has_left: Callable[[ListedObject], bool] = lambda _item: False,
) -> str | None:
    """The id of the one object whose parameter `name` has the value in `parameters`; None if there is none.

    A record that names a test clock matches the objects on that clock only, which no other list shows. Stripe compares
    exactly, and case matters: https://docs.stripe.com/api/customers/list

    `has_left` says whether an object has another value now, although the list may still show it.

    Raises Rejected if there are several, if Stripe refuses the search, or if its list is unfinished.
    """
    ids: list[str] = []
    search = search_of(endpoint, name, parameters)
    with asking(name, "nothing is created, as an object with this value may exist already:", search):
        for item in list_objects(client, endpoint, View(filters=search), None):
            if item.object_type not in {"", endpoint.object_type}:
                raise Rejected("nothing is created, as Stripe's list shows an object of another type", name)
            if not item.deleted and not has_left(item):
                ids.append(item.id)
            if len(ids) == MOST_SHOWN:
                break
    if len(ids) > 1:
        raise Rejected(f"matches several objects, {', '.join(ids)}: set stripe_id to the right one", name)
    return ids[0] if ids else None


def search_of(endpoint: Endpoint, name: str, parameters: Mapping[str, object]) -> dict[str, object]:
    """The filters of the list that shows the objects with the value of parameter `name`."""
    names = [name, str(endpoint.clock_parameter)]
    return {each: parameters[each] for each in names if parameters.get(each) is not None}


def check_searchable(endpoint: Endpoint, name: str, parameters: Parameters) -> None:
    """Raises Rejected for a value that no list can be filtered by, or that only looks like another one.

    Without its value a filter shows other objects: the list of an empty `email` would be that of all customers.
    """
    search = search_of(endpoint, name, parameters)
    if len(forms.encode(search)) > MOST_BYTES:
        raise Rejected("is too long to find objects by it", name)
    for each, value in search.items():
        if value == "":
            raise Rejected("is empty, so no object can be found by it: leave it out or set it to null", each)
        if what := invisible_in(str(value)):
            raise Rejected(
                f"contains {what}: it looks like another value, so nothing is found or created by it. Remove it in the "
                "source",
                each,
            )


def is_ours(client: Client, path: str, stripe_id: str, digest: str, field: str) -> bool:
    """Whether the marker of this object is of the identity with this digest. Raises Rejected if it cannot be read."""
    try:
        metadata = read_object(client, path, stripe_id, field).get("metadata")
    except NotThere:
        return False
    return isinstance(metadata, dict) and str(metadata.get(MARKER, "")).split(":", 1)[0] == digest
