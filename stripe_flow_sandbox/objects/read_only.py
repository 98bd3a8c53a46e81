"""Read-only resources and lists of child objects: what the API shows of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from stripe_flow_sandbox.answers.codec import Object, decode, integer
from stripe_flow_sandbox.answers.errors import refuse
from stripe_flow_sandbox.objects.resource import Filter, Listing, Operation, Resource, page_of
from stripe_flow_sandbox.parameters.accepted import LIST
from stripe_flow_sandbox.parameters.params import Param
from stripe_flow_sandbox.state import pages
from stripe_flow_sandbox.state.child_lists import CHILD_LISTS, ChildList
from stripe_flow_sandbox.state.collection import Collection
from stripe_flow_sandbox.state.read_only_lists import READ_ONLY_LISTS
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
                **{name: Filter(param=Param(type="string"), field=name) for name in row.filters},
                **{name: _named_in(fact) for name, fact in row.fact_filters.items()},
            },
            hides={"test_clock": row.clock_params} if row.clock_params else {},
            shows_only=row.shows_only,
            includes=hidden_members(row.noun),
        )
        for row in READ_ONLY_LISTS
    ]


def _named_in(fact: str) -> Filter:
    """A filter by another object's id: that object's hidden fact has the ids of the objects that match."""

    def values(space: Space, wanted: object) -> list[str]:
        ids = space.hidden_facts.get(str(wanted), {}).get(fact)
        return [str(each) for each in ids] if isinstance(ids, list) else []

    return Filter(param=Param(type="string"), field="id", values=values)


def _excluding(noun: str, name: str, left_out: str) -> Filter:
    """A filter on field `name` that leaves out one value by default; the value `all` selects every object."""

    def values(space: Space, wanted: object) -> list[str]:
        return list(space[noun].index(name)) if wanted == "all" else [str(wanted)]

    def default_values(space: Space) -> list[str]:
        return [value for value in space[noun].index(name) if value != left_out]

    return Filter(param=Param(type="string"), field=name, values=values, default_values=default_values)
