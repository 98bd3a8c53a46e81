"""How the controls create, change and delete read-only objects and child objects.

`of` is the id of the parent of a child object, None for a read-only object.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from stripe_flow_sandbox.answers.codec import Object, decode, encode
from stripe_flow_sandbox.objects.child_objects import children_of, show_children
from stripe_flow_sandbox.parameters.accepted import data
from stripe_flow_sandbox.state.child_lists import CHILD_LISTS, ChildList
from stripe_flow_sandbox.state.read_only_lists import READ_ONLY_LISTS, ReadOnlyList
from stripe_flow_sandbox.state.space import Call, Space

_BY_NOUN: Mapping[str, ReadOnlyList] = {row.noun: row for row in READ_ONLY_LISTS}


@cache
def _examples() -> Mapping[str, bytes]:
    return {noun: encode(example) for noun, example in data("read_only_objects.json").items()}


def make(call: Call, noun: str, *, of: str | None, age_s: int) -> Object:
    """A new object of type `noun`, created `age_s` seconds ago. Raises KeyError for an unknown type or parent."""
    if of is None and noun not in _BY_NOUN:
        raise KeyError(f"{noun} is no read-only resource: create it with Stripe's API, or name its parent in `of`")
    at = call.now - age_s
    made: Object = decode(_examples()[noun])
    made["id"] = call.space.new_id_like(str(made["id"]))
    made |= {name: at for name in ("created", "date") if name in made}
    if "livemode" in made:
        made["livemode"] = call.space.livemode
    if of is not None:
        _add_child(call, made, of, at)
        return made
    for spec in CHILD_LISTS:
        if spec.parent == noun:
            show_children(call.space, spec, made, call.now)
    call.space[noun].insert(made, at=at)
    return made


def change(call: Call, noun: str, object_id: str, values: Object, *, of: str | None) -> Object:
    """The object with `values` written into it; emits its event. Raises Refusal or KeyError if there is none."""
    if of is None:
        found, event = call.find(noun, object_id), _BY_NOUN[noun].changed
        return call.change(found | values, *([event] if event else []))
    spec, parent = _list_of(call.space, noun, of)
    changed = _child(call.space, spec, parent, object_id) | values
    children_of(call.space, spec, parent).replace(changed)
    return _update_parent(call, spec, parent, changed, spec.changed)


def delete(call: Call, noun: str, object_id: str, *, of: str | None) -> Object:
    """The deleted object as Stripe still shows it; emits its event. Raises Refusal or KeyError if there is none."""
    if of is None:
        found, event = call.find(noun, object_id), _BY_NOUN[noun].deleted
        return call.remove(found, *([event] if event else []))
    spec, parent = _list_of(call.space, noun, of)
    child = _child(call.space, spec, parent, object_id)
    remains = {"id": object_id, "object": noun, "deleted": True}
    children_of(call.space, spec, parent).remove(object_id, remains)
    _update_parent(call, spec, parent, child, spec.deleted)
    return remains


def _add_child(call: Call, made: Object, of: str, at: int) -> None:
    spec, parent = _list_of(call.space, str(made["object"]), of)
    made |= {spec.parent_field: of} if spec.parent_field else {}
    call.space.children(of, spec.path).insert(made, at=at)
    _update_parent(call, spec, parent, made, spec.created)


def _list_of(space: Space, noun: str, parent_id: str) -> tuple[ChildList, Object]:
    """The list for children of type `noun`, and their parent. Raises KeyError if this parent has no such list."""
    for spec in CHILD_LISTS:
        parent = space.find(spec.parent, parent_id) if noun in spec.nouns else None
        if parent is not None:
            return spec, parent
    raise KeyError(f"no object {parent_id} has child objects of type {noun}")


def _child(space: Space, spec: ChildList, parent: Object, child_id: str) -> Object:
    body = children_of(space, spec, parent).body(child_id)
    if body is None:
        raise KeyError(f"{parent['id']} has no child object {child_id}")
    return decode(body)


def _update_parent(call: Call, spec: ChildList, parent: Object, child: Object, event: str | None) -> Object:
    show_children(call.space, spec, parent, call.now)
    call.space[spec.parent].replace(parent)
    return call.emit(child, *([event] if event else []))
