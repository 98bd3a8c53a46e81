"""Rows of CSV as records: RFC 4180 with a header, any delimiter.

An empty cell is absent. A line with nothing on it is skipped. A quote that is not closed, text after a closing quote,
and a row with fewer or more cells than the header are faults.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator

from tap_records.columns import Column, Record, put, typed_columns
from tap_records.errors import in_file
from tap_records.files import text_lines
from tap_records.settings import SourceFile


def csv_header(source: SourceFile) -> list[str]:
    """The column names. Raises RecordsError for a file or a header that cannot be used."""
    if source.path.exists() and not source.path.is_file():
        raise in_file(source.name, "is not a regular file, but CSV is read twice", "Write the rows to a file")
    return _header(source, _rows(source))


def csv_records(source: SourceFile, header: list[str]) -> Iterator[tuple[int, Record]]:
    """Line number and record of each row; `header` is what the stream's schema was made of."""
    rows = _rows(source)
    if _header(source, rows) != header:
        raise in_file(source.name, "its header changed while it was read", "Run again")
    columns = typed_columns(header, source.types)
    for line, cells in rows:
        if len(cells) != len(columns):
            what = f"{len(cells)} cells where the header has {len(columns)}"
            raise in_file(source.name, what, "Mend the row; a cell with a delimiter in it needs quotes", line=line)
        yield line, _record(source, line, columns, cells)


def _rows(source: SourceFile) -> Iterator[tuple[int, list[str]]]:
    """The number of the row's first line, and its cells."""
    reader = csv.reader(text_lines(source), delimiter=source.delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error:
            # Python's own words end in advice for programmers.
            what = f"not CSV: a quote or line end out of place, or a cell over {csv.field_size_limit()} characters"
            raise in_file(source.name, what, "Mend the file from this line on", line=line) from None
        if cells is None:
            return
        if cells:
            yield line, cells


def _header(source: SourceFile, rows: Iterator[tuple[int, list[str]]]) -> list[str]:
    # Names are told by position: where the header was forgotten, the names are a person's data.
    line, names = next(rows, (1, []))
    if not names:
        raise in_file(source.name, "has no header", "Write the columns' names into the first line")
    for position, name in enumerate(names, start=1):
        if name != name.strip() or not all(name.split(".")):
            what = f"name {position} of the header is empty, starts or ends with a space, or has a dot too many"
            raise in_file(source.name, what, "Mend the header", line=line)
        if name in names[: position - 1]:
            what = f"names {names.index(name) + 1} and {position} of the header are the same"
            raise in_file(source.name, what, "Rename one", line=line)
    for key in source.key_properties:
        if key not in names:
            todo = "Add the column, or mend key_properties or delimiter in the setting 'files'"
            raise in_file(source.name, "this key is not in the header", todo, line=line, column=key)
    return names


def _record(source: SourceFile, line: int, columns: list[Column], cells: list[str]) -> Record:
    record: Record = {}
    for column, cell in zip(columns, cells, strict=True):
        if not cell:
            continue
        try:
            put(record, column.path, column.type.from_cell(cell))
        except ValueError:
            # Not `from error`: it may hold the cell. The name is safe: what may not fit has its type in the settings.
            raise in_file(
                source.name,
                f"expected {column.type.expected}",
                "Mend the cell, or the column's type in the setting 'files'",
                line=line,
                column=column.name,
            ) from None
    return record
