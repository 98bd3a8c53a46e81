"""The tables of docs/actions.md: every parameter of every action, from the schemas in `target_stripe_flow/actions`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from target_stripe_flow.actions.metadata import takes_texts
from target_stripe_flow.actions.table import ACTIONS, ActionSpec

Json = dict[str, Any]  # Any: JSON schema

# The marks of `scripts/action_schemas.py`, in words.
_MARKS = {"x-create-only": "left out", "x-update-only": "only then", "x-unset": "null empties it"}
_BOUNDS = {
    "maxLength": "up to {} characters",
    "maxItems": "up to {} entries",
    "minimum": "at least {}",
    "maximum": "up to {}",
}


def parameters() -> list[str]:
    """A table for each action."""
    return [line for spec in ACTIONS.values() for line in _table(spec)]


def _table(spec: ActionSpec) -> Iterator[str]:
    schema: Json = spec.schema()
    head = ["parameter", "type", "values", *(["in an update"] if spec.is_changeable else [])]
    yield from (f"### Parameters of `{spec.name}`", "")
    if rules := _together(schema):
        yield from (f"{'. '.join(rule[0].upper() + rule[1:] for rule in rules)}.", "")
    yield from (f"| {' | '.join(head)} |", f"|{'---|' * len(head)}")
    for path, rules_of_one, is_required in _flat(schema, ""):
        cells = [f"`{path}`", _kind(rules_of_one), _values(rules_of_one, is_required=is_required)]
        if spec.is_changeable:
            cells.append(_update(rules_of_one))
        yield f"| {' | '.join(cells)} |"
    yield ""


def _flat(schema: Json, path: str) -> Iterator[tuple[str, Json, bool]]:
    """Every parameter at any depth: its path, its schema, and whether the object around it needs it."""
    for name, rules in schema.get("properties", {}).items():
        yield path + name, rules, name in schema.get("required", ())
        yield from _flat(rules, f"{path}{name}.")
        yield from _flat(rules.get("items", {}), f"{path}{name}[].")
        if isinstance(by_key := rules.get("additionalProperties"), dict):
            yield from _flat(by_key, f"{path}{name}.CODE.")


def _kind(rules: Json) -> str:
    kinds = [rules["type"]] if isinstance(rules["type"], str) else rules["type"]
    return " or ".join(f"list of {_kind(rules['items'])}" if kind == "array" else kind for kind in kinds)


def _values(rules: Json, *, is_required: bool) -> str:
    """What the parameter takes, in a sentence each."""
    said = ["**required**"] if is_required else []
    if takes_texts(rules):
        names, texts = rules["propertyNames"], rules["additionalProperties"]
        said.append(
            f"up to {rules['maxProperties']} keys of up to {names['maxLength']} characters, with values of up to "
            f"{texts['maxLength']}"
        )
    if "enum" in rules:
        said.append(", ".join(f"`{each}`" for each in rules["enum"] if each))
    reason = rules.get("x-reasons", {}).get("*")
    # A reason for a pattern names the length as well.
    said += [text.format(f"{rules[rule]:,}") for rule, text in _BOUNDS.items() if rule in rules and not reason]
    if reason:
        said.append(reason)
    if "propertyNames" in rules and not takes_texts(rules):
        said.append("CODE is a currency")
    return "; ".join(said).replace("|", "\\|")


def _update(rules: Json) -> str:
    said = [words for mark, words in _MARKS.items() if rules.get(mark)]
    later = rules.get("x-update-values", ())
    return "; ".join([*said, *(f"`{each}` only then" for each in later if each)])


def _together(schema: Json) -> list[str]:
    """The rules for several parameters at once."""
    said = [schema.get("x-reasons", {}).get("anyOf", "")]
    for rule in schema.get("allOf", ()):
        said += [
            reason
            for branch in ("then", "else")
            for rules in rule.get(branch, {}).get("properties", {}).values()
            for reason in rules.get("x-reasons", {}).values()
        ]
    return [reason for reason in said if reason]
