"""Rows of CSV as records: RFC 4180 with a header, any delimiter.

An empty cell is absent from the record. An empty line is skipped. An open quote, text after a closing quote and a row
with fewer or more cells than the header raise RecordsError.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator

from tap_records.columns import Column, Record, put, typed_columns
from tap_records.errors import in_file
from tap_records.files import text_lines
from tap_records.settings import SourceFile


def csv_header(source: SourceFile) -> list[str]:
    """The column names. Raises RecordsError when the file cannot be read or its header is invalid."""
    if source.path.exists() and not source.path.is_file():
        raise in_file(source.name, "is not a regular file, but CSV is read twice", "Write the rows to a file")
    return _header(source, _rows(source))


def csv_records(source: SourceFile, header: list[str]) -> Iterator[tuple[int, Record]]:
    """Line number and record of each row; `header` is the one that the stream's schema was made from.

    Raises RecordsError when the file's header differs from it, and at the first invalid row.
    """
    rows = _rows(source)
    if _header(source, rows) != header:
        raise in_file(source.name, "its header changed while it was read", "Run again")
    columns = typed_columns(header, source.types)
    for line, cells in rows:
        if len(cells) != len(columns):
            what = f"the row has {len(cells)} cells, the header has {len(columns)}"
            raise in_file(source.name, what, "Fix the row; a cell that contains the delimiter needs quotes", line=line)
        yield line, _record(source, line, columns, cells)


def _rows(source: SourceFile) -> Iterator[tuple[int, list[str]]]:
    """The number of each row's first line, and its cells."""
    reader = csv.reader(text_lines(source), delimiter=source.delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error:
            # Python's message ends in advice for programmers.
            what = f"not CSV: a misplaced quote or line end, or a cell of over {csv.field_size_limit()} characters"
            raise in_file(source.name, what, "Fix the file from this line on", line=line) from None
        if cells is None:
            return
        if cells:
            yield line, cells


def _header(source: SourceFile, rows: Iterator[tuple[int, list[str]]]) -> list[str]:
    # Messages give a name's position only: in a file without a header, the names are personal data.
    line, names = next(rows, (1, []))
    if not names:
        raise in_file(source.name, "has no header", "Write the columns' names into the first line")
    for position, name in enumerate(names, start=1):
        if name != name.strip() or not all(name.split(".")):
            what = f"name {position} of the header is empty, starts or ends with a space, or has an empty part at a dot"
            raise in_file(source.name, what, "Fix the header", line=line)
        if name in names[: position - 1]:
            what = f"names {names.index(name) + 1} and {position} of the header are the same"
            raise in_file(source.name, what, "Rename one", line=line)
    for key in source.key_properties:
        if key not in names:
            fix = "Add the column, or fix key_properties or delimiter in the setting 'files'"
            raise in_file(source.name, "this key is not in the header", fix, line=line, column=key)
    return names


def _record(source: SourceFile, line: int, columns: list[Column], cells: list[str]) -> Record:
    record: Record = {}
    for column, cell in zip(columns, cells, strict=True):
        if not cell:
            continue
        try:
            put(record, column.path, column.type.from_cell(cell))
        except ValueError:
            # Not `from error`: it may contain the cell. The name is safe: a typed column's name is in the settings.
            raise in_file(
                source.name,
                f"expected {column.type.expected}",
                "Fix the cell, or the column's type in the setting 'files'",
                line=line,
                column=column.name,
            ) from None
    return record
