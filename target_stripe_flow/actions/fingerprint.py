"""The fingerprint of a record: a hash of its parameters, which shows whether the record has changed since it was sent.

A release that accepts a new parameter must not report old records as changed. So the journal keeps the list of accepted
parameters (the shape) beside each fingerprint, and a record is compared by that list.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

# The name of the entries of a list in a shape; no parameter has this name.
_EACH = "[]"

Shape = dict[str, Any]  # Any: a shape, or None where the parameter may hold anything


def digest(value: object) -> str:
    """32 hex characters of a hash of a JSON value; the order of members makes no difference."""
    # Values that JSON cannot hold have a digest, too: a later check rejects them by name.
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    except (RecursionError, ValueError):  # nested too deeply, or a number of thousands of digits
        text = ""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def shape_of(schema: Mapping[str, Any]) -> Shape | None:  # Any: JSON schema
    """The nested names of the parameters in a schema; None where an object may hold anything."""
    if "items" in schema:
        return {_EACH: shape_of(schema["items"])}
    properties = schema.get("properties")
    return None if properties is None else {name: shape_of(inner) for name, inner in properties.items()}


def restrict(value: Any, shape: Shape | None) -> Any:  # Any: JSON
    """`value` with only the parameters in `shape`; objects that become empty are left out."""
    if shape is None:
        return value
    if isinstance(value, list):
        return [restrict(entry, shape.get(_EACH)) for entry in value]
    if not isinstance(value, Mapping):
        return value
    inner = ((name, restrict(value[name], part)) for name, part in shape.items() if name in value)
    return {name: part for name, part in inner if part != {}}
