"""Lists of child objects, and the members of their parents that show them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from stripe_flow_sandbox.answers.codec import Object, decode, integer
from stripe_flow_sandbox.answers.errors import refuse
from stripe_flow_sandbox.objects.listing import Listing, page_of
from stripe_flow_sandbox.objects.resource import Operation
from stripe_flow_sandbox.parameters.accepted import LIST
from stripe_flow_sandbox.parameters.params import Param
from stripe_flow_sandbox.state import pages
from stripe_flow_sandbox.state.child_lists import CHILD_LISTS, ChildList
from stripe_flow_sandbox.state.collection import Collection
from stripe_flow_sandbox.state.space import Call, Space

# How many parts an object shows inside.
SHOWN_INSIDE = 10


def operations() -> list[Operation]:
    """The lists of parts."""
    timeless = {name: param for name, param in LIST.items() if name != "created"}
    return [
        Operation(
            method="GET",
            path=parts.path,
            permission=parts.permission,
            params=timeless | ({parts.by: Param(type="string", required=True)} if parts.by else {}),
            run=_lister(parts),
        )
        for parts in CHILD_LISTS
    ]


def hidden_members(noun: str) -> Mapping[str, Callable[[Space, Object, int], object]]:
    """The members of an object of this kind that only `expand[]` shows."""
    return {
        parts.member: _shower(parts) for parts in CHILD_LISTS if parts.of == noun and parts.member and parts.is_hidden
    }


def show_children(space: Space, parts: ChildList, owner: Object, now: int) -> None:
    """Write the newest parts into the object, if it shows them."""
    if parts.is_hidden:
        owner.pop(parts.member or "", None)
    elif parts.member:
        owner[parts.member] = _inside(space, parts, owner, now)


def _inside(space: Space, parts: ChildList, owner: Object, now: int) -> Object:
    collection, owner_id = children_of(space, parts, owner), str(owner["id"])
    page = pages.read(collection, pages.Query(limit=SHOWN_INSIDE), now)
    path = f"{parts.path}?{parts.by}={owner_id}" if parts.by else parts.path.replace("{id}", owner_id)
    shown = [decode(collection.body_at(place)) for place in page.places]
    return {"object": "list", "data": shown, "has_more": page.has_more, "url": path}


def _shower(parts: ChildList) -> Callable[[Space, Object, int], object]:
    return lambda space, owner, now: _inside(space, parts, owner, now)


def children_of(space: Space, parts: ChildList, owner: Object) -> Collection:
    """A card that an object was saved with is among them from the moment that somebody looks."""
    collection = space.parts(str(owner["id"]), parts.path)
    card = space.card(str(owner[parts.default])) if parts.default else None
    if card and collection.place(str(card["id"])) is None:
        collection.insert(card, at=integer(owner["created"]))
    return collection


def _lister(parts: ChildList) -> Callable[[Call], Listing]:
    def run(call: Call) -> Listing:
        owner_id = str(call.params[parts.by]) if parts.by else call.path_ids[0]
        owner = call.find(parts.of, owner_id, param=parts.by)
        if owner.get("deleted"):
            raise refuse("resource_missing", param="id", noun=parts.of, id=owner_id, hint="")
        collection, url = children_of(call.space, parts, owner), parts.path.replace("{id}", owner_id)
        return page_of(collection, parts.nouns[0], call.params, call.now, url)

    return run
