"""The command: settings, discovery, and the folder that relative paths start from."""

from __future__ import annotations

import json
from pathlib import Path

from tests.tap_records.command import run, run_bare

FILES = [
    {
        "path": "rows.csv",
        "stream": "rows",
        "key_properties": ["id"],
        "types": {"amount": "integer", "metadata.vip": "boolean"},
    }
]
SCHEMA = {
    "type": "object",
    "additionalProperties": True,
    "required": ["id"],
    "properties": {
        "id": {"type": ["string"]},
        "amount": {"type": ["integer", "null"]},
        "metadata": {
            "type": ["object", "null"],
            "additionalProperties": True,
            "properties": {"plan": {"type": ["string", "null"]}, "vip": {"type": ["boolean", "null"]}},
        },
    },
}


def test_about_prints_settings_and_capabilities(tmp_path: Path) -> None:
    about = json.loads(run_bare(tmp_path, "--about", "--format", "json").output)

    files = about["settings"]["properties"]["files"]
    assert about["capabilities"] == [
        "catalog",
        "discover",
        "about",
        "stream-maps",
        "schema-flattening",
        "structured-logging",
    ]
    assert files["title"] == "Files"
    assert "in this order" in files["description"]
    names = {"path", "stream", "format", "key_properties", "types", "delimiter", "encoding"}
    assert set(files["items"]["properties"]) == names
    assert "batch_config" not in about["settings"]["properties"]


def test_discovery_prints_the_columns_of_a_csv_file(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("id,amount,metadata.plan,metadata.vip\n", encoding="utf-8")

    [entry] = json.loads(run(tmp_path, FILES, "--discover").output)["streams"]

    assert (entry["tap_stream_id"], entry["key_properties"]) == ("rows", ["id"])
    assert entry["replication_method"] == "FULL_TABLE"
    assert entry["schema"] == SCHEMA


def test_the_schema_of_a_jsonl_file_has_the_typed_columns_and_allows_others(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"id": 1, "more": {"x": [1]}}\n', encoding="utf-8")

    ended = run(tmp_path, [{**FILES[0], "path": "rows.jsonl"}])

    schema, record, _ = ended.messages
    assert schema["schema"]["properties"]["id"] == {"type": ["string", "integer"]}
    assert schema["schema"]["properties"]["amount"] == {"type": ["integer", "null"]}
    assert schema["schema"]["additionalProperties"] is True
    assert record["record"] == {"id": 1, "more": {"x": [1]}}


def test_a_relative_path_starts_at_the_meltano_project(tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "rows").mkdir(parents=True)
    (project / "rows" / "rows.csv").write_text("id\n1\n", encoding="utf-8")

    ended = run(tmp_path, [{"path": "rows/rows.csv", "stream": "rows"}], env={"MELTANO_PROJECT_ROOT": str(project)})

    assert ended.messages[1]["record"] == {"id": "1"}


def test_stream_maps_get_typed_values(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("id,amount\n1,5\n2,50\n", encoding="utf-8")
    maps = {"rows": {"__filter__": "amount > 10", "__alias__": "charges", "double": "amount * 2"}}
    (tmp_path / "maps.json").write_text(json.dumps({"stream_maps": maps}), encoding="utf-8")

    ended = run(tmp_path, [{**FILES[0], "types": {"amount": "integer"}}], "--config", "maps.json")

    found = [(message["stream"], message["record"]) for message in ended.messages if message["type"] == "RECORD"]
    assert found == [("charges", {"id": "2", "amount": 50, "double": 100})]
