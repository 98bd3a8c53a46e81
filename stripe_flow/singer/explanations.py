"""What is wrong with a setting, and what to write instead; never its value, which may be a secret."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from jsonschema import ValidationError
from singer_sdk.helpers import capabilities

from stripe_flow.api.spelling import nearest, suggestion

# Settings of the SDK for plugins with these capabilities.
_SDK_SETTINGS = frozenset[str]().union(
    *(
        getattr(capabilities, name)["properties"]
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


def explain(error: ValidationError, env_prefix: str, *, under_meltano: bool = False) -> str:
    """Which rule a setting breaks, and what to write instead; `env_prefix` begins its environment variables."""
    name = ".".join(str(part) for part in error.absolute_path) or "settings"
    rule = str(error.validator)
    value: Any = error.instance  # Any: one setting, or all of them
    limit: Any = error.validator_value  # Any: a number, a name or a list, depending on the rule
    match rule:
        case "required":
            missing = [key for key in limit if key not in value]
            variables = ", ".join(f"{env_prefix}{key.upper()}" for key in missing)
            how = f"write it into the file that --config names, or set {variables} and use --config ENV"
            if under_meltano:
                how = f"set {variables}, or the variable that meltano.yml gives it, in the environment or in .env"
            return f"setting {', '.join(missing)} is missing and has no default: {how}"
        case "type":
            kinds = [limit] if isinstance(limit, str) else list(limit)
            kind = _KINDS.get(type(value), "number")
            return f"setting {name} must be of type {' or '.join(kinds)}, not {kind}{_hint(kinds, value)}"
        case "enum":
            near = suggestion(value, map(str, limit)) if isinstance(value, str) else ""
            return f"setting {name} must be one of {', '.join(map(str, limit))}{near}"
        case _ if rule in _LIMITS:
            return f"setting {name} must be {_LIMITS[rule]} {limit}"
        case _:
            return f"setting {name} breaks the rule {rule} {json.dumps(limit)}"


def explain_unknown(name: str, known: Iterable[str]) -> str:
    """The message for a setting that does not exist: a typo, or a setting of the SDK without support in this plugin."""
    if name in _SDK_SETTINGS:
        return f"setting {name} is not supported by this plugin: remove it"
    near = nearest(name, known)
    hint = f"did you mean {near}?" if near else "see --about for all settings"
    return f"setting {name} is unknown: {hint}"


def _hint(kinds: list[str], value: object) -> str:
    """How to write `value` in one of the types `kinds`; empty if it is not clear."""
    if isinstance(value, str) and {"integer", "number"} & set(kinds) and value.strip().replace(".", "", 1).isdigit():
        return ": write it without quotes"
    if isinstance(value, str) and "boolean" in kinds:
        return ": write true or false"
    if isinstance(value, str) and "array" in kinds:
        return ': write a list, like ["…"]'
    if isinstance(value, int) and "string" in kinds:
        return ": write it in quotes"
    return ""
