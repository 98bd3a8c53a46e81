"""What a stream is: data only; the engine treats them all alike."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from tap_stripe_flow.listing.record import ACCOUNT_MEMBER, PARENT_MEMBER

Schema = dict[str, Any]  # Any: JSON schema


@dataclass(frozen=True, kw_only=True)
class Find:
    """A stream that reads the objects whose ids the setting `ids` holds, while the setting `mode` is `find`."""

    ids: str
    mode: str


@dataclass(frozen=True, kw_only=True)
class ChildOf:
    """A stream of what belongs to the objects of another one, and comes whenever they come.

    `member` of the parent holds them, as a list; `is_asked_for` where it is shown only by `expand`. Without a member
    each parent's are listed, at the stream's path with the parent's id in it, or with the id as the parameter `by`.
    Where they have events of their own, their member `named_by` names the parent.
    """

    parent: StreamSpec
    member: str | None = None
    is_asked_for: bool = False
    by: str | None = None
    named_by: str | None = None


@dataclass(frozen=True, kw_only=True)
class StreamSpec:
    """One list of Stripe's.

    - `path` lists the objects newest first; `always` are parameters of every request.
    - `kind` is their `object`, with `also` where the list shows several kinds.
    - `permission` is what a restricted key needs to read them.
    - `stamp` is the member that the list's filter `created` compares. Without one, each run reads the whole list.
    - `events` are the event types of a change, `deleted_by` those of a deletion. Creations are listed only for child
      objects: other new objects come from the list.
    - `is_default`: selected unless the catalog says otherwise. `is_snapshot`: the objects describe the past, so a list
      inside them stays as Stripe cut it.

    https://docs.stripe.com/api/events/types and https://docs.stripe.com/stripe-apps/reference/permissions
    """

    name: str
    kind: str
    path: str
    permission: str
    also: tuple[str, ...] = ()
    always: Mapping[str, str] = field(default_factory=dict)
    stamp: str | None = "created"
    events: tuple[str, ...] = ()
    deleted_by: tuple[str, ...] = ()
    find: Find | None = None
    child_of: ChildOf | None = None
    is_default: bool = False
    is_snapshot: bool = False

    @property
    def listed(self) -> StreamSpec:
        """Whose list is read: its own, or the parent's."""
        return self.child_of.parent if self.child_of else self

    def schema(self, expand: Collection[str] = (), *, of_accounts: bool = False) -> Schema:
        """The JSON schema of the stream's records, from `schemas/` (generated, see scripts/generate_schemas.py).

        `expand` are the references that come as objects; `of_accounts`: each record tells whose it is.
        """
        whole = {name.partition(".")[0] for name in expand}
        properties = {
            name: part if name in whole else as_column(part) for name, part in self._generated()["properties"].items()
        }
        added = [ACCOUNT_MEMBER] * of_accounts + [PARENT_MEMBER] * (self.child_of is not None)
        return self._generated() | {"properties": properties | {name: {"type": "string"} for name in added}}

    def key(self, *, of_accounts: bool = False) -> tuple[str, ...]:
        """The properties that identify a record."""
        return ("id", ACCOUNT_MEMBER) if of_accounts else ("id",)

    def expandable(self) -> frozenset[str]:
        """What may come whole instead of as a reference: other objects, and lists that are left out otherwise."""
        return frozenset(name for name, part in self._generated()["properties"].items() if _is_expandable(part))

    def _generated(self) -> Schema:
        file = resources.files("tap_stripe_flow.streams").joinpath("schemas", f"{self.name}.json")
        generated: Schema = json.loads(file.read_text(encoding="utf-8"))
        return generated


def as_column(schema: Schema) -> Schema:
    """A field's schema, as a column: a reference to another object is its id.

    Stripe's own type is "a string, or an object if it was expanded". Loaders make a JSON column of that, which then
    refuses the string that always comes. Inside a JSON column Stripe's type can stay.
    """
    if _is_reference(schema):
        return {"type": [kind for kind in schema["type"] if kind != "object"]}
    return schema


def _is_reference(schema: Schema) -> bool:
    return isinstance(schema.get("type"), list) and {"string", "object"} <= set(schema["type"])


def _is_expandable(schema: Schema) -> bool:
    return _is_reference(schema) or {"data", "has_more"} <= set(schema.get("properties", {}))
