"""The streams: what Stripe lists, one entry each. Data only; the engine treats them all alike."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from typing import Any, cast

Schema = dict[str, object]


@dataclass(frozen=True, kw_only=True)
class StreamSpec:
    """One list of Stripe's that can be read in windows of `created`.

    `path` lists the objects newest first; `right` is what a restricted key needs to read it.
    """

    name: str
    path: str
    right: str

    def schema(self) -> Schema:
        """The JSON schema of the stream's records, from `schemas/` (generated, see scripts/generate_schemas.py)."""
        text = resources.files("tap_stripe_flow").joinpath("schemas", f"{self.name}.json").read_text(encoding="utf-8")
        return cast("Schema", as_ids(json.loads(text)))


def as_ids(schema: Any) -> Any:  # Any: a JSON schema or a part of one
    """`schema` for objects that are not expanded: a reference to another object is its id.

    Stripe's own type is "a string, or an object if it was expanded"; loaders make a JSON column of that, and then
    refuse the string that always comes.
    """
    if isinstance(schema, list):
        return [as_ids(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if {"string", "object"} <= set(schema.get("type", ())):
        return {"type": [kind for kind in schema["type"] if kind != "object"]}
    return {name: as_ids(part) for name, part in schema.items()}


STREAMS = (
    StreamSpec(name="charges", path="/v1/charges", right="rak_charge_read"),
    StreamSpec(name="refunds", path="/v1/refunds", right="rak_charge_read"),
)
