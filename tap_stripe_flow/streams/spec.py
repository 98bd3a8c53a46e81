"""The streams: what Stripe lists, one entry each. Data only; the engine treats them all alike."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from importlib import resources
from typing import Any

from tap_stripe_flow.found import ACCOUNT_MEMBER

Schema = dict[str, Any]  # Any: JSON schema


@dataclass(frozen=True, kw_only=True)
class Find:
    """A stream that reads the objects whose ids the setting `ids` holds, while the setting `mode` is `find`."""

    ids: str
    mode: str


@dataclass(frozen=True, kw_only=True)
class StreamSpec:
    """One list of Stripe's that can be read in windows of `created`.

    `path` lists the objects newest first, `kind` is their `object`; `right` is what a restricted key needs to read
    them. `events` are the types that tell of a change or a deletion, not of creation: new objects come from the list.
    https://docs.stripe.com/api/events/types
    """

    name: str
    kind: str
    path: str
    right: str
    events: tuple[str, ...]
    find: Find | None = None

    def schema(self, expand: Collection[str] = (), *, of_accounts: bool = False) -> Schema:
        """The JSON schema of the stream's records, from `schemas/` (generated, see scripts/generate_schemas.py).

        `expand` are the references that come as objects; `of_accounts`: each record tells whose it is.
        """
        whole = {name.partition(".")[0] for name in expand}
        properties = {
            name: part if name in whole else as_column(part) for name, part in self._generated()["properties"].items()
        }
        account = {ACCOUNT_MEMBER: {"type": "string"}} if of_accounts else {}
        return self._generated() | {"properties": properties | account}

    def key(self, *, of_accounts: bool = False) -> tuple[str, ...]:
        """The properties that identify a record."""
        return ("id", ACCOUNT_MEMBER) if of_accounts else ("id",)

    def expandable(self) -> frozenset[str]:
        """What may come whole instead of as a reference: other objects, and lists that are left out otherwise."""
        return frozenset(name for name, part in self._generated()["properties"].items() if _is_expandable(part))

    def _generated(self) -> Schema:
        text = resources.files("tap_stripe_flow").joinpath("schemas", f"{self.name}.json").read_text(encoding="utf-8")
        generated: Schema = json.loads(text)
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


STREAMS = (
    StreamSpec(
        name="charges",
        kind="charge",
        path="/v1/charges",
        right="rak_charge_read",
        events=(
            "charge.captured",
            "charge.expired",
            "charge.failed",
            "charge.pending",
            "charge.refunded",
            "charge.succeeded",
            "charge.updated",
        ),
    ),
    StreamSpec(
        name="refunds",
        kind="refund",
        path="/v1/refunds",
        right="rak_charge_read",
        events=("charge.refund.updated", "refund.failed", "refund.updated"),
    ),
    StreamSpec(
        name="customers",
        kind="customer",
        path="/v1/customers",
        right="rak_customer_read",
        events=("customer.deleted", "customer.updated"),
        find=Find(ids="customer_ids", mode="customers_mode"),
    ),
)
