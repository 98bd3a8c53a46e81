"""Read-only resources and lists of child objects: what the API shows of them, and how the controls change them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from stripe_flow_sandbox.answers.codec import Object, decode, encode, integer
from stripe_flow_sandbox.answers.errors import refuse
from stripe_flow_sandbox.objects.resource import Filter, Listing, Operation, Resource, page_of
from stripe_flow_sandbox.parameters.accepted import LIST, data
from stripe_flow_sandbox.parameters.params import Param
from stripe_flow_sandbox.state import pages
from stripe_flow_sandbox.state.child_lists import CHILD_LISTS, ChildList
from stripe_flow_sandbox.state.collection import Collection
from stripe_flow_sandbox.state.read_only_lists import READ_ONLY_LISTS, ReadOnlyList
from stripe_flow_sandbox.state.space import Call, Space

# A parent shows at most this many child objects; the others are in their own list.
SHOWN_INSIDE = 10


def child_operations() -> list[Operation]:
    """One list operation for each entry of `CHILD_LISTS`."""
    timeless = {name: param for name, param in LIST.items() if name != "created"}
    return [
        Operation(
            method="GET",
            path=spec.path,
            permission=spec.permission,
            params=timeless
            | ({spec.parent_param: Param(type="string", required=True)} if spec.parent_param else {})
            | {name: Param(type="string") for name in spec.filters},
            run=_list_run(spec),
        )
        for spec in CHILD_LISTS
    ]


def hidden_members(noun: str) -> Mapping[str, Callable[[Space, Object, int], object]]:
    """The members of objects of type `noun` that only `expand[]` shows, and the function that makes each."""
    specs = [spec for spec in CHILD_LISTS if spec.parent == noun and spec.is_hidden]
    return {spec.member: _reader(spec) for spec in specs if spec.member}


def show_children(space: Space, spec: ChildList, parent: Object, now: int) -> None:
    """Write the newest child objects into their parent if it shows them without `expand[]`."""
    if spec.is_hidden:
        parent.pop(spec.member or "", None)
    elif spec.member:
        parent[spec.member] = _newest(space, spec, parent, now)


def _newest(space: Space, spec: ChildList, parent: Object, now: int) -> Object:
    collection, parent_id = children_of(space, spec, parent), str(parent["id"])
    page = pages.read(collection, pages.Query(limit=SHOWN_INSIDE), now)
    path = f"{spec.path}?{spec.parent_param}={parent_id}" if spec.parent_param else spec.path.replace("{id}", parent_id)
    shown = [decode(collection.body_at(place)) for place in page.places]
    return {"object": "list", "data": shown, "has_more": page.has_more, "url": path}


def _reader(spec: ChildList) -> Callable[[Space, Object, int], object]:
    return lambda space, parent, now: _newest(space, spec, parent, now)


def children_of(space: Space, spec: ChildList, parent: Object) -> Collection:
    """The child objects of `parent`; adds the card in `spec.default_field` on the first read."""
    collection = space.children(str(parent["id"]), spec.path)
    card = space.card(str(parent[spec.default_field])) if spec.default_field else None
    if card and collection.place(str(card["id"])) is None:
        collection.insert(card, at=integer(parent["created"]))
    return collection


def _list_run(spec: ChildList) -> Callable[[Call], Listing]:
    def run(call: Call) -> Listing:
        parent_id = str(call.params[spec.parent_param]) if spec.parent_param else call.path_ids[0]
        parent = call.find(spec.parent, parent_id, param=spec.parent_param)
        if parent.get("deleted"):
            raise refuse("resource_missing", param="id", noun=spec.parent, id=parent_id, hint="")
        collection, url = children_of(call.space, spec, parent), spec.path.replace("{id}", parent_id)
        filters = {name: [str(call.params[name])] for name in spec.filters if name in call.params}
        return page_of(collection, spec.nouns[0], call.params, call.now, url, filters=filters)

    return run


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


def read_only_resources() -> list[Resource]:
    """One resource for each entry of `READ_ONLY_LISTS`."""
    return [
        Resource(
            noun=row.noun,
            path=row.path,
            permission=row.permission,
            is_timed=row.time is not None,
            filters={
                **{name: Filter(param=Param(type="string"), field=name) for name in row.clock_params},
                **{name: _excluding(row.noun, name, value) for name, value in row.left_out_by_default.items()},
            },
            hides={"test_clock": row.clock_params} if row.clock_params else {},
            shows_only=row.shows_only,
            includes=hidden_members(row.noun),
        )
        for row in READ_ONLY_LISTS
    ]


def _excluding(noun: str, name: str, left_out: str) -> Filter:
    """A filter on field `name` that leaves out one value by default; the value `all` selects every object."""

    def values(space: Space, wanted: object) -> list[str]:
        return list(space[noun].index(name)) if wanted == "all" else [str(wanted)]

    def default_values(space: Space) -> list[str]:
        return [value for value in space[noun].index(name) if value != left_out]

    return Filter(param=Param(type="string"), field=name, values=values, default_values=default_values)
