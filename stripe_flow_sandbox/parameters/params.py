"""The description of a parameter, and the check of a request's parameters.

Create calls are described in `data/params_*.json`, made from the official client's types, and in `limits`, which has
what those types do not state. Error shapes: https://docs.stripe.com/error-codes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from stripe_flow_sandbox.answers.codec import Object
from stripe_flow_sandbox.answers.errors import Refusal, invalid, refuse
from stripe_flow_sandbox.parameters.form import Tree, in_order

Params: TypeAlias = "Mapping[str, Param]"

METADATA_KEYS, METADATA_KEY_CHARS, METADATA_VALUE_CHARS = 50, 40, 500
_DIGITS = re.compile(r"-?[0-9]{1,18}")
_NUMBER = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,6})?")
_CONTROL = "\\s\\x00-\\x1f\\x7f"
_EMAIL = re.compile(rf"[^@{_CONTROL}]+@[^@.{_CONTROL}]+(\.[^@.{_CONTROL}]+)*")
_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Param:
    """One parameter: its type, its nested parameters, and its limits. `can_unset`: an empty string unsets it."""

    type: str
    required: bool = False
    fields: Params | None = None
    items: Param | None = None
    values: Param | None = None
    enum: tuple[str, ...] = ()
    can_unset: bool = False
    max_chars: int | None = None
    # Raises Refusal for a text of a wrong shape; the second argument is the parameter's full name.
    shape: Callable[[str, str], None] | None = None


def check(tree: Mapping[str, Tree], accepted: Params, path: str = "") -> Object:
    """The typed values of all parameters; None for one that an empty string unsets.

    Raises Refusal (400) for the first parameter that is unknown, missing or of the wrong type.
    """
    for name in tree:
        if name not in accepted:
            raise refuse("parameter_unknown", param=_full_name(path, name))
    for name, param in accepted.items():
        if param.required and name not in tree:
            raise refuse("parameter_missing", param=_full_name(path, name))
    return {name: _value(node, accepted[name], _full_name(path, name)) for name, node in tree.items()}


def check_email(text: str, param: str) -> None:
    """Raises Refusal (400) for a text that cannot be an e-mail address."""
    if not _EMAIL.fullmatch(text):
        raise refuse("email_invalid", param=param, value=text[:80])


def check_id(text: str, param: str) -> None:
    """Raises Refusal (400) for a text that cannot be an id."""
    if "\0" in text:
        raise invalid(f"Invalid {param}: must not contain a null character", param=param)


def _full_name(path: str, name: str) -> str:
    return f"{path}[{name}]" if path else name


def _value(node: Tree, param: Param, path: str) -> object:
    if node == "":
        if param.can_unset:
            return None
        raise refuse("parameter_invalid_empty", param=path)
    return _READERS[param.type](node, param, path)


def _text(node: Tree, param: Param, path: str) -> str:
    if not isinstance(node, str):
        raise invalid("Invalid string", param=path)
    if param.max_chars is not None and len(node) > param.max_chars:
        raise invalid(f"Invalid string: must be at most {param.max_chars} characters", param=path)
    if param.enum and node not in param.enum:
        raise invalid(f"Invalid {path}: must be one of {', '.join(param.enum)}", param=path)
    if param.shape is not None:
        param.shape(node, path)
    return node


def _integer(node: Tree, _: Param, path: str) -> int:
    if not isinstance(node, str) or not _DIGITS.fullmatch(node):
        raise refuse("parameter_invalid_integer", param=path, value=str(node)[:80])
    return int(node)


def _number(node: Tree, _: Param, path: str) -> int | Decimal:
    if not isinstance(node, str) or not _NUMBER.fullmatch(node):
        raise invalid(f"Invalid decimal: {str(node)[:80]}", param=path)
    number = Decimal(node)
    return int(number) if number == number.to_integral_value() else number


def _boolean(node: Tree, _: Param, path: str) -> bool:
    if not isinstance(node, str) or node not in _BOOLEANS:
        raise invalid(f"Invalid boolean: {str(node)[:80]}", param=path)
    return _BOOLEANS[node]


def _object(node: Tree, param: Param, path: str) -> Object:
    if not isinstance(node, dict):
        raise invalid("Invalid object", param=path)
    if param.fields is not None:
        return check(node, param.fields, path)
    if any(key.startswith("[") for key in node):
        raise invalid("Invalid hash", param=path)
    each = param.values
    if each is not None:
        return {key: _value(value, each, _full_name(path, key)) for key, value in node.items()}
    return dict(node)


def _array(node: Tree, param: Param, path: str) -> list[object]:
    values = in_order(node) if isinstance(node, dict) else None
    if values is None:
        raise invalid("Invalid array", param=path)
    item = param.items
    if item is None:
        return list(values)
    return [_value(value, item, f"{path}[{index}]") for index, value in enumerate(values)]


def _metadata(node: Tree, _: Param, path: str) -> Object:
    """https://docs.stripe.com/api/metadata: an empty value removes its key."""
    if not isinstance(node, dict) or any(key.startswith("[") for key in node):
        raise invalid("Invalid hash", param=path)
    for key, value in node.items():
        if len(key) > METADATA_KEY_CHARS:
            raise invalid(f"Metadata keys can have up to {METADATA_KEY_CHARS} characters", param=path)
        if not isinstance(value, str):
            raise invalid("Metadata values can only be strings", param=_full_name(path, key))
        if len(value) > METADATA_VALUE_CHARS:
            raise invalid(
                f"Metadata values can have up to {METADATA_VALUE_CHARS} characters, but you passed in a value that is "
                f"{len(value)} characters.",
                param=_full_name(path, key),
            )
    return dict(node)


def _one_of(*types: str) -> Callable[[Tree, Param, str], object]:
    def read(node: Tree, param: Param, path: str) -> object:
        refusal: Refusal | None = None
        for name in types:
            try:
                return _READERS[name](node, param, path)
            except Refusal as error:
                refusal = error
        raise refusal or invalid("Invalid value", param=path)

    return read


_READERS: dict[str, Callable[[Tree, Param, str], object]] = {
    "string": _text,
    "decimal_string": _text,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "object": _object,
    "array": _array,
    "metadata": _metadata,
    "string | integer": _one_of("integer", "string"),
    "boolean | string | string": _one_of("boolean", "string"),
    # `created` of a list: one second, or bounds
    "integer | object": _one_of("integer", "object"),
}
