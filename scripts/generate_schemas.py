"""Write the JSON schemas of the tap's streams and of the target's actions.

    python -m scripts.generate_schemas [--output FOLDER]

`scripts/action_schemas.py` makes those of the actions. Those of the streams come from the type annotations of Stripe's
official Python client. Stripe generates the client from its API description, so its annotations are the list of fields.
This is a development script: the plugins do not depend on the client; a test generates the schemas again and compares.

The rules of a stream's schema, and why:

- Every field at any depth; `additionalProperties` at every depth, as old API versions send other fields.
- Every field but the record's own `id` and `object` may be null or absent: the annotations do not distinguish null from
  absent, and a deleted object is `{id, object, deleted: true}`.
- No enums, as Stripe adds values without notice. No formats: times stay whole Unix seconds, amounts minor units.
- A reference that Stripe expands on demand is a string or an open object. A resource that Stripe always
  sends as a member of another has its fields; resources further inside, and the items of a list, are open. Without this
  bound an invoice has 190 KB, and all schemas a megabyte, in every discovery.
- No descriptions: every run prints the schema as a SCHEMA message, and descriptions are most of its size.
- No `$ref`: singer_sdk loses `$defs` when it reads a catalog.
"""

from __future__ import annotations

import argparse
import ast
import functools
import importlib
import inspect
import json
import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar, ForwardRef, Literal, NamedTuple, TypeAlias, Union, get_args, get_origin

import stripe
from stripe._object_classes import OBJECT_CLASSES

from scripts import action_schemas
from scripts.action_rules import RULES
from tap_stripe_flow.streams import STREAMS, StreamSpec

Schema: TypeAlias = dict[str, Any]  # Any: JSON schema is written here, never read

ROOT = Path(__file__).parents[1]
STREAM_SCHEMAS, ACTION_SCHEMAS = "tap_stripe_flow/streams/schemas", "target_stripe_flow/actions/schemas"

# The client reads Stripe's decimal strings into Decimal; in JSON they are strings.
JSON_TYPES: Mapping[type, str] = {bool: "boolean", int: "integer", float: "number", str: "string", Decimal: "string"}
IDENTITY = ("id", "object")


class Scope(NamedTuple):
    """The client's module in which the names of an annotation are defined, and how many more resources to enter."""

    module: str
    depth: int


def record_schema(spec: StreamSpec) -> Schema:
    """The schema of a stream's records: never null, with `id` and `object` required where the resource has them."""
    kinds = [object_schema(resource(kind), depth=1) for kind in (spec.kind, *spec.other_kinds)]
    schema = kinds[0] | {"properties": united(kind["properties"] for kind in kinds)}
    required = [name for name in IDENTITY if name in schema["properties"]]
    for name in required:
        schema["properties"][name] = {"type": "string"}
    return {**schema, "type": "object", "required": required}


def resource(kind: str) -> type:
    """The client's class of the objects whose `object` is this."""
    module, name = OBJECT_CLASSES[kind]
    found: type = getattr(importlib.import_module(module), name)
    return found


def united(kinds: Iterable[Schema]) -> Schema:
    """The fields of records that may be of several kinds."""
    fields: Schema = {}
    for kind in kinds:
        fields |= {name: merged([fields[name], field]) if name in fields else field for name, field in kind.items()}
    return fields


def object_schema(cls: type, depth: int) -> Schema:
    """All fields that a class of the client declares, under their names in JSON."""
    renamed: Mapping[str, str] = getattr(cls, "_field_remappings", {})  # an attribute cannot be called `from`
    declared: Mapping[str, object] = inspect.get_annotations(cls)
    fields = {
        renamed.get(name, name): field_schema(annotation, Scope(cls.__module__, depth))
        for name, annotation in declared.items()
        if not name.startswith("_") and get_origin(annotation) is not ClassVar
    }
    # Without fields no `properties`: an empty one makes singer_sdk's flattening drop the whole object.
    return {**open_object(), "properties": fields} if fields else open_object()


def open_object() -> Schema:
    return {"type": ["object", "null"], "additionalProperties": True}


def list_schema() -> Schema:
    """A page of other resources inside an object."""
    fields = {
        "object": nullable("string"),
        "data": {"type": ["array", "null"], "items": open_object()},
        "has_more": nullable("boolean"),
        "url": nullable("string"),
    }
    return {**open_object(), "properties": fields}


# `UntypedStripeObject` is metadata and its like, whose keys are the account's own. It has no public name.
CONTAINERS: Mapping[object, Callable[[], Schema]] = {
    stripe.ListObject: list_schema,
    importlib.import_module("stripe._stripe_object").UntypedStripeObject: open_object,
}


def nullable(json_type: str) -> Schema:
    return {"type": [json_type, "null"]}


def field_schema(annotation: object, scope: Scope) -> Schema:
    """The schema of one annotation; null is always allowed.

    Raises TypeError for a form that no annotation of client 16.1.0 has.
    """
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is None:
        return plain_schema(annotation, scope)
    if origin is Union:
        return union_schema([member for member in args if member is not type(None)], scope)
    if origin is Literal:
        return merged(nullable(JSON_TYPES[type(value)]) for value in args)
    if origin is list:
        return {"type": ["array", "null"], "items": field_schema(args[0], scope)}
    if origin in CONTAINERS:
        return CONTAINERS[origin]()
    raise no_rule(annotation, scope)


def plain_schema(annotation: object, scope: Scope) -> Schema:
    """The schema of an annotation without brackets: a scalar, a nested class or the name of another resource."""
    if isinstance(annotation, (str, ForwardRef)):
        return resource_schema(annotation, scope)
    if isinstance(annotation, type) and annotation in JSON_TYPES:
        return nullable(JSON_TYPES[annotation])
    if isinstance(annotation, type) and issubclass(annotation, stripe.StripeObject):
        return object_schema(annotation, depth=0)
    raise no_rule(annotation, scope)


def no_rule(annotation: object, scope: Scope) -> TypeError:
    return TypeError(
        f"no rule for {annotation!r} in {scope.module}: the client has a new form of annotation, add a rule"
    )


def union_schema(members: list[object], scope: Scope) -> Schema:
    """A value of any of the types. A member that may be several resources, or an id, is an open object."""
    depth = scope.depth if len(members) == 1 else 0
    return merged(field_schema(member, Scope(scope.module, depth)) for member in members)


def merged(schemas: Iterable[Schema]) -> Schema:
    """One schema that accepts each value that one of them accepts."""
    result: Schema = {}
    types: dict[str, None] = {}  # a dict, because a set has no order
    for schema in schemas:
        result |= schema
        types |= dict.fromkeys(schema["type"])
    types.pop("null")
    return {**result, "type": [*types, "null"]}


def resource_schema(reference: str | ForwardRef, scope: Scope) -> Schema:
    """Another resource, which the client names by a string to avoid circular imports."""
    if scope.depth == 0:
        return open_object()
    name = reference if isinstance(reference, str) else reference.__forward_arg__
    module, original = imported_names(scope.module).get(name, (scope.module, name))
    return object_schema(getattr(importlib.import_module(module), original), scope.depth - 1)


@functools.cache
def imported_names(module: str) -> Mapping[str, tuple[str, str]]:
    """Local name → (module, name) of all imports of a module, also under `if TYPE_CHECKING`."""
    tree = ast.parse(inspect.getsource(importlib.import_module(module)))
    return {
        alias.asname or alias.name: (node.module, alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }


def rendered(schema: Schema) -> str:
    """The schema as text with one line per field, so that a change of the API is a readable diff."""
    text = json.dumps(schema, indent=1, sort_keys=True)
    return re.sub(r'\[\s+("[^\[\]{}]*")\s+\]', on_one_line, text) + "\n"


def on_one_line(found: re.Match[str]) -> str:
    return f"[{' '.join(found[1].split())}]"


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the JSON schema of each stream and action.")
    parser.add_argument("--output", type=Path, default=ROOT, help="where the packages are (default: %(default)s)")
    root: Path = parser.parse_args().output
    files = {f"{STREAM_SCHEMAS}/{spec.name}.json": rendered(record_schema(spec)) for spec in STREAMS}
    for action in RULES:
        files[f"{ACTION_SCHEMAS}/{action}.json"] = action_schemas.rendered(action_schemas.action_schema(action))
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
