"""Streams are written in the order of the setting `files`: rows that refer to others come after them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tap_records.command import run


@pytest.mark.parametrize("names", [("products", "customers", "charges"), ("customers", "products", "charges")])
def test_streams_are_written_in_the_order_of_the_setting(tmp_path: Path, names: tuple[str, ...]) -> None:
    files = []
    for name in names:
        (tmp_path / f"{name}.csv").write_text("id\n1\n", encoding="utf-8")
        files.append({"path": f"{name}.csv", "stream": name, "key_properties": ["id"]})

    ended = run(tmp_path, files)

    assert [message["stream"] for message in ended.messages if message["type"] == "RECORD"] == list(names)


def test_the_files_of_a_stream_are_read_together_in_their_order(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / f"{name}.csv").write_text(f"id\n{name}\n", encoding="utf-8")
    streams = {"c": "customers", "b": "charges", "a": "customers"}

    ended = run(tmp_path, [{"path": f"{name}.csv", "stream": stream} for name, stream in streams.items()])

    records = [(message["stream"], message["record"]["id"]) for message in ended.messages if "record" in message]
    assert records == [("customers", "c"), ("customers", "a"), ("charges", "b")]


def test_a_catalog_may_leave_out_a_stream(tmp_path: Path) -> None:
    for name in ("customers", "charges"):
        (tmp_path / f"{name}.csv").write_text("id\n1\n", encoding="utf-8")
    files = [{"path": f"{name}.csv", "stream": name} for name in ("customers", "charges")]
    catalog = run(tmp_path, files, "--discover").output.replace('"selected":true', '"selected":false', 1)
    (tmp_path / "catalog.json").write_text(catalog, encoding="utf-8")

    ended = run(tmp_path, files, "--catalog", "catalog.json")

    assert ended.code == 0
    assert {message["stream"] for message in ended.messages if "record" in message} == {"charges"}
