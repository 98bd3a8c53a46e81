"""The schema files are the script's output, and accept Stripe's objects."""

from __future__ import annotations

import copy
import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from singer_sdk.mapper import PluginMapper
from singer_sdk.singerlib import Catalog, CatalogEntry, MetadataMapping, Schema

ROOT = Path(__file__).parents[3]
DATA = ROOT / "tests" / "data"
FOLDER = ROOT / "tap_stripe_flow" / "streams" / "schemas"
ACTIONS = ROOT / "target_stripe_flow" / "actions" / "schemas"
SCHEMAS: dict[str, dict[str, Any]] = {  # Any: JSON
    path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))
}
EXAMPLES: dict[str, dict[str, Any]] = json.loads((DATA / "examples.json").read_text(encoding="utf-8"))  # Any: JSON
FIELDS: dict[str, dict[str, str]] = json.loads((DATA / "fields.json").read_text(encoding="utf-8"))
SENT_BY_STRIPE = [
    ("charges", "charge"),
    ("refunds", "refund"),
    ("customers", "customer"),
    ("customers", "deleted_customer"),
    ("products", "product"),
    ("products", "deleted_product"),
]
each_stream = pytest.mark.parametrize("stream", sorted(SCHEMAS))


def test_the_files_are_what_the_script_writes(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "scripts.generate_schemas", "--output", str(tmp_path)]

    subprocess.run(command, cwd=ROOT, check=True, timeout=60)

    for folder in (FOLDER, ACTIONS):
        written = {path.name: path.read_text("utf-8") for path in (tmp_path / folder.relative_to(ROOT)).iterdir()}
        assert written == {path.name: path.read_text("utf-8") for path in folder.glob("*.json")}


@pytest.mark.parametrize(("stream", "example"), SENT_BY_STRIPE)
def test_an_object_of_stripe_s_fixtures_is_valid(stream: str, example: str) -> None:
    validator(stream).validate(EXAMPLES[example])


@pytest.mark.parametrize("stream", FIELDS)  # another program read these four out of the client
def test_every_field_of_the_api_is_there_with_its_type(stream: str) -> None:
    schema = SCHEMAS[stream]

    types = {path: json_types(schema, path) for path in FIELDS[stream]}

    assert types == {path: {*text.split(" or "), "null"} - not_null(path) for path, text in FIELDS[stream].items()}


@each_stream
def test_a_deleted_object_is_valid(stream: str) -> None:
    validator(stream).validate({"id": "x_1", "object": "x", "deleted": True})


@each_stream
def test_an_unknown_field_is_valid_at_every_depth(stream: str) -> None:
    record = with_unknown_fields(full_record(SCHEMAS[stream]))

    validator(stream).validate(record)


@each_stream
def test_null_is_valid_at_every_depth(stream: str) -> None:
    top = {**dict.fromkeys(SCHEMAS[stream]["properties"]), "id": "x_1", "object": "x"}
    nested = with_null_leaves(full_record(SCHEMAS[stream]))

    validator(stream).validate(top)
    validator(stream).validate({**nested, "id": "x_1", "object": "x"})


@pytest.mark.parametrize(
    ("stream", "wrong"),
    [
        ("charges", {"id": None}),
        ("charges", {"amount": "100"}),
        ("charges", {"amount": 10.5}),
        ("charges", {"created": "2026-01-01T00:00:00Z"}),
        ("charges", {"billing_details": {"address": {"city": 7}}}),
        ("refunds", {"charge": 7}),
        ("customers", {"preferred_locales": "de"}),
    ],
)
def test_a_value_of_another_type_is_not_valid(stream: str, wrong: dict[str, object]) -> None:
    assert not validator(stream).is_valid({"id": "x_1", "object": "x", **wrong})


def test_a_charge_with_its_customer_expanded_is_valid() -> None:
    charge = {**EXAMPLES["charge"], "customer": EXAMPLES["customer"]}

    validator("charges").validate(charge)


@each_stream
def test_singer_sdk_reads_and_writes_the_schema_unchanged(stream: str) -> None:
    assert Schema.from_dict(SCHEMAS[stream]).to_dict() == SCHEMAS[stream]


@each_stream
@pytest.mark.parametrize("depth", [1, 2, 6])
def test_singer_sdk_s_stream_maps_take_the_schema_flat_or_not(stream: str, depth: int) -> None:
    schema = SCHEMAS[stream]

    flat = mapped_properties(stream, {"flattening_enabled": True, "flattening_max_depth": depth})

    assert mapped_properties(stream, {}) == schema["properties"]
    assert set(flat) >= {name for name, field in schema["properties"].items() if "properties" not in field}


def mapped_properties(stream: str, settings: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    entry = CatalogEntry(
        tap_stream_id=stream,
        metadata=MetadataMapping.get_standard_metadata(
            schema=SCHEMAS[stream], key_properties=["id"], selected_by_default=True
        ),
        schema=Schema.from_dict(copy.deepcopy(SCHEMAS[stream])),
        key_properties=["id"],
    )
    entry.metadata.root.selected = True
    mapper = PluginMapper(settings, logging.getLogger(__name__))
    mapper.register_raw_streams_from_catalog(Catalog({stream: entry}))
    properties: dict[str, Any] = mapper.stream_maps[stream][0].transformed_schema["properties"]  # Any: JSON
    return properties


def validator(stream: str) -> Draft202012Validator:
    Draft202012Validator.check_schema(SCHEMAS[stream])
    return Draft202012Validator(SCHEMAS[stream])


def json_types(schema: dict[str, Any], path: str) -> set[str]:  # Any: JSON
    for name in path.replace("[]", ".[]").split("."):
        schema = schema["items"] if name == "[]" else schema["properties"][name]
    types = schema["type"]
    return {types} if isinstance(types, str) else set(types)


def not_null(path: str) -> set[str]:
    return {"null"} if path in {"id", "object"} else set()


def full_record(schema: dict[str, Any]) -> Any:  # Any: JSON
    """A value with every field that the schema names, at every depth."""
    samples = {"string": "x", "integer": 1, "number": 1.5, "boolean": True, "object": {}}
    if "properties" in schema:
        return {name: full_record(field) for name, field in schema["properties"].items()}
    if "items" in schema:
        return [full_record(schema["items"])]
    kinds = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    return samples["object" if "object" in kinds else kinds[0]]


def with_unknown_fields(value: Any) -> Any:  # Any: JSON
    if isinstance(value, dict):
        return {name: with_unknown_fields(field) for name, field in value.items()} | {"of_tomorrow": {"x": [1]}}
    return [with_unknown_fields(item) for item in value] if isinstance(value, list) else value


def with_null_leaves(value: Any) -> Any:  # Any: JSON
    if isinstance(value, dict) and value:
        return {name: with_null_leaves(field) for name, field in value.items()}
    return [with_null_leaves(item) for item in value] if isinstance(value, list) else None
