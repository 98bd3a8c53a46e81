"""Picks the parameters of a record and checks them against the JSON schema of its action.

A reason names the field and the rule, never the value: reasons are logged, and a value may be personal data.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cached_property
from typing import Any, cast

from jsonschema import Draft202012Validator, TypeChecker, ValidationError
from jsonschema.validators import extend

from target_stripe_flow.actions import calls, fingerprint, guards, metadata
from target_stripe_flow.actions.card_fields import refuse_card_numbers
from target_stripe_flow.actions.stream_maps import StreamMaps
from target_stripe_flow.actions.table import ActionSpec
from target_stripe_flow.attempts.identity import MARKER
from target_stripe_flow.results.outcome import Rejected
from target_stripe_flow.results.text import HALF, is_utf8, is_writable

Json = Mapping[str, Any]  # Any: JSON, checked by schema


def _is_integer(_checker: TypeChecker, value: object) -> bool:
    """Whether `value` is a JSON integer. JSON schema also takes 1.0, which may be meant in major units."""
    return isinstance(value, int) and not isinstance(value, bool)


# Stripe's numbers are 64-bit integers with a sign.
MOST_BITS = 63
_FAR_OUT = 1 << 100
# Deeper than any schema.
MOST_LEVELS = 30

_CHECKER = Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer)
_Validator = extend(Draft202012Validator, type_checker=_CHECKER)  # type: ignore[no-untyped-call]  # jsonschema's own


class RecordChecker:
    """Picks and checks the parameters of one action.

    `shape` is the list of accepted parameters, `accepted` its digest. `dropped` collects the fields that are not sent.
    """

    def __init__(self, spec: ActionSpec) -> None:
        self._spec = spec
        self._schema = cast("Json", spec.schema())
        self.shape = fingerprint.shape_of(self._schema) or {}
        self._of_an_account = list(calls.of_an_account(self._schema))
        self.accepted = fingerprint.digest(self.shape)
        self.dropped: set[str] = set()

    @cached_property
    def _validator(self) -> Draft202012Validator:
        return cast("Draft202012Validator", _Validator(self._schema))

    def pick(self, record: Json) -> dict[str, Any]:
        """The parameters that Stripe accepts, without nulls; numbers and booleans in metadata as their JSON text.

        Fields that are neither in the schema nor a flag of the action are left out and added to `dropped`.
        """
        # A source key is canonical text: 7 and "7" are the same customer.
        keys = {name: record.get(name) for name in self._spec.references}
        references = {name: str(key) for name, key in keys.items() if type(key) is int and is_writable(key)}
        flags = self._spec.omission_flags.values()
        members = {name: value for name, value in {**record, **references}.items() if name not in flags}
        if foreign := self.of_another_account(record):
            members = calls.without(members, foreign)
        return cast("dict[str, Any]", _pick(members, self._schema, "", self.dropped))

    def objection(self, candidate: guards.Candidate) -> Rejected | None:
        """The reason of a guard not to send the record, although it may be valid; None if there is none."""
        objection = guards.objection(self._spec, self._schema, candidate)
        return objection or next(metadata.wrong_null_names(candidate.record, self._schema), None)

    def describe_schema(self, described: Json, keys: Collection[str], maps: StreamMaps) -> str:
        """Why a SCHEMA, whose schema after stream maps is `described`, ends the run; empty if it does not."""
        return guards.describe_schema(self._spec, self._schema, described, keys, maps)

    def creatable(self, picked: Json) -> dict[str, Any]:
        """The picked parameters that a creation takes. Raises Rejected for a value that only an update takes."""
        return calls.creatable(picked, self._schema)

    def fault(self, picked: dict[str, Any]) -> Rejected | None:
        """What `check` raises for these parameters; None if they are valid."""
        try:
            self.check(picked)
        except Rejected as wrong:
            return wrong
        return None

    def updatable(self, picked: Json) -> dict[str, Any]:
        """The picked parameters that an update takes."""
        return calls.updatable(picked, self._schema)

    def only_updated(self, record: Json) -> list[str]:
        """The names of the parameters in a record that a creation leaves out."""
        return calls.only_updated(record, self._schema)

    def of_another_account(self, record: Json) -> list[str]:
        """The paths in a copy that are left out, because they name objects of the account that it was read from."""
        return calls.of_another_account(record, self._of_an_account)

    def unset(self, record: Json) -> dict[str, Any]:
        """What an update empties, as a tree of empty texts."""
        return calls.unset(record, self._schema)

    def not_emptied(self, record: Json) -> list[str]:
        """The parameters that are null in the record and that an update cannot empty."""
        return list(calls.not_emptied(record, self._schema))

    def check(self, picked: dict[str, Any]) -> None:
        """Raises Rejected with the first wrong field; a card number comes first."""
        refuse_card_numbers(picked, self._schema, self._spec.references)
        errors = sorted(self._validator.iter_errors(_tamed(picked, MOST_LEVELS)), key=lambda error: error.json_path)
        if errors:
            raise Rejected(_reason(errors[0]), _field(errors[0]))
        for path, reason in _unsendable(picked, ""):
            raise Rejected(reason, path)


def _pick(value: Any, schema: Json, path: str, dropped: set[str]) -> Any:
    """`value` without nulls, without members that an object schema does not name, and without empty objects."""
    if isinstance(value, dict) and "properties" in schema:
        known: Json = schema["properties"]
        dropped.update(f"{path}{name}" for name, inner in value.items() if name not in known and inner is not None)
        inner = ((name, _pick(value[name], known[name], f"{path}{name}.", dropped)) for name in known if name in value)
        return {name: part for name, part in inner if part not in (None, {})}
    if isinstance(value, dict):
        kept = {name: inner for name, inner in value.items() if inner is not None and name != MARKER}
        return {name: metadata.as_text(inner) for name, inner in kept.items()} if metadata.takes_texts(schema) else kept
    if isinstance(value, list | tuple) and "items" in schema:
        return [_pick(inner, schema["items"], path, dropped) for inner in value]
    return value.lower() if schema.get("x-lower") and isinstance(value, str) else value


def _tamed(value: Any, levels: int) -> Any:  # Any: JSON, or what a stream map made of it
    """`value` with what Python cannot show replaced by something alike: the schema's messages quote it."""
    if isinstance(value, Mapping):
        return {name: _tamed(inner, levels - 1) for name, inner in value.items()} if levels else {}
    if isinstance(value, list):
        return [_tamed(inner, levels - 1) for inner in value] if levels else []
    if type(value) is int and value.bit_length() > MOST_BITS:
        return _FAR_OUT if value > 0 else -_FAR_OUT
    return value


def _unsendable(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Pairs (path, reason) for numbers that Stripe cannot read and text that UTF-8 cannot encode."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _unsendable(name, path)
            yield from _unsendable(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _unsendable(inner, f"{path}.{index}")
    elif isinstance(value, float) and not math.isfinite(value):
        yield path, "must be a finite number"
    elif type(value) is int and value.bit_length() > MOST_BITS:
        yield path, f"is out of range: a number has at most {MOST_BITS} bits"
    elif isinstance(value, str) and not is_utf8(value):
        yield path, HALF


def _field(error: ValidationError) -> str:
    path = [str(part) for part in error.absolute_path]
    if error.validator == "required":
        path += [name for name in cast("list[str]", error.validator_value) if name not in cast("Json", error.instance)][
            :1
        ]
    if error.validator == "anyOf":
        path += [name for option in cast("list[Json]", error.validator_value) for name in option["required"]][:1]
    return ".".join(path)


_TYPES = {"object": "an object", "array": "a list", "string": "text", "integer": "a whole number (a JSON integer)"}


def _type_name(limit: str | list[str]) -> str:
    names = [each for each in ([limit] if isinstance(limit, str) else limit) if each != "null"]
    return " or ".join(_TYPES.get(each, f"a {each}") for each in names)


_REASONS: dict[str, Callable[[Any], str]] = {  # Any: a rule's limit, a number or a name
    "type": lambda limit: f"must be {_type_name(limit)}",
    "enum": calls.one_of,
    "required": lambda _limit: "is required",
    "maxLength": lambda limit: f"takes at most {limit} characters",
    "minLength": lambda limit: f"needs at least {limit} characters",
    "minimum": lambda limit: f"must be at least {limit}",
    "maximum": lambda limit: f"must be at most {limit}",
    "maxItems": lambda limit: f"takes at most {limit} entries",
}


def _reason(error: ValidationError) -> str:
    """The reason in the schema's `x-reasons`, else a general one for the rule."""
    rule, schema = str(error.validator), cast("Json", error.schema)
    if reason := metadata.reason_of(error):
        return reason
    reasons: Json = schema.get("x-reasons", {})
    if rule in reasons or "*" in reasons:
        return str(reasons.get(rule, reasons.get("*")))
    describe = _REASONS.get(rule)
    return describe(error.validator_value) if describe else f"breaks the rule {rule}"
