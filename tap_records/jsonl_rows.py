"""Rows of JSON lines as records: one object per line, values unchanged. Blank lines are skipped."""

from __future__ import annotations

from collections.abc import Iterator

from tap_records.columns import Column, Record, typed_columns
from tap_records.errors import in_file
from tap_records.files import text_lines
from tap_records.settings import SourceFile
from tap_records.values import TYPES, parse_json


def jsonl_records(source: SourceFile) -> Iterator[tuple[int, Record]]:
    """Line number and record of each row. Columns with a type in the settings have that type, or are null or absent.

    Raises RecordsError at the first invalid line.
    """
    columns = typed_columns(source.types, source.types)
    for line, text in enumerate(text_lines(source), start=1):
        if text.isspace():
            continue
        record = _object(source, line, text)
        for column in columns:
            _check(source, line, column, record)
        yield line, record


def _object(source: SourceFile, line: int, text: str) -> Record:
    try:
        value = parse_json(text)
    except ValueError:
        value = None  # the error is not chained: it contains the line
    if not isinstance(value, dict):
        raise in_file(source.name, "the line is not one JSON object", "Fix the line", line=line)
    return value


def _check(source: SourceFile, line: int, column: Column, record: Record) -> None:
    *outer, last = column.path
    value: object = record
    for name, expected in [*((name, TYPES["object"]) for name in outer), (last, column.type)]:
        value = value.get(name) if isinstance(value, dict) else None
        if value is None:
            return
        if not expected.accepts(value):
            raise in_file(
                source.name,
                f"expected {expected.expected}",
                "Fix the value, or the column's type in the setting 'files'",
                line=line,
                column=column.name,
            )
