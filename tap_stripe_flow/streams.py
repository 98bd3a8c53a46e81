"""The streams: what Stripe lists, one entry each. Data only; the engine treats them all alike."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from typing import Any

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
        generated: dict[str, Any] = json.loads(text)  # Any: JSON schema
        return generated | {"properties": {name: as_column(part) for name, part in generated["properties"].items()}}


def as_column(schema: Schema) -> Schema:
    """A field's schema, as a column: a reference to another object is its id.

    Stripe's own type is "a string, or an object if it was expanded". Loaders make a JSON column of that, which then
    refuses the string that always comes. Inside a JSON column Stripe's type can stay.
    """
    kinds = schema.get("type", [])
    if isinstance(kinds, list) and {"string", "object"} <= set(kinds):
        return {"type": [kind for kind in kinds if kind != "object"]}
    return schema


STREAMS = (
    StreamSpec(name="charges", path="/v1/charges", right="rak_charge_read"),
    StreamSpec(name="refunds", path="/v1/refunds", right="rak_charge_read"),
)
