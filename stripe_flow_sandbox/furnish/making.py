"""Makes, changes and deletes one object of any kind, as Stripe's other parts would: without a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from stripe_flow_sandbox.answers.codec import Object, decode
from stripe_flow_sandbox.furnish.forms import RESOURCES, create
from stripe_flow_sandbox.furnish.kinds import Kind, kinds_named
from stripe_flow_sandbox.objects.examples import new_example
from stripe_flow_sandbox.objects.read_only import children_of, show_children
from stripe_flow_sandbox.state.child_lists import CHILD_LISTS, ChildList
from stripe_flow_sandbox.state.collection import Collection
from stripe_flow_sandbox.state.read_only_lists import READ_ONLY_LISTS
from stripe_flow_sandbox.state.space import Call, Space


class _Events(NamedTuple):
    """The types of the events of a change and of a deletion."""

    changed: tuple[str, ...]
    deleted: tuple[str, ...]


def _given(event: str | None) -> tuple[str, ...]:
    return () if event is None else (event,)


_EVENTS: Mapping[str, _Events] = {
    **{noun: _Events(each.updated_events, each.deleted_events) for noun, each in RESOURCES.items()},
    **{row.noun: _Events(_given(row.changed), _given(row.deleted)) for row in READ_ONLY_LISTS},
}

# Type → the member whose value places an object in its list; None: it has no time.
_STAMPS = {row.noun: row.time for row in READ_ONLY_LISTS}


def make(call: Call, name: str, values: Object, *, of: str | None = None) -> Object:
    """A new object of the type or stream `name`, with `values` in it or as parameters of the call that creates it.

    `of` is the parent's id; without it a child object gets the newest parent, or a new one. Raises KeyError for an
    unknown type or parent, Refusal if the API refuses the parameters.
    """
    kind, parent = _kind_of(call.space, name, of)
    if kind.children is None:
        return create(call, kind.noun, values) if kind.noun in RESOURCES else _make_listed(call, kind.noun, values)
    parent = parent or _newest(call.space, kind.children.parent) or make(call, kind.children.parent, {})
    return _make_child(call, kind.noun, values, kind.children, parent)


def _make_listed(call: Call, noun: str, values: Object) -> Object:
    made = merged(new_example(call.space, noun, call.now), values)
    for spec in CHILD_LISTS:
        if spec.parent == noun:
            show_children(call.space, spec, made, call.now)
    stamp = made.get(_STAMPS.get(noun) or "created")
    _must_be_new(call.space[noun], made)
    call.space[noun].insert(made, at=stamp if isinstance(stamp, int) else call.now)
    return made


def _make_child(call: Call, noun: str, values: Object, spec: ChildList, parent: Object) -> Object:
    own = {spec.parent_field: parent["id"]} if spec.parent_field else {}
    made = merged(new_example(call.space, noun, call.now), {**spec.members, **own})
    made = merged(made, values)
    collection = children_of(call.space, spec, parent)
    _must_be_new(collection, made)
    collection.insert(made, at=call.now)
    return _update_parent(call, spec, parent, made, spec.created)


def change(call: Call, name: str, object_id: str, values: Object, *, of: str | None = None) -> Object:
    """The object with `values` written into it; emits its event. Raises Refusal or KeyError if there is none."""
    kind, parent = _kind_of(call.space, name, of or _parent_id(call.space, name, object_id))
    if kind.children is None or parent is None:
        before = call.find(kind.noun, object_id)
        if before.get("deleted"):
            raise KeyError(f"{object_id} was deleted, and nothing changes it")
        return call.change(before | values, *_EVENTS[kind.noun].changed)
    changed = _child(call.space, kind.children, parent, object_id) | values
    children_of(call.space, kind.children, parent).replace(changed)
    return _update_parent(call, kind.children, parent, changed, kind.children.changed)


def delete(call: Call, name: str, object_id: str, *, of: str | None = None) -> Object:
    """The deleted object as Stripe still shows it; emits its event. Raises Refusal or KeyError if there is none."""
    kind, parent = _kind_of(call.space, name, of or _parent_id(call.space, name, object_id))
    if kind.children is None or parent is None:
        return call.remove(call.find(kind.noun, object_id), *_EVENTS[kind.noun].deleted)
    child = _child(call.space, kind.children, parent, object_id)
    remains = {"id": object_id, "object": kind.noun, "deleted": True}
    children_of(call.space, kind.children, parent).remove(object_id, remains)
    _update_parent(call, kind.children, parent, child, kind.children.deleted)
    return remains


def _must_be_new(collection: Collection, made: Object) -> None:
    if collection.place(str(made["id"])) is not None:
        raise KeyError(f"there is a {made['object']} {made['id']}: change it, or give the new one another id")


def merged(base: Object, values: Object) -> Object:
    """`base` with `values` written into it: objects member by member, lists of objects object by object."""
    return base | {name: _merged(base.get(name), value) for name, value in values.items()}


def _merged(before: object, value: object) -> object:
    if isinstance(before, dict) and isinstance(value, dict) and "object" not in value:
        return merged(before, value)
    if isinstance(before, list) and isinstance(value, list) and before:
        return [_merged(before[min(index, len(before) - 1)], each) for index, each in enumerate(value)]
    return value


def _kind_of(space: Space, name: str, of: str | None) -> tuple[Kind, Object | None]:
    """The kind with this name, and the parent with the id `of`. Raises KeyError if there is none, or several."""
    kinds = kinds_named(name)
    if of is None:
        if len(kinds) > 1 and len({kind.path for kind in kinds}) > 1 and kinds[0].children:
            streams = ", ".join(kind.stream for kind in kinds)
            raise KeyError(f"several lists have objects of type {name}: name a stream instead ({streams}), or `of`")
        return kinds[0], None
    for kind in kinds:
        parent = space.find(kind.children.parent, of) if kind.children else None
        if parent is not None and not parent.get("deleted"):
            return kind, parent
    raise KeyError(f"no object {of} has child objects of type {name}")


def _parent_id(space: Space, name: str, child_id: str) -> str | None:
    """The id of the parent that has this child object; None if there is none, or if it is no child object."""
    paths = {kind.path for kind in kinds_named(name) if kind.children}
    return space.parent_of(child_id, paths) if paths else None


def _newest(space: Space, noun: str) -> Object | None:
    collection = space[noun]
    return decode(collection.body_at(collection.order.at(-1))) if len(collection.order) else None


def _child(space: Space, spec: ChildList, parent: Object, child_id: str) -> Object:
    body = children_of(space, spec, parent).body(child_id)
    if body is None:
        raise KeyError(f"{parent['id']} has no child object {child_id}")
    return decode(body)


def _update_parent(call: Call, spec: ChildList, parent: Object, child: Object, event: str | None) -> Object:
    show_children(call.space, spec, parent, call.now)
    call.space[spec.parent].replace(parent)
    return call.emit(child, *([event] if event else []))
