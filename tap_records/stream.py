"""One stream: all rows of its files, on every run."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator, Sequence
from typing import Any

from singer_sdk import Stream, Tap
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.helpers.types import Context
from singer_sdk.singerlib import RecordMessage

from tap_records.columns import KEY_TYPES, Record, Schema, clashing_name, record_schema, typed_columns
from tap_records.csv_rows import csv_header, csv_records
from tap_records.errors import RecordsError, in_file
from tap_records.files import check_readable
from tap_records.jsonl_rows import jsonl_records
from tap_records.settings import SourceFile
from tap_records.values import TYPES


class RecordStream(Stream):
    """The files of one stream; all have the same key_properties and types (see `settings.files_by_stream`)."""

    # Values are typed already, and the SDK's conversion would drop fields that the schema does not name.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    def __init__(self, tap: Tap, name: str, files: Sequence[SourceFile]) -> None:
        """Read the headers. Raises RecordsError for an unreadable file or an invalid header."""
        self._files = [(file, _header(file)) for file in files]
        super().__init__(tap, schema=_schema(self._files), name=name)
        self.primary_keys = files[0].key_properties

    def get_records(self, context: Context | None) -> Iterator[Record]:  # noqa: ARG002 - the SDK's signature
        for file, header in self._files:
            rows = csv_records(file, header) if file.format == "csv" else jsonl_records(file)
            for line, record in rows:
                _check_keys(file, line, record)
                yield record

    def _generate_record_messages(self, record: Record) -> Generator[RecordMessage, None, None]:
        """Apply the stream map. Raises RecordsError without the expression's own error, which may quote the row."""
        try:
            yield from super()._generate_record_messages(record)
        except Exception as error:  # noqa: BLE001  # the user's expression may raise anything
            raise RecordsError(
                f"Setting stream_maps fails on a row of the stream '{self.name}' ({type(error).__name__}). "
                "Fix the expression."
            ) from None

    def log(self, message: str, *args: Any, level: int = logging.INFO, **kwargs: Any) -> None:  # Any: logging's
        """Log as the SDK does, but write its "unhandled error" line at debug level: RecordsError says more."""
        super().log(message, *args, level=logging.DEBUG if level == logging.ERROR else level, **kwargs)


def _header(file: SourceFile) -> list[str]:
    """The column names of a CSV file; empty for JSONL, where each row may differ."""
    if file.format == "csv":
        return csv_header(file)
    check_readable(file)
    return []


def _schema(files: Sequence[tuple[SourceFile, list[str]]]) -> Schema:
    """The schema of all columns of all files. Raises RecordsError for a typed column that no CSV file has."""
    first, _ = files[0]
    names = dict.fromkeys(name for _, header in files for name in header)
    if all(file.format == "csv" for file, _ in files):
        for name in first.types:
            if name not in names:
                raise in_file(first.name, "has no such column", "Fix 'types' in the setting 'files'", column=name)
    if clash := clashing_name([*names, *first.types]):
        raise _clash_error(clash, files)
    return record_schema(typed_columns([*names, *first.types], first.types), first.key_properties)


def _clash_error(name: str, files: Sequence[tuple[SourceFile, list[str]]]) -> RecordsError:
    what = "is a value and also an object around other columns, such as a beside a.b"
    for file, header in files:
        if name in header:
            return in_file(file.name, f"name {header.index(name) + 1} of the header {what}", "Keep one", line=1)
    return in_file(files[0][0].name, what, "Keep one in 'types' of the setting 'files'", column=name)


def _check_keys(file: SourceFile, line: int, record: Record) -> None:
    for key in file.key_properties:
        value = record.get(key)
        if value in (None, "") or not any(TYPES[name].accepts(value) for name in KEY_TYPES):
            what = "a key must be a string or an integer, and not empty"
            raise in_file(file.name, what, "Fix the row", line=line, column=key)
