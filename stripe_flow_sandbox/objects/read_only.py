"""What the sandbox does with the kinds in `shelves`: shows them; makes, changes and deletes them when it is told to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from stripe_flow_sandbox.answers.codec import Object, decode, encode, integer
from stripe_flow_sandbox.answers.errors import refuse
from stripe_flow_sandbox.objects.resource import Filter, Listing, Operation, Resource, page_of
from stripe_flow_sandbox.parameters.accepted import LIST, data
from stripe_flow_sandbox.parameters.params import Param
from stripe_flow_sandbox.state import pages
from stripe_flow_sandbox.state.collection import Collection
from stripe_flow_sandbox.state.read_only_kinds import PARTS, READ_ONLY_LISTS, Parts, ReadOnlyList
from stripe_flow_sandbox.state.space import Call, Space

# How many parts an object shows inside.
SHOWN_INSIDE = 10
_BY_NOUN: Mapping[str, ReadOnlyList] = {shelf.noun: shelf for shelf in READ_ONLY_LISTS}


@cache
def _examples() -> Mapping[str, bytes]:
    return {noun: encode(example) for noun, example in data("shelf_objects.json").items()}


def resources() -> list[Resource]:
    """One for each shelf."""
    return [
        Resource(
            noun=shelf.noun,
            path=shelf.path,
            permission=shelf.permission,
            is_timed=shelf.stamp is not None,
            filters={name: _but(shelf.noun, name, left_out) for name, left_out in shelf.leaves_out.items()},
            includes=hidden_parts(shelf.noun),
        )
        for shelf in READ_ONLY_LISTS
    ]


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
        for parts in PARTS
    ]


def hidden_parts(noun: str) -> Mapping[str, Callable[[Space, Object, int], object]]:
    """The members of an object of this kind that only `expand[]` shows."""
    return {parts.member: _shower(parts) for parts in PARTS if parts.of == noun and parts.member and parts.is_hidden}


def make(call: Call, noun: str, *, of: str | None, age_s: int) -> Object:
    """A new object of this kind, so many seconds old; with `of` a part of that one. Raises Refusal or KeyError."""
    if of is None and noun not in _BY_NOUN:
        raise KeyError(f"{noun} is made by a call, or is a part of something: then say `of` what")
    at = call.now - age_s
    made: Object = decode(_examples()[noun])
    made["id"] = call.space.new_id_like(str(made["id"]))
    made |= {name: at for name in ("created", "date") if name in made}
    if "livemode" in made:
        made["livemode"] = call.space.livemode
    if of is not None:
        _add_part(call, made, of, at)
        return made
    for parts in PARTS:
        if parts.of == noun:
            _show(call.space, parts, made, call.now)
    call.space[noun].insert(made, at=at)
    return made


def change(call: Call, noun: str, object_id: str, values: Object, *, of: str | None) -> Object:
    """The object with other values, and the event that tells; or a part of `of`. Raises Refusal or KeyError."""
    if of is None:
        found, told = call.find(noun, object_id), _BY_NOUN[noun].changed
        return call.change(found | values, *([told] if told else []))
    parts, owner = _home(call.space, noun, of)
    changed = _part(call.space, parts, owner, object_id) | values
    _parts(call.space, parts, owner).replace(changed)
    return _told(call, parts, owner, changed, parts.changed)


def delete(call: Call, noun: str, object_id: str, *, of: str | None) -> Object:
    """What is left of it, and the event that tells; or of a part of the object `of`. Raises Refusal or KeyError."""
    if of is None:
        found, told = call.find(noun, object_id), _BY_NOUN[noun].deleted
        return call.remove(found, *([told] if told else []))
    parts, owner = _home(call.space, noun, of)
    gone = _part(call.space, parts, owner, object_id)
    remains = {"id": object_id, "object": noun, "deleted": True}
    _parts(call.space, parts, owner).remove(object_id, remains)
    _told(call, parts, owner, gone, parts.deleted)
    return remains


def _add_part(call: Call, made: Object, of: str, at: int) -> None:
    """Raises KeyError where no such object can have a part of this kind."""
    parts, owner = _home(call.space, str(made["object"]), of)
    made |= {parts.link: of} if parts.link else {}
    call.space.parts(of, parts.path).insert(made, at=at)
    _told(call, parts, owner, made, parts.made)


def _home(space: Space, kind: str, of: str) -> tuple[Parts, Object]:
    """The object, and where its parts of this kind are. Raises KeyError."""
    for parts in PARTS:
        owner = space.find(parts.of, of) if kind in parts.nouns else None
        if owner is not None:
            return parts, owner
    raise KeyError(f"no object {of} that could have a {kind}")


def _part(space: Space, parts: Parts, owner: Object, part_id: str) -> Object:
    body = _parts(space, parts, owner).body(part_id)
    if body is None:
        raise KeyError(f"{owner['id']} has no {part_id}")
    return decode(body)


def _told(call: Call, parts: Parts, owner: Object, part: Object, event: str | None) -> Object:
    """The part; its object shows what has become of it."""
    _show(call.space, parts, owner, call.now)
    call.space[parts.of].replace(owner)
    return call.tell(part, *([event] if event else []))


def _show(space: Space, parts: Parts, owner: Object, now: int) -> None:
    """Write the newest parts into the object, if it shows them."""
    if parts.is_hidden:
        owner.pop(parts.member or "", None)
    elif parts.member:
        owner[parts.member] = _inside(space, parts, owner, now)


def _inside(space: Space, parts: Parts, owner: Object, now: int) -> Object:
    collection, owner_id = _parts(space, parts, owner), str(owner["id"])
    page = pages.read(collection, pages.Query(limit=SHOWN_INSIDE), now)
    path = f"{parts.path}?{parts.by}={owner_id}" if parts.by else parts.path.replace("{id}", owner_id)
    shown = [decode(collection.body_at(place)) for place in page.places]
    return {"object": "list", "data": shown, "has_more": page.has_more, "url": path}


def _shower(parts: Parts) -> Callable[[Space, Object, int], object]:
    return lambda space, owner, now: _inside(space, parts, owner, now)


def _parts(space: Space, parts: Parts, owner: Object) -> Collection:
    """A card that an object was saved with is among them from the moment that somebody looks."""
    collection = space.parts(str(owner["id"]), parts.path)
    card = space.card(str(owner[parts.default])) if parts.default else None
    if card and collection.place(str(card["id"])) is None:
        collection.insert(card, at=integer(owner["created"]))
    return collection


def _lister(parts: Parts) -> Callable[[Call], Listing]:
    def run(call: Call) -> Listing:
        owner_id = str(call.params[parts.by]) if parts.by else call.path_ids[0]
        owner = call.find(parts.of, owner_id, param=parts.by)
        if owner.get("deleted"):
            raise refuse("resource_missing", param="id", noun=parts.of, id=owner_id, hint="")
        collection, url = _parts(call.space, parts, owner), parts.path.replace("{id}", owner_id)
        return page_of(collection, parts.nouns[0], call.params, call.now, url)

    return run


def _but(noun: str, name: str, left_out: str) -> Filter:
    """A filter that leaves something out unless it is asked for; `all` is all."""

    def values(space: Space, given: object) -> list[str]:
        return list(space[noun].index(name)) if given == "all" else [str(given)]

    def usual(space: Space) -> list[str]:
        return [value for value in space[noun].index(name) if value != left_out]

    return Filter(param=Param(type="string"), field=name, values=values, usual=usual)
