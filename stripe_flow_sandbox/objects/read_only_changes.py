"""What the controls make, change and delete: read-only objects and child objects."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from stripe_flow_sandbox.answers.codec import Object, decode, encode
from stripe_flow_sandbox.objects.child_objects import children_of, show_children
from stripe_flow_sandbox.parameters.accepted import data
from stripe_flow_sandbox.state.child_lists import CHILD_LISTS, ChildList
from stripe_flow_sandbox.state.read_only_lists import READ_ONLY_LISTS, ReadOnlyList
from stripe_flow_sandbox.state.space import Call, Space

_BY_NOUN: Mapping[str, ReadOnlyList] = {shelf.noun: shelf for shelf in READ_ONLY_LISTS}


@cache
def _examples() -> Mapping[str, bytes]:
    return {noun: encode(example) for noun, example in data("shelf_objects.json").items()}


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
    for parts in CHILD_LISTS:
        if parts.of == noun:
            show_children(call.space, parts, made, call.now)
    call.space[noun].insert(made, at=at)
    return made


def change(call: Call, noun: str, object_id: str, values: Object, *, of: str | None) -> Object:
    """The object with other values, and the event that tells; or a part of `of`. Raises Refusal or KeyError."""
    if of is None:
        found, told = call.find(noun, object_id), _BY_NOUN[noun].changed
        return call.change(found | values, *([told] if told else []))
    parts, owner = _home(call.space, noun, of)
    changed = _part(call.space, parts, owner, object_id) | values
    children_of(call.space, parts, owner).replace(changed)
    return _told(call, parts, owner, changed, parts.changed)


def delete(call: Call, noun: str, object_id: str, *, of: str | None) -> Object:
    """What is left of it, and the event that tells; or of a part of the object `of`. Raises Refusal or KeyError."""
    if of is None:
        found, told = call.find(noun, object_id), _BY_NOUN[noun].deleted
        return call.remove(found, *([told] if told else []))
    parts, owner = _home(call.space, noun, of)
    gone = _part(call.space, parts, owner, object_id)
    remains = {"id": object_id, "object": noun, "deleted": True}
    children_of(call.space, parts, owner).remove(object_id, remains)
    _told(call, parts, owner, gone, parts.deleted)
    return remains


def _add_part(call: Call, made: Object, of: str, at: int) -> None:
    """Raises KeyError where no such object can have a part of this kind."""
    parts, owner = _home(call.space, str(made["object"]), of)
    made |= {parts.link: of} if parts.link else {}
    call.space.parts(of, parts.path).insert(made, at=at)
    _told(call, parts, owner, made, parts.made)


def _home(space: Space, kind: str, of: str) -> tuple[ChildList, Object]:
    """The object, and where its parts of this kind are. Raises KeyError."""
    for parts in CHILD_LISTS:
        owner = space.find(parts.of, of) if kind in parts.nouns else None
        if owner is not None:
            return parts, owner
    raise KeyError(f"no object {of} that could have a {kind}")


def _part(space: Space, parts: ChildList, owner: Object, part_id: str) -> Object:
    body = children_of(space, parts, owner).body(part_id)
    if body is None:
        raise KeyError(f"{owner['id']} has no {part_id}")
    return decode(body)


def _told(call: Call, parts: ChildList, owner: Object, part: Object, event: str | None) -> Object:
    """The part; its object shows what has become of it."""
    show_children(call.space, parts, owner, call.now)
    call.space[parts.of].replace(owner)
    return call.tell(part, *([event] if event else []))
