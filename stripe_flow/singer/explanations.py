"""What is wrong with a setting, in words: what is near to what was meant, never the value, which may be a secret."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from jsonschema import ValidationError
from singer_sdk.helpers import capabilities as of_sdk

from stripe_flow.api.spelling import nearest, suggestion

# The SDK's own, for plugins that can do what they ask for.
_OF_SDK = frozenset[str]().union(
    *(
        getattr(of_sdk, name)["properties"]
        for name in (
            "ADD_RECORD_METADATA_CONFIG",
            "BATCH_CONFIG",
            "FLATTENING_CONFIG",
            "STREAM_MAPS_CONFIG",
            "TARGET_BATCH_SIZE_ROWS_CONFIG",
            "TARGET_HARD_DELETE_CONFIG",
            "TARGET_LOAD_METHOD_CONFIG",
            "TARGET_SCHEMA_CONFIG",
            "TARGET_VALIDATE_RECORDS_CONFIG",
        )
    )
)
_KINDS = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", type(None): "null"}
_LIMITS = {
    "minimum": "at least",
    "exclusiveMinimum": "more than",
    "maximum": "at most",
    "exclusiveMaximum": "less than",
}


def explain(error: ValidationError, env_prefix: str) -> str:
    """What a setting breaks, and what to write instead."""
    name = ".".join(str(part) for part in error.absolute_path) or "settings"
    rule = str(error.validator)
    given: Any = error.instance  # Any: the setting, or all of them, as they were given
    limit: Any = error.validator_value  # Any: a number, a name or a list, depending on the rule
    match rule:
        case "required":
            missing = [key for key in limit if key not in given]
            variables = ", ".join(f"{env_prefix}{key.upper()}" for key in missing)
            return (
                f"setting {', '.join(missing)} is missing, and has no default: write it into the file that --config "
                f"names, or set {variables} and give --config ENV"
            )
        case "type":
            kinds = [limit] if isinstance(limit, str) else list(limit)
            kind = _KINDS.get(type(given), "number")
            return f"setting {name} must be of type {' or '.join(kinds)}, not {kind}{_hint(kinds, given)}"
        case "enum":
            near = suggestion(given, map(str, limit)) if isinstance(given, str) else ""
            return f"setting {name} must be one of {', '.join(map(str, limit))}{near}"
        case _ if rule in _LIMITS:
            return f"setting {name} must be {_LIMITS[rule]} {limit}"
        case _:
            return f"setting {name} breaks the rule {rule} {json.dumps(limit)}"


def unknown(name: str, known: Iterable[str]) -> str:
    """A name that is no setting's: a typo, or one of the SDK's that this plugin could not live up to."""
    if name in _OF_SDK:
        return f"setting {name} asks for what this plugin does not do: take it out"
    near = nearest(name, known)
    hint = f"did you mean {near}?" if near else "see --about for the settings there are"
    return f"setting {name} is unknown: {hint}"


def _hint(kinds: list[str], given: object) -> str:
    """How the same thing is written in the type that is wanted."""
    if isinstance(given, str) and {"integer", "number"} & set(kinds) and given.strip().replace(".", "", 1).isdigit():
        return ": write it without quotes"
    if isinstance(given, str) and "boolean" in kinds:
        return ": write true or false"
    if isinstance(given, str) and "array" in kinds:
        return ': write a list, like ["…"]'
    if isinstance(given, int) and "string" in kinds:
        return ": write it in quotes"
    return ""
