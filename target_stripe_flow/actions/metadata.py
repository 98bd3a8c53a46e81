"""Stripe's metadata, an object of any names whose values are texts: what it takes, and the reasons when it does not."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator, ValidationError

from target_stripe_flow.results.outcome import Rejected
from target_stripe_flow.results.text import HALF, is_utf8

Json = Mapping[str, Any]  # Any: JSON

# Metadata takes no number with more digits as a text.
_LONGEST = 10**500

Reasons = Mapping[str, Callable[[Any], str]]  # Any: a rule's limit, a number or a name

_WHOLE: Reasons = {
    "type": lambda _limit: "must be an object",
    "maxProperties": lambda limit: f"metadata takes at most {limit} keys of your own (the 50th is stripe-flow's)",
}
_NAMES: Reasons = {
    "minLength": lambda _limit: "metadata takes no name without characters",
    "maxLength": lambda limit: f"metadata takes names of at most {limit} characters",
    "pattern": lambda _limit: "metadata takes names without brackets ([ or ])",
}
_VALUES: Reasons = {
    "type": lambda _limit: "must be text, a number, true or false, as every value in metadata",
    "maxLength": lambda limit: f"takes at most {limit} characters, as every value in metadata",
}


def takes_texts(schema: Json) -> bool:
    """Whether the schema is one of metadata."""
    values = schema.get("additionalProperties")
    return isinstance(values, Mapping) and values.get("type") == "string"


def as_text(value: object) -> object:
    """A number or boolean as its JSON text; any other value, and what is no JSON number, as it is."""
    if isinstance(value, float):
        return json.dumps(value) if math.isfinite(value) else value
    return json.dumps(value) if isinstance(value, int) and abs(value) < _LONGEST else value


def wrong_null_names(value: Any, schema: Json, path: str = "") -> Iterator[Rejected]:  # Any: JSON
    """Names in the metadata of a record that are null, so that an update empties them, and that no text may have."""
    if isinstance(value, dict) and takes_texts(schema):
        for name in (name for name, inner in value.items() if inner is None):
            for error in Draft202012Validator(schema.get("propertyNames", {})).iter_errors(name):
                yield Rejected(_NAMES[str(error.validator)](error.validator_value), path)
            if not is_utf8(name):
                yield Rejected(HALF, path)
    elif isinstance(value, dict) and (known := schema.get("properties")):
        for name in (name for name in value if name in known):
            yield from wrong_null_names(value[name], known[name], f"{path}.{name}".removeprefix("."))


def reason_of(error: ValidationError) -> str | None:
    """The reason for an error in metadata; None for any other error."""
    where = error.absolute_schema_path
    if "metadata" not in where:
        return None
    part = _NAMES if "propertyNames" in where else _VALUES if "additionalProperties" in where else _WHOLE
    describe = part.get(str(error.validator))
    return describe(error.validator_value) if describe else None
