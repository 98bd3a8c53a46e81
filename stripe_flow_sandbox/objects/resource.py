"""The engine of all resources: what each one declares, the operations that they share, and pages of lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from stripe_flow_sandbox.answers.codec import Object
from stripe_flow_sandbox.answers.errors import refuse
from stripe_flow_sandbox.parameters.accepted import EXPAND, LIST
from stripe_flow_sandbox.parameters.params import Param, Params
from stripe_flow_sandbox.parameters.shapes import apply
from stripe_flow_sandbox.state import pages
from stripe_flow_sandbox.state.collection import Collection
from stripe_flow_sandbox.state.space import Call, Space


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of a list; its objects are compact JSON."""

    url: str
    bodies: list[bytes]
    has_more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A parameter that filters a list on an indexed field.

    `values`: the parameter's value → the values of the field that match.
    `default_values`: the values that match if the request does not name the parameter; None if all match.
    """

    param: Param
    field: str
    values: Callable[[Space, object], Sequence[str]] = lambda _, wanted: [_spelled(wanted)]
    default_values: Callable[[Space], Sequence[str]] | None = None


def page_of(  # a page needs all of them
    collection: Collection,
    noun: str,
    params: Object,
    now: int,
    url: str,
    *,
    kept_since: int = 0,
    filters: Mapping[str, Sequence[str]] | None = None,
    without: Sequence[str] = (),
) -> Listing:
    """The page of `collection` that `params` select. Raises Refusal (400) for wrong cursors, bounds or limits."""
    if "starting_after" in params and "ending_before" in params:
        raise refuse("parameters_exclusive", params="starting_after, ending_before")
    since, until = pages.bounds_of(params.get("created"))
    query = pages.Query(
        limit=pages.limit_of(params),
        after=pages.cursor_of(collection, noun, params, "starting_after"),
        before=pages.cursor_of(collection, noun, params, "ending_before"),
        since=max(since, kept_since),
        until=until,
        filters=filters or {},
        without=without,
    )
    page = pages.read(collection, query, now)
    return Listing(url, [collection.body_at(place) for place in page.places], page.has_more)


def _spelled(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


Run: TypeAlias = Callable[[Call], "Object | Listing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method on one path: its parameters, the permission it needs, and the function that runs it."""

    method: str
    path: str
    permission: str
    params: Params
    run: Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """All facts about one type of object. An operation without an entry does not exist."""

    noun: str
    path: str
    permission: str
    filters: Mapping[str, Filter] = field(default_factory=dict)
    # Field → parameters: the list leaves out objects with a value in the field unless the request has one of these.
    hides: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    # Field → the one value that objects in the list have; others can only be read by their ids.
    shows_only: Mapping[str, str] = field(default_factory=dict)
    # Whether the list takes the parameter `created`.
    is_timed: bool = True
    # The oldest `created` that lists and reads show at a second.
    kept_since: Callable[[int], int] = lambda _: 0
    create: Callable[[Call], Object] | None = None
    create_params: Params = field(default_factory=dict)
    update_params: Params = field(default_factory=dict)
    update: Callable[[Call, Object], None] = lambda call, target: apply(target, call.params)
    updated_events: tuple[str, ...] = ()
    deleted_events: tuple[str, ...] = ()
    # Raises Refusal if the object cannot be deleted.
    delete: Callable[[Call, Object], None] = lambda _, __: None
    # Field that only `expand[]` shows → function that makes its value.
    includes: Mapping[str, Callable[[Space, Object, int], object]] = field(default_factory=dict)

    def operations(self) -> list[Operation]:
        """The operations of this resource."""
        one = f"{self.path}/{{id}}"
        filters = {name: each.param for name, each in self.filters.items()}
        paging = {name: param for name, param in LIST.items() if self.is_timed or name != "created"}
        rows: list[tuple[str, str, Params, Run]] = [
            ("GET", self.path, {**paging, **filters}, self.list),
            ("GET", one, EXPAND, self.retrieve),
        ]
        if self.create:
            rows.append(("POST", self.path, self.create_params, self.create))
        if self.update_params:
            rows.append(("POST", one, self.update_params, self._update))
        if self.deleted_events:
            rows.append(("DELETE", one, {}, self._delete))
        return [
            Operation(method=method, path=path, permission=self.permission, params=params, run=run)
            for method, path, params, run in rows
        ]

    def retrieve(self, call: Call) -> Object:
        """The object whose id is the last one in the path. Raises Refusal (404) if it is unknown or too old."""
        found = call.find(self.noun, call.path_ids[-1])
        if self._is_too_old(found, call.now):
            raise refuse("resource_missing", param="id", noun=self.noun, id=call.path_ids[-1], hint="")
        return found

    def list(self, call: Call) -> Listing:
        """One page of the list. Raises Refusal (400) for two parameters that filter on the same field."""
        named = [name for name in self.filters if name in call.params]
        filters = {self.filters[name].field: self.filters[name].values(call.space, call.params[name]) for name in named}
        if len(filters) < len(named):
            raise refuse("parameters_exclusive", params=", ".join(named))
        filters |= {name: [value] for name, value in self.shows_only.items()} | {
            each.field: each.default_values(call.space)
            for name, each in self.filters.items()
            if each.default_values and name not in call.params
        }
        without = [name for name, showing in self.hides.items() if call.params.keys().isdisjoint(showing)]
        return self.page(call.space, call.params, call.now, filters, self.path, without=without)

    def page(  # a page needs all of them
        self,
        space: Space,
        params: Object,
        now: int,
        filters: Mapping[str, Sequence[str]],
        url: str,
        *,
        without: Sequence[str] = (),
    ) -> Listing:
        """One page of the objects whose fields have one of the values in `filters`, and none in those of `without`."""
        kept_since = self.kept_since(now)
        return page_of(
            space[self.noun], self.noun, params, now, url, kept_since=kept_since, filters=filters, without=without
        )

    def _update(self, call: Call) -> Object:
        target = self._not_deleted(call)
        self.update(call, target)
        return call.change(target, *self.updated_events)

    def _delete(self, call: Call) -> Object:
        target = self._not_deleted(call)
        self.delete(call, target)
        return call.remove(target, *self.deleted_events)

    def _not_deleted(self, call: Call) -> Object:
        target = self.retrieve(call)
        if target.get("deleted"):
            raise refuse("resource_missing", param="id", noun=self.noun, id=target["id"], hint="")
        return target

    def _is_too_old(self, found: Object, now: int) -> bool:
        created = found.get("created")
        return isinstance(created, int) and created < self.kept_since(now)
