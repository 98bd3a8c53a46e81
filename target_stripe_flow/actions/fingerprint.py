"""Whether a record is the one that was sent: a hash over the parameters that were picked from it.

A release that accepts one more parameter must not take an old record for a changed one. So each hash is kept with the
list of parameters that were accepted when it was made, and a record is compared by those alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

# Stands for the entries of a list; no parameter has such a name.
_EACH = "[]"

Shape = dict[str, Any]  # Any: a shape again, or None where all that is there belongs to the parameter


def digest(value: object) -> str:
    """32 hex characters over a JSON value, the order of its members aside."""
    # What JSON cannot hold comes here, too: it is refused later, by name.
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def shape_of(schema: Mapping[str, Any]) -> Shape | None:  # Any: JSON schema
    """The names of the parameters in a schema, nested; None where an object may hold anything."""
    if "items" in schema:
        return {_EACH: shape_of(schema["items"])}
    properties = schema.get("properties")
    return None if properties is None else {name: shape_of(inner) for name, inner in properties.items()}


def within(value: Any, shape: Shape | None) -> Any:  # Any: JSON
    """What of `value` a list of parameters knows; objects that become empty go with it."""
    if shape is None:
        return value
    if isinstance(value, list):
        return [within(each, shape.get(_EACH)) for each in value]
    if not isinstance(value, Mapping):
        return value
    inner = ((name, within(value[name], part)) for name, part in shape.items() if name in value)
    return {name: part for name, part in inner if part != {}}
